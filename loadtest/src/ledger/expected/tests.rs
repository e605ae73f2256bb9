//! Whatever is altered in a document or a dead letter is seen.

use bson::raw::cstr;
use bson::{Bson, DateTime, RawDocumentBuf, doc};
use contract::dead_letter::Reason;

use super::*;
use crate::ledger::post::bodies::Shape;

fn expected(layout: Layout) -> (ExpectedPosts, PostTexts, u64) {
    let run = RunId::fresh();
    let posts = ExpectedPosts::new(RunPlan::of_posts(run, 3, Shape::default()), layout);
    let n = 17;
    let texts = posts.bodies.texts(n).unwrap();
    (posts, texts, n)
}

fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}

#[test]
fn every_alteration_of_a_document_is_named() {
    let (posts, texts, n) = expected(Layout::Whole);
    let (id, date) = (PostId::fresh(), DateTime::from_millis(1_790_000_000_000));
    let honest = doc! {
        "_id": document::encode_id(id), "title": &texts.title, "content": &texts.content, "createdAt": date,
    };
    let compared = posts.compare(&raw(&honest));
    assert_eq!((compared.from, compared.id, compared.differs), (Origin::Post(n), id, None));
    assert_eq!(compared.created_at_ms, Some(1_790_000_000_000));

    let with = |field: &str, value: Bson| {
        let mut altered = honest.clone();
        altered.insert(field, value);
        posts.compare(&raw(&altered)).differs.unwrap_or_default()
    };
    let without = |field: &str| {
        let mut altered = honest.clone();
        altered.remove(field);
        posts.compare(&raw(&altered)).differs.unwrap_or_default()
    };
    let length = texts.content.chars().count();
    assert_eq!(with("content", format!("x{}", &texts.content[1..]).into()), "content from character 1");
    let longer = format!("{}\u{301}", texts.content);
    assert_eq!(with("content", longer.into()), format!("content from character {}", length + 1));
    assert_eq!(with("content", Bson::Symbol(texts.content.clone())), "content is no text");
    assert_eq!(with("title", format!("{} ", texts.title).into()), "title from character 17");
    assert_eq!(with("createdAt", "2026-11-28T12:00:00Z".into()), "createdAt is no date");
    assert_eq!(with("createdAt", Bson::Int64(1_790_000_000_000)), "createdAt is no date");
    assert_eq!(with("status", Bson::Null), "status is not in a post");
    assert_eq!(without("content"), "content is not there");
    assert_eq!(without("createdAt"), "createdAt is not there");
    assert_eq!(without("_id"), "_id is not there");

    let mut twice = raw(&honest);
    twice.append(cstr!("content"), texts.content.as_str());
    assert_eq!(posts.compare(&twice).differs.unwrap(), "content is there twice");
}

#[test]
fn a_title_says_where_a_document_comes_from() {
    let (posts, texts, n) = expected(Layout::Whole);
    let from = |title: Bson| posts.compare(&raw(&doc! { "title": title })).from;
    assert_eq!(from(texts.title.clone().into()), Origin::Post(n));
    assert_eq!(from(format!("{}x", posts.title_prefix).into()), Origin::NoNumber);
    assert_eq!(from(format!("{}index", posts.extra_prefix).into()), Origin::Extra);
    assert_eq!(from("Hello".into()), Origin::Elsewhere);
    assert_eq!(from(Bson::Int32(7)), Origin::Elsewhere);
}

#[test]
fn of_another_pipelines_documents_what_is_mapped_is_compared() {
    let mapped = Layout::Mapped {
        title: "post.head".to_owned(),
        content: Some("post.text".to_owned()),
        created_at: Some("at".to_owned()),
    };
    assert_eq!(mapped.compared(), "post.head, post.text, at");
    let (posts, texts, _) = expected(mapped);
    let at = DateTime::from_millis(5);
    let honest = doc! { "_id": 7, "post": { "head": &texts.title, "text": &texts.content, "n": 1 }, "at": at };
    let compared = posts.compare(&raw(&honest));
    assert_eq!((compared.differs, compared.created_at_ms, compared.id), (None, Some(5), no_id()));
    let altered = doc! { "post": { "head": &texts.title, "text": "short" }, "at": "noon" };
    assert_eq!(posts.compare(&raw(&altered)).differs.as_deref(), Some("post.text from character 1, at is no date"));

    let titles_only = Layout::Mapped { title: "title".to_owned(), content: None, created_at: None };
    let (posts, texts, _) = expected(titles_only);
    let compared = posts.compare(&raw(&doc! { "title": &texts.title, "content": "anything" }));
    assert_eq!((compared.differs, compared.created_at_ms), (None, None));
}

