//! The options of `find-max`.

use std::time::Duration;

use clap::Args;

use super::access::AccessOptions;
use super::run::{LoadOptions, OutcomeOptions};
use super::stack::StackOptions;
use super::values::{duration_or_zero, positive_duration, rate};

#[derive(Debug, Args)]
pub(crate) struct FindMaxOptions {
    /// The longest p99, from when a post was due until its answer
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = positive_duration)]
    pub(crate) slo: Duration,
    /// Posts per second to start with [default: seven tenths of what a short closed-loop load gets]
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) start: Option<f64>,
    /// Probes around the limit, once one rate was sustained and two probes above it were not; more make the intervals
    /// narrower
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeats: u32,
    /// How long each probe runs before it is measured
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = positive_duration)]
    pub(crate) warm_up: Duration,
    /// How long each probe is measured
    #[arg(long, value_name = "TIME", default_value = "8s", value_parser = positive_duration)]
    pub(crate) measure: Duration,
    /// How long a run at the rate that was found lasts, to confirm that it is sustained; 0s for none
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration_or_zero)]
    pub(crate) confirm: Duration,
    /// Send to this server, such as http://localhost:3000 or https://…, and start nothing; KAFKA_BROKER lets the lag
    /// be seen, --mongo-uri or MONGO_URI the stored posts
    #[arg(long, value_name = "URL")]
    pub(crate) target: Option<String>,
    /// Where the metrics of --target are, such as http://localhost:3100 [default: where --target is]
    #[arg(long, value_name = "URL", requires = "target")]
    pub(crate) target_metrics: Option<String>,
    #[command(flatten)]
    pub(crate) access: AccessOptions,
    /// Where the documents are, such as mongodb://localhost:27017/scalable-api [default: MONGO_URI, else a store is
    /// started]
    #[arg(long, value_name = "URI")]
    pub(crate) mongo_uri: Option<String>,
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    #[command(flatten)]
    pub(crate) outcome: OutcomeOptions,
}
