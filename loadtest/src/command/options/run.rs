//! The options of `run`, some of which other verbs share: how posts are sent, and what comes after.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use clap::Args;
use contract::Kind;

use super::access::AccessOptions;
use super::documents::DocumentOptions;
use super::stack::StackOptions;
use super::values::{duration_or_zero, kind, positive_duration, rate, share};
use crate::base::exit::Unusable;
use crate::command::schema_bodies;
use crate::ledger::plan::{Keys, RunPlan};
use crate::ledger::post::RunId;
use crate::ledger::post::bodies::{ContentLength, Shape};
use crate::ledger::schema_bodies::SchemaBodies;
use crate::load::cpu::cores;
use crate::load::generator::Load;
use crate::load::pacing::stages::Stages;
use crate::load::pacing::turns::UserRule;
use crate::load::pacing::{Model, Rate};
use crate::load::share::RunShare;
use crate::load::target::Target;
use crate::pipeline::audit_log::AuditLogs;
use crate::report::threshold::Threshold;

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    /// How long posts are sent, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = positive_duration)]
    pub(crate) duration: Duration,
    /// What is due during this time, at the start of the load, is sent and proven, but enters no percentile of the
    /// latency and no rate, such as 5s
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration_or_zero)]
    pub(crate) warm_up: Duration,
    /// A user's pause between an answer and its next post, such as 250ms; 0 for none
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration_or_zero)]
    pub(crate) think: Duration,
    /// Posts per second, offered no matter how the answers come; each, or each bulk, is sent by any user that is free
    #[arg(long, value_name = "N", conflicts_with = "think", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Posts per second that go up and down: points of time and rate, such as 0s:500,30s:5000,60s:5000, in a straight
    /// line in between; the last point is the end
    #[arg(long, value_name = "POINTS", conflicts_with_all = ["rate", "think", "duration"])]
    pub(crate) stages: Option<Stages>,
    /// With --rate or --stages: the users take turns, so the post of a user that still waits for an answer waits with
    /// it, although others are free
    #[arg(long)]
    pub(crate) fixed_users: bool,
    /// Send to this server, such as http://localhost:3000 or https://…, and start nothing; needs --mongo-uri or
    /// MONGO_URI to reconcile, and KAFKA_BROKER to see the lag and the dead letters
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
    pub(crate) documents: DocumentOptions,
    /// Do not look for the posts in the store of --target, say because it cannot be reached; then only the answers
    /// count
    #[arg(long, requires = "target", conflicts_with_all = ["mongo_uri", "collection", "match_field"])]
    pub(crate) no_reconcile: bool,
    /// Apply only this part of the load, such as 2/3 for the second of three generators that have all other options in
    /// common; `merge` then merges their reports
    #[arg(long, value_name = "K/M", requires_all = ["target", "run"])]
    pub(crate) share: Option<RunShare>,
    /// The id of the run that all shares are part of, eight hexadecimal digits that no run had before
    #[arg(long, value_name = "ID", requires = "share")]
    pub(crate) run: Option<RunId>,
    /// The producer writes an audit log, which takes time, and each request is compared with it: what was accepted has
    /// a line, and what has a line was accepted or is unknown
    #[arg(long, conflicts_with = "target")]
    pub(crate) audit_log: bool,
    /// Compare each request with this audit log of --target, of which there is one for each process; may be repeated
    #[arg(long, value_name = "FILE", requires = "target", conflicts_with = "share")]
    pub(crate) audit_log_file: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) stack: StackOptions,
    #[command(flatten)]
    pub(crate) outcome: OutcomeOptions,
    /// What the run must keep to, such as 'p99<500ms', may be repeated: p50, p90, p95, p99, p99.9, max, avg of the
    /// accepted posts' latency (ms or s), all_p50 and the like (of all posts that were sent, whatever the answer),
    /// visible_p50 and the like (until a sampled post is in the store), failed (%), accepted, rate (accepted per
    /// second), drain (ms or s), missing, duplicated, changed, unexpected, dead_lettered, lag_left; by <, <=, >, >= or
    /// == [default: 'p95<2000ms' and 'failed<1%'; those of the ledger always apply: 'accepted>0', nothing missing,
    /// duplicated, changed, unexpected or dead-lettered, no lag left]
    #[arg(long = "threshold", value_name = "CONDITION")]
    pub(crate) thresholds: Vec<Threshold>,
}

impl RunOptions {
    /// The audit logs that each request is compared with, if any: that of the producer that the lab starts with its
    /// logs in this directory, or those of the target.
    pub(crate) fn audit_logs(&self, directory: &Path) -> anyhow::Result<Option<AuditLogs>> {
        match &self.audit_log_file[..] {
            [] => self.audit_log.then(|| AuditLogs::of_lab(directory)).transpose(),
            files => AuditLogs::of_target(files).map(Some),
        }
    }
}

