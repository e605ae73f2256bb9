//! The processes of a run, their database and their queue.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::counters::{Counters, Counts, running};
use super::database::{Database, DatabaseKind};
use super::partitions::{held, is_shared};
use super::process::{Launch, Role, SubmissionsProcess, forget};
use super::queue::Queue;
use crate::load::target::Target;

/// How often the processes' counters are looked at.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// How long the workers may take until they hold all partitions, or work again, and how often that is asked.
const WORK_DEADLINE: Duration = Duration::from_secs(60);
const WORK_PAUSE: Duration = Duration::from_millis(100);

/// How long a worker may take until it has work and can be hit, and how often it is asked.
const BUSY_DEADLINE: Duration = Duration::from_secs(20);
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// How often it is asked whether all is final.
const DRAIN_PAUSE: Duration = Duration::from_millis(50);

/// What a run is on.
pub(crate) struct System {
    pub(crate) program: PathBuf,
    /// What the lab has set in the environment of every process.
    pub(crate) variables: Vec<(&'static str, String)>,
    pub(crate) logs: PathBuf,
    /// The process that serves the API comes first.
    pub(crate) members: Vec<Member>,
    pub(crate) database: Mutex<Database>,
    pub(crate) queue: Mutex<Queue>,
    /// Of the queue's topic; none without Kafka.
    partitions: u32,
}

/// A process, and what it counts.
pub(crate) struct Member {
    pub(crate) role: Role,
    /// Where its clients go.
    pub(crate) target: Target,
    /// Where it says how it is.
    pub(crate) operators: Target,
    pub(crate) process: Mutex<SubmissionsProcess>,
    pub(crate) counters: Mutex<Counters>,
}

/// How many submissions are in which status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) struct InStatus {
    pub(crate) pending: u64,
    pub(crate) processing: u64,
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
}

impl Member {
    /// Waits until this worker has work that it can lose, but not for long.
    pub(crate) async fn busy(&self) {
        let deadline = Instant::now() + BUSY_DEADLINE;
        while Instant::now() < deadline {
            let page = self.operators.get("/metrics").await;
            if page.is_ok_and(|page| running(&String::from_utf8_lossy(&page.body)) > 0) {
                return;
            }
            sleep(BUSY_PAUSE).await;
        }
    }
}

impl InStatus {
    /// Whether something is worked on, or there is nothing to do.
    fn is_worked_on(self) -> bool {
        self.processing > 0 || self.pending == 0
    }
}

impl System {
    /// Starts everything, and waits until it is ready.
    ///
    /// # Errors
    /// When a process does not start.
    pub(crate) async fn start(
        mut launch: Launch,
        kind: DatabaseKind,
        database: Database,
        queue: Queue,
        workers: u32,
    ) -> anyhow::Result<Self> {
        launch.variables.push(("DATABASE_URL", database.url()));
        let mut roles = vec![];
        match kind {
            DatabaseKind::Sqlite => roles.push(("submissions".to_owned(), Role::All)),
            DatabaseKind::Postgres => {
                roles.push(("api".to_owned(), Role::Api));
                roles.extend((1..=workers).map(|number| (format!("worker-{number}"), Role::Worker)));
            }
        }
        let mut members = Vec::new();
        for (name, role) in roles {
            forget(&launch.logs, &name)?;
            let process = SubmissionsProcess::start(&launch, &name, role)?;
            process.ready().await?;
            let (target, operators) = (process.target.clone(), process.operators.clone());
            let (process, counters) = (Mutex::new(process), Mutex::default());
            members.push(Member { role, target, operators, process, counters });
        }
        let Launch { program, variables, logs, .. } = launch;
        let (database, partitions) = (Mutex::new(database), queue.partitions(workers));
        let system = Self { program, variables, logs, members, database, queue: Mutex::new(queue), partitions };
        system.joined().await?;
        Ok(system)
    }

    /// Where the API is.
    pub(crate) fn api(&self) -> &Target {
        &self.members[0].target
    }

    /// The members that work.
    pub(crate) fn workers(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.role != Role::Api)
    }

    /// Waits until each worker is ready and they share the partitions: all of them, and each worker holds some.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) async fn joined(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + WORK_DEADLINE;
        for worker in self.workers() {
            worker.process.lock().await.ready().await?;
        }
        loop {
            let mut shares = Vec::new();
            for worker in self.workers() {
                let page = worker.operators.get("/metrics").await;
                shares.push(page.map(|page| held(&String::from_utf8_lossy(&page.body))).unwrap_or_default());
            }
            if is_shared(&shares, self.partitions) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the workers do not share {} partitions after {WORK_DEADLINE:?}: {shares:?}", self.partitions);
            }
            sleep(WORK_PAUSE).await;
        }
    }

    /// Waits until something is worked on, or there is nothing to do.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) async fn works(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + WORK_DEADLINE;
        // While the API is away nobody knows.
        while !self.in_status().await.is_ok_and(InStatus::is_worked_on) {
            ensure!(Instant::now() < deadline, "nothing is worked on for {WORK_DEADLINE:?}");
            sleep(WORK_PAUSE).await;
        }
        Ok(())
    }

    /// Never returns: looks at the counters now and then.
    pub(crate) async fn watch_counters(&self) {
        loop {
            self.look().await;
            sleep(LOOK_PAUSE).await;
        }
    }

    /// Looks at the counters of all.
    pub(crate) async fn look(&self) {
        for member in &self.members {
            member.counters.lock().await.look(&member.operators).await;
        }
    }

    /// What all of them counted.
    pub(crate) async fn totals(&self) -> Counts {
        let mut totals = Counts::new();
        for member in &self.members {
            for (name, count) in member.counters.lock().await.totals() {
                *totals.entry(name).or_default() += count;
            }
        }
        totals
    }

    /// How many submissions are in which status, by the API.
    pub(crate) async fn in_status(&self) -> anyhow::Result<InStatus> {
        #[derive(Deserialize)]
        struct Stats {
            statuses: InStatus,
        }
        let answer = self.api().get("/api/stats").await?;
        let stats: Stats = serde_json::from_slice(&answer.body).context("/api/stats gives no figures")?;
        Ok(stats.statuses)
    }

    /// Waits until all is final, for at most this long. Returns how many submissions are not.
    pub(crate) async fn drained(&self, longest: Duration) -> anyhow::Result<u64> {
        let deadline = Instant::now() + longest;
        loop {
            let open = self.in_status().await.map(|counts| counts.pending + counts.processing);
            match open {
                Ok(0) => return Ok(0),
                _ if Instant::now() > deadline => return open,
                _ => sleep(DRAIN_PAUSE).await,
            }
        }
    }

    /// Fails if a process has ended by itself.
    pub(crate) async fn still_runs(&self) -> anyhow::Result<()> {
        for member in &self.members {
            member.process.lock().await.still_runs()?;
        }
        Ok(())
    }

    /// Stops all, the API first. Returns a sentence for each that did not end cleanly.
    pub(crate) async fn stop(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        for member in &self.members {
            troubles.extend(member.process.lock().await.stop().await.err().map(|error| format!("{error:#}")));
        }
        troubles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_waits_is_not_worked_on() {
        let of = |pending, processing| InStatus { pending, processing, ..InStatus::default() };
        for (counts, expected) in [(of(0, 0), true), (of(0, 3), true), (of(7, 3), true), (of(7, 0), false)] {
            assert_eq!(counts.is_worked_on(), expected, "{counts:?}");
        }
    }
}
