//! The load generator: virtual users on a few threads. Each thread has a single-threaded runtime and its own notes, so
//! threads share nothing but three counters, and no task ever moves between them. The notes are taken once a second.
//! Each user has its own keep-alive connection, like a real client.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ledger::plan::RunPlan;
use crate::ledger::records::Records;
use crate::load::pacing::Model;
use crate::load::pacing::turns::{Turns, UserRule};
use crate::load::recorder::Recorder;
use crate::load::route;
use crate::load::share::RunShare;
use crate::load::target::Target;
use alarm::Alarm;
use notes::Notes;
use tally::Tally;
use virtual_user::Shared;

pub(crate) mod alarm;
mod deadline;
pub(crate) mod latencies;
mod notes;
pub(crate) mod outcome;
pub(crate) mod strain;
pub(crate) mod tally;
mod virtual_user;
pub(crate) mod wrong;

/// A short delay, so that starting the threads does not make the first posts late.
pub(crate) const HEAD_START: Duration = Duration::from_millis(20);

/// What load to generate, and where to.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// When posts are due.
    pub(crate) model: Model,
    /// Which user sends a post of the open model.
    pub(crate) rule: UserRule,
    /// What is due during this time, from the start, is sent and proven, but not measured.
    pub(crate) warm_up: Duration,
    /// Where posts go.
    pub(crate) target: Target,
    /// Longest wait for an answer; after that the post is unknown.
    pub(crate) request_timeout: Duration,
    /// The users that run here; the model describes all users.
    pub(crate) share: RunShare,
    /// What the records follow from, and how often each is sent; more than once means under its own `Idempotency-Key`.
    pub(crate) plan: RunPlan,
    /// The number of threads that share the users.
    pub(crate) threads: u32,
}

/// A running generator.
pub(crate) struct Generator {
    recorder: Arc<Recorder>,
    /// One for each thread.
    notes: Vec<Arc<Mutex<Notes>>>,
    threads: Vec<JoinHandle<()>>,
    /// Closed when every thread has ended, however it ended.
    ended: mpsc::Receiver<()>,
}

impl Generator {
    /// Starts the threads. They end when the model ends, or soon after `stop`.
    pub(crate) fn start(load: &Load, recorder: &Arc<Recorder>, stop: &CancellationToken) -> anyhow::Result<Self> {
        let (alive, ended) = mpsc::channel(1);
        let mut generator = Self { recorder: Arc::clone(recorder), notes: Vec::new(), threads: Vec::new(), ended };
        let turns = Arc::new(Turns::of(load.model.clone(), load.rule, load.share));
        for thread in 0..load.threads {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.context("cannot start a runtime for the generator")?;
            let inside = runtime.enter();
            let alarm = Alarm::new().context("cannot create a timer for the generator")?;
            drop(inside);
            let notes = Arc::new(Mutex::new(Notes::default()));
            generator.notes.push(Arc::clone(&notes));
            let shared = Shared {
                turns: Arc::clone(&turns),
                measured_from: load.model.start() + load.warm_up,
                target: load.target.clone(),
                uri: load.target.path(route::path(&load.plan)),
                request_timeout: load.request_timeout,
                plan: load.plan,
                records: Mutex::new(Records::of(load.plan)),
                recorder: Arc::clone(recorder),
                notes,
                alarm,
                stop: stop.clone(),
            };
            let users = load.share.users(load.model.vus()).skip(thread as usize).step_by(load.threads as usize);
            let alive = alive.clone();
            let work = move || {
                let _alive = alive;
                runtime.block_on(run_users(shared, users));
            };
            let spawned = std::thread::Builder::new().name(format!("users {thread}")).spawn(work);
            generator.threads.push(spawned.context("cannot start a thread for the generator")?);
        }
        Ok(generator)
    }

    /// Waits until the last answer has come.
    pub(crate) async fn ended(&mut self) {
        while self.ended.recv().await.is_some() {}
    }

    /// What was counted since the last call; the answers go into the recorder.
    pub(crate) fn take(&self) -> Tally {
        let mut taken = Tally::default();
        for notes in &self.notes {
            // Allocated before taking the lock, because it is large.
            let empty = Notes::default();
            let part = std::mem::replace(&mut *notes.lock().unwrap_or_else(PoisonError::into_inner), empty);
            self.recorder.write(&part.answers, &part.requests);
            taken.merge(&part.tally);
        }
        taken
    }

    /// Returns an error if a thread panicked. Call it after [`Self::ended`].
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        for thread in self.threads {
            if thread.join().is_err() {
                bail!("a thread of the generator panicked, so its posts are not all written down");
            }
        }
        Ok(())
    }
}

async fn run_users(shared: Shared, users: impl Iterator<Item = u32>) {
    let shared = Arc::new(shared);
    let users: JoinSet<()> = users.map(|vu| virtual_user::run(Arc::clone(&shared), vu)).collect();
    tokio::select! {
        // Panics if a user did: its last post is not written down.
        _ = users.join_all() => {}
        () = shared.alarm.run() => {}
    }
}

#[cfg(test)]
mod tests;
