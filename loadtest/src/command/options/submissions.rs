//! The options of `submissions`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::access::OwnAccessOptions;
use super::values::{duration_or_zero, positive_duration, rate, share};
use crate::ledger::submissions::content::Contents;
use crate::load::submissions::requests::SubmissionPlan;
use crate::pipeline::submissions::database::DatabaseKind;
use crate::pipeline::submissions::queue::QueueKind;
use crate::report::submissions::verdicts::SubmissionThreshold;

pub(crate) const SUBMISSIONS_EXPLANATION: &str = "\
Every submission that was accepted must be in the database once, as it was sent, in the one final status that follows \
from its number and from what was asked for; what was looked at meanwhile must be a legal sequence. The report is \
submissions.json.

Faults with --database sqlite: process-kill (SIGKILL, started again after the hold), process-stop (SIGTERM), \
process-freeze (SIGSTOP, for longer than two heartbeats). With --database postgres: the same of api and worker \
(api-kill, worker-freeze, ...), postgres-kill, postgres-freeze. With --queue kafka also broker-kill and broker-freeze.

Environment: DATABASE_URL names a PostgreSQL, and KAFKA_BROKER a broker, that runs already; HEARTBEAT, \
WORKER_CONCURRENCY, LOG and the like are passed on (see `submissions --help`); WORK_TIME is 100ms unless it is set.

Exit codes: 0 all is well, 64 arguments or settings that cannot be used, 1 the start failed or the work could not be \
done, 99 a threshold or the ledger failed, 130 ended by a second Ctrl-C.";

#[derive(Debug, Args)]
pub(crate) struct SubmissionsOptions {
    /// Where submissions are kept
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    pub(crate) database: DatabaseKind,
    /// How workers learn what they can claim
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    pub(crate) queue: QueueKind,
    #[command(flatten)]
    pub(crate) access: OwnAccessOptions,
    /// Worker processes, with --database postgres
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) workers: u32,
    /// How long submissions are sent, such as 30s or 5m; with --faults at least until the last one is over
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = positive_duration)]
    pub(crate) duration: Duration,
    /// End the load after this number of submissions, if nothing ends it before
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=Contents::MOST))]
    pub(crate) records: Option<u64>,
    /// Virtual users, each with a connection of its own
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) vus: u32,
    /// A user's pause between an answer and its next request, such as 250ms; 0 for none
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = duration_or_zero)]
    pub(crate) think: Duration,
    /// Submissions per second, offered no matter how the answers come
    #[arg(long, value_name = "N", conflicts_with = "think", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Longest wait for an answer; after that the submission counts as unknown
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = positive_duration)]
    pub(crate) request_timeout: Duration,
    /// The share of requests that are bulks
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    bulk_share: f64,
    /// Submissions in a bulk
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    bulk: u32,
    /// The share of requests with an Idempotency-Key: sent again after an unknown answer until one is known, and every
    /// other one after any answer
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    key_share: f64,
    /// The share of submissions that the API must reject
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    invalid_share: f64,
    /// The share of accepted submissions that are cancelled, at any time until they should be final
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    cancel_share: f64,
    /// The share of accepted submissions for which another try is asked
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    retry_share: f64,
    /// The share of accepted submissions that are looked at until they are final, 64 at a time at most
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    watch_share: f64,
    /// Contents and faults follow from this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// What happens meanwhile, separated by commas, each as often as it says: worker-kill=4,api-kill=3; `all` is each
    /// fault once
    #[arg(long, value_name = "LIST")]
    pub(crate) faults: Option<String>,
    /// How long a fault lasts [default: half a second to five]
    #[arg(long, value_name = "TIME", requires = "faults", value_parser = positive_duration)]
    pub(crate) hold: Option<Duration>,
    /// Longest wait, after the load, until all is final
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = positive_duration)]
    pub(crate) drain_timeout: Duration,
    /// Directory for submissions.json and the logs [default: a new one under target/loadtest]
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// What the run must keep to, such as 'final_p99<1s', may be repeated: submit_p50 and the like (p50, p90, p95, p99,
    /// p99.9, max, avg, in ms or s; from when a request was due until it was accepted), status_p50 (a look at one),
    /// final_p50 (from acceptance to the verdict), failed (%), accepted, rate (accepted per second), drain, rerun (the
    /// longest time until the work of a killed or frozen worker ran again), late_finishes, unexplained (lost workers to
    /// which nothing was done, in % of the submissions); by <, <=, >, >= or == [default: 'unexplained<1%'; 'failed<1%'
    /// without --faults; 'rerun<5s', or 'rerun<11s' with --queue kafka, where workers are killed, one of which must
    /// have held work; nothing may be wrong in any case]
    #[arg(long = "threshold", value_name = "CONDITION")]
    pub(crate) thresholds: Vec<SubmissionThreshold>,
}

impl SubmissionsOptions {
    /// What is sent.
    pub(crate) fn plan(&self) -> SubmissionPlan {
        let Self { seed, invalid_share, key_share, bulk_share, bulk, cancel_share, retry_share, watch_share, .. } =
            *self;
        SubmissionPlan { seed, invalid_share, key_share, bulk_share, bulk, cancel_share, retry_share, watch_share }
    }
}
