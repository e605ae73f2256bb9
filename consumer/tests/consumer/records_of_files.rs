//! Records of kinds that files describe: readings, each a document of its own, and the latest reading of each device.

use std::collections::HashMap;
use std::process::Command;

use bson::{DateTime, Document, doc};
use consumer::ConsumerConfig;
use contract::PostId;
use contract::dead_letter::Reason;
use rdkafka::producer::FutureRecord;
use serde_json::{Value, json};
use service::Settings;
use tempfile::TempDir;

use crate::order_world::SOME_TIME_MS;
use crate::running::Running;
use crate::support::{DEADLINE, World, all, ids, wait_until};

const READING: &str = include_str!("../../../examples/kinds/reading.json");

/// The file of the readings, which keeps their documents forever.
fn reading_file() -> Value {
    let mut file: Value = serde_json::from_str(READING).unwrap();
    file.as_object_mut().unwrap().remove("retention");
    file
}

/// A directory with the files of both kinds.
pub(crate) fn kinds() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (reading, mut latest) = (reading_file(), reading_file());
    for (member, value) in [
        ("kind", "latest_reading"),
        ("route", "/api/readings/latest"),
        ("topic", "latest-readings"),
        ("collection", "latest_readings"),
        ("write", "upsert"),
        ("key", "/device/id"),
    ] {
        latest[member] = json!(value);
    }
    std::fs::write(directory.path().join("reading.json"), reading.to_string()).unwrap();
    std::fs::write(directory.path().join("latest.json"), latest.to_string()).unwrap();
    directory
}

/// A world with topics for both kinds.
pub(crate) struct Readings {
    pub(crate) world: World,
    kinds: TempDir,
}

impl Readings {
    async fn new() -> Self {
        Self::of(World::new(1).await).await
    }

    pub(crate) async fn of(world: World) -> Self {
        let readings = Self { world, kinds: kinds() };
        readings.world.create(&readings.topic(), 1, &[]).await;
        readings.world.create(&readings.latest_topic(), 1, &[]).await;
        readings
    }

    pub(crate) fn topic(&self) -> String {
        format!("readings-{}", self.world.topic)
    }

    pub(crate) fn latest_topic(&self) -> String {
        format!("latest-{}", self.world.topic)
    }

    fn variables(&self, set: &[(&str, &str)]) -> HashMap<String, String> {
        let (topic, latest) = (self.topic(), self.latest_topic());
        let (group, latest_group) = (format!("{topic}-group"), format!("{latest}-group"));
        let (letters, latest_letters) = (format!("{topic}.dlq"), format!("{latest}.dlq"));
        let own = [
            ("KINDS_DIR", self.kinds.path().to_str().unwrap()),
            ("KINDS", "reading,latest_reading"),
            ("READING_KAFKA_TOPIC", &topic),
            ("READING_KAFKA_GROUP", &group),
            ("READING_DLQ_TOPIC", &letters),
            ("LATEST_READING_KAFKA_TOPIC", &latest),
            ("LATEST_READING_KAFKA_GROUP", &latest_group),
            ("LATEST_READING_DLQ_TOPIC", &latest_letters),
            ("CONSUMER_BATCH_INTERVAL", "100ms"),
        ];
        self.world.variables(&[&own[..], set].concat())
    }

    pub(crate) fn config(&self, set: &[(&str, &str)]) -> ConsumerConfig {
        let variables = self.variables(set);
        let lookup = |name: &str| variables.get(name).cloned();
        let mut settings = Settings::new(&lookup);
        let config = ConsumerConfig::read(&mut settings);
        assert_eq!(settings.finish().1, []);
        config
    }

    pub(crate) async fn send(&self, topic: &str, key: Option<&[u8]>, value: &str) {
        self.send_of(SOME_TIME_MS, topic, key, value).await;
    }

    async fn send_of(&self, time_ms: i64, topic: &str, key: Option<&[u8]>, value: &str) {
        let record = FutureRecord { key, ..FutureRecord::to(topic) };
        let record = record.partition(0).payload(value.as_bytes()).timestamp(time_ms);
        self.world.producer.send(record, DEADLINE).await.unwrap();
    }