/// How posts are sent.
#[derive(Debug, Args)]
pub(crate) struct LoadOptions {
    /// The kind of the records that are sent: post, order, or one of KINDS_DIR. All other options that mention posts
    /// hold for it too
    #[arg(long, value_name = "KIND", default_value = "post", value_parser = kind)]
    pub(crate) kind: Kind,
    /// How many different orders, or other keys, there are, dealt out to the users, each of which has one at least:
    /// their other records are new states of these
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    keys: u64,
    /// With a kind of KINDS_DIR: the JSON pointer of the string in which each record carries the run and its number,
    /// such as /device/note [default: the first string that can]
    #[arg(long, value_name = "POINTER")]
    marker: Option<String>,
    /// With a kind of KINDS_DIR: send the bodies of this file, one JSON object a line, over and over, instead of
    /// drawing them from the schema; marker and key are put into each
    #[arg(long, value_name = "FILE")]
    bodies: Option<PathBuf>,
    /// The bodies of a kind of KINDS_DIR, once they are known to be usable.
    #[arg(skip)]
    of_schema: OnceLock<&'static SchemaBodies>,
    /// Records in a request, up to 10000; more than one are a bulk, each with a result of its own, and their latency is
    /// that of the request
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    bulk: u32,
    /// End the load after this number of records, if --duration does not end it before; chaos lasts until they are sent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) records: Option<u64>,
    /// Virtual users, each with a connection of its own; each sends a post, waits for its answer, and sends the next
    /// one
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) vus: u32,
    /// Longest wait for an answer; after that the post counts as unknown
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = positive_duration)]
    pub(crate) request_timeout: Duration,
    /// Send every post this often under its own Idempotency-Key, whatever the answers are; it is stored once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) repeat: u32,
    /// Characters of a content, such as 250, or 100-900 for any number in this range [default: 190-319]
    #[arg(long, value_name = "LENGTH")]
    content_length: Option<ContentLength>,
    /// The share of valid posts that are hostile: emoji, combining marks, bidi controls, needless escapes, shortest and
    /// longest texts, unknown fields and the like; they must be stored exactly as sent; 0 for none
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = share)]
    hostile_share: f64,
    /// The share of posts that break a rule on purpose, such as 0.01; 4xx is the right answer to them, 2xx is wrong
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    invalid_share: f64,
    /// The share of posts that are sent twice under their own Idempotency-Key, such as 0.05; they are stored once
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share, conflicts_with = "repeat")]
    retry_share: f64,
    /// The share of accepted posts that are looked up in the store until they are there, to see how long that takes; at
    /// most 100 a second; 0 for none. Not on FerretDB, where every look-up reads the whole collection
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    pub(crate) sample_share: f64,
    /// The contents of the posts, and of chaos the faults, are made from this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Serve the lab's own metrics there while it runs, such as 127.0.0.1:9464, for a Prometheus to scrape
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) prometheus: Option<SocketAddr>,
    /// Show the progress in lines, also on a terminal, instead of the live view
    #[arg(long)]
    pub(crate) plain: bool,
    /// Threads of the load generator [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: Option<u32>,
}

impl LoadOptions {
    /// What the posts of this run follow from.
    pub(crate) fn plan(&self, run: RunId) -> RunPlan {
        let content_length = self.content_length.unwrap_or_default();
        let Self { hostile_share, invalid_share, retry_share, .. } = *self;
        let shape = Shape { content_length, hostile_share, invalid_share, retry_share, is_bulk: self.bulk > 1 };
        let keys = Keys { users: self.vus, all: self.keys };
        let bodies = self.of_schema.get().copied();
        RunPlan { run, seed: self.seed, shape, repeat: self.repeat, kind: self.kind, keys, bodies, bulk: self.bulk }
    }

    /// Whether these options go together. Call it before anything else is made of them: it also gets ready what the
    /// bodies of a kind of `KINDS_DIR` are made from.
    pub(crate) fn usable(&self) -> Result<(), Unusable> {
        if self.kind != Kind::Post && self.content_length.is_some() {
            let kind = self.kind.name();
            return Err(Unusable(format!("--content-length is that of posts: leave it out of --kind {kind}")));
        }
        let (marker, file) = (self.marker.as_deref(), self.bodies.as_deref());
        match self.kind {
            Kind::Schema(kind) => {
                let bodies = schema_bodies::of_kind(kind, marker, file)?;
                self.of_schema.get_or_init(|| bodies);
                Ok(())
            }
            Kind::Post | Kind::Order if marker.is_some() || file.is_some() => {
                let kind = self.kind.name();
                Err(Unusable(format!(
                    "--marker and --bodies are for kinds of KINDS_DIR: leave them out of --kind {kind}"
                )))
            }
            Kind::Post | Kind::Order => Ok(()),
        }
    }

    /// Whether records are sent alone and without a limit, as this verb does.
    pub(crate) fn single(&self, verb: &str) -> Result<(), Unusable> {
        match (self.bulk, self.records) {
            (1, None) => Ok(()),
            (1, Some(_)) => Err(Unusable(format!("{verb} decides how many records it sends: leave out --records"))),
            _ => Err(Unusable(format!("{verb} sends single records: leave out --bulk"))),
        }
    }

    /// Whether these are posts, sent alone: this verb knows no other load.
    pub(crate) fn posts_alone(&self, verb: &str) -> Result<(), Unusable> {
        self.single(verb)?;
        if self.kind == Kind::Post { Ok(()) } else { Err(Unusable(format!("{verb} sends posts: leave out --kind"))) }
    }

    /// Requests per second, for this many records.
    pub(crate) fn requests(&self, records_per_second: f64) -> Rate {
        Rate::Constant(records_per_second / f64::from(self.bulk))
    }

    /// A load of this model: the number of threads asked for, else one per core, and never more than there are users.
    pub(crate) fn load(&self, model: Model, run: RunId, target: &Target) -> Load {
        Load {
            model,
            rule: UserRule::AnyFree,
            warm_up: Duration::ZERO,
            target: target.clone(),
            request_timeout: self.request_timeout,
            share: RunShare::WHOLE,
            plan: self.plan(run),
            threads: self.threads.unwrap_or_else(|| u32::try_from(cores()).unwrap_or(1)).min(self.vus),
        }
    }
}

/// What comes after the load.
#[derive(Debug, Args)]
pub(crate) struct OutcomeOptions {
    /// Longest wait, after the load, until all is stored
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = positive_duration)]
    pub(crate) drain_timeout: Duration,
    /// Directory for report.json and the logs [default: a new one under target/loadtest]
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}
