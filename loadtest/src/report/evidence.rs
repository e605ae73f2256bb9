//! What a run, or all its shares together, measured: everything in its report except what the store says.

use std::time::Duration;

use contract::Kind;
use hdrhistogram::Histogram;

use super::run::{Latency, RunReport, ServiceUsage};
use crate::base::text::per_second;
use crate::ledger::books::Counts;
use crate::ledger::post::RunId;
use crate::ledger::reconcile::Reconciled;
use crate::load::generator::latencies::Latencies;
use crate::load::generator::strain::GeneratorReport;
use crate::load::generator::tally::Tally;
use crate::pipeline::counted::Counted;
use crate::pipeline::observer::Usage;
use crate::pipeline::scrape::Bucket;
use crate::report::environment::Environment;
use crate::report::reported_counts::ReportedCounts;
use crate::report::series::Point;
use crate::report::threshold::{Measured, Threshold, judge};
use crate::report::visible::AcceptToVisible;

/// What was seen and counted, unrounded.
pub(crate) struct RunEvidence {
    pub(crate) run: RunId,
    pub(crate) kind: Kind,
    pub(crate) ended_early: bool,
    /// The ledger before it is compared with the store.
    pub(crate) answered: Counts,
    pub(crate) counted: Option<Counted>,
    pub(crate) tally: Tally,
    /// From the first post to the last answer.
    pub(crate) elapsed: Duration,
    pub(crate) generator: GeneratorReport,
    /// From the last answer until the wait for the store ended, however it ended.
    pub(crate) waited: Option<Duration>,
    /// The same, if as far as anybody knows everything was stored by then.
    pub(crate) drained_after: Option<Duration>,
    pub(crate) lag_left: Option<u64>,
    pub(crate) producer: Usage,
    pub(crate) consumer: Usage,
    pub(crate) accept_to_store: Vec<Bucket>,
    pub(crate) accept_to_visible: AcceptToVisible,
    pub(crate) faults: Vec<String>,
    pub(crate) environment: Environment,
    pub(crate) series: Vec<Point>,
}

