//! The options of `merge`.

use std::path::PathBuf;

use clap::Args;

use super::documents::DocumentOptions;
use super::run::OutcomeOptions;
use crate::report::threshold::Threshold;

#[derive(Debug, Args)]
pub(crate) struct MergeOptions {
    /// The report directories of all shares, in any order
    #[arg(required = true, value_name = "DIR")]
    pub(crate) directories: Vec<PathBuf>,
    /// Where the documents are [default: MONGO_URI]
    #[arg(long, value_name = "URI")]
    pub(crate) mongo_uri: Option<String>,
    #[command(flatten)]
    pub(crate) documents: DocumentOptions,
    /// Do not look for the posts in the store, say because it cannot be reached
    #[arg(long, conflicts_with_all = ["mongo_uri", "collection", "match_field"])]
    pub(crate) no_reconcile: bool,
    /// Where Kafka is, to see the lag and the dead letters [default: KAFKA_BROKER, else neither is seen]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka_broker: Option<String>,
    #[command(flatten)]
    pub(crate) outcome: OutcomeOptions,
    /// What the whole run must keep to, as for `run`
    #[arg(long = "threshold", value_name = "CONDITION")]
    pub(crate) thresholds: Vec<Threshold>,
}
