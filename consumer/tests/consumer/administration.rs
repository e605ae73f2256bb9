//! What operators see of topics and groups, by command and on the listener.

use serde_json::{Value, json};
use stack::certificates::Authority;
use tokio::process::Command;

use crate::running::Running;
use crate::support::World;

const SOON: [(&str, &str); 1] = [("CONSUMER_BATCH_INTERVAL", "100ms")];

/// Runs a command, expects this exit code, and returns what it printed.
pub(crate) async fn consumer(world: &World, set: &[(&str, &str)], code: i32, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
    command.env_clear().envs(world.variables(set)).args(arguments);
    let output = command.output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

/// The body of an answer.
fn body(answer: &str) -> Value {
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(answer.lines().last().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_and_groups_are_as_kafka_has_them() {
    let world = World::new(2).await;
    for partition in [0, 1, 1] {
        world.send_to(Some(partition), None, Some(b"not a post")).await;
    }
    let running = Running::start(world.config(&SOON)).await;
    world.wait_for_dead_letters(3).await;
    for partition in [0, 1] {
        running.wait_for_metric(&world.lag(partition), 0.0).await;
    }
    let topics = body(&running.ask_as_operator("GET /topics").await);
    let printed = consumer(&world, &[], 0, &["topics", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), topics);
    let (records, letters) = (&topics["topics"][0], &topics["topics"][1]);
    let partition = |id: i32, end: i64| {
        let offsets = json!({ "first": 0, "end": end, "records": end });
        let mut partition = json!({ "partition": id, "leader": 1, "replicas": 1, "in_sync": 1 });
        partition.as_object_mut().unwrap().extend(offsets.as_object().unwrap().clone());
        partition
    };
    assert_eq!(records["partitions"], json!([partition(0, 1), partition(1, 2)]));
    assert_eq!((&records["records"], &letters["records"]), (&json!(3), &json!(3)));
    assert_eq!((&letters["topic"], &letters["retention_ms"]), (&json!(world.dead_letter_topic()), &json!(-1)));
    let with_orders = consumer(&world, &[("KINDS", "post,order")], 0, &["topics"]).await;
    let missing = format!("records of the kind order: topic {}, which does not exist\n", world.order_topic());
    assert!(with_orders.contains(&missing), "{with_orders}");

    let groups = body(&running.get("/groups").await);
    let printed = consumer(&world, &[], 0, &["groups", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), groups);
    let group = &groups["groups"][0];
    assert_eq!((&group["state"], &group["lag"], &group["errors"]), (&json!("Stable"), &json!(0), &json!([])));
    assert_eq!(group["partitions"][1], json!({ "partition": 1, "committed": 2, "end": 2, "lag": 0 }));
    let members = group["members"].as_array().unwrap();
    assert_eq!(members.len(), 1);
    assert_eq!((&members[0]["client_id"], &members[0]["partitions"]), (&json!("consumer"), &json!([0, 1])));
    assert_eq!(members[0]["host"], "127.0.0.1");

    running.stop().await;
    world.send_to(Some(0), None, Some(b"not a post")).await;
    let groups = consumer(&world, &[], 0, &["groups"]).await;
    let expected = "Empty, members: 0, lag: 1\npartition  committed  end  lag\n0          1          2    1\n";
    assert!(groups.contains(expected), "{groups}");
    let unknown = consumer(&world, &[("KAFKA_GROUP", "nobody")], 0, &["groups"]).await;
    assert!(unknown.starts_with("kind post: group nobody, not known to Kafka, members: 0, lag: 4\n"), "{unknown}");
}

#[tokio::test]
async fn what_cannot_be_understood_is_said() {
    let world = World::without_topic(stack::shared().await);
    assert!(consumer(&world, &[], 0, &["topics", "--help"]).await.contains("--json"));
    consumer(&world, &[], 64, &["groups", "--nonsense"]).await;
    let wrong = consumer(&world, &[("CONSUMER_BATCH_MESSAGES", "x")], 64, &["groups"]).await;
    assert!(wrong.starts_with("consumer: CONSUMER_BATCH_MESSAGES"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kafka_there_is_no_report_but_a_reason() {
    let world = World::at("127.0.0.1:1", stack::shared().await.mongo_uri());
    let running = Running::start(world.config(&[])).await;
    let (away, answer) = tokio::join!(consumer(&world, &[], 1, &["groups"]), running.ask_as_operator("GET /groups"));
    let reason = "cannot read from Kafka at 127.0.0.1:1, see KAFKA_BROKER";
    assert!(away.starts_with(&format!("consumer: {reason}")), "{away}");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains(reason), "{answer}");
    running.stop().await;

    let protected = Running::start(world.config(&[("ADMIN_TOKEN", "secret")])).await;
    for request in ["GET /topics", "GET /groups", "GET /kinds", "POST /kinds/post/pause", "POST /kinds/post/resume"] {
        for answer in [protected.ask(request).await, protected.ask_as_operator(request).await] {
            assert!(answer.starts_with("HTTP/1.1 401"), "{request}: {answer}");
        }
    }
    protected.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_certificates_let_operators_in_the_other_port_only_says_how_it_is() {
    let (world, directory) = (World::new(1).await, tempfile::tempdir().unwrap());
    let authority = Authority::new("operators").unwrap();
    let ca = authority.write(directory.path(), "ca.pem").unwrap();
    let own = authority.server(&["localhost"]).unwrap().write(directory.path(), "own").unwrap();
    let [certificate, key, ca] = [&own.certificate, &own.key, &ca].map(|path| path.to_str().unwrap());
    let tls = [("ADMIN_TLS_CERTIFICATE", certificate), ("ADMIN_TLS_KEY", key), ("ADMIN_TLS_CLIENT_CA", ca)];
    let running = Running::start(world.config(&tls)).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    assert!(running.get("/livez").await.starts_with("HTTP/1.1 200"));
    for request in [
        "POST /kinds/post/pause",
        "POST /dead-letters/release",
        "GET /kinds",
        "GET /topics",
        "GET /groups",
        "GET /metrics",
        "GET /status",
    ] {
        let answer = running.ask(request).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{request}: {answer}");
    }
    running.stop().await;

    // With TLS alone nobody is asked on either port.
    let running = Running::start(world.config(&tls[..2])).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    assert!(running.get("/kinds").await.starts_with("HTTP/1.1 200"));
    running.stop().await;
}
