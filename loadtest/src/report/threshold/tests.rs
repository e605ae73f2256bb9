//! Thresholds are read as they were written, and each is judged by its own measure.

use proptest::prelude::*;

use super::*;

fn good() -> Measured {
    let milliseconds = Duration::from_millis;
    Measured {
        latencies: Some(Latencies {
            p50: milliseconds(50),
            p90: milliseconds(90),
            p95: milliseconds(1_999),
            p99: milliseconds(2_500),
            p999: milliseconds(2_900),
            max: milliseconds(3_000),
            avg: milliseconds(60),
        }),
        all_latencies: Some(Latencies { p50: milliseconds(3), max: milliseconds(30_000), ..Latencies::default() }),
        failed_share: 0.009,
        accepted: 1_001,
        accepted_per_second: 500.5,
        drained_after: Some(milliseconds(5_500)),
        lag_left: Some(0),
        counts: Some(Counts { unknown: 5, unknown_stored: 3, replayed: 1, ..Counts::default() }),
        visible: Times { p50: Some(milliseconds(2_500)), avg: Some(milliseconds(2_600)), ..Times::default() },
    }
}

fn broken(thresholds: &[Threshold], measured: Measured) -> Vec<String> {
    let verdicts = judge(thresholds, &measured).into_iter();
    verdicts.filter(|verdict| !verdict.holds).map(|verdict| verdict.threshold).collect()
}

fn verdict(text: &str, measured: &Measured) -> (f64, bool) {
    let verdict = text.parse::<Threshold>().unwrap().judge(measured);
    (verdict.value, verdict.holds)
}

#[test]
fn each_default_is_judged_alone() {
    let good = good();
    assert_eq!(broken(&defaults(), good), [""; 0]);
    let latencies = good.latencies.map(|latencies| Latencies { p95: Duration::from_secs(2), ..latencies });
    assert_eq!(broken(&defaults(), Measured { latencies, ..good }), ["p95<2000ms"]);
    assert_eq!(broken(&defaults(), Measured { failed_share: 0.01, ..good }), ["failed<1%"]);
    let counts = Some(Counts { missing: 1, duplicated: 1, changed: 1, unexpected: 1, ..Counts::default() });
    assert_eq!(broken(&defaults(), Measured { counts, ..good }), OF_LEDGER);
    let counts = Some(Counts { dead_lettered: 1, ..Counts::default() });
    assert_eq!(broken(&defaults(), Measured { counts, accepted: 0, lag_left: Some(1), ..good }), UNLESS_GIVEN);
}

#[test]
fn where_latencies_have_rules_of_their_own_the_ledger_is_judged_all_the_same() {
    let broken = |accepted, missing, lag_left| {
        let counts = Some(Counts { missing, ..Counts::default() });
        let verdicts = judge_ledger(accepted, counts, lag_left).into_iter();
        verdicts.filter(|verdict| !verdict.holds).map(|verdict| verdict.threshold).collect::<Vec<_>>()
    };
    assert_eq!(broken(5, 0, Some(0)), [""; 0]);
    assert_eq!(broken(0, 0, None), ["accepted>0"]);
    assert_eq!(broken(5, 2, Some(1)), ["lag_left==0", "missing==0"]);
}

#[test]
fn some_thresholds_need_the_ledger_and_some_the_drain() {
    let needs = |text: &str| {
        let threshold: Threshold = text.parse().unwrap();
        (threshold.is_of_ledger(), threshold.is_of_drain())
    };
    for of_ledger in ["missing==0", "duplicated==0", "changed==0", "unexpected==0", "dead_lettered<5"] {
        assert_eq!(needs(of_ledger), (true, false), "{of_ledger}");
    }
    for of_drain in ["drain<10s", "lag_left==0"] {
        assert_eq!(needs(of_drain), (false, true), "{of_drain}");
    }
    for other in ["p95<2s", "failed<1%", "accepted>0", "visible_p99<6s"] {
        assert_eq!(needs(other), (false, false), "{other}");
    }
}

