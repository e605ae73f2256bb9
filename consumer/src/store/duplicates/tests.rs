//! The judgements against a small model of a store, in which others write, delete and change the indexes at any time.

use std::collections::BTreeSet;

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, doc};
use proptest::prelude::*;
use proptest::sample::Index;
use uuid::Uuid;

use super::*;

fn post_id(n: u8) -> PostId {
    Uuid::from_u128(u128::from(n)).into()
}

fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}

fn read_back(documents: &[RawDocumentBuf]) -> Evidence {
    Evidence::ReadBack(documents.iter().map(|document| (id(document).unwrap(), document.clone())).collect())
}

/// The verdict on a document while this one is stored under its id.
fn beside(sent: &Document, stored: &Document) -> Verdict {
    judge(&raw(sent), None, &read_back(&[raw(stored)]))
}

fn with_id_and_date(fields: &[(String, Bson)], date_ms: i64) -> Document {
    let mut document = doc! { "_id": document::encode_id(post_id(7)), CREATED_AT: DateTime::from_millis(date_ms) };
    document.extend(fields.iter().cloned());
    document
}

fn value() -> impl Strategy<Value = Bson> {
    prop_oneof![
        ".{0,8}".prop_map(Bson::String),
        any::<i32>().prop_map(Bson::Int32),
        any::<i64>().prop_map(Bson::Int64),
        any::<f64>().prop_map(Bson::Double),
        Just(Bson::Double(f64::NAN)),
        any::<bool>().prop_map(Bson::Boolean),
        Just(Bson::Null),
        Just(Bson::Document(doc! { "inner": [1, 2] })),
        any::<[u8; 3]>()
            .prop_map(|bytes| Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })),
    ]
}

fn fields() -> impl Strategy<Value = Vec<(String, Bson)>> {
    prop::collection::btree_map("[a-z]{1,4}", value(), 1..6).prop_map(|fields| fields.into_iter().collect())
}

/// A value of another type that seems to mean the same, or just another value.
fn changed(value: &Bson) -> Bson {
    match value {
        Bson::String(text) => Bson::Symbol(text.clone()),
        Bson::Int32(number) => Bson::Int64(i64::from(*number)),
        Bson::Int64(number) => Bson::Int64(number.wrapping_add(1)),
        Bson::Double(number) => Bson::Double(-number),
        Bson::Boolean(yes) => Bson::Boolean(!yes),
        Bson::Null => Bson::Undefined,
        Bson::Document(_) => Bson::Document(doc! { "inner": [1_i64, 2] }),
        Bson::Binary(binary) => Bson::Binary(Binary { subtype: BinarySubtype::UserDefined(200), ..binary.clone() }),
        other => unreachable!("{other} is not made here"),
    }
}

proptest! {
    #[test]
    fn a_post_is_the_same_whatever_its_date_and_the_order_of_its_fields(
        fields in fields().prop_flat_map(|fields| (Just(fields.clone()), Just(fields).prop_shuffle())),
        dates: [i64; 2],
    ) {
        let (sent, stored) = (with_id_and_date(&fields.0, dates[0]), with_id_and_date(&fields.1, dates[1]));
        prop_assert_eq!(beside(&sent, &stored), Verdict::Stored);
    }

    #[test]
    fn a_post_with_another_field_or_value_or_type_is_another_one(
        fields in fields(), index: Index, what in 0..4, date_ms: i64
    ) {
        let mut others = fields.clone();
        let position = index.index(others.len());
        match what {
            0 => others[position].1 = changed(&fields[position].1),
            1 => others[position].0.push_str("_more"),
            2 => others.push(("one_more".to_owned(), Bson::Null)),
            _ => drop(others.remove(position)),
        }
        let (sent, stored) = (with_id_and_date(&fields, date_ms), with_id_and_date(&others, date_ms));
        prop_assert_eq!(beside(&sent, &stored), Verdict::OtherContent);
        prop_assert_eq!(beside(&stored, &sent), Verdict::OtherContent);
    }
}

#[test]
fn each_post_is_judged_by_what_is_under_its_own_id() {
    let post = |n: u8, title| raw(&doc! { "_id": document::encode_id(post_id(n)), "title": title });
    let found = read_back(&[post(3, "c"), post(1, "a"), post(2, "other")]);
    let verdicts = [post(1, "a"), post(2, "b"), post(3, "c"), post(4, "a")].map(|post| judge(&post, None, &found));
    assert_eq!(verdicts, [Verdict::Stored, Verdict::OtherContent, Verdict::Stored, Verdict::InsertAgain]);
}

/// A post of the model, with so few values that posts collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Post {
    id: u8,
    title: u8,
    date: u8,
}

impl Post {
    fn encode(self) -> RawDocumentBuf {
        let (id, date) = (document::encode_id(post_id(self.id)), DateTime::from_millis(i64::from(self.date)));
        raw(&doc! { "_id": id, "title": self.title.to_string(), CREATED_AT: date })
    }

    fn is_same(self, other: Post) -> bool {
        (self.id, self.title) == (other.id, other.title)
    }
}

