//! What the report says about the faults.

use std::time::Duration;

use serde::Serialize;

use crate::pipeline::chaos::extra::ExtraReport;
use crate::pipeline::chaos::poison::PoisonReport;
use crate::pipeline::chaos::stage::HappenedFault;
use crate::pipeline::chaos::watch::ChaosWatch;

/// The column of the faults' names has at least this width.
const NARROWEST: usize = 15;

/// The faults of a run and their effects.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ChaosReport {
    /// The seed of the faults' moments, durations and choices.
    pub(crate) seed: u64,
    /// Whether each fault came only after the previous one had no effect any more.
    pub(crate) one_by_one: bool,
    /// The number of Kafka brokers.
    pub(crate) brokers: u32,
    /// The longest time without an accepted post.
    pub(crate) longest_silence_seconds: f64,
    /// The longest recovery from a fault; null if there was none from one of them, or no fault.
    pub(crate) longest_recovery_seconds: Option<f64>,
    /// The largest lag seen, in records.
    pub(crate) largest_lag: u64,
    /// A lag of at most this many records counts as none: a healthy pipeline has it.
    pub(crate) calm_lag: u64,
    /// Each fault, in the order of their starts.
    pub(crate) faults: Vec<FaultReport>,
    /// What became of the bad records.
    pub(crate) poison: PoisonReport,
    /// What became of the posts that were sent past the producer.
    pub(crate) extra_posts: ExtraReport,
}

/// A fault that happened.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FaultReport {
    pub(crate) fault: &'static str,
    /// What was hit, and how.
    pub(crate) remark: String,
    /// From the start of the load.
    pub(crate) at_seconds: f64,
    /// Until the part that was hit was restarted, resumed, or reconnected.
    pub(crate) lasted_seconds: f64,
    /// From the fault's start until posts were accepted again; zero if they always were, null if they never were again.
    pub(crate) accepted_again_seconds: Option<f64>,
    /// From the fault's start until the group had finished records again and there was no lag; null if that never
    /// happened. Other faults may have come in between.
    pub(crate) lag_gone_seconds: Option<f64>,
    /// From the fault's end until both had happened; zero if they had by then, null if one of them never did.
    pub(crate) recovered_seconds: Option<f64>,
}

impl FaultReport {
    pub(crate) fn of(happened: &HappenedFault, watch: &ChaosWatch, calm_lag: u64) -> Self {
        let HappenedFault { fault, begin, over, remark } = happened;
        let (begin, over, timeline) = (watch.at(*begin), watch.at(*over), watch.timeline());
        let seconds = |time: Duration| time.as_secs_f64();
        Self {
            fault: fault.name(),
            remark: remark.clone(),
            at_seconds: seconds(begin),
            lasted_seconds: seconds(over.saturating_sub(begin)),
            accepted_again_seconds: timeline.accepted_again(begin, over).map(seconds),
            lag_gone_seconds: timeline.lag_gone(begin, over, calm_lag).map(seconds),
            recovered_seconds: timeline.recovered(begin, over, calm_lag).map(seconds),
        }
    }
}

/// The longest recovery from these faults; `None` if there was none from one of them, or no fault.
pub(crate) fn longest_recovery(faults: &[FaultReport]) -> Option<f64> {
    let recoveries = faults.iter().map(|fault| fault.recovered_seconds).collect::<Option<Vec<f64>>>()?;
    recoveries.into_iter().reduce(f64::max)
}

impl ChaosReport {
    /// A line for each fault, and a summary.
    pub(crate) fn lines(&self) -> Vec<String> {
        let seconds = |time: Option<f64>| time.map_or("never".to_owned(), |seconds| format!("{seconds:.1} s"));
        let width = self.faults.iter().map(|fault| fault.fault.len()).max().unwrap_or_default().max(NARROWEST);
        let mut lines = vec![format!(
            "{:<width$}{:>8}{:>9}{:>16}{:>11}{:>11}",
            "fault", "at", "lasted", "accepted again", "lag gone", "recovered"
        )];
        for fault in &self.faults {
            lines.push(
                format!(
                    "{:<width$}{:>8}{:>9}{:>16}{:>11}{:>11}   {}",
                    fault.fault,
                    seconds(Some(fault.at_seconds)),
                    seconds(Some(fault.lasted_seconds)),
                    seconds(fault.accepted_again_seconds),
                    seconds(fault.lag_gone_seconds),
                    seconds(fault.recovered_seconds),
                    fault.remark
                )
                .trim_end()
                .to_owned(),
            );
        }
        lines.push(format!(
            "longest time without an accepted post {:.1} s, longest recovery {}, largest lag {}",
            self.longest_silence_seconds,
            seconds(self.longest_recovery_seconds),
            self.largest_lag
        ));
        if self.poison.sent > 0 {
            lines.push(format!("bad records sent {}, dead-lettered {:?}", self.poison.sent, self.poison.dead_lettered));
        }
        if self.extra_posts.sent > 0 {
            let ExtraReport { sent, missing } = self.extra_posts;
            lines.push(format!("posts sent past the producer {sent}, not stored {missing}"));
        }
        lines
    }
}
