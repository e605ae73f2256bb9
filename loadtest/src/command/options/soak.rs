//! The options of `soak`.

use clap::Args;

use super::run::RunOptions;
use super::values::{megabytes_per_hour, percent_per_hour, share};
use crate::report::drift::GrowthLimits;

#[derive(Debug, Args)]
pub(crate) struct SoakOptions {
    /// The soak fails if the resident memory of producer or consumer grows faster, such as 5MB/h
    #[arg(long, value_name = "MB/h", default_value = "5MB/h", value_parser = megabytes_per_hour)]
    max_memory_growth: f64,
    /// The soak fails if the p99 of the latency grows faster, in percent of what it was at the start, such as 10%/h
    #[arg(long, value_name = "%/h", default_value = "10%/h", value_parser = percent_per_hour)]
    max_latency_growth: f64,
    /// The share of the load at its start that is left out when growth is judged, never less than --warm-up
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    warm_up_share: f64,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}

impl SoakOptions {
    pub(crate) fn limits(&self) -> GrowthLimits {
        GrowthLimits {
            megabytes_per_hour: self.max_memory_growth,
            percent_per_hour: self.max_latency_growth,
            warm_up_share: self.warm_up_share,
            warm_up_seconds: self.run.warm_up.as_secs_f64(),
        }
    }
}
