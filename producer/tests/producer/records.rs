//! Records of kinds that files describe: readings, each a document of its own, and the latest reading of each device.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{POST, Response, post, post_to, request};
use crate::running::Producer;
use crate::topic::{self, fresh_topic};

const READING: &str = include_str!("../../../examples/kinds/reading.json");

const JSON: &str = "content-type: application/json\r\n";

/// A producer of both kinds with topics of their own.
struct Readings {
    producer: Producer,
    topic: String,
    latest_topic: String,
    _kinds: TempDir,
}

/// A directory with the files of both kinds.
fn kinds() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut latest: Value = serde_json::from_str(READING).unwrap();
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
    std::fs::write(directory.path().join("reading.json"), READING).unwrap();
    std::fs::write(directory.path().join("latest.json"), latest.to_string()).unwrap();
    directory
}

impl Readings {
    async fn start(variables: &[(&str, &str)]) -> Self {
        let (kinds, topic, latest_topic) = (kinds(), fresh_topic(), fresh_topic());
        let own = [
            ("KINDS_DIR", kinds.path().to_str().unwrap()),
            ("KINDS", "reading,latest_reading"),
            ("READING_KAFKA_TOPIC", &topic),
            ("LATEST_READING_KAFKA_TOPIC", &latest_topic),
        ];
        let producer = Producer::with_kafka(&fresh_topic(), &[&own[..], variables].concat()).await;
        Self { producer, topic, latest_topic, _kinds: kinds }
    }

    async fn post(&self, path: &str, header_lines: &str, body: &str) -> Response {
        self.producer.ask(post_to(path, header_lines, body)).await
    }
}

/// A valid reading of a device, with white space that only the client knows.
fn reading(device: &str) -> String {
    format!(
        r#"{{ "station":"North", "measured_at":"2026-11-28T20:15:00.120Z", "temperature":1.10, "humidity":81,
            "device":{{"id":"{device}"}} }}"#
    )
}

