//! How the measures are taken.

use std::path::PathBuf;
use std::time::Duration;

use crate::ledger::post::RunId;
use crate::report::limits::measure::LimitsMeasure;

/// How the measures are taken.
#[derive(Debug)]
pub(crate) struct MeasurePlan {
    pub(crate) run: RunId,
    pub(crate) vus: u32,
    /// Of each measure.
    pub(crate) duration: Duration,
    /// The measures to take; none means all.
    pub(crate) only: Vec<LimitsMeasure>,
    /// Where the logs go.
    pub(crate) directory: PathBuf,
}
