//! Runs the crate's examples, each with a topic of its own, and reads what they print.

use std::process::Output;

use tokio::process::Command;
use uuid::Uuid;

use crate::world::DEADLINE;

/// What the example prints, once it has ended well.
async fn printed(example: &str) -> Vec<String> {
    let mut program = std::env::current_exe().unwrap();
    // target/debug/deps/kafka-… → target/debug/examples/NAME
    assert!(program.pop() && program.pop());
    program.extend(["examples", example]);
    assert!(program.exists(), "build the examples first: cargo build -p kafka --examples");
    let mut command = Command::new(program);
    command.arg(format!("example-{}", Uuid::now_v7().simple())).kill_on_drop(true);
    command.env("KAFKA_BROKER", stack::shared().await.kafka_broker());
    let ended = tokio::time::timeout(DEADLINE, command.output()).await.expect("it ends in time").unwrap();
    let Output { status, stdout, stderr } = ended;
    assert!(status.success(), "{example}: {status}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_sends_many_records_and_one_more() {
    let printed = printed("publish").await;
    assert_eq!(printed, ["100 records are acknowledged", "partition 0, offset 100"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_ordered_keeps_the_order_of_each_key() {
    assert_eq!(printed("publish_ordered").await, ["6 records are acknowledged, in order"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_comes_back_as_what_it_was() {
    assert_eq!(printed("json").await, ["device-7 has 21.5 °C"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn group_batches_stores_every_record() {
    assert_eq!(printed("group_batches").await.last().unwrap(), "250 records are stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn group_single_takes_the_records_of_both_topics() {
    let printed = printed("group_single").await;
    assert_eq!(printed.len(), 2);
    assert!(printed.iter().all(|line| line.ends_with(" 0/0")), "{printed:?}");
    assert_eq!(printed.iter().filter(|line| line.contains("-other ")).count(), 1, "{printed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn group_limit_continues_where_it_ended() {
    let printed = printed("group_limit").await;
    let numbers = |range: std::ops::Range<u32>| range.map(|n| n.to_string()).collect::<Vec<_>>();
    let runs = [vec!["run 1:".to_owned()], numbers(0..10), vec!["run 2:".to_owned()], numbers(10..20)];
    assert_eq!(printed, runs.concat());
}
