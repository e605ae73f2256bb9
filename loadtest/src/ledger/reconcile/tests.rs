//! Pipelines that lie about one post: each lie is found and named, among two thousand posts and among two hundred
//! thousand, and an honest pipeline passes.

use std::collections::BTreeMap;

use bson::{Bson, Document, RawDocumentBuf, doc};
use contract::dead_letter::Reason;
use contract::{Parser, PostId, document};
use serde_json::json;

use super::*;
use crate::ledger::accepted_ids::{ACCEPTED_IDS, AcceptedLog};
use crate::ledger::books::{Reply, SentPost};
use crate::ledger::expected::Layout;
use crate::ledger::plan::RunPlan;
use crate::ledger::post::RunId;
use crate::ledger::post::bodies::{Bodies, Shape};

mod single;

const START_MS: i64 = 1_790_000_000_000;
const ANSWER_MS: i64 = 30;

/// A third of the posts are hostile.
fn shape() -> Shape {
    Shape { hostile_share: 0.33, ..Shape::default() }
}

/// An é of two characters.
const DECOMPOSED: &str = "e\u{301}";

/// Every hundredth post is rejected, and every hundredth unknown and not stored.
fn reply(n: u64) -> Reply {
    match n % 100 {
        98 => Reply::Rejected,
        99 => Reply::Unknown,
        _ => Reply::Accepted(id(n)),
    }
}

fn id(n: u64) -> PostId {
    uuid::Uuid::from_u64_pair(n + 1, 7).into()
}

fn sent_ms(n: u64) -> i64 {
    START_MS + n.cast_signed()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    Drops,
    Doubles,
    DoublesUnderAnotherId,
    Cuts,
    Swaps,
    CutsTheNumber,
    Normalises,
    ChangesTheType,
    DatesAsText,
    OtherId,
    OtherTime,
    AddsAField,
    RemovesAField,
    DeadLetters,
    DeadLettersAltered,
    DeadLettersUnderAnotherId,
    StoresARejectedOne,
    DeadLettersARejectedOne,
    StoresOneThatWasNeverSent,
    StoresUnderNoNumber,
    StoresSomethingElse,
}

use Lie::*;

/// Each lie, the finding that names it, and what the counts show besides `stored`.
fn lies() -> Vec<(Lie, FindingKind, Counts)> {
    let none = Counts::default();
    let (changed, unexpected) = (Counts { changed: 1, ..none }, Counts { unexpected: 1, ..none });
    let dead_lettered = Counts { dead_lettered: 1, ..none };
    vec![
        (Drops, FindingKind::Missing, Counts { missing: 1, ..none }),
        (Doubles, FindingKind::Duplicated, Counts { duplicated: 1, ..none }),
        (DoublesUnderAnotherId, FindingKind::Duplicated, Counts { duplicated: 1, ..none }),
        (Cuts, FindingKind::Changed, changed),
        (Swaps, FindingKind::Changed, Counts { changed: 2, ..none }),
        // Its document counts for the post whose number is left.
        (CutsTheNumber, FindingKind::Missing, Counts { missing: 1, duplicated: 1, changed: 1, ..none }),
        (Normalises, FindingKind::Changed, changed),
        (ChangesTheType, FindingKind::Changed, changed),
        (DatesAsText, FindingKind::Changed, changed),
        (OtherId, FindingKind::OtherId, unexpected),
        (OtherTime, FindingKind::Changed, changed),
        (AddsAField, FindingKind::Changed, changed),
        (RemovesAField, FindingKind::Changed, changed),
        (DeadLetters, FindingKind::DeadLettered, dead_lettered),
        (DeadLettersAltered, FindingKind::Changed, Counts { changed: 1, ..dead_lettered }),
        (DeadLettersUnderAnotherId, FindingKind::OtherId, Counts { unexpected: 1, ..dead_lettered }),
        (StoresARejectedOne, FindingKind::NotAccepted, unexpected),
        (DeadLettersARejectedOne, FindingKind::NotAccepted, Counts { unexpected: 1, ..dead_lettered }),
        (StoresOneThatWasNeverSent, FindingKind::NotAccepted, unexpected),
        (StoresUnderNoNumber, FindingKind::NoNumber, unexpected),
        (StoresSomethingElse, FindingKind::NotOfTheRun, unexpected),
    ]
}

/// What a pipeline has stored and dead-lettered.
struct LyingPipeline {
    run: RunId,
    bodies: Bodies,
    parser: Parser,
    posts: u64,
}

impl LyingPipeline {
    fn new(run: RunId, posts: u64) -> Self {
        Self { run, bodies: Bodies::new(run, 1, shape()), parser: Parser::default(), posts }
    }

    fn document(&mut self, n: u64) -> RawDocumentBuf {
        let mut body = self.bodies.post(n).body.to_vec();
        document::encode(id(n), &self.parser.parse(&mut body).unwrap(), sent_ms(n) + ANSWER_MS / 2)
    }

