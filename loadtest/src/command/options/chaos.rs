//! The options of `chaos`: which faults, when, and under which load.

use std::time::Duration;

use clap::Args;
use stack::StoreKind;

use super::run::{LoadOptions, OutcomeOptions};
use super::values::{brokers, positive_duration, rate};
use crate::pipeline::chaos::faults::FaultList;
use crate::report::threshold::Threshold;

pub(crate) const CHAOS_EXPLANATION: &str = "\
Faults: consumer-kill, producer-kill (SIGKILL, restarted a moment later), consumer-stop, producer-stop (SIGTERM), \
consumer-pause, producer-pause (SIGSTOP, for longer than the group's session or PRODUCER_TIMEOUT), \
broker-kill, leader-kill, broker-stop, broker-pause, store-kill, store-pause, rebalance (another consumer joins and \
leaves), slow-store, cut-store, cut-broker (the network), poison (records that are not posts), dlq-gone (the topic of \
the dead letters is deleted), index (titles must be unique for a while), partitions (the topic gets one more).

A build with --features failpoints can also kill exactly at a step: consumer-kill@inserted, @dead-lettered, @noted, \
@commit-sent, @revoke-answered, producer-kill@produce-sent, @produce-acknowledged; every-step is each of these once.

The servers are always started natively, because they will be killed; KAFKA_PARTITIONS is 4, CONSUMER_BUFFER_BYTES \
1000000 and CONSUMER_BATCH_BYTES 250000 unless they are set.

Exit codes: 0 all is well, 64 arguments or settings that cannot be used, 1 the start failed or the work could not be \
done, 99 a threshold or the ledger failed, 130 ended by a second Ctrl-C.";

#[derive(Debug, Args)]
pub(crate) struct ChaosOptions {
    /// The faults, separated by commas, each as often as it says: consumer-kill=20,broker-kill=10; `all` is each of
    /// them once, `every-step` a kill at each step
    #[arg(long, value_name = "LIST", default_value = "all", value_parser = faults)]
    pub(crate) faults: FaultList,
    /// One fault at a time, each after the recovery from the previous one, instead of all at random moments
    #[arg(long)]
    pub(crate) one_by_one: bool,
    /// How long the load lasts; with --one-by-one, it ends with the last fault
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = positive_duration)]
    #[arg(conflicts_with = "one_by_one")]
    pub(crate) duration: Duration,
    /// How long a fault lasts that ends by itself, such as a pause [default: half a second to five]
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub(crate) hold: Option<Duration>,
    /// Posts per second, offered no matter how the answers come
    #[arg(long, value_name = "N", default_value = "1000", value_parser = rate)]
    pub(crate) rate: f64,
    /// Kafka brokers, 1 or 3; with 3 every record is on all three, and any one may be away
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = brokers)]
    pub(crate) brokers: u32,
    /// Which store is started
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    pub(crate) store: StoreKind,
    /// The producer writes an audit log, and each request is compared with it, across all its kills
    #[arg(long)]
    pub(crate) audit_log: bool,
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    #[command(flatten)]
    pub(crate) outcome: OutcomeOptions,
    /// What the run must keep to, such as 'recovered<10s', may be repeated: recovered (the longest time from the end of
    /// a fault until posts were accepted again and there was no lag, in ms or s), and all that `run` takes [default:
    /// none, since posts may fail and wait under faults; the ledger always judges]
    #[arg(long = "threshold", value_name = "CONDITION")]
    pub(crate) thresholds: Vec<Threshold>,
}

fn faults(text: &str) -> Result<FaultList, String> {
    text.parse()
}
