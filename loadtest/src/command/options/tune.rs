//! The options of `tune`.

use std::time::Duration;

use clap::Args;

use super::run::{LoadOptions, OutcomeOptions};
use super::stack::StackOptions;
use super::values::positive_duration;
use crate::command::tune::knobs;

#[derive(Debug, Args)]
pub(crate) struct TuneOptions {
    /// How long the search may take; it does what it can afford in that time
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = positive_duration)]
    pub(crate) budget: Duration,
    /// The longest p99 of settings that are recommended; beyond it, no setting is better than one within it, however
    /// much it stores
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = positive_duration)]
    pub(crate) slo: Duration,
    /// Knobs that keep the value they have, separated by commas, such as CONSUMER_BATCH_MESSAGES,KAFKA_PARTITIONS
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = knob)]
    pub(crate) keep: Vec<&'static str>,
    /// How long each trial runs before it is measured
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = positive_duration)]
    pub(crate) warm_up: Duration,
    /// How long posts are sent after that, in each trial
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = positive_duration)]
    pub(crate) measure: Duration,
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    #[command(flatten)]
    pub(crate) outcome: OutcomeOptions,
}

fn knob(text: &str) -> Result<&'static str, String> {
    let names = knobs::KNOBS.map(|knob| knob.variable);
    names.into_iter().find(|name| *name == text).ok_or_else(|| format!("must be of {}", names.join(", ")))
}
