//! Lets faults happen to a [`System`]. Each part takes one fault at a time and is left in peace for a while after it.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::database::Database;
use super::fault::{Blow, SubmissionFault, SystemPart, Victim};
use super::queue::Queue;
use super::system::{Member, System};
use crate::ledger::submissions::reruns::Outage;
use crate::load::wall_clock::WallClock;
use crate::pipeline::chaos::schedule::PlannedFault;
use crate::pipeline::news::{self, News};

/// How long a part runs undisturbed after it was hit: by then the work of a killed worker must run again.
const PEACE: Duration = Duration::from_secs(5);

/// A fault that is over.
#[derive(Debug, Clone)]
pub(crate) struct HappenedFault {
    pub(crate) fault: SubmissionFault,
    /// What was hit.
    pub(crate) name: String,
    /// When it was hit, and when it was back.
    pub(crate) begin: Instant,
    pub(crate) over: Instant,
    /// If a worker was killed or frozen: when, and from when on there was one for its work.
    pub(crate) outage: Option<Outage>,
}

/// Where faults happen.
pub(crate) struct SubmissionStage {
    system: Arc<System>,
    /// `HEARTBEAT`.
    heartbeat: Duration,
    /// Held by the fault of a part, for each [`SystemPart`].
    turns: [Mutex<()>; SystemPart::COUNT],
}

/// What was done, and what could not be done.
#[derive(Debug, Default)]
pub(crate) struct Injected {
    pub(crate) happened: Vec<HappenedFault>,
    /// Sentences.
    pub(crate) troubles: Vec<String>,
}

impl SubmissionStage {
    /// A stage on which nothing has happened yet.
    pub(crate) fn new(system: &Arc<System>, heartbeat: Duration) -> Self {
        Self { system: Arc::clone(system), heartbeat, turns: Default::default() }
    }

    /// Lets all faults happen at their moments, for at least `duration`, or until `end` is cancelled.
    pub(crate) async fn inject(
        self,
        schedule: Vec<PlannedFault<SubmissionFault>>,
        duration: Duration,
        end: &CancellationToken,
    ) -> Injected {
        let (stage, started) = (Arc::new(self), tokio::time::Instant::now());
        let mut injecting = JoinSet::new();
        for planned in schedule {
            let (stage, end) = (Arc::clone(&stage), end.clone());
            injecting.spawn(async move {
                tokio::select! {
                    () = tokio::time::sleep_until(started + planned.at) => {}
                    () = end.cancelled() => return None,
                }
                stage.hit_in_turn(&planned, &end).await.map(|outcome| (planned.fault, outcome))
            });
        }
        let mut injected = Injected::default();
        for (fault, outcome) in injecting.join_all().await.into_iter().flatten() {
            match outcome {
                Ok(happened) => injected.happened.push(happened),
                Err(error) => injected.troubles.push(format!("{}: {error:#}", fault.name())),
            }
        }
        injected.happened.sort_by_key(|happened| happened.begin);
        tokio::select! {
            () = tokio::time::sleep_until(started + duration) => {}
            () = end.cancelled() => {}
        }
        injected
    }

    async fn hit_in_turn(
        &self,
        planned: &PlannedFault<SubmissionFault>,
        end: &CancellationToken,
    ) -> Option<anyhow::Result<HappenedFault>> {
        let fault = planned.fault;
        let mut turns = Vec::new();
        for part in fault.parts() {
            turns.push(self.turns[*part as usize].lock().await);
        }
        let victim = self.victim(fault, planned.dice);
        if let Some(worker) = victim.filter(|_| fault.victim != Victim::Api) {
            worker.busy().await;
        }
        if end.is_cancelled() {
            return None;
        }
        let hold = planned.hold.max(fault.least_hold(self.heartbeat));
        news::tell(News::FaultBegins(fault.name(), hold));
        let happened = self.hit(fault, hold, victim).await;
        sleep(PEACE).await;
        Some(happened)
    }