#[test]
fn a_dead_letter_must_be_the_whole_record() {
    let (posts, texts, n) = expected(Layout::Whole);
    let id = PostId::fresh();
    let letter = |id: PostId| DeadLetter {
        topic: "post".to_owned(),
        partition: 0,
        offset: 9,
        reason: Reason::Conflict,
        message: "a conflict".to_owned(),
        id: id.into(),
    };
    let value = json!({ "title": texts.title, "content": texts.content }).to_string().into_bytes();
    let key = id.to_key();
    let differs = |key: Option<&[u8]>, value: &[u8], letter: Option<&DeadLetter>| {
        let compared = posts.compare_letter(key, value, letter).unwrap();
        assert_eq!(compared.n, n);
        compared.differs.unwrap_or_default()
    };
    assert_eq!(differs(Some(&key), &value, Some(&letter(id))), "");
    assert_eq!(differs(Some(&key), &value, Some(&letter(PostId::fresh()))), "header id");
    assert_eq!(differs(Some(&key), &value, None), "headers");
    assert_eq!(differs(None, &value, Some(&letter(id))), "key");
    let cut = json!({ "title": texts.title, "content": texts.content[1..] }).to_string().into_bytes();
    assert_eq!(differs(Some(&key), &cut, Some(&letter(id))), "value");
    assert_eq!(posts.compare_letter(Some(&key), b"{\"title\":\"Hello\"}", None), None);

    let shown = |letter: Option<&DeadLetter>| shown_letter(Some(b"k"), b"v", letter);
    assert_eq!(shown(Some(&letter(id))), r#"{"key":"k","reason":"conflict: a conflict","value":"v"}"#);
    assert_eq!(shown(None), r#"{"key":"k","reason":null,"value":"v"}"#);
}

#[test]
fn what_a_post_said_is_known_unless_it_must_not_be_stored() {
    let (posts, texts, n) = expected(Layout::Whole);
    assert_eq!(posts.sent(n), Some(json!({ "title": texts.title, "content": texts.content }).to_string()));

    let run = RunId::fresh();
    let shape = Shape { invalid_share: 1.0, ..Shape::default() };
    let invalid = ExpectedPosts::new(RunPlan::of_posts(run, 3, shape), Layout::Whole);
    assert_eq!(invalid.sent(n), None);
    // It counts as one that must not be there, whatever it says.
    let (id, title) = (PostId::fresh(), format!("{}{n}", invalid.title_prefix));
    let value = json!({ "title": title, "content": "short" }).to_string().into_bytes();
    let letter = DeadLetter {
        topic: "post".to_owned(),
        partition: 0,
        offset: 9,
        reason: Reason::Invalid,
        message: "content must be 10 to 1000 characters long, has 5".to_owned(),
        id: id.into(),
    };
    let compared = invalid.compare_letter(Some(&id.to_key()), &value, Some(&letter)).unwrap();
    assert_eq!((compared.n, compared.differs), (n, None));
}

#[test]
fn a_run_sends_repeatedly_if_any_post_may_go_twice() {
    let sends = |repeat, retry_share| {
        let shape = Shape { retry_share, ..Shape::default() };
        RunPlan { repeat, ..RunPlan::of_posts(RunId::fresh(), 1, shape) }.sends_repeatedly()
    };
    assert!(!sends(1, 0.0));
    assert!(sends(2, 0.0) && sends(1, 0.01) && sends(3, 0.5));
}

#[test]
fn what_is_shown_is_json_and_bounded() {
    let shown_document = shown(&raw(&doc! { "title": "a\"b\n", "n": 1 }));
    assert_eq!(shown_document, r#"{"title":"a\"b\n","n":1}"#);
    let long = shown(&raw(&doc! { "title": "é".repeat(2 * SHOWN) }));
    assert!(long.chars().count() < SHOWN + 60 && long.contains("(cut, 16012 bytes in all)"), "{}", &long[SHOWN..]);
}
