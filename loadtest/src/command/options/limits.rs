//! The options of `limits`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::stack::StackOptions;
use super::values::positive_duration;
use crate::report::limits::measure::LimitsMeasure;

#[derive(Debug, Args)]
pub(crate) struct LimitsOptions {
    /// How long each measure takes, such as 5s
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = positive_duration)]
    pub(crate) duration: Duration,
    /// How often each measure is taken; the medians count
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Virtual users, each with a connection of its own; each sends its next post when the previous one is answered
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) vus: u32,
    /// Only these measures: http, produce, produce_large, insert, producer, fetch and consumer (both take producer,
    /// too), pipeline, produce_ordered, update, order_consumer (takes produce_ordered, too)
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) only: Vec<LimitsMeasure>,
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    /// Directory for limits.json and the logs [default: a new one under target/loadtest]
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}
