use super::*;
use crate::report::chaos::{ChaosReport, FaultReport};
use crate::report::run::tests::example;
use crate::report::visible::AcceptToVisible;

/// A report with everything that it can have.
fn full() -> RunReport {
    let mut report = example();
    crate::report::run::tests::fill(&mut report);
    report
}

#[test]
fn the_verdict_and_its_reason_come_first() {
    let page = render(&full());
    assert!(page.contains("<title>Failed: run 00ab12cd</title>"), "{page}");
    assert!(
        page.contains("<h1>Failed</h1>") && page.contains("<strong>missing==0</strong> does not hold: 1<"),
        "{page}"
    );
    let mut passed = RunReport { passed: true, thresholds: vec![], faults: vec![], ..full() };
    assert!(render(&passed).contains("Every threshold holds."));
    assert!(render(&passed).contains("The load was too short to show whether memory or latency grow."));
    passed.drift = None;
    assert!(!render(&passed).contains("too short to show"));
    passed.counts.missing = Some(0);
    let of_keys = "Each of the 8,958 accepted posts is in the topic, as it was sent and in order (2 unknown ones \
                   overtook others), and each of the 9 keys is stored as its last record says.";
    assert!(render(&passed).contains(of_keys));
    passed.states = None;
    let page = render(&passed);
    assert!(page.contains("<h1>Passed</h1>"), "{page}");
    assert!(
        page.contains(
            "Each of the 8,958 accepted posts is stored exactly once, as it was sent, or dead-lettered with its reason."
        ),
        "{page}"
    );
    passed.compared = Some("title, text".to_owned());
    passed.counts.dead_lettered = Some(0);
    let sentence = "Each of the 8,958 accepted posts is stored exactly once, as it was sent in title, text.";
    assert!(render(&passed).contains(sentence));
    passed.counts.changed = Some(1);
    assert!(!render(&passed).contains("as it was sent"));
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let page = render(&full());
    for forbidden in ["<script", "src=", "@import", "url(", "http://localhost", "https://"] {
        assert!(!page.contains(forbidden), "{forbidden} in {page}");
    }
    assert_eq!(page.matches("http://").count(), 1, "only the name of SVG in the icon: {page}");
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
}

#[test]
fn every_part_is_there() {
    let page = render(&full());
    for heading in [
        "In numbers",
        "Throughput",
        "Lag",
        "Latency over time",
        "Faults",
        "Latency by percentile",
        "From acceptance to visibility",
        "Ledger",
        "Thresholds",
        "Answers",
        "Findings",
        "What else went wrong",
        "CPU",
        "Memory",
        "Growth",
        "Environment",
        "Producer's settings",
    ] {
        assert!(page.contains(&format!("<h2>{heading}")), "{heading} in\n{page}");
    }
    assert!(page.contains("<th scope=\"row\">consumer-kill</th>"), "{page}");
    assert_eq!(page.matches("<text class=\"fault\"").count(), 3, "a mark in each plot over time");
}

#[test]
fn latencies_are_of_accepted_posts_with_all_outcomes_beside_them() {
    let mut report = full();
    let page = render(&report);
    assert!(page.contains("<th scope=\"row\">accepted</th><td class=\"number\">3.1 ms</td>"), "{page}");
    assert!(page.contains("<th scope=\"row\">all outcomes</th><td class=\"number\">2.9 ms</td>"), "{page}");
    assert!(page.contains("<td class=\"number\">41.0 ms</td>") && page.contains("30.00 s"), "{page}");
    assert!(page.contains("The closed model has a blind spot") && !page.contains("are in no latency"), "{page}");
    report.environment.load.warm_up_seconds = 2.5;
    report.environment.load.think_seconds = None;
    report.accepted_latency_ms = None;
    let page = render(&report);
    assert!(page.contains("due in the first 2.5 s are proven like all others"), "{page}");
    assert!(!page.contains("blind spot") && page.contains("<td class=\"number\">–</td>"), "{page}");
}

#[test]
fn where_no_post_was_looked_for_the_consumer_counts() {
    let mut report = full();
    report.accept_to_visible = AcceptToVisible::off("it would cost too much on this store".to_owned());
    let page = render(&report);
    assert!(page.contains("<h2>From acceptance to storage") && !page.contains("to visibility"), "{page}");
    assert!(page.contains("No post was looked for: it would cost too much on this store."), "{page}");
}

#[test]
fn a_run_about_which_nothing_is_known_has_a_page() {
    let page = render(&example());
    assert!(page.contains("<h2>Ledger") && !page.contains("<h2>Throughput"), "{page}");
}

#[test]
fn words_from_outside_are_only_shown() {
    let mut report = full();
    report.faults = vec!["<b>\"down\"</b>".to_owned()];
    if let Some(ChaosReport { faults, .. }) = &mut report.chaos {
        faults.iter_mut().for_each(|fault: &mut FaultReport| fault.remark = "<i>".to_owned());
    }
    let page = render(&report);
    assert!(page.contains("&lt;b&gt;&quot;down&quot;&lt;/b&gt;") && page.contains("<td>&lt;i&gt;</td>"), "{page}");
    assert!(!page.contains("<b>") && !page.contains("<i>"), "{page}");
}
