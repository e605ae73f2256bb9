//! `consumer erase`: what was erased stays out, however it comes back, and what comes after it is stored.

use std::process::Command;

use bson::{Document, doc};
use contract::{PostId, Tombstone, document};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use rdkafka::message::{Headers, Message, OwnedMessage};
use rdkafka::producer::FutureRecord;
use service::state_file::ServiceState;

use crate::dead_letters_command::dead_letters;
use crate::order_world::State;
use crate::records_of_files::{Readings, reading};
use crate::running::{Member, Running};
use crate::support::{DEADLINE, World, all, lag_of, post, wait_until};

const SOON: (&str, &str) = ("CONSUMER_BATCH_INTERVAL", "100ms");
const DUPLICATES: &str = "ingest_records_duplicate_total{kind=\"post\"}";
const ERASED_POSTS: &str = "ingest_records_erased_total{kind=\"post\"}";
const ERASED_ORDERS: &str = "ingest_records_erased_total{kind=\"order\"}";

macro_rules! on_both_stores {
    ($($scenario:ident),+ $(,)?) => {
        mod on_ferretdb {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::$scenario(World::new(1).await, Store::ReadsForNoPost).await;
            })+
        }

        mod on_mongodb {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::$scenario(World::on_mongodb().await, Store::ReadsBack).await;
            })+
        }
    };
}

on_both_stores!(
    a_post_stays_erased_when_the_topic_is_read_again,
    an_order_stays_erased_until_a_new_record_of_its_key,
    what_a_frozen_consumer_holds_stays_erased,
);

/// What a store is asked about duplicates of posts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    /// Nothing where `_id` is the only unique index, so that an erased post counts as a duplicate.
    ReadsForNoPost,
    ReadsBack,
}

