//! How much a caller may send in time: by its key, by its address, and for bulks.

use crate::world::{Answer, Keys, World, get, post};

/// Expects this status, seconds until the next try, policy, records left, and seconds until all are there again. The
/// seconds may be up to a minute fewer, because time passes.
fn assert_limited(answer: &Answer, expected: (u16, Option<u64>, Option<&str>, u64, u64)) {
    let (status, wait, policy, left, full) = expected;
    let is_about = |text: &str, most: u64| text.parse().is_ok_and(|seconds| (most - 60..=most).contains(&seconds));
    let retry_after = answer.header("retry-after");
    assert_eq!((answer.status, answer.header("ratelimit-policy")), (status, policy), "{answer:?}");
    assert_eq!(retry_after.is_some(), wait.is_some(), "{answer:?}");
    assert!(retry_after.zip(wait).is_none_or(|(seconds, most)| is_about(seconds, most)), "{answer:?}");
    let rest = answer.header("ratelimit").and_then(|value| value.strip_prefix(&format!(r#""post";r={left};t="#)));
    assert!(rest.is_some_and(|seconds| is_about(seconds, full)), "{answer:?}");
}

#[tokio::test]
async fn who_has_used_up_his_quota_gets_429_and_others_do_not() {
    let keys =
        Keys::new(&[("shop", "one", r#","rate":"2/h""#), ("shop", "two", r#","rate":"2/h""#), ("till", "three", "")]);
    let world = World::start(&[&keys.settings()[..], &[("RATE_LIMIT", "3/h")]].concat()).await;
    let ask = async |key: &str| world.ask(&post("/post", &format!("x-api-key: {key}\r\n"), "body")).await;
    let policy = Some(r#""post";q=2;w=3600"#);
    assert_limited(&ask("one").await, (200, None, policy, 1, 1_800));
    // Keys of one name share the quota of the name.
    assert_limited(&ask("two").await, (200, None, policy, 0, 3_600));
    for key in ["one", "two"] {
        let answer = ask(key).await;
        assert_limited(&answer, (429, Some(1_800), policy, 0, 3_600));
        assert_eq!(
            (answer.header("content-type"), answer.header("connection")),
            (Some("application/problem+json"), None)
        );
        assert!(answer.body.contains("2/h of the kind `post`"), "{answer:?}");
    }
    for left in (0..3).rev() {
        let answer = ask("three").await;
        assert!(
            answer.status == 200 && answer.header("ratelimit").unwrap().contains(&format!("r={left};")),
            "{answer:?}"
        );
    }
    assert_eq!(ask("three").await.status, 429);
    // A wrong key has no quota to use up, and what is not a record is not counted.
    assert_eq!(ask("four").await.status, 401);
    let answer = world.ask(&get("/any", "x-api-key: one\r\n")).await;
    assert_eq!((answer.status, answer.header("ratelimit")), (200, None));
    let line = "http_server_denied_requests_total{reason=\"rate\"} 3\n";
    assert!(world.metrics().contains(line), "{}", world.metrics());
}

#[tokio::test]
async fn a_change_of_the_keys_gives_no_fresh_quota() {
    let keys = Keys::new(&[("shop", "one", r#","rate":"1/h""#)]);
    let world = World::start(&keys.settings()).await;
    let status = async |key: &str| world.ask(&post("/post", &format!("x-api-key: {key}\r\n"), "")).await.status;
    assert_eq!((status("one").await, status("one").await), (200, 429));
    keys.write(&[("shop", "two", r#","rate":"1/h""#)]);
    world.eventually(async || status("two").await != 401).await;
    assert_eq!(status("two").await, 429);
    keys.write(&[("shop", "two", r#","rate":"2/h""#)]);
    world.eventually(async || status("two").await == 200).await;
}

#[tokio::test]
async fn without_keys_an_address_has_a_quota() {
    let world = World::start(&[("RATE_LIMIT", "2/h")]).await;
    for expected in [200, 200, 429, 429] {
        assert_eq!(world.ask(&post("/post", "", "body")).await.status, expected);
    }
    assert_eq!(world.ask(&get("/any", "")).await.status, 200);
}

#[tokio::test]
async fn every_record_of_a_bulk_counts_and_of_two_bulks_only_one_is_let_in() {
    let keys = Keys::new(&[("shop", "one", r#","rate":"10/h""#)]);
    let world = World::start(&keys.settings()).await;
    let head = "POST /bulk HTTP/1.1\r\nhost: test\r\nx-api-key: one\r\ncontent-length: 2\r\n\r\n";
    let (mut first, mut second) = (world.connect().await, world.connect().await);
    // Both are let in while none is read, and have thirty records each.
    first.send(head).await;
    second.send(head).await;
    world.eventually(async || world.metrics().contains("test_total 2\n")).await;
    first.send("30").await;
    let answer = first.receive().await;
    assert!(answer.status == 200 && answer.header("ratelimit").unwrap().contains("r=0;"), "{answer:?}");
    second.send("30").await;
    let answer = second.receive().await;
    assert_eq!((answer.status, answer.header("connection")), (429, None), "{answer:?}");
    // Thirty and one more were counted: twenty-two must be paid before anything else is let in.
    let answer = world.ask(&post("/bulk", "x-api-key: one\r\n", "1")).await;
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(answer.status == 429 && (22 * 360 - 60..=22 * 360).contains(&wait), "{answer:?}");
}

#[tokio::test]
async fn what_is_not_a_rate_is_an_error_of_the_settings() {
    let errors = crate::world::errors(&[("RATE_LIMIT", "fast")]);
    assert!(errors.len() == 1 && errors[0].starts_with("RATE_LIMIT: must be a number of records"), "{errors:?}");
}
