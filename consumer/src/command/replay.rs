//! Sends dead letters back to their topic.

use std::io::Write;

use anyhow::{Context, bail};
use contract::dead_letter::REPLAY_ATTEMPTS_HEADER;
use kafka::group::GroupConfig;
use kafka::topics::{Outgoing, Sender, Sending, Window};

use super::archive::{Archive, Archived};
use super::filter::Filter;
use super::original::{Incomplete, Originals};
use super::print;
use super::selection::{LatestAttempts, Selection, Totals};

/// What to do when only a part was sent.
const AGAIN: &str = "replay again: what is sent twice is stored once";

/// Sends what `filter` names, or only prints what it would send. The topic is read twice: first to learn which dead
/// letters have a later one, which a single pass would have to keep in memory.
pub(super) fn replay(
    archive: &Archive,
    originals: &Originals,
    config: &GroupConfig,
    filter: Filter,
    is_dry_run: bool,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    let mut latest = LatestAttempts::default();
    archive.read(|archived| {
        latest.note(&archived);
        Ok(())
    })?;
    let mut selection = Selection::new(&config.topic, filter);
    let mut totals = Totals::default();
    let mut pipe = Pipe::new(config)?;
    let mut gone = 0;
    let unreadable = archive.read(|mut archived| {
        if !latest.is_of(&archived) || !selection.admits(&archived.letter) {
            return Ok(());
        }
        totals.add(archived.letter.reason);
        match originals.complete(&mut archived) {
            Ok(()) if is_dry_run => writeln!(output, "{}", print::line(&archived))?,
            Ok(()) => pipe.send(&archived)?,
            Err(Incomplete::Gone(why)) => {
                gone += 1;
                writeln!(output, "{}\nnot replayed, {why}", print::line(&archived))?;
            }
            Err(Incomplete::Unknown(error)) => return Err(error.context(AGAIN)),
        }
        Ok(())
    })?;
    let failed = pipe.finish();
    let (topic, count) = (&config.topic, totals.all() - gone);
    writeln!(output, "{totals}")?;
    write!(output, "{}", print::left_out(topic, selection.of_other_topics(), unreadable))?;
    match failed {
        _ if is_dry_run => writeln!(output, "dry run: nothing was sent to the topic {topic}")?,
        None => writeln!(output, "sent to the topic {topic} and acknowledged: {count}")?,
        Some((number, why)) => bail!("{number} of {count} were not acknowledged ({why}); {AGAIN}"),
    }
    if gone > 0 {
        bail!(
            "not replayed, because their dead letters lack the record and the topic {topic} no longer has it: {gone}"
        );
    }
    Ok(())
}

/// Sends records in order, several at a time.
struct Pipe {
    sender: Sender,
    runtime: tokio::runtime::Runtime,
    in_flight: Window,
    failures: usize,
    last_failure: Option<String>,
}

impl Pipe {
    fn new(config: &GroupConfig) -> anyhow::Result<Self> {
        let sender = Sender::new(&config.cluster, "consumer")?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().context("cannot start the runtime")?;
        Ok(Self { sender, runtime, in_flight: Window::default(), failures: 0, last_failure: None })
    }

    fn send(&mut self, archived: &Archived) -> anyhow::Result<()> {
        let bytes = archived.value.as_ref().map_or(0, Vec::len);
        while let Some(sending) = self.in_flight.pop_for(bytes) {
            self.wait_for(sending);
        }
        let attempts = archived.replay_attempts.saturating_add(1).to_string();
        let origin = archived.first_place().origin_headers();
        let origin = origin.each_ref().map(|(name, value)| (*name, value.as_bytes()));
        let sent = self.sender.send(Outgoing {
            topic: &archived.letter.topic,
            key: &archived.letter.id.to_key(),
            value: archived.value.as_deref(),
            timestamp_ms: Some(archived.timestamp_ms),
            headers: &[(REPLAY_ATTEMPTS_HEADER, attempts.as_bytes()), origin[0], origin[1]],
            ..Outgoing::default()
        });
        self.in_flight.push(bytes, sent.with_context(|| format!("cannot send any more; {AGAIN}"))?);
        Ok(())
    }

    /// Waits until everything is acknowledged or has failed; returns how many failed, and why the last one did.
    fn finish(mut self) -> Option<(usize, String)> {
        while let Some(sending) = self.in_flight.pop() {
            self.wait_for(sending);
        }
        self.last_failure.map(|why| (self.failures, why))
    }

    fn wait_for(&mut self, sending: Sending) {
        if let Err(error) = self.runtime.block_on(sending.acknowledged()) {
            self.failures += 1;
            self.last_failure = Some(error.to_string());
        }
    }
}