    /// The documents that are there instead of the one of post `n`, and its dead letter, if there is one: id and value.
    fn found(&mut self, n: u64, lie: Option<Lie>) -> (Vec<RawDocumentBuf>, Option<(PostId, Vec<u8>)>) {
        let honest = self.document(n);
        let Some(lie) = lie else { return (vec![honest], None) };
        let document = Document::try_from(&honest).unwrap();
        let with = |field: &str, value: Bson| {
            let mut altered = document.clone();
            altered.insert(field, value);
            vec![RawDocumentBuf::try_from(&altered).unwrap()]
        };
        let other_id = || Bson::Binary(document::encode_id(id(n + 1_000_000_000)));
        let text = |field: &str| document.get_str(field).unwrap().to_owned();
        let value = |content: &str| json!({ "title": text("title"), "content": content }).to_string().into_bytes();
        let whole = value(&text("content"));
        match lie {
            Drops => (vec![], None),
            Doubles => (vec![honest.clone(), honest], None),
            DoublesUnderAnotherId => ([vec![honest], with("_id", other_id())].concat(), None),
            Cuts => {
                let mut content = text("content");
                content.pop();
                (with("content", content.into()), None)
            }
            Swaps => (with("content", self.bodies.texts(n + 1).unwrap().content.into()), None),
            CutsTheNumber => (with("title", format!("{}{}", self.run.title_prefix(), n / 10).into()), None),
            Normalises => (with("content", text("content").replace(DECOMPOSED, "\u{e9}").into()), None),
            ChangesTheType => (with("content", Bson::Symbol(text("content"))), None),
            DatesAsText => (with("createdAt", "2026-11-28T12:00:00Z".into()), None),
            OtherId => (with("_id", other_id()), None),
            OtherTime => (with("createdAt", bson::DateTime::from_millis(sent_ms(n) + 3_600_000).into()), None),
            AddsAField => (with("status", "new".into()), None),
            RemovesAField => {
                let mut altered = document.clone();
                altered.remove("createdAt");
                (vec![RawDocumentBuf::try_from(&altered).unwrap()], None)
            }
            DeadLetters => (vec![], Some((id(n), whole))),
            DeadLettersAltered => (vec![], Some((id(n), value(&format!("{} ", text("content")))))),
            DeadLettersUnderAnotherId => (vec![], Some((id(n + 1_000_000_000), whole))),
            StoresARejectedOne | StoresOneThatWasNeverSent => (vec![honest], None),
            DeadLettersARejectedOne => (vec![], Some((id(n), whole))),
            StoresUnderNoNumber => {
                ([vec![honest], with("title", format!("{}x", self.run.title_prefix()).into())].concat(), None)
            }
            StoresSomethingElse => ([vec![honest], with("title", "Hello".into())].concat(), None),
        }
    }

    /// The posts that a lie is about, the first of which is among these hundred or later.
    fn victims(&self, lie: Lie, hundred: u64) -> Vec<u64> {
        let n = hundred * 100;
        match lie {
            StoresARejectedOne | DeadLettersARejectedOne => vec![n + 98],
            Swaps => vec![n + 40, n + 41],
            Normalises => {
                let is_accepted = |n: &u64| matches!(reply(*n), Reply::Accepted(_));
                let is_decomposed = |n: &u64| self.bodies.texts(*n).unwrap().content.contains(DECOMPOSED);
                vec![(n..self.posts).filter(is_accepted).find(is_decomposed).unwrap()]
            }
            _ => vec![n + 50],
        }
    }

    /// Reconciles the run with these lies about these posts.
    fn reconcile(&mut self, lies: &BTreeMap<u64, Lie>) -> Reconciled {
        let folder = tempfile::tempdir().unwrap();
        let mut log = AcceptedLog::create(&folder.path().join(ACCEPTED_IDS)).unwrap();
        let mut ledger = Ledger::default();
        for n in (0..self.posts).filter(|n| lies.get(n) != Some(&StoresOneThatWasNeverSent)) {
            ledger.answered(SentPost {
                n,
                reply: reply(n),
                was_unknown: false,
                sent_ms: sent_ms(n),
                ended_ms: sent_ms(n) + ANSWER_MS,
            });
            if let Reply::Accepted(id) = reply(n) {
                log.add(n, id).unwrap();
            }
        }
        let log = log.finish().unwrap();
        let plan = RunPlan::of_posts(self.run, 1, shape());
        let strictness = Strictness { may_lack_ids: false, is_own_store: true, clock_skew: CLOCK_SKEW };
        let mut reconciliation = Reconciliation::begin(ledger, ExpectedPosts::new(plan, Layout::Whole), strictness);
        loop {
            let mut letters = Vec::new();
            for n in 0..self.posts {
                let lie = lies.get(&n).copied();
                if lie.is_some() || matches!(reply(n), Reply::Accepted(_)) {
                    let (documents, letter) = self.found(n, lie);
                    documents.iter().for_each(|document| reconciliation.document(document));
                    letters.extend(letter);
                }
            }
            for (id, value) in letters {
                let headers = DeadLetter {
                    topic: "post".to_owned(),
                    partition: 0,
                    offset: 0,
                    reason: Reason::Refused,
                    message: "no".to_owned(),
                    id: id.into(),
                };
                let key = id.to_key();
                let letter = LetterRecord { key: Some(&key), value: Some(&value), headers: Some(&headers) };
                reconciliation.dead_letter(letter);
            }
            if !reconciliation.needs_another_pass(&log).unwrap() {
                return reconciliation.finish();
            }
        }
    }
}