#[test]
fn what_must_not_occur_holds_only_without_it() {
    let verdict = |count| ThresholdVerdict::none("poison stored==0", count);
    assert!(verdict(0).holds && !verdict(1).holds);
    assert_eq!((verdict(7).threshold.as_str(), verdict(7).value), ("poison stored==0", 7.0));
}

#[test]
fn a_threshold_is_shown_as_it_was_written() {
    assert_eq!("p95<2s".parse::<Threshold>().unwrap().to_string(), "p95<2s");
}

#[test]
fn the_ledger_is_judged_whatever_is_given_and_once() {
    let given: Vec<Threshold> = ["p50<1s", "missing==0"].map(|text| text.parse().unwrap()).into();
    let names: Vec<String> = judge(&given, &good()).into_iter().map(|verdict| verdict.threshold).collect();
    let always = ["accepted>0", "dead_lettered==0", "lag_left==0", "duplicated==0", "changed==0", "unexpected==0"];
    assert_eq!(names, ["p50<1s", "missing==0"].into_iter().chain(always).collect::<Vec<_>>());
    let counts = Some(Counts { missing: 3, ..Counts::default() });
    let lenient: Threshold = "missing<5".parse().unwrap();
    assert_eq!(broken(&[lenient], Measured { counts, ..good() }), ["missing==0"]);
    let unseen = Measured { counts: None, lag_left: None, ..good() };
    let names: Vec<String> = judge(&defaults(), &unseen).into_iter().map(|verdict| verdict.threshold).collect();
    assert_eq!(names, ["p95<2000ms", "failed<1%", "accepted>0"], "nothing is said about what was not seen");
}

#[test]
fn who_expects_dead_letters_or_lag_may_say_how_much() {
    let counts = Some(Counts { dead_lettered: 3, ..Counts::default() });
    let measured = Measured { counts, accepted: 0, lag_left: Some(9), ..good() };
    let given: Vec<Threshold> =
        ["dead_lettered<=3", "lag_left<10", "accepted==0"].map(|text| text.parse().unwrap()).into();
    assert_eq!(broken(&given, measured), [""; 0]);
}

#[test]
fn every_measure_has_its_own_value() {
    let measured = good();
    for (text, value, holds) in [
        ("p50<51ms", 50.0, true),
        ("p90<=90ms", 90.0, true),
        ("p99<2.5s", 2.5, false),
        ("p99.9>2s", 2.9, true),
        ("max==3s", 3.0, true),
        ("avg<0.06s", 0.06, false),
        ("all_p50<51ms", 3.0, true),
        ("all_max<30s", 30.0, false),
        ("failed<0.5%", 0.9, false),
        ("accepted>1000", 1_001.0, true),
        ("rate>=500.5", 500.5, true),
        ("drain<10s", 5.5, true),
        ("drain<5000ms", 5_500.0, false),
        (" unexpected == 0 ", 0.0, true),
        ("changed==1", 0.0, false),
        ("dead_lettered<1", 0.0, true),
        ("lag_left>0", 0.0, false),
    ] {
        let (found, found_holds) = verdict(text, &measured);
        assert!((found - value).abs() < 1e-9 && found_holds == holds, "{text}: {found}, {found_holds}");
    }
}

#[test]
fn what_never_happened_is_never_soon_enough() {
    let measured = Measured { drained_after: None, latencies: None, ..good() };
    assert_eq!(verdict("drain<1000000s", &measured), (f64::INFINITY, false));
    assert_eq!(verdict("p95<1000000s", &measured), (f64::INFINITY, false), "no post was accepted");
    assert!(verdict("all_p50<51ms", &measured).1, "but all were answered");
}

