use super::*;
use crate::command::tune::compare::Shown;
use crate::pipeline::settings::ServiceSettings;
use crate::report::schema;

/// A search whose trials are those of a machine on which a longer linger stores a third more.
pub(crate) fn example() -> TuneReport {
    let settings = ServiceSettings::read(&|_| None).unwrap();
    let variables = settings.consumer.into_iter().chain(settings.producer).collect();
    let (space, start, defaults) = Space::around(&variables, &variables, &["CONSUMER_BATCH_INTERVAL"]);
    let mut search = Search::new(space.choices(), start.clone(), defaults);
    let mut trials = Vec::new();
    while let Some((stage, setting)) = search.next(60 - trials.len()) {
        let rate = if space.value(0, &setting) == "5ms" { 12_000.0 } else { 9_000.0 } + trials.len() as f64;
        let shown = Some(Shown { stored_per_second: rate, p99_ms: 1e5 / rate });
        let tried =
            Tried { shown, accepted: 1_000, failed: 0, missing: Some(0), lag_left: 0, generator: None, fault: None };
        trials.push(TrialReport::of(trials.len() + 1, stage, &space, &setting, &start, &tried));
        search.record(shown);
    }
    let surroundings = Surroundings {
        run: "00ab12cd".to_owned(),
        ended_early: false,
        seconds: 432.1,
        warm_up_seconds: 1.0,
        measure_seconds: 3.0,
        virtual_users: 64,
        stack: "Kafka is a native <Kafka>".to_owned(),
        store: "FerretDB".to_owned(),
        version: "0.1.0",
        cores: 2,
    };
    TuneReport::of(&search, &space, &start, trials, surroundings)
}

#[test]
fn the_env_file_has_every_knob() {
    let report = example();
    let file = report.env_file();
    let (comment, variables) = file.split_once('\n').unwrap();
    assert!(comment.starts_with("# tune 00ab12cd: these settings store 1.33 (1.3"), "{comment}");
    let expected = "PRODUCER_LINGER=5ms\nPRODUCER_BATCH_BYTES=1000000\nPRODUCER_COMPRESSION=none\n\
                    CONSUMER_BATCH_MESSAGES=100\nCONSUMER_BATCH_INTERVAL=5s\nCONSUMER_CONCURRENT_FLUSHES=4\nKAFKA_PARTITIONS=1\n";
    assert_eq!(variables, expected);
}

#[test]
fn the_table_tells_worth_front_and_settings() {
    let table = example().table();
    for line in ["  around the start", "  PRODUCER_LINGER=5ms   # was 2ms", "  CONSUMER_BATCH_MESSAGES=100"] {
        assert!(table.lines().any(|found| found == line), "`{line}` in\n{table}");
    }
    assert!(table.contains("    PRODUCER_LINGER             2ms -> 5ms          1.33 (1.3"), "{table}");
    assert!(table.contains("0 missing by the services' own counts, 0 left in Kafka"), "{table}");
}

#[test]
fn the_schema_describes_every_field() {
    let faults = |report: &TuneReport| {
        let json = serde_json::to_value(report).unwrap();
        schema::faults_by(include_str!("../../../tune.schema.json"), &json)
    };
    let mut report = example();
    assert_eq!(faults(&report), [""; 0]);
    (report.gain, report.noise) = (None, None);
    report.worth[0].ratio = RatioReport { low: None, high: None, ..report.worth[0].ratio };
    let fault = Some("the consumer has ended by itself".to_owned());
    for stage in [Stage::Starts, Stage::Screen, Stage::Combine, Stage::Confirm] {
        report.trials.push(TrialReport {
            stage,
            stored_per_second: None,
            p99_ms: None,
            missing: None,
            fault: fault.clone(),
            ..report.trials[0].clone()
        });
    }
    assert_eq!(faults(&report), [""; 0], "where little was tried, and that went wrong");
}

#[test]
fn a_missing_post_fails() {
    let mut trials = example().trials;
    trials[3].missing = Some(2);
    assert!(!trials.iter().all(|trial| trial.missing.unwrap_or(0) == 0));
    let json = serde_json::to_value(example()).unwrap();
    assert_eq!((&json["passed"], &json["run"]), (&true.into(), &"00ab12cd".into()));
    assert_eq!(json["trials"][0]["stage"], "screen");
    assert!(json["worth"][0]["ratio"].is_f64() && json["gain"]["low"].is_f64(), "{json:#}");
}