/// The counts that show lies.
fn lied(counts: &Counts) -> [u64; 5] {
    let Counts { missing, duplicated, changed, unexpected, dead_lettered, .. } = *counts;
    [missing, duplicated, changed, unexpected, dead_lettered]
}

#[test]
fn each_lie_about_one_of_two_thousand_posts_is_named_alone() {
    let mut pipeline = LyingPipeline::new(RunId::fresh(), 2_000);
    let honest = pipeline.reconcile(&BTreeMap::new());
    assert_eq!((lied(&honest.counts), honest.findings.len()), ([0; 5], 0));
    assert_eq!((honest.counts.stored, honest.documents, honest.letters), (1_960, 1_960, 0));

    for (lie, kind, counts) in lies() {
        let victims = pipeline.victims(lie, 11);
        let reconciled = pipeline.reconcile(&victims.iter().map(|n| (*n, lie)).collect());
        assert_eq!(lied(&reconciled.counts), lied(&counts), "{lie:?}");
        let named = reconciled.findings.iter().find(|finding| finding.kind == kind);
        let Finding { n, sent, there, .. } = named.unwrap_or_else(|| panic!("{lie:?}: {:?}", reconciled.findings));
        let belongs_to_no_post = matches!(lie, StoresUnderNoNumber | StoresSomethingElse);
        assert_eq!(n.is_none(), belongs_to_no_post, "{lie:?}");
        assert!(n.is_none_or(|n| victims.contains(&n)), "{lie:?}: {n:?}");
        assert_eq!(sent.is_some(), !belongs_to_no_post, "{lie:?}");
        assert_eq!(there.is_some(), kind != FindingKind::Missing, "{lie:?}");
    }
}

#[test]
fn all_lies_among_fifty_thousand_posts_are_found() {
    let mut pipeline = LyingPipeline::new(RunId::fresh(), 50_000);
    let lies = lies();
    let mut planted = BTreeMap::new();
    for (index, (lie, ..)) in lies.iter().enumerate() {
        planted.extend(pipeline.victims(*lie, 20 * (index as u64 + 1)).into_iter().map(|n| (n, *lie)));
    }
    let reconciled = pipeline.reconcile(&planted);
    let expected = lies
        .iter()
        .map(|(.., counts)| lied(counts))
        .fold([0; 5], |all, one| std::array::from_fn(|index| all[index] + one[index]));
    assert_eq!(lied(&reconciled.counts), expected);
    for (n, lie) in planted {
        let belongs_to_no_post = matches!(lie, StoresUnderNoNumber | StoresSomethingElse);
        let is_named = reconciled.findings.iter().any(|finding| finding.n == Some(n));
        assert!(is_named || belongs_to_no_post, "{lie:?} about {n}: {:?}", reconciled.findings);
    }
}

#[test]
fn a_pipeline_without_our_ids_is_judged_by_numbers() {
    let run = RunId::fresh();
    let bodies = Bodies::new(run, 1, Shape::default());
    let reconciled = |may_lack_ids| {
        let folder = tempfile::tempdir().unwrap();
        let log = AcceptedLog::create(&folder.path().join(ACCEPTED_IDS)).unwrap().finish().unwrap();
        let mut ledger = Ledger::default();
        let reply = Reply::Accepted(uuid::Uuid::nil().into());
        ledger.answered(SentPost { n: 0, reply, was_unknown: false, sent_ms: START_MS, ended_ms: START_MS });
        let plan = RunPlan::of_posts(run, 1, Shape::default());
        let layout = Layout::Mapped { title: "title".to_owned(), content: None, created_at: None };
        let strictness = Strictness { may_lack_ids, is_own_store: false, clock_skew: Duration::ZERO };
        let mut reconciliation = Reconciliation::begin(ledger, ExpectedPosts::new(plan, layout), strictness);
        let found = doc! { "_id": 1, "title": bodies.texts(0).unwrap().title };
        let elsewhere = doc! { "_id": 2, "title": "Hello" };
        loop {
            for document in [&found, &elsewhere] {
                reconciliation.document(&RawDocumentBuf::try_from(document).unwrap());
            }
            if !reconciliation.needs_another_pass(&log).unwrap() {
                return reconciliation.finish();
            }
        }
    };
    let lenient = reconciled(true);
    assert!(!lenient.ids_compared && lenient.findings.is_empty() && lenient.compared == "title");
    assert!(reconciled(false).counts.unexpected > 0, "our own pipeline must have ids");
}