#[test]
fn what_only_states_have_is_judged_where_they_are() {
    let states =
        StateCounts { stale: 1, out_of_order: 2, older_seen: Some(3), superseded: 7, ..StateCounts::default() };
    let counts = good().counts.map(|counts| Counts { states: Some(states), ..counts });
    assert_eq!(broken(&defaults(), Measured { counts, ..good() }), OF_STATES);
    let with = |states| Measured { counts: good().counts.map(|counts| Counts { states, ..counts }), ..good() };
    let well = with(Some(StateCounts { older_seen: Some(0), ..StateCounts::default() }));
    assert_eq!(broken(&defaults(), well), [""; 0]);
    let judged = |measured: &Measured| judge(&defaults(), measured).len();
    assert_eq!(judged(&well), judged(&good()) + OF_STATES.len());
    let nobody_looked = with(Some(StateCounts::default()));
    assert_eq!(judged(&nobody_looked), judged(&good()) + OF_STATES.len() - 1);
    assert_eq!(verdict("older_seen==0", &nobody_looked), (f64::INFINITY, false), "what is not known does not hold");
    let late = StateCounts { overtaken: 4, appended_again: 5, older_seen: Some(0), ..StateCounts::default() };
    let measured = with(Some(late));
    assert_eq!(broken(&defaults(), measured), [""; 0], "who minds these says so");
    assert_eq!(verdict("overtaken<=3", &measured), (4.0, false));
    assert_eq!(verdict("appended_again<=5", &measured), (5.0, true));
}

#[test]
fn a_recovery_is_judged_by_the_longest() {
    let threshold: Threshold = "recovered<10s".parse().unwrap();
    let judged = |longest: Option<u64>| {
        let verdict = threshold.judge_recovery(longest.map(Duration::from_millis));
        (verdict.value, verdict.holds)
    };
    assert_eq!([judged(Some(9_999)), judged(Some(10_000))], [(9.999, true), (10.0, false)]);
    assert_eq!(judged(None), (f64::INFINITY, false), "no recovery is later than every limit");
    assert_eq!("recovered<500ms".parse::<Threshold>().unwrap().judge_recovery(Some(Duration::from_secs(2))).value, 2e3);
    assert_eq!(
        ["recovered<1s", "drain<1s"].map(|text| text.parse::<Threshold>().unwrap().is_of_recovery()),
        [true, false]
    );
}

#[test]
fn an_unreadable_threshold_is_explained() {
    for (text, expected) in [
        ("", "must compare with"),
        ("p95", "must compare with"),
        ("p95=2s", "must compare with"),
        ("p95!=2s", "must compare with"),
        ("p95<", "must end with a number"),
        ("p95<-2s", "must end with a number"),
        ("p95<1.2.3s", "must end with a number"),
        ("p95<infs", "must end with a number"),
        ("p95<2000", "a time needs its unit, such as p95<2000ms or p95<2s"),
        ("p95<2m", "a time needs its unit"),
        ("drain<10", "a time needs its unit"),
        ("recovered<10", "a time needs its unit, such as recovered<2000ms"),
        ("p75<2s", "must start with p50"),
        ("failed<1", "in percent, such as failed<1%"),
        ("missing==0%", "missing takes a number alone"),
    ] {
        let error = text.parse::<Threshold>().unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn a_comparison_compares_numbers(accepted in 0_u64..50, limit in 0_u64..50) {
        let measured = Measured { accepted, ..good() };
        let holds = |sign: &str| verdict(&format!("accepted{sign}{limit}"), &measured).1;
        let expected = [accepted < limit, accepted <= limit, accepted > limit, accepted >= limit, accepted == limit];
        prop_assert_eq!(["<", "<=", ">", ">=", "=="].map(holds), expected);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "[a-z0-9.<>=% ]{0,16}") {
        if let Ok(threshold) = text.parse::<Threshold>() {
            prop_assert_eq!(threshold.to_string().parse::<Threshold>().unwrap(), threshold);
        }
    }
}

#[test]
fn what_was_never_seen_is_later_than_every_limit() {
    let good = good();
    assert_eq!(verdict("visible_p50<6s", &good), (2.5, true));
    assert_eq!(verdict("visible_avg<2000ms", &good), (2_600.0, false));
    assert_eq!(verdict("visible_p99<100s", &good), (f64::INFINITY, false));
    assert!("visible_p99<6".parse::<Threshold>().unwrap_err().contains("a time needs its unit"));
    assert!("visible_drain<6s".parse::<Threshold>().is_err());
    let thresholds = ["visible_p99.9<6s", "older_seen==0", "p99<6s"].map(|text| text.parse::<Threshold>().unwrap());
    assert_eq!(thresholds.map(|threshold| threshold.is_of_visibility()), [true, true, false]);
}