    async fn wait_for(&self, collection: &str, count: usize) -> Vec<Document> {
        let (collection, mut found) = (self.world.collection(collection).await, Vec::new());
        wait_until(&format!("{count} documents"), async || {
            found = all(&collection).await;
            found.len() >= count
        })
        .await;
        assert_eq!(found.len(), count);
        found
    }

    /// Runs a command, expects this exit code, and returns what it printed.
    pub(crate) async fn command(&self, code: i32, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
        command.env_clear().envs(self.variables(&[])).args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        text
    }
}

/// A valid reading of a device.
pub(crate) fn reading(device: &str, humidity: usize) -> String {
    json!({
        "station": "North", "measured_at": "2026-11-28T20:15:00.120Z", "temperature": 1.10, "humidity": humidity,
        "device": { "id": device, "installed_at": "2025-01-01T00:00:00Z" }, "wind": [1, 2.5, -0.0],
    })
    .to_string()
}

fn date(text: &str) -> DateTime {
    DateTime::parse_rfc3339_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_is_stored_with_its_types_once_and_what_is_none_is_a_dead_letter() {
    let readings = Readings::new().await;
    let (topic, id) = (readings.topic(), PostId::fresh());
    for _ in 0..2 {
        readings.send(&topic, Some(&id.to_key()), &reading("D-1", 81)).await;
    }
    readings.send(&topic, None, r#"{"station":7,"humidity":1.5,"colour":"red"}"#).await;
    readings.send(&topic, None, "[]").await;
    let running = Running::start(readings.config(&[])).await;
    let stored = readings.wait_for("readings", 1).await;
    let letters = readings.world.wait_for_dead_letters_in(&format!("{topic}.dlq"), 2).await;
    running.wait_for_metric("ingest_records_duplicate_total{kind=\"reading\"}", 1.0).await;

    assert_eq!(ids(&stored), [id]);
    let expected = doc! {
        "_id": stored[0].get("_id").unwrap(),
        "device": { "id": "D-1", "installed_at": date("2025-01-01T00:00:00Z") },
        "humidity": 81_i64,
        "measured_at": date("2026-11-28T20:15:00.120Z"),
        "station": "North",
        "temperature": 1.1,
        "wind": [1_i64, 2.5, 0.0],
        "createdAt": DateTime::from_millis(SOME_TIME_MS),
    };
    assert_eq!(stored[0], expected);
    let letter = |offset| &letters.iter().find(|(letter, _)| letter.offset == offset).unwrap().0;
    assert_eq!((letter(2).reason, letter(3).reason), (Reason::Invalid, Reason::Undecodable));
    for pointer in ["/colour is not a field", "/device is required", "/humidity must be an integer", "/station must be"]
    {
        assert!(letter(2).message.contains(pointer), "{}", letter(2).message);
    }
    let list = readings.command(0, &["dead-letters", "--kind", "reading", "list"]).await;
    assert!(list.ends_with("dead letters: 2, undecodable 1, invalid 1\n"), "{list}");
    let unknown = readings.command(64, &["dead-letters", "--kind", "x", "list"]).await;
    assert!(unknown.contains("there is no kind x; these are: post, order, latest_reading, reading"), "{unknown}");
    running.stop().await;
}

/// Another program may key its readings by a UUID of the device, and a device may measure the same twice.
#[tokio::test(flavor = "multi_thread")]
async fn readings_under_the_uuid_of_their_device_are_all_stored() {
    let readings = Readings::new().await;
    let device = b"9c5b94b1-35ad-49bb-b118-8e8fc24abf80";
    for humidity in [81, 81, 82] {
        readings.send(&readings.topic(), Some(device), &reading("D-1", humidity)).await;
    }
    let running = Running::start(readings.config(&[])).await;
    let stored = readings.wait_for("readings", 3).await;
    let mut humidities: Vec<_> = stored.iter().map(|document| document.get_i64("humidity").unwrap()).collect();
    humidities.sort_unstable();
    assert_eq!(humidities, [81, 81, 82]);
    assert_eq!(running.metric("ingest_records_duplicate_total{kind=\"reading\"}").await, Some(0.0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_beyond_what_its_file_keeps_is_not_stored() {
    let readings = Readings::new().await;
    assert!(READING.contains(r#""retention": "30d""#));
    std::fs::write(readings.kinds.path().join("reading.json"), READING).unwrap();
    let topic = readings.topic();
    readings.send(&topic, None, &reading("D-1", 1)).await;
    readings.send_of(DateTime::now().timestamp_millis(), &topic, None, &reading("D-2", 2)).await;
    let running = Running::start(readings.config(&[])).await;
    let stored = readings.wait_for("readings", 1).await;
    running.wait_for_metric("ingest_records_expired_total{kind=\"reading\"}", 1.0).await;
    assert_eq!(stored[0].get_i64("humidity").unwrap(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_reading_of_a_device_is_its_document() {
    let readings = Readings::new().await;
    let topic = readings.latest_topic();
    for (device, humidity) in [("D-1", 1), ("D-2", 2), ("D-1", 3), ("D-1", 4)] {
        readings.send(&topic, Some(device.as_bytes()), &reading(device, humidity)).await;
    }
    readings.send(&topic, Some(b"D-2"), &reading("D-3", 5)).await;
    let running = Running::start(readings.config(&[])).await;
    let letters = readings.world.wait_for_dead_letters_in(&format!("{topic}.dlq"), 1).await;
    assert_eq!((letters[0].0.offset, letters[0].0.reason), (4, Reason::Invalid));
    assert_eq!(letters[0].0.message, "key must be the text at /device/id");
    let mut stored = readings.wait_for("latest_readings", 2).await;
    stored.sort_by_key(|document| document.get_str("_id").unwrap().to_owned());
    let place = |offset: i64| {
        doc! { "partition": 0, "offset": offset, "timestamp": DateTime::from_millis(SOME_TIME_MS) }
    };
    for (document, (device, humidity, offset)) in stored.iter().zip([("D-1", 4_i64, 3), ("D-2", 2, 1)]) {
        assert_eq!(document.get_str("_id").unwrap(), device);
        assert_eq!(document.get_i64("humidity").unwrap(), humidity);
        assert_eq!(document.get_document("kafka").unwrap(), &place(offset));
    }
    readings.send(&topic, Some(b"D-2"), &reading("D-2", 6)).await;
    let collection = readings.world.collection("latest_readings").await;
    wait_until("the next state is stored", async || {
        // FerretDB 1 has no document for a moment while it replaces it.
        let found: Option<Document> = collection.find_one(doc! { "_id": "D-2" }).await.unwrap();
        found.is_some_and(|document| document.get_i64("humidity").unwrap() == 6)
    })
    .await;
    running.stop().await;
}

/// FerretDB 1 takes no arrays within arrays: it refuses such a record, and stores the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_store_refuses_is_a_dead_letter() {
    let readings = Readings::new().await;
    let mut file = reading_file();
    file["schema"] = json!({});
    std::fs::write(readings.kinds.path().join("reading.json"), file.to_string()).unwrap();
    readings.send(&readings.topic(), None, r#"{"nested":[[1]]}"#).await;
    readings.send(&readings.topic(), None, r#"{"next":[1]}"#).await;
    let running = Running::start(readings.config(&[])).await;
    let stored = readings.wait_for("readings", 1).await;
    assert!(stored[0].contains_key("next"));
    let letters = readings.world.wait_for_dead_letters_in(&format!("{}.dlq", readings.topic()), 1).await;
    assert_eq!(letters[0].0.reason, Reason::Refused);
    running.stop().await;
}

/// Values that are rare: deep and nested arrays, empty names, NUL and the extremes.
#[tokio::test(flavor = "multi_thread")]
async fn odd_values_are_stored_as_they_are() {
    let readings = Readings::of(World::on_mongodb().await).await;
    let mut file = reading_file();
    file["schema"] = json!({});
    std::fs::write(readings.kinds.path().join("reading.json"), file.to_string()).unwrap();
    let deep = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    let value = format!(
        r#"{{"nested":[[1,[2]],[]],"deep":{deep},"empty":{{}},"nothing":null,"nul":"a\u0000b","":"unnamed",
            "min":-9223372036854775808,"max":9223372036854775807,"large":1.7976931348623157e308,"small":5e-324,
            "integral":3.0,"emoji":"😀"}}"#
    );
    readings.send(&readings.topic(), None, &value).await;
    readings.send(&readings.topic(), None, r#"{"next":1}"#).await;
    let running = Running::start(readings.config(&[])).await;
    let stored = readings.wait_for("readings", 2).await;
    let odd = stored.iter().find(|document| document.contains_key("nested")).unwrap();
    assert_eq!(odd.get("nested"), Some(&bson::bson!([[1_i64, [2_i64]], []])));
    for (name, value) in doc! {
        "min": i64::MIN, "max": i64::MAX, "large": f64::MAX, "small": 5e-324, "integral": 3.0, "nul": "a\0b",
        "": "unnamed", "emoji": "😀", "empty": {}, "nothing": null,
    } {
        assert_eq!(odd.get(&name), Some(&value), "{name}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_that_cannot_be_dead_lettered_hold_up_no_others() {
    let readings = Readings::new().await;
    let running = Running::start(readings.config(&[])).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    readings.world.delete(&format!("{}.dlq", readings.topic())).await;
    readings.send(&readings.topic(), None, "not a reading").await;
    running.wait_for_readyz("reading: flush: Kafka does not take dead letters").await;
    readings.send(&readings.latest_topic(), Some(b"D-1"), &reading("D-1", 1)).await;
    readings.wait_for("latest_readings", 1).await;
    readings.world.create(&format!("{}.dlq", readings.topic()), 1, &[]).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_is_tried_on_what_is_there() {
    let readings = Readings::new().await;
    let topic = readings.topic();
    for number in 0..30 {
        readings.send(&topic, None, &reading("D-1", 70 + number)).await;
    }
    readings.send(&topic, None, "not a reading").await;
    let running = Running::start(readings.config(&[])).await;
    readings.wait_for("readings", 30).await;
    running.stop().await;

    readings.command(0, &["erase", "--kind", "reading", "--id", &PostId::fresh().to_string()]).await;
    let file = readings.kinds.path().join("new.json.txt");
    let path = file.to_str().unwrap();
    std::fs::write(&file, READING).unwrap();
    let same = readings.command(1, &["kinds", "try", path]).await;
    let records = |count, pass, fail| format!("{count} records of the topic {topic}: {pass} pass, {fail} fail\n");
    assert!(same.starts_with("0/30: body is not valid JSON"), "{same}");
    assert!(same.contains(&records(31, 30, 1)), "{same}");
    assert!(same.contains("30 documents of the collection readings: 30 pass, 0 fail\n"), "{same}");

    std::fs::write(&file, READING.replace("\"maximum\": 100,", "\"maximum\": 88,")).unwrap();
    let stricter = readings.command(1, &["kinds", "try", path, "--last", "5"]).await;
    assert!(stricter.contains("0/29: /humidity must be at most 88\n"), "{stricter}");
    assert!(stricter.contains(&records(5, 0, 5)), "{stricter}");
    assert!(stricter.contains("5 documents of the collection readings: "), "{stricter}");
    let stricter = readings.command(1, &["kinds", "try", path]).await;
    assert!(stricter.contains("and 2 more\n") && stricter.contains(&records(31, 19, 12)), "{stricter}");
    assert!(stricter.contains("30 documents of the collection readings: 19 pass, 11 fail\n"), "{stricter}");

    std::fs::write(&file, "{}").unwrap();
    assert!(readings.command(64, &["kinds", "try", path]).await.contains("new.json.txt: /kind is required"));
    readings.command(64, &["kinds", "try", path, "--last", "0"]).await;
    let list = readings.command(0, &["kinds"]).await;
    assert!(list.lines().any(|line| line.starts_with("latest_reading ") && line.ends_with("(upsert)")), "{list}");
}
