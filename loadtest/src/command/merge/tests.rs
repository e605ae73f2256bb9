//! Which shares belong together, and what is merged of them.

use super::*;
use crate::load::generator::outcome::Outcome;
use crate::report::run::tests::example;
use crate::report::series::Point;

fn part(share: &str) -> ShareReport {
    let mut environment = example().environment;
    environment.load.share = share.parse().ok();
    ShareReport {
        run: "00ab12cd".parse().unwrap(),
        share: share.parse().unwrap(),
        began: 1_000.0,
        load_seconds: 10.0,
        cpu_seconds: 1.0,
        drain_seconds: Some(2.0),
        ended_early: false,
        faults: vec![],
        tally: Tally::default(),
        stretches: vec![],
        visible_off: None,
        sample_share: 0.01,
        seen: SeenPosts::default(),
        producer: Used::default(),
        environment,
    }
}

#[test]
fn only_all_shares_of_one_run_are_merged() {
    let problem = |parts: &[ShareReport]| complete(parts).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(problem(&[part("2/2"), part("1/2")]), "");
    assert!(problem(&[part("1/3"), part("1/3")]).starts_with("the share 1/3 is named more than once"));
    assert_eq!(problem(&[part("1/3"), part("1/3")]).lines().count(), 3, "every problem is named");
    assert!(problem(&[part("1/2"), part("2/3")]).contains("do not belong together"));
    let of_another_run = ShareReport { run: "00ab12ce".parse().unwrap(), ..part("2/2") };
    assert!(problem(&[part("1/2"), of_another_run]).contains("two runs, 00ab12cd and 00ab12ce"));
    let mut differs = part("2/2");
    differs.environment.load.threads = 8;
    assert_eq!(problem(&[part("1/2"), differs.clone()]), "", "another host has other cores");
    differs.environment.load.vus = 7;
    assert!(problem(&[part("1/2"), differs]).contains("have different loads"));
}

#[test]
fn a_part_reads_back_as_it_was_saved() {
    let (directory, start) = (tempfile::tempdir().unwrap(), Instant::now());
    let mut saved = part("2/3");
    for ms in [3, 3, 40] {
        saved.tally.record(Outcome::Rejected, start, start + Duration::from_millis(ms));
    }
    let point = Point { seconds: 1.0, p50_ms: Some(3.0), ..Point::default() };
    saved.stretches = vec![crate::report::series::Stretch {
        point,
        begun: 3,
        accepted: 0,
        accepted_latencies_us: vec![],
        latencies_us: vec![(3_001, 2)],
    }];
    saved.save(directory.path()).unwrap();
    let read = ShareReport::read(directory.path()).unwrap();
    assert_eq!((read.run, read.share, read.began), (saved.run, saved.share, saved.began));
    assert_eq!((read.tally.outcomes, &read.tally.latencies), (saved.tally.outcomes, &saved.tally.latencies));
    assert_eq!((read.stretches[0].point, read.stretches[0].begun), (point, 3));
    assert_eq!(read.environment.load, saved.environment.load);
    assert!(read_error(tempfile::tempdir().unwrap().path()).contains("is it the report of a run with --share"));
}

fn read_error(directory: &std::path::Path) -> String {
    format!("{:#}", ShareReport::read(directory).unwrap_err())
}

#[test]
fn all_is_stored_when_the_last_share_says_so() {
    let late = ShareReport { began: 1_005.0, drain_seconds: Some(1.0), ..part("2/2") };
    assert_eq!(drained(&[part("1/2"), late]), Some(1_016.0));
    let blind = ShareReport { drain_seconds: None, ..part("2/2") };
    assert_eq!(drained(&[part("1/2"), blind]), None);
}

#[test]
fn one_generator_that_is_the_limit_is_named() {
    let busy = ShareReport { cpu_seconds: 19.0, ..part("2/2") };
    let merged = generator(&[part("1/2"), busy], &Tally::default());
    assert_eq!((merged.is_limit, merged.cpu_share), (true, 0.95));
    assert!(merged.why.unwrap().starts_with("share 2/2: it used 95 %"));
    assert!(!generator(&[part("1/2"), part("2/2")], &Tally::default()).is_limit);
}