async fn records(topic: &str) -> Vec<topic::Record> {
    topic::records(stack::shared().await.kafka_broker(), topic).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_what_the_client_sent_under_a_fresh_id() {
    let readings = Readings::start(&[]).await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let response = readings.post("/api/readings", &format!("traceparent: {traceparent}\r\n"), &reading("D-1")).await;
    assert_eq!((response.status, response.header("content-type")), (201, Some("application/json")));
    let id = response.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(response.text(), format!(r#"{{"message":"Reading created successfully","id":"{id}"}}"#));
    let [record] = &records(&readings.topic).await[..] else { panic!("not one record") };
    assert_eq!((&record.key, record.value.as_str()), (&id, reading("D-1").as_str()));
    let headers = [("content-type", "application/json"), ("traceparent", traceparent)];
    assert_eq!(record.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    readings.producer.metric(r#"ingest_records_accepted_total{kind="reading"} 1"#).await;
    let count = "http_server_request_duration_seconds_count";
    readings.producer.metric(&format!(r#"{count}{{method="POST",route="/api/readings",status="201"}} 1"#)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_stands_for_one_reading() {
    let readings = Readings::start(&[]).await;
    let key = "Idempotency-Key: k1\r\n";
    let mut ids = Vec::new();
    for _ in 0..2 {
        let response = readings.post("/api/readings", key, &reading("D-1")).await;
        assert_eq!(response.status, 201, "{}", response.text());
        ids.push(response.json()["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    let detail = readings.post("/api/readings", key, &reading("D-2")).await.problem(422)["detail"].clone();
    assert!(detail.as_str().unwrap().contains("used with another reading"), "{detail}");
    let malformed = readings.post("/api/readings", "Idempotency-Key: a b\r\n", &reading("D-1")).await.errors();
    assert_eq!(malformed.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_records_of_a_key_keep_their_order_under_it() {
    let readings = Readings::start(&[("KAFKA_PARTITIONS", "4")]).await;
    let sent: Vec<String> = (0..20).map(|number| reading("D \"1\"é").replace("81", &number.to_string())).collect();
    let sent: Vec<String> = sent.iter().map(|body| body.replace("D \"1\"é", "D \\\"1\\\"é")).collect();
    for body in &sent {
        let response = readings.post("/api/readings/latest", JSON, body).await;
        let expected = r#"{"message":"Latest_reading created successfully","id":"D \"1\"é"}"#;
        assert_eq!((response.status, response.text()), (201, expected));
    }
    let records = records(&readings.latest_topic).await;
    assert_eq!(records.iter().map(|record| record.value.clone()).collect::<Vec<_>>(), sent);
    assert!(records.iter().all(|record| record.key == "D \"1\"é" && record.partition == records[0].partition));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_named_by_its_pointer_even_while_kafka_is_away() {
    let kinds = kinds();
    let producer = Producer::without_kafka(&[("KINDS_DIR", kinds.path().to_str().unwrap())]).await;
    let body = r#"{"station":"","temperature":0.1234567890123456789,"humidity":101,"device":{"id":7},"_id":1}"#;
    for path in ["/api/readings", "/api/readings/latest"] {
        let expected = [
            "/_id is not a field of this kind",
            "/_id is reserved: each document has a field of this name of its own",
            "/device/id must be a string, not an integer",
            "/humidity must be at most 100",
            "/measured_at is required",
            "/station must have at least 1 characters",
            "/temperature cannot be kept exactly: neither a 64-bit integer nor a double has this value; \
             send it as text",
        ];
        assert_eq!(producer.ask(post_to(path, JSON, body)).await.errors(), expected);
        let away = producer.ask(post_to(path, JSON, reading("D-1"))).await.unavailable();
        assert!(away.starts_with("Kafka cannot be reached"), "{away}");
        producer.ask(post_to(path, "content-type: text/plain\r\n", reading("D-1"))).await.problem(415);
        producer.ask(request("GET", path)).await.problem(405);
    }
    let readyz = producer.get("/readyz").await.problem(503)["detail"].to_string();
    assert!(readyz.contains("reading: kafka: ") && readyz.contains("latest_reading: kafka: "), "{readyz}");
    producer.metric(r#"ingest_records_rejected_total{kind="reading",reason="invalid"} 1"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_has_a_result_for_each_record() {
    let readings = Readings::start(&[]).await;
    let elements = [reading("D-1"), r#"{"station":7}"#.to_owned(), reading("D-2")];
    let lines = elements.map(|element| element.replace('\n', " "));
    for (path, topic) in
        [("/api/readings/bulk", &readings.topic), ("/api/readings/latest/bulk", &readings.latest_topic)]
    {
        let array = readings.post(path, JSON, &format!("[{}]", lines.join(" ,\n"))).await;
        let ndjson = readings.post(path, "content-type: application/x-ndjson\r\n", &lines.join("\n")).await;
        let mut ids = Vec::new();
        for answer in [array, ndjson] {
            let (status, answer) = (answer.status, answer.json());
            assert_eq!((status, &answer["accepted"], &answer["rejected"]), (207, &json!(2), &json!(1)), "{answer}");
            ids.extend([0, 2].map(|position| answer["results"][position]["id"].as_str().unwrap().to_owned()));
            let errors = &answer["results"][1]["errors"];
            assert_eq!(errors[3], json!({ "field": "/station", "message": "must be a string, not an integer" }));
        }
        let mut seen: Vec<_> = records(topic).await.into_iter().map(|record| (record.key, record.value)).collect();
        let mut expected: Vec<_> =
            ids.into_iter().zip([&lines[0], &lines[2], &lines[0], &lines[2]].map(String::clone)).collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
    }
    let none = readings.post("/api/readings/bulk", JSON, "[{}]").await.problem(400);
    assert_eq!(none["detail"], "no reading is valid: see results");
    let broken = readings.post("/api/readings/bulk", JSON, "[{},]").await.errors();
    assert!(
        broken[0].starts_with("body is not valid JSON: it ends too early or is empty in the reading at"),
        "{broken:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_with_more_bytes_than_may_be_in_flight_is_let_in_by_and_by() {
    let kinds = kinds();
    let (topic, latest) = (fresh_topic(), fresh_topic());
    let settings = [
        ("KINDS_DIR", kinds.path().to_str().unwrap()),
        ("READING_KAFKA_TOPIC", &topic),
        ("LATEST_READING_KAFKA_TOPIC", &latest),
        ("MAX_BULK_BYTES", "40000000"),
        ("PRODUCER_MAX_IN_FLIGHT", "1000"),
    ];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    // White space within a record is a part of its value.
    let large = reading("D-1").replacen(' ', &" ".repeat(60_000), 1);
    for path in ["/api/readings/bulk", "/api/readings/latest/bulk"] {
        let bulk = post_to(path, JSON, format!("[{}]", vec![large.as_str(); 600].join(",")));
        assert_eq!(producer.ask(bulk).await.status, 201, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_not_served_has_no_paths_and_the_others_are_as_ever() {
    let (kinds, topic) = (kinds(), fresh_topic());
    let settings = [("KINDS_DIR", kinds.path().to_str().unwrap()), ("KINDS", "post")];
    let producer = Producer::with_kafka(&topic, &settings).await;
    for path in ["/api/readings", "/api/readings/bulk", "/api/readings/latest"] {
        producer.ask(post_to(path, JSON, reading("D-1"))).await.problem(404);
    }
    producer.ask(post(POST)).await.created_id();
}
