use super::front::{by_setting, front};
use super::trial::TrialStage;
use super::*;
use crate::ledger::books::Counts;
use crate::report::proof::tests::reconciled;
use crate::report::schema;

pub(crate) fn surroundings() -> Surroundings {
    Surroundings {
        run: "00ab12cd".to_owned(),
        ended_early: false,
        seconds: 432.1,
        warm_up_seconds: 1.0,
        measure_seconds: 3.0,
        slo_ms: 500.0,
        virtual_users: 64,
        stack: "Kafka is a native <Kafka>".to_owned(),
        store: "FerretDB".to_owned(),
        version: "0.1.0",
        cores: 2,
    }
}

fn proof(missing: u64) -> Proof {
    let counts = Counts { accepted: 1_000, stored: 1_000 - missing, missing, ..Counts::default() };
    Proof::of(&counts, Some(reconciled(counts)), Some(0))
}

/// A search on a machine on which a longer linger stores a third more.
pub(crate) fn example() -> TuneReport {
    let variables = vec!["PRODUCER_LINGER", "CONSUMER_BATCH_MESSAGES"];
    let start = Variables::from([("PRODUCER_LINGER", "2ms".to_owned()), ("CONSUMER_BATCH_MESSAGES", "100".to_owned())]);
    let mut best = start.clone();
    best.insert("PRODUCER_LINGER", "5ms".to_owned());
    let trial = |number, stage, differs: &str, stored| TrialReport {
        number,
        stage,
        differs: differs.to_owned(),
        stored_per_second: Some(stored),
        p99_ms: Some(1e5 / stored),
        passed: Some(true),
        accepted: 1_000,
        failed: 0,
        missing: Some(0),
        lag_left: 0,
        generator: None,
        fault: None,
        proof: Some(proof(0)),
    };
    let trials = vec![
        trial(1, TrialStage::Screen, "", 9_000.0),
        trial(2, TrialStage::Screen, "PRODUCER_LINGER=5ms", 12_000.0),
        trial(3, TrialStage::Confirm, "", 9_002.0),
        trial(4, TrialStage::Confirm, "PRODUCER_LINGER=5ms", 12_003.0),
    ];
    let settings = by_setting(&trials, 500.0);
    let ratio = RatioReport { ratio: 1.333, low: Some(1.31), high: Some(1.35), trials: 2 };
    let (variable, from, to) = ("PRODUCER_LINGER", "2ms".to_owned(), "5ms".to_owned());
    TuneReport {
        surroundings: surroundings(),
        passed: true,
        start,
        recommended: best.clone(),
        best,
        gain: Some(ratio),
        best_p99_ms: Some(8.3),
        start_p99_ms: Some(11.1),
        noise: Some(0.02),
        worth: vec![WorthReport { variable, from, to, beside: String::new(), ratio }],
        front: front(&settings),
        settings,
        trials,
        variables,
    }
}

#[test]
fn the_env_file_has_every_knob() {
    let report = example();
    let file = report.env_file();
    let (comment, variables) = file.split_once('\n').unwrap();
    assert!(comment.starts_with("# tune 00ab12cd: these settings store 1.33 (1.3"), "{comment}");
    assert_eq!(variables, "PRODUCER_LINGER=5ms\nCONSUMER_BATCH_MESSAGES=100\n");
}

#[test]
fn a_latency_beyond_the_slo_is_mentioned() {
    let mut report = example();
    assert!(report.verdict().ends_with(" times as fast as the start"), "{}", report.verdict());
    (report.start_p99_ms, report.gain.as_mut().unwrap().ratio) = (Some(812.0), 0.7);
    let sooner = ", and their p99 of 8.3 ms is within 500 ms, which the start's 812 ms is not";
    assert!(report.verdict().ends_with(&format!("as fast as the start{sooner}")), "{}", report.verdict());
    report.best_p99_ms = Some(600.0);
    assert!(report.verdict().ends_with("nor the start's 812 ms is within 500 ms"), "{}", report.verdict());
    (report.start_p99_ms, report.recommended) = (Some(11.1), report.start.clone());
    assert!(report.verdict().ends_with("times the start, and their p99 of 600 ms is beyond 500 ms"));
    report.settings[0].within_slo = false;
    assert!(report.settings[0].row().ends_with("   beyond --slo"), "{}", report.settings[0].row());
}

#[test]
fn the_table_shows_worth_front_and_settings() {
    let table = example().table();
    for line in ["  around the start", "  PRODUCER_LINGER=5ms   # was 2ms", "  CONSUMER_BATCH_MESSAGES=100"] {
        assert!(table.lines().any(|found| found == line), "`{line}` in\n{table}");
    }
    assert!(table.contains("    PRODUCER_LINGER             2ms -> 5ms          1.33 (1.3"), "{table}");
    assert!(table.contains("4,000 accepted, all stored as they were sent (looked for one by one)"), "{table}");
}

#[test]
fn a_trial_that_failed_is_named() {
    let mut report = example();
    (report.trials[2].passed, report.trials[2].proof) = (Some(false), Some(proof(3)));
    assert_eq!(report.ledger(), "4,000 accepted, 1 trials FAILED, number 3: missing==0 (3)");
    assert!(report.trials[2].row().contains("NOT missing==0 (3)"), "{}", report.trials[2].row());
    report.trials[2].proof = None;
    report.trials[2].fault = Some("the consumer ended by itself".to_owned());
    assert!(report.ledger().ends_with("number 3: the consumer ended by itself"), "{}", report.ledger());
}

#[test]
fn the_schema_describes_every_field() {
    let faults = |report: &TuneReport| {
        let json = serde_json::to_value(report).unwrap();
        schema::faults_by(include_str!("../../../tune.schema.json"), &json)
    };
    let mut report = example();
    assert_eq!(faults(&report), [""; 0]);
    (report.gain, report.noise, report.best_p99_ms, report.start_p99_ms) = (None, None, None, None);
    report.worth[0].ratio = RatioReport { low: None, high: None, ..report.worth[0].ratio };
    let fault = Some("the consumer exited".to_owned());
    for stage in [TrialStage::Starts, TrialStage::Screen, TrialStage::Combine, TrialStage::Confirm] {
        report.trials.push(TrialReport {
            stage,
            stored_per_second: None,
            p99_ms: None,
            missing: None,
            fault: fault.clone(),
            passed: None,
            proof: None,
            ..report.trials[0].clone()
        });
    }
    assert_eq!(faults(&report), [""; 0], "little was tried, and that failed");
}

#[test]
fn the_names_of_the_json_are_those_of_its_schema() {
    let json = serde_json::to_value(example()).unwrap();
    assert_eq!((&json["passed"], &json["run"]), (&true.into(), &"00ab12cd".into()));
    assert_eq!(json["trials"][0]["stage"], TrialStage::Screen.name());
    assert!(json["worth"][0]["ratio"].is_f64() && json["gain"]["low"].is_f64(), "{json:#}");
}