/// Runs the command, expects this exit code, and returns what it printed.
pub(crate) async fn erase(world: &World, code: i32, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
    command.env_clear().envs(world.variables(&[])).arg("erase").args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

async fn find(world: &World, collection: &str, id: impl Into<bson::Bson>) -> Document {
    let found = world.collection(collection).await.find_one(doc! { "_id": id.into() }).await.unwrap();
    found.expect("something is stored under the id")
}

fn is_tombstone(stored: &Document) -> bool {
    stored.len() == 2 && Tombstone::read(&bson::RawDocumentBuf::try_from(stored).unwrap()).is_some()
}

/// Another group reads everything again.
async fn read_again(world: &World) -> Running {
    let group = format!("{}-again", world.topic);
    let again = Running::start(world.config(&[SOON, ("KAFKA_GROUP", &group)])).await;
    again.wait_for_metric(&lag_of(&group, &world.topic, 0), 0.0).await;
    again
}

async fn a_post_stays_erased_when_the_topic_is_read_again(world: World, store: Store) {
    let sent = world.send_posts(3).await;
    let running = Running::start(world.config(&[SOON])).await;
    let before = world.wait_for_documents(3).await;
    running.stop().await;

    let [one, other, stranger] = [sent[0].to_string(), sent[1].to_string(), PostId::fresh().to_string()];
    let dry = erase(&world, 0, &["--dry-run", "--id", &one, &stranger]).await;
    let expected = format!("{one}: its document would be erased\n{stranger}: nothing is stored; it would stay out\n");
    assert!(dry.starts_with(&expected), "{dry}");
    assert_eq!(world.wait_for_documents(3).await, before);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{other}\n")).unwrap();
    let said = erase(&world, 0, &["--id", &one, &stranger, "--file", file.path().to_str().unwrap()]).await;
    let expected = format!(
        "{one}: document erased\n{stranger}: nothing was stored; it stays out from now on\n{other}: document erased\n"
    );
    assert!(said.starts_with(&expected), "{said}");
    let until = if store == Store::ReadsBack { "are kept until 21" } else { "are kept forever, because the store has" };
    assert!(said.contains(until), "{said}");
    assert!(erase(&world, 0, &["--dry-run", "--id", &one]).await.starts_with(&format!("{one}: was erased before\n")));

    let again = read_again(&world).await;
    let series = if store == Store::ReadsBack { ERASED_POSTS } else { DUPLICATES };
    let erased = if store == Store::ReadsBack { 2.0 } else { 3.0 };
    again.wait_for_metric(series, erased).await;
    let stored = all(&world.posts().await).await;
    assert_eq!(stored.iter().filter(|document| is_tombstone(document)).count(), 3);
    assert_eq!(stored.len(), 4, "the third post is there");
    assert!(is_tombstone(&find(&world, "posts", document::encode_id(sent[0])).await));
    again.stop().await;
}

async fn an_order_stays_erased_until_a_new_record_of_its_key(world: World, _: Store) {
    world.create_order_topic(1).await;
    for (id, quantity) in [("A", 1), ("B", 1), ("A", 2)] {
        world.send_order(State::new(id, quantity)).await;
    }
    let running = Running::start(world.order_config(&[])).await;
    world.wait_for_order(State::new("A", 2)).await;
    world.wait_for_order(State::new("B", 1)).await;
    running.stop().await;

    let said = erase(&world, 0, &["--kind", "order", "--key", "A", "Z"]).await;
    assert!(said.starts_with("A: document erased\nZ: nothing was stored; it stays out from now on\n"), "{said}");
    let (group, one) = (format!("{}-again", world.topic), ("CONSUMER_BATCH_MESSAGES", "1"));
    let again = Running::start(world.order_config(&[("ORDER_KAFKA_GROUP", &group), one])).await;
    again.wait_for_metric(ERASED_ORDERS, 2.0).await;
    assert!(is_tombstone(&find(&world, "orders", "A").await));
    assert_eq!(find(&world, "orders", "Z").await.get_document("kafka").unwrap().get_i64("offset").unwrap(), 2);

    // What is sent after the erasure is new.
    world.send_order(State::new("A", 3)).await;
    let orders = world.collection("orders").await;
    wait_until("the new state is stored", async || {
        // FerretDB 1 has no document for a moment while it replaces it.
        let found: Option<Document> = orders.find_one(doc! { "_id": "A" }).await.unwrap();
        found.is_some_and(|order| order.get_i64("quantity").is_ok_and(|quantity| quantity == 3))
    })
    .await;
    assert_eq!(world.quantity("B").await, Some(1));
    // Its erasure concerns that, too.
    assert!(erase(&world, 0, &["--kind", "order", "--key", "A"]).await.starts_with("A: document erased\n"));
    assert!(is_tombstone(&find(&world, "orders", "A").await));
    again.stop().await;
}

/// It has read the records, and writes them after the erasure, before it ends.
async fn what_a_frozen_consumer_holds_stays_erased(world: World, store: Store) {
    world.create_order_topic(1).await;
    world.send_order(State::new("A", 1)).await;
    let id = world.send_posts(1).await[0];
    let directory = tempfile::tempdir().unwrap();
    let state_file = directory.path().join("consumer.state.json");
    let settings = [
        ("KINDS", "post,order"),
        ("CONSUMER_BATCH_INTERVAL", "60s"),
        ("CONSUMER_SESSION_TIMEOUT", "30s"),
        ("STOP_GRACE", "40s"),
        ("STATE_FILE", state_file.to_str().unwrap()),
    ];
    let frozen = Member::start(&world, &settings).await;
    for kind in ["post", "order"] {
        let held = format!("ingest_buffered_bytes{{kind=\"{kind}\"}}");
        wait_until("it holds a record", async || frozen.metric(&held).await > Some(0.0)).await;
    }
    frozen.signal("STOP");
    assert!(erase(&world, 0, &["--id", &id.to_string()]).await.contains("nothing was stored"));
    assert!(erase(&world, 0, &["--kind", "order", "--key", "A"]).await.contains("nothing was stored"));
    frozen.signal("CONT");
    frozen.signal("TERM");
    assert_eq!(frozen.ended().await.code(), Some(0));
    assert!(is_tombstone(&find(&world, "posts", document::encode_id(id)).await));
    assert!(is_tombstone(&find(&world, "orders", "A").await));
    let totals = ServiceState::read(&state_file).unwrap().totals.expect("it has ended as asked");
    let erased = if store == Store::ReadsBack { 2 } else { 1 };
    assert_eq!(totals["ingest_records_erased_total"], erased);
    assert_eq!(totals["ingest_records_duplicate_total"], 2 - erased);
    assert_eq!(totals["ingest_records_dead_lettered_total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_of_a_file_stay_erased_before_they_are_read() {
    let readings = Readings::of(World::on_mongodb().await).await;
    let (latest, id) = (readings.latest_topic(), PostId::fresh());
    readings.send(&readings.topic(), Some(&id.to_key()), &reading("D-1", 81)).await;
    readings.send(&latest, Some(b"D-1"), &reading("D-1", 81)).await;
    for named in [["reading", "--id", &id.to_string()], ["latest_reading", "--key", "D-1"]] {
        let said = readings.command(1, &[&["erase", "--kind"], &named[..]].concat()).await;
        assert!(said.contains("nothing was stored") && said.contains(".dlq does not exist, so no"), "{said}");
    }
    let running = Running::start(readings.config(&[])).await;
    for kind in ["reading", "latest_reading"] {
        running.wait_for_metric(&format!("ingest_records_erased_total{{kind=\"{kind}\"}}"), 1.0).await;
    }
    assert!(is_tombstone(&find(&readings.world, "readings", document::encode_id(id)).await));
    readings.send(&latest, Some(b"D-1"), &reading("D-1", 82)).await;
    wait_until("the new reading is stored", async || {
        find(&readings.world, "latest_readings", "D-1").await.get_i64("humidity").is_ok_and(|humidity| humidity == 82)
    })
    .await;
    running.stop().await;
}

/// Everything that a record of the topic of dead letters has, whatever its offset.
fn parts(message: &OwnedMessage) -> String {
    let headers: Vec<_> = message.headers().unwrap().iter().map(|header| (header.key, header.value)).collect();
    format!("{:?} {:?} {:?} {headers:?}", message.key(), message.payload(), message.timestamp())
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_a_record_are_removed_and_the_others_remain_as_they_are() {
    let world = World::on_mongodb().await;
    let erased = PostId::fresh();
    world.send(None, Some(b"not \xff a post")).await;
    world.send(Some(&erased.to_key()), Some(b"{}")).await;
    world.send(Some(&PostId::fresh().to_key()), None).await;
    world.send(Some(&erased.to_key()), Some(b"[]")).await;
    world.send(None, Some(b"last")).await;
    let running = Running::start(world.config(&[SOON])).await;
    let mut before = world.wait_for_dead_letters(5).await;
    before.sort_by_key(|(letter, _)| letter.offset);

    let id = erased.to_string();
    let dry = erase(&world, 0, &["--dry-run", "--id", &id]).await;
    assert!(dry.ends_with(&format!("{id}: dead letters that would be removed: 2\n")), "{dry}");
    world.wait_for_dead_letters(5).await;
    // Another erasure was killed, or still works.
    let control = world.collection("ingest_control").await;
    let other = doc! { "_id": format!("erasing {}", world.dead_letter_topic()), "since": bson::DateTime::now() };
    control.insert_one(other.clone()).await.unwrap();
    let said = erase(&world, 1, &["--id", &id]).await;
    assert!(said.contains("another erasure has been at work there since 20"), "{said}");
    world.wait_for_dead_letters(5).await;
    let said = erase(&world, 0, &["--take-over", "--id", &id]).await;
    assert!(said.ends_with(&format!("{id}: dead letters removed: 2\n")), "{said}");
    assert_eq!(control.find_one(doc! { "_id": other.get_str("_id").unwrap() }).await.unwrap(), None);
    let mut after = world.wait_for_dead_letters(3).await;
    after.sort_by_key(|(letter, _)| letter.offset);
    let kept: Vec<_> = [0, 2, 4].map(|index| parts(&before[index].1)).to_vec();
    assert_eq!(after.iter().map(|(_, message)| parts(message)).collect::<Vec<_>>(), kept);
    let said = erase(&world, 0, &["--id", &id]).await;
    assert!(
        said.ends_with(&format!("the topic {} has no dead letters of them\n", world.dead_letter_topic())),
        "{said}"
    );
    running.stop().await;
}

/// A consumer that was about to send it does so after the erasure.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_comes_later_brings_nothing_back() {
    let world = World::on_mongodb().await;
    let unique = IndexOptions::builder().unique(true).build();
    let titles = IndexModel::builder().keys(doc! { "title": 1 }).options(unique).build();
    let index = world.posts().await.create_index(titles).await.unwrap().index_name;
    let (first, refused) = (PostId::fresh(), PostId::fresh());
    for id in [first, refused] {
        world.send(Some(&id.to_key()), Some(&post(0))).await;
    }
    let running = Running::start(world.config(&[SOON])).await;
    let letter = world.wait_for_dead_letters(1).await.remove(0).1;
    world.posts().await.drop_index(index).await.unwrap();
    erase(&world, 0, &["--id", &refused.to_string()]).await;
    world.wait_for_dead_letters(0).await;

    let topic = world.dead_letter_topic();
    let headers = letter.headers().unwrap().clone();
    let late = FutureRecord::to(&topic).key(letter.key().unwrap()).payload(letter.payload().unwrap()).headers(headers);
    world.producer.send(late, DEADLINE).await.unwrap();
    assert!(dead_letters(&world, 0, &["replay"]).await.contains("acknowledged: 1\n"));
    running.wait_for_metric(ERASED_POSTS, 1.0).await;
    assert!(is_tombstone(&find(&world, "posts", document::encode_id(refused)).await));
    world.wait_for_dead_letters(1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_cannot_be_used_are_named() {
    let world = World::without_topic(stack::shared().await);
    assert!(erase(&world, 64, &["--id", "42"]).await.contains("\"42\" is not an id"));
    assert!(erase(&world, 64, &["--key", "A"]).await.contains("a record of the kind post has an id"));
    assert!(erase(&world, 64, &["--kind", "order", "--id", "A"]).await.contains("name it by --key"));
    assert!(erase(&world, 64, &["--kind", "oder", "--key", "A"]).await.contains("there is no kind oder"));
    assert!(erase(&world, 64, &[]).await.contains("nothing is named"));
    assert!(erase(&world, 64, &["--file", "/nowhere"]).await.contains("--file: "));
    assert!(erase(&world, 0, &["--help"]).await.contains("docs/erasure.md"));
    assert!(erase(&world, 1, &["--kind", "order", "--key", "A"]).await.contains("does not exist"));
}