impl RunEvidence {
    /// The report, with the reconciled ledger, if there is one, and the verdicts on these thresholds.
    pub(crate) fn report(self, reconciled: Option<Reconciled>, thresholds: &[Threshold]) -> RunReport {
        let Self { tally, elapsed, faults, .. } = self;
        let counts = reconciled.as_ref().map(|reconciled| reconciled.counts);
        let ids_compared = reconciled.as_ref().map(|reconciled| reconciled.ids_compared);
        let (compared, findings) = reconciled.map(|found| (found.compared, found.findings)).unzip();
        let outcomes = tally.outcomes;
        let measured_time = elapsed.saturating_sub(Duration::from_secs_f64(self.environment.load.warm_up_seconds));
        let measured_rate = |latencies: &Histogram<u64>| per_second(latencies.len(), measured_time);
        let accepted_per_second = measured_rate(&tally.latencies.accepted_us);
        let accept_to_visible = self.accept_to_visible.with_ids_compared(ids_compared);
        let accepted_latencies = Latencies::of(&tally.latencies.accepted_us);
        let all_latencies = Latencies::of(&tally.latencies.all_us);
        let measured = Measured {
            latencies: accepted_latencies,
            all_latencies,
            failed_share: outcomes.failed_share(),
            accepted: outcomes.accepted,
            accepted_per_second,
            drained_after: self.drained_after,
            lag_left: self.lag_left,
            counts,
            visible: accept_to_visible.seen.times(),
        };
        let thresholds = judge(thresholds, &measured);
        RunReport {
            run: self.run.to_string(),
            kind: self.kind.name(),
            passed: faults.is_empty() && thresholds.iter().all(|verdict| verdict.holds),
            ended_early: self.ended_early,
            counts: ReportedCounts::of(counts.unwrap_or(self.answered), counts.is_some()),
            states: counts.and_then(|counts| counts.states),
            audit: None,
            ids: ids_compared.map(|compared| if compared { "compared" } else { "not compared" }),
            compared,
            counted: self.counted,
            requests_per_second: measured_rate(&tally.latencies.all_us),
            accepted_per_second,
            load_seconds: elapsed.as_secs_f64(),
            accepted_latency_ms: accepted_latencies.map(Latency::of),
            latency_ms: Latency::of(all_latencies.unwrap_or_default()),
            failed_share: outcomes.failed_share(),
            outcomes,
            invalid_accepted: tally.wrong.invalid_accepted,
            generator: self.generator,
            drain_seconds: self.waited.map(|waited| waited.as_secs_f64()),
            lag_left: self.lag_left,
            producer: ServiceUsage::of(self.producer, outcomes.accepted),
            consumer: ServiceUsage::of(self.consumer, outcomes.accepted),
            accept_to_store_seconds: self.accept_to_store,
            accept_to_visible,
            chaos: None,
            drift: None,
            thresholds,
            faults,
            findings: findings.unwrap_or_default(),
            environment: self.environment,
            series: self.series,
            latencies: tally.latencies,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use contract::PostId;

    use super::*;
    use crate::load::generator::outcome::{Outcome, UnknownCause};
    use crate::report::run::tests::example;

    /// Ten seconds, of which the first four are not measured: 40 posts in these, 30 accepted and 30 unknown after them.
    fn evidence() -> RunEvidence {
        let (now, milliseconds) = (Instant::now(), Duration::from_millis);
        let mut tally = Tally::default();
        let accepted = || Outcome::Accepted(PostId::fresh());
        (0..40).for_each(|_| tally.record_in_warm_up(accepted(), now, now + milliseconds(9_000)));
        (0..30).for_each(|_| tally.record(accepted(), now, now + milliseconds(50)));
        (0..30).for_each(|_| tally.record(Outcome::Unknown(UnknownCause::Unavailable), now, now + milliseconds(1)));
        let mut environment = example().environment;
        environment.load.warm_up_seconds = 4.0;
        RunEvidence {
            run: "00ab12cd".parse().expect("it has eight digits"),
            kind: Kind::Post,
            ended_early: false,
            answered: Counts { accepted: 70, unknown: 30, ..Counts::default() },
            counted: None,
            generator: example().generator,
            tally,
            elapsed: Duration::from_secs(10),
            waited: None,
            drained_after: None,
            lag_left: None,
            producer: Usage::default(),
            consumer: Usage::default(),
            accept_to_store: vec![],
            accept_to_visible: AcceptToVisible::off("the store cannot be reached".to_owned()),
            faults: vec![],
            environment,
            series: vec![],
        }
    }

    #[test]
    fn rates_and_latencies_are_those_after_the_warm_up() {
        let report = evidence().report(None, &["p50<60ms", "all_p50<2ms", "rate==5", "accepted==70"].map(threshold));
        assert_eq!((report.accepted_per_second, report.requests_per_second), (5.0, 10.0));
        assert_eq!((report.counts.accepted, report.outcomes.accepted, report.failed_share), (70, 70, 0.3));
        let accepted = report.accepted_latency_ms.expect("posts were accepted");
        assert!((50.0..50.1).contains(&accepted.p50) && accepted.max < 50.1, "{accepted:?}");
        assert!((1.0..1.1).contains(&report.latency_ms.p50) && report.latency_ms.max < 50.1, "{:?}", report.latency_ms);
        assert!(report.thresholds.iter().all(|verdict| verdict.holds), "{:?}", report.thresholds);
    }

    #[test]
    fn a_load_that_ended_in_its_warm_up_measured_nothing() {
        let ended = RunEvidence { elapsed: Duration::from_secs(3), tally: Tally::default(), ..evidence() };
        let report = ended.report(None, &["p50<60s"].map(threshold));
        assert_eq!((report.accepted_per_second, report.passed), (0.0, false));
        assert!(report.accepted_latency_ms.is_none());
    }

    fn threshold(text: &str) -> Threshold {
        text.parse().expect("it is a threshold")
    }
}
