//! What a share of a run leaves for the merge, beside its report and its accepted ids: its ledger in `share.ledger`,
//! and everything that it measured, unrounded, in `share.json`.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::ledger::books::Ledger;
use crate::ledger::post::RunId;
use crate::load::generator::tally::Tally;
use crate::load::share::RunShare;
use crate::load::visible::seen::SeenPosts;
use crate::pipeline::observer::Used;
use crate::report::environment::Environment;
use crate::report::evidence::RunEvidence;
use crate::report::series::Stretch;

const MEASURED: &str = "share.json";
const LEDGER: &str = "share.ledger";

/// What a share measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ShareReport {
    pub(crate) run: RunId,
    pub(crate) share: RunShare,
    /// When its load started, in seconds since 1970, by its own host's clock.
    pub(crate) began: f64,
    /// From then to its last answer.
    pub(crate) load_seconds: f64,
    /// CPU time of the generator during the load.
    pub(crate) cpu_seconds: f64,
    /// From the last answer until the consumer group had no lag, if that was seen.
    pub(crate) drain_seconds: Option<f64>,
    pub(crate) ended_early: bool,
    pub(crate) faults: Vec<String>,
    pub(crate) tally: Tally,
    pub(crate) stretches: Vec<Stretch>,
    /// Why no post was looked for; the share that was; and what was seen of it.
    pub(crate) visible_off: Option<String>,
    pub(crate) sample_share: f64,
    pub(crate) seen: SeenPosts,
    /// What the producer used: CPU time, and peak memory.
    pub(crate) producer: Used,
    pub(crate) environment: Environment,
}

/// Writes the ledger of a share, before it is compared with anything.
pub(crate) fn save_ledger(ledger: &Ledger, directory: &Path) -> anyhow::Result<()> {
    let path = directory.join(LEDGER);
    let save = || {
        let mut file = BufWriter::new(File::create(&path)?);
        ledger.save(&mut file)?;
        file.flush()
    };
    save().with_context(|| format!("cannot write {}", path.display()))
}

impl ShareReport {
    /// The report of a share whose load started at `start` and took this CPU time of the generator.
    pub(crate) fn of(
        evidence: &RunEvidence,
        share: RunShare,
        start: Instant,
        cpu: Duration,
        stretches: Vec<Stretch>,
    ) -> anyhow::Result<Self> {
        let began = SystemTime::now().checked_sub(start.elapsed());
        let began = began.and_then(|began| began.duration_since(UNIX_EPOCH).ok()).context("the clock is far off")?;
        let visible = &evidence.accept_to_visible;
        // Where the lag cannot be read, nobody saw that everything was stored.
        let drained_after = evidence.drained_after.filter(|_| evidence.lag_left == Some(0));
        Ok(Self {
            run: evidence.run,
            share,
            began: began.as_secs_f64(),
            load_seconds: evidence.elapsed.as_secs_f64(),
            cpu_seconds: cpu.as_secs_f64(),
            drain_seconds: drained_after.map(|after| after.as_secs_f64()),
            ended_early: evidence.ended_early,
            faults: evidence.faults.clone(),
            tally: evidence.tally.clone(),
            stretches,
            visible_off: visible.off.clone(),
            sample_share: visible.share,
            seen: visible.seen.clone(),
            producer: evidence.producer.used(),
            environment: evidence.environment.clone(),
        })
    }

    /// Writes the report.
    pub(crate) fn save(&self, directory: &Path) -> anyhow::Result<()> {
        let path = directory.join(MEASURED);
        let text = serde_json::to_string(self).context("a share cannot be written as JSON")?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads what the share in this directory left.
    pub(crate) fn read(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(MEASURED);
        let text = std::fs::read(&path).with_context(|| {
            format!("cannot read {}: is it the report of a run with --share, and has the run ended?", path.display())
        })?;
        serde_json::from_slice(&text).with_context(|| format!("{} was not written by this version", path.display()))
    }
}

/// Reads the ledger of the share in this directory.
pub(crate) fn read_ledger(directory: &Path) -> anyhow::Result<Ledger> {
    let path = directory.join(LEDGER);
    let read = || Ledger::read(&mut BufReader::new(File::open(&path)?));
    read().with_context(|| format!("cannot read {}", path.display()))
}
