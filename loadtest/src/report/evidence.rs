//! What a run, or all its shares together, measured: everything in its report except what the store says.

use std::time::Duration;

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
        let accepted_per_second = per_second(outcomes.accepted, elapsed);
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
            passed: faults.is_empty() && thresholds.iter().all(|verdict| verdict.holds),
            ended_early: self.ended_early,
            counts: ReportedCounts::of(counts.unwrap_or(self.answered), counts.is_some()),
            ids: ids_compared.map(|compared| if compared { "compared" } else { "not compared" }),
            compared,
            counted: self.counted,
            requests_per_second: per_second(outcomes.sent(), elapsed),
            accepted_per_second,
            load_seconds: elapsed.as_secs_f64(),
            accepted_latency_ms: accepted_latencies.map(Latency::of),
            latency_ms: Latency::of(all_latencies.unwrap_or_default()),
            failed_share: outcomes.failed_share(),
            outcomes,
            invalid_accepted: tally.invalid_accepted,
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
