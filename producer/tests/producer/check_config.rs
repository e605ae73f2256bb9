//! The settings, as `--check-config` judges them.

use crate::program::run;

#[tokio::test]
async fn settings_are_checked_all_at_once() {
    let (code, settings, _) = run(&["--check-config"], &[("PORT", "1234"), ("PRODUCER_COMPRESSION", "zstd")]).await;
    assert_eq!(code, 0);
    for line in ["PORT=1234", "ADMIN_PORT=3100", "PRODUCER_COMPRESSION=zstd", "KAFKA_BROKER=localhost:9092"] {
        assert!(settings.lines().any(|other| other == line), "{line} in\n{settings}");
    }

    let wrong = [("PORT", "70000"), ("PRODUCER_COMPRESSION", "brotli"), ("STOP_GRACE", "10"), ("LOG", "=loud")];
    for arguments in [&["--check-config"][..], &["healthcheck"], &[]] {
        let (code, _, errors) = run(arguments, &wrong).await;
        assert_eq!(code, 64);
        let named = errors.lines().map(|line| line.split(": ").nth(1).unwrap());
        assert!(named.eq(["PORT", "LOG", "STOP_GRACE", "PRODUCER_COMPRESSION"]), "{errors}");
    }
}

#[tokio::test]
async fn a_topic_has_records_of_one_kind() {
    let same = [("ORDER_KAFKA_TOPIC", "all"), ("KAFKA_TOPIC", "all")];
    let (code, _, error) = run(&["--check-config"], &same).await;
    let expected = "producer: ORDER_KAFKA_TOPIC: must not be KAFKA_TOPIC: a topic has records of one kind\n";
    assert_eq!((code, error.as_str()), (64, expected));
    for kind in ["post", "order"] {
        let (code, _, error) = run(&["--check-config"], &[&same[..], &[("KINDS", kind)]].concat()).await;
        assert_eq!((code, error.as_str()), (0, ""), "{kind}");
    }
}

#[tokio::test]
async fn a_post_must_have_time_left_after_the_linger() {
    let (code, _, error) = run(&["--check-config"], &[("PRODUCER_LINGER", "5s")]).await;
    assert_eq!((code, error.as_str()), (64, "producer: PRODUCER_LINGER: must be shorter than PRODUCER_TIMEOUT\n"));
}

#[tokio::test]
async fn what_is_probably_not_meant_is_a_warning() {
    let variables = [("PRODUCER_TIMOUT", "3s"), ("STOP_DELAY", "5s"), ("CONSUMER_BATCH_BYTES", "1"), ("HOME", "/")];
    let (code, settings, warnings) = run(&["--check-config"], &variables).await;
    assert!(code == 0 && settings.contains("PRODUCER_TIMEOUT=5s\n"), "{settings}");
    let expected = [
        "producer: warning: STOP_GRACE: should be longer than STOP_DELAY and PRODUCER_TIMEOUT together, or a stop may \
         leave requests without an answer",
        "producer: warning: PRODUCER_TIMOUT is set, but there is no such setting: see PRODUCER_TIMEOUT",
    ];
    assert!(warnings.lines().eq(expected), "{warnings}");

    // In use, they are in the log.
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, _, log) = run(&[], &[&variables[..], &[("HOST", "127.0.0.1"), ("PORT", &port)]].concat()).await;
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let warned: Vec<_> = lines.filter(|line| line["level"] == "WARN").map(|line| line["message"].clone()).collect();
    assert_eq!(code, 1);
    for (warning, expected) in warned.iter().zip(expected) {
        assert_eq!(warning.as_str(), expected.strip_prefix("producer: warning: "));
    }
    assert_eq!(warned.len(), 2, "{log}");
}

#[tokio::test]
async fn the_largest_bodies_must_fit_the_buffer() {
    for (largest, bytes, other) in
        [("MAX_BODY_BYTES", "65536", "MAX_BULK_BYTES"), ("MAX_BULK_BYTES", "16777216", "MAX_BODY_BYTES")]
    {
        let one_less = (bytes.parse::<usize>().unwrap() - 1).to_string();
        for (buffer, expected) in [(bytes, 0), (&one_less, 64)] {
            let variables = [("BODY_BUFFER_BYTES", buffer), (largest, bytes), (other, "64")];
            let (code, _, error) = run(&["--check-config"], &variables).await;
            assert_eq!(code, expected, "{error}");
            let said = format!("producer: BODY_BUFFER_BYTES: must be at least {largest}\n");
            assert_eq!(error, if expected == 0 { String::new() } else { said });
        }
    }
}

#[tokio::test]
async fn a_record_of_a_files_kind_must_fit_kafka() {
    let kinds = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/kinds");
    for (kinds_served, body, batch, expected) in [
        ("reading", "995904", "1000000", 0),
        ("reading", "995904", "7000", 0),
        ("reading", "995905", "7000", 64),
        ("post,reading", "2000000", "2004095", 64),
        ("post,reading", "2000000", "2004096", 0),
        ("post,order", "2000000", "1000000", 0),
    ] {
        let variables =
            [("KINDS_DIR", kinds), ("KINDS", kinds_served), ("MAX_BODY_BYTES", body), ("PRODUCER_BATCH_BYTES", batch)];
        let (code, _, error) = run(&["--check-config"], &variables).await;
        assert_eq!(code, expected, "{variables:?}: {error}");
        assert_eq!(error.starts_with("producer: MAX_BODY_BYTES: must be at most "), expected == 64, "{error}");
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_take_traces_is_an_error() {
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:secret@localhost:4318")];
    let (code, _, error) = run(&["--check-config"], &variables).await;
    assert!(code == 64 && error.starts_with("producer: OTEL_EXPORTER_OTLP_ENDPOINT: must be the http URL"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}