#[derive(Debug, Clone)]
enum Change {
    Write(Post),
    Delete(Post),
    Erase(Post),
    TitlesBecomeUnique,
    TitlesMayRepeat,
}

#[derive(Debug, Default)]
struct Model {
    posts: Vec<Post>,
    /// The ids of those that were erased.
    tombstones: BTreeSet<u8>,
    titles_are_unique: bool,
    /// How often the indexes changed.
    index_changes: usize,
}

impl Model {
    fn insert(&mut self, post: Post) -> bool {
        let is_in_the_way = |other: &Post| other.id == post.id || self.titles_are_unique && other.title == post.title;
        let is_new = !self.tombstones.contains(&post.id) && !self.posts.iter().any(is_in_the_way);
        if is_new {
            self.posts.push(post);
        }
        is_new
    }

    fn change(&mut self, changes: &[Change]) {
        for change in changes {
            match *change {
                Change::Write(post) => drop(self.insert(post)),
                Change::Delete(post) => {
                    self.posts.retain(|other| other.id != post.id);
                    self.tombstones.remove(&post.id);
                }
                Change::Erase(post) => {
                    self.posts.retain(|other| other.id != post.id);
                    self.tombstones.insert(post.id);
                }
                Change::TitlesBecomeUnique => {
                    let is_double =
                        |post: &Post| self.posts.iter().filter(|other| other.title == post.title).count() > 1;
                    if !self.titles_are_unique && !self.posts.iter().any(is_double) {
                        (self.titles_are_unique, self.index_changes) = (true, self.index_changes + 1);
                    }
                }
                Change::TitlesMayRepeat if self.titles_are_unique => {
                    (self.titles_are_unique, self.index_changes) = (false, self.index_changes + 1);
                }
                Change::TitlesMayRepeat => {}
            }
        }
    }

    fn evidence(&self, scans: bool) -> Evidence {
        if scans && !self.titles_are_unique {
            return Evidence::OnlyIdIsUnique;
        }
        let tombstone = |id: &u8| Tombstone { erased_at_ms: 5, kept_until_ms: None }.of_id(post_id(*id));
        let posts = self.posts.iter().map(|post| post.encode());
        read_back(&posts.chain(self.tombstones.iter().map(tombstone)).collect::<Vec<_>>())
    }
}

fn post() -> impl Strategy<Value = Post> {
    (0..3_u8, 0..3_u8, 0..2_u8).prop_map(|(id, title, date)| Post { id, title, date })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        post().prop_map(Change::Write),
        post().prop_map(Change::Delete),
        post().prop_map(Change::Erase),
        Just(Change::TitlesBecomeUnique),
        Just(Change::TitlesMayRepeat),
    ];
    prop::collection::vec(change, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// As the store does it: insert, ask, insert what is not there again, ask. Whatever others do in between, nothing
    /// counts as stored that is not, and nothing as a conflict that is.
    #[test]
    fn what_others_do_meanwhile_never_makes_a_wrong_verdict(post in post(), gaps: [Gap; 4], scans: bool) {
        let mut model = Model::default();
        model.change(&gaps[0].0);
        if model.insert(post) {
            return Ok(());
        }
        model.change(&gaps[1].0);
        let before = model.evidence(scans);
        let mut verdict = judge(&post.encode(), None, &before);
        let mut was_under_its_id = false;
        if verdict == Verdict::InsertAgain {
            let index_changes = model.index_changes;
            model.change(&gaps[2].0);
            let is_erased = model.tombstones.contains(&post.id);
            was_under_its_id = is_erased || model.posts.iter().any(|other| other.id == post.id);
            if model.insert(post) {
                return Ok(());
            }
            model.change(&gaps[3].0);
            // An index that came and went between two questions cannot be noticed, and does not last for milliseconds.
            prop_assume!(!scans || model.index_changes - index_changes < 2);
            let now = model.evidence(scans);
            verdict = judge(&post.encode(), Some(&before), &now);
        }
        let under_its_id = model.posts.iter().find(|other| other.id == post.id).copied();
        let is_erased = model.tombstones.contains(&post.id);
        match verdict {
            Verdict::Erased => prop_assert!(is_erased),
            Verdict::Stored if scans => {
                prop_assert!(was_under_its_id || is_erased || under_its_id.is_some_and(|other| other.is_same(post)));
            }
            Verdict::Stored => prop_assert!(under_its_id.is_some_and(|other| other.is_same(post))),
            Verdict::OtherContent => prop_assert!(under_its_id.is_some_and(|other| !other.is_same(post))),
            Verdict::OtherDocument => prop_assert!(under_its_id.is_none() && !is_erased),
            Verdict::Undecided => prop_assert!(scans, "a look-up by index always decides"),
            Verdict::InsertAgain => prop_assert!(false, "nothing is inserted a third time"),
        }
    }
}

/// What others do between two steps.
#[derive(Debug)]
struct Gap(Vec<Change>);

impl Arbitrary for Gap {
    type Parameters = ();
    type Strategy = BoxedStrategy<Gap>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        changes().prop_map(Gap).boxed()
    }
}
