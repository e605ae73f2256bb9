//! The brake is released without a restart: what is held is dead-lettered, and consuming continues.

use tokio::process::Command;

use crate::dead_letters_command::dead_letters;
use crate::running::{Member, Running};
use crate::support::{World, ids};

const BRAKED: [(&str, &str); 4] = [
    ("CONSUMER_BATCH_INTERVAL", "100ms"),
    ("CONSUMER_BATCH_MESSAGES", "20"),
    ("CONSUMER_CONCURRENT_FLUSHES", "1"),
    ("DLQ_MAX_CONSECUTIVE", "10"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_released_brake_starts_the_count_again() {
    let world = World::new(1).await;
    for _ in 0..15 {
        world.send(None, Some(b"not a post")).await;
    }
    let mut sent = world.send_posts(5).await;
    let running = Running::start(world.config(&BRAKED)).await;
    running.wait_for_readyz("dead_letters: consuming is paused").await;
    world.wait_for_dead_letters(10).await;

    let answer = running.ask("POST /dead-letters/release").await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    world.wait_for_dead_letters(15).await;
    sent.extend(world.send_posts(5).await);
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(10).await), sent);
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_releases_the_brake_of_the_service_at_its_operators_port() {
    let world = World::new(1).await;
    for _ in 0..12 {
        world.send(None, Some(b"not a post")).await;
    }
    let member = Member::start(&world, &BRAKED).await;
    member.wait_for_readyz("dead_letters: consuming is paused").await;
    let (host, port) = member.operators.split_once(':').unwrap();
    let release = async |port: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
        command.args(["dead-letters", "release"]).env_clear().envs([("HOST", host), ("ADMIN_PORT", port)]);
        command.output().await.unwrap()
    };
    let released = release(port).await;
    assert!(released.status.success(), "{released:?}");
    assert_eq!(
        String::from_utf8(released.stdout).unwrap(),
        "the brake is released: as many dead letters are allowed again\n"
    );
    member.wait_for_readyz("HTTP/1.1 200").await;
    world.wait_for_dead_letters(12).await;
    let nobody = release(&stack::free_port().to_string()).await;
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8(nobody.stderr).unwrap().contains("no service answers on port"), "it says what is wrong");
    member.signal("TERM");
    assert_eq!(member.ended().await.code(), Some(0));
}

/// A replay of more letters than the brake allows says nothing new about the others, however bad they still are.
#[tokio::test(flavor = "multi_thread")]
async fn letters_that_are_sent_back_do_not_count_for_the_brake() {
    const LETTERS: usize = 30;
    let world = World::new(1).await;
    for _ in 0..LETTERS {
        world.send(None, Some(b"not a post")).await;
    }
    let unlimited =
        Running::start(world.config(&[("CONSUMER_BATCH_INTERVAL", "100ms"), ("DLQ_MAX_CONSECUTIVE", "0")])).await;
    world.wait_for_dead_letters(LETTERS).await;
    unlimited.wait_for_metric(&world.lag(0), 0.0).await;
    unlimited.stop().await;

    let braked = Running::start(world.config(&BRAKED)).await;
    let replayed = dead_letters(&world, 0, &["replay"]).await;
    assert!(replayed.contains(&format!("acknowledged: {LETTERS}\n")), "{replayed}");
    world.wait_for_dead_letters(2 * LETTERS).await;
    let sent = world.send_posts(3).await;
    assert_eq!(ids(&world.wait_for_documents(3).await), sent);
    braked.wait_for_readyz("HTTP/1.1 200").await;
    braked.stop().await;
}