    /// The process that a fault hits, if it hits one.
    fn victim(&self, fault: SubmissionFault, dice: u64) -> Option<&Member> {
        match fault.victim {
            Victim::Postgres | Victim::Broker => None,
            Victim::Api => self.system.members.first(),
            Victim::Process | Victim::Worker => {
                let workers: Vec<&Member> = self.system.workers().collect();
                let chosen = usize::try_from(dice % workers.len() as u64).unwrap_or_default();
                workers.get(chosen).copied()
            }
        }
    }

    async fn hit(
        &self,
        fault: SubmissionFault,
        hold: Duration,
        victim: Option<&Member>,
    ) -> anyhow::Result<HappenedFault> {
        let begin = Instant::now();
        let (name, outage) = match victim {
            Some(member) => self.hit_member(member, fault, hold).await?,
            None if fault.victim == Victim::Broker => {
                self.hit_broker(fault.blow, hold).await?;
                // Until then the broker is not really back.
                self.system.works().await?;
                ("Kafka".to_owned(), None)
            }
            None => {
                self.hit_database(fault.blow, hold).await?;
                ("PostgreSQL".to_owned(), None)
            }
        };
        Ok(HappenedFault { fault, name, begin, over: Instant::now(), outage })
    }

    async fn hit_member(
        &self,
        member: &Member,
        fault: SubmissionFault,
        hold: Duration,
    ) -> anyhow::Result<(String, Option<Outage>)> {
        let has_others = self.system.workers().count() > 1;
        let mut process = member.process.lock().await;
        ensure!(process.is_running(), "{} has ended by itself", process.name());
        member.counters.lock().await.look(&member.operators).await;
        let hit_at = now_ms();
        let back_at = match fault.blow {
            Blow::Freeze => {
                process.freeze(true)?;
                sleep(hold).await;
                process.freeze(false)?;
                now_ms()
            }
            Blow::Kill | Blow::Stop => {
                if fault.blow == Blow::Kill {
                    process.kill().await?;
                } else {
                    process.stop().await?;
                }
                member.counters.lock().await.ended();
                sleep(hold).await;
                process.start_again()?;
                let back_at = now_ms();
                process.ready().await?;
                back_at
            }
        };
        let is_outage = fault.victim != Victim::Api && fault.blow != Blow::Stop;
        let outage = Outage { hit_at, worker_at: if has_others { hit_at } else { back_at } };
        Ok((process.name().to_owned(), is_outage.then_some(outage)))
    }

    async fn hit_database(&self, blow: Blow, hold: Duration) -> anyhow::Result<()> {
        let mut database = self.system.database.lock().await;
        let Database::Started(postgres) = &mut *database else { bail!("the database is not one of the lab's") };
        match blow {
            Blow::Freeze => {
                postgres.pause()?;
                sleep(hold).await;
                postgres.resume()
            }
            Blow::Kill | Blow::Stop => {
                postgres.kill().await?;
                sleep(hold).await;
                postgres.restart().await.context("PostgreSQL does not start again")
            }
        }
    }

    async fn hit_broker(&self, blow: Blow, hold: Duration) -> anyhow::Result<()> {
        let mut queue = self.system.queue.lock().await;
        let Queue::Started(broker) = &mut *queue else { bail!("the broker is not one of the lab's") };
        match blow {
            Blow::Freeze => {
                broker.pause()?;
                sleep(hold).await;
                broker.resume()
            }
            Blow::Kill | Blow::Stop => {
                broker.kill().await?;
                sleep(hold).await;
                broker.restart().await.context("Kafka does not start again")
            }
        }
    }
}

/// When workers, or what they need, were in trouble because of these faults, or have been just before; in milliseconds
/// since 1970.
pub(crate) fn troubles_of(happened: &[HappenedFault]) -> Vec<RangeInclusive<i64>> {
    let clock = WallClock::now();
    let of_workers = happened.iter().filter(|happened| happened.fault.victim != Victim::Api);
    of_workers.map(|happened| clock.ms_at(happened.begin)..=clock.ms_at(happened.over + PEACE)).collect()
}

/// Milliseconds since 1970 by this machine's clock, which is also that of a database on it.
pub(crate) fn now_ms() -> i64 {
    WallClock::now().ms_at(Instant::now())
}
