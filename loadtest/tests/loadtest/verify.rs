//! `loadtest verify` on a real broker and a real store: what it accepts as proof, and that each way to be wrong is
//! named.

use bson::{Bson, DateTime, Document};
use contract::{PostId, Tombstone};

use live::Live;

mod live;

/// A field and its new value, or none.
type Field = (&'static str, Option<Bson>);

#[tokio::test]
async fn only_offsets_that_can_be_right_prove_anything() {
    let live = Live::start().await;
    for n in 0..3 {
        live.store(&live.send(n).await).await;
    }
    let (code, text) = live.verify_as("mistyped", &[&live.topic]);
    assert_eq!(code, 99, "{text}");
    let named = format!("FAILED  group mistyped has no committed offsets for topic {}: check KAFKA_GROUP", live.topic);
    assert!(text.contains(&named) && text.contains("records                  0"), "{text}");

    live.commit(0, 3);
    let (code, text) = live.verify();
    assert_eq!(code, 0, "{text}");
    for count in ["records                  3", "stored                   3", "lag                      0"] {
        assert!(text.contains(count), "{count} in\n{text}");
    }

    // What the group has not finished proves nothing, wherever it is.
    live.send(3).await;
    live.send_to(1, 4).await;
    let (code, text) = live.verify();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("lag                      2   not finished by the group"), "{text}");
    assert!(text.contains("no committed offset in partition 1, which has 1 records"), "{text}");

    live.delete_records_before(0, 4).await;
    let (code, text) = live.verify();
    assert_eq!(code, 99, "{text}");
    assert!(text.contains("starts at offset 4, but group") && text.contains("has committed only 3"), "{text}");

    live.commit(0, 50);
    let (code, text) = live.verify();
    assert_eq!(code, 99, "{text}");
    assert!(text.contains("ends at offset 4, but group") && text.contains("has committed 50"), "{text}");

    // Kafka may or may not forget the offsets of a topic that is deleted.
    live.recreate_topic().await;
    live.send(5).await;
    let (code, text) = live.verify();
    assert_eq!(code, 99, "{text}");
    assert!(text.contains("has no committed offsets") || text.contains("the topic was recreated since"), "{text}");

    let (code, text) = live.verify_as(&live.group, &["nobodys"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("there is no topic nobodys: set KAFKA_TOPIC (or --topic)"), "{text}");
}

#[tokio::test]
async fn each_change_of_a_document_is_named() {
    let live = Live::start().await;
    let mut records = Vec::new();
    for n in 0..5 {
        records.push(live.send(n).await);
        live.store(&records[records.len() - 1]).await;
    }
    live.commit(0, 5);
    let (sent_at, moved_to) = (live.start_ms + 2_000, live.start_ms + 3_602_000);
    let date = |ms: i64| format!("the date {}", DateTime::from_millis(ms).try_to_rfc3339_string().unwrap());
    let retyped = format!("createdAt: sent {}, stored Int64", date(sent_at));
    let moved = format!("createdAt: sent {}, stored {}", date(sent_at), date(moved_to));
    let changes: [(Field, &str); 6] = [
        (("content", Some("Number 2, long enoug".into())), "content: sent \"Number 2, long enough\", stored"),
        (("more", Some(1.into())), "more: not sent, stored Int32"),
        (("title", None), "title: sent \"Hello\", not stored"),
        (("createdAt", Some(5_i64.into())), &retyped),
        (("createdAt", Some(DateTime::from_millis(moved_to).into())), &moved),
        (("_id", Some("another".into())), "MISSING"),
    ];
    for ((field, value), named) in changes {
        let mut document = records[2].document();
        match value {
            Some(value) => drop(document.insert(field, value)),
            None => drop(document.remove(field)),
        }
        live.replace(records[2].id, document).await;
        let (code, text) = live.verify();
        assert_eq!(code, 99, "{text}");
        assert!(text.contains(&format!("  partition 0, offset 2, id {}\n", records[2].id)), "{text}");
        assert!(text.contains(named) && text.contains("stored                   4"), "{named} in\n{text}");
        live.replace(records[2].id, records[2].document()).await;
    }
    let mut reordered = records[2].document();
    let title = reordered.remove("title").unwrap();
    reordered.insert("title", title);
    live.replace(records[2].id, reordered).await;
    let (code, text) = live.verify();
    assert_eq!(code, 0, "{text}");
}

#[tokio::test]
async fn what_is_erased_is_counted_and_must_be_expected() {
    let live = Live::start().await;
    let [kept, erased] = [live.send(0).await, live.send(1).await];
    let letter = live.send_value(0, PostId::fresh(), b"[]", 2).await;
    live.store(&kept).await;
    live.commit(0, 3);
    for id in [erased.id, letter.id] {
        let tombstone = Tombstone { erased_at_ms: live.start_ms, kept_until_ms: None }.of_id(id);
        live.replace(id, Document::try_from(tombstone).unwrap()).await;
    }
    let (code, text) = live.verify();
    assert_eq!(code, 99, "{text}");
    assert!(text.contains("erased                   2") && text.contains("missing                  0"), "{text}");
    assert!(text.contains("FAILED  erased as --erased says"), "{text}");
    let (code, text) = live.verify_with(&["--erased", "2"]);
    assert_eq!(code, 0, "{text}");
    // It came back.
    live.replace(erased.id, erased.document()).await;
    let (code, text) = live.verify_with(&["--erased", "2"]);
    assert_eq!(code, 99, "{text}");
}

#[tokio::test]
async fn one_of_a_clients_retries_is_stored_and_no_mixture_of_them() {
    let live = Live::start().await;
    let first = live.send(1).await;
    let again = live.send_again(&first, 1_000).await;
    let last = live.send_again(&first, 2_000).await;
    live.commit(0, 2);
    for stored in [&first, &again, &last] {
        live.replace(first.id, stored.document()).await;
        let (code, text) = live.verify();
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("stored                   2") && text.contains("repeated                 1"), "{text}");
        assert!(text.contains("lag                      1"), "the last is stored before it is finished: {text}");
    }
    let mut mixed = first.document();
    mixed.insert("createdAt", DateTime::from_millis(7));
    live.replace(first.id, mixed).await;
    let (code, text) = live.verify();
    assert_eq!(code, 99, "{text}");
    assert!(text.contains("changed                  2"), "{text}");
}

#[tokio::test]
async fn several_topics_have_their_dead_letters_compared() {
    let one = Live::start().await;
    let other = Live::in_group(&one.group).await;
    let stored = one.send(1).await;
    one.store(&stored).await;
    one.commit(0, 1);
    let bad = other.send_value(0, PostId::fresh(), b"[]", 1).await;
    let lost = other.send(2).await;
    other.commit(0, 2);
    other.dead_letter(&bad, b"[]").await;
    let both = [one.topic.as_str(), &other.topic];
    let (code, text) = one.verify_as(&one.group, &both);
    assert_eq!(code, 99, "{text}");
    assert!(text.contains("dead-lettered            1") && text.contains("missing                  1"), "{text}");
    assert!(text.contains(&format!("MISSING  partition 0, offset 1, id {}", lost.id)), "{text}");
    one.store(&lost).await;
    let (code, text) = one.verify_as(&one.group, &both);
    assert_eq!(code, 0, "{text}");
    assert_eq!(text.matches("records of topic").count(), 2, "{text}");

    // A consumer that was killed may write a letter twice, but never two different ones.
    other.dead_letter(&bad, b"[1]").await;
    let (code, text) = one.verify_as(&one.group, &both);
    assert_eq!(code, 99, "{text}");
    assert!(text.contains("dead letter, value: sent \"[]\", dead-lettered \"[1]\""), "{text}");
}
