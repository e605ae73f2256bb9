//! Consuming as a library: a member of a group for each of its topics, in tasks of the caller's runtime, with a
//! program's handler in place of a store.

use std::sync::Arc;

use anyhow::Context;
use service::{Instruments, Readiness, Registry};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::budget::Budget;
use super::lag::{Book, Standing};
use super::member::run;
use super::metrics::METRICS;
use super::requests::Release;
use crate::shown::CONDITION;

mod adapter;
mod handler;
mod limit;
mod options;
mod record;

use adapter::Adapter;
use limit::Limit;

pub use handler::{Answer, Handler, batches, each};
pub use options::GroupOptions;
pub use record::ConsumerRecord;

/// A running member of a consumer group, for one or more topics. Dropping it makes it finish, commit and leave without
/// anyone waiting; [`Self::stop`] waits.
///
/// It commits a record only when the handler has stored it, or when it is acknowledged as a dead letter, and so are all
/// earlier ones of its partition. A handler that panics ends the group with an error: what it had in hand is read
/// again.
///
/// ```no_run
/// # async fn example() -> anyhow::Result<()> {
/// use kafka::group::{Answer, Group, GroupOptions, each};
///
/// let print = each(|record| async move {
///     println!("{:?}", record.value());
///     Answer::Stored
/// });
/// let group = Group::start(GroupOptions::new("localhost:9092", "printers"), &["readings"], print)?;
/// tokio::signal::ctrl_c().await?;
/// group.stop().await?;
/// # Ok(())
/// # }
/// ```
pub struct Group {
    members: Vec<Member>,
    /// `None` once its outcome is known.
    running: Option<JoinHandle<anyhow::Result<()>>>,
    stop: CancellationToken,
    _stop_when_dropped: DropGuard,
}

/// What is known of the member of one topic.
struct Member {
    topic: Arc<str>,
    book: Arc<Book>,
    release: Release,
    readiness: Readiness,
}

impl Group {
    /// Starts to consume these topics. It waits, without a deadline, for Kafka to answer and for a topic that does not
    /// exist yet; [`Self::check`] says for what. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When an option cannot work.
    pub fn start(options: GroupOptions, topics: &[&str], handler: impl Handler) -> anyhow::Result<Self> {
        options.check(topics)?;
        let (handler, stop) = (Arc::new(handler), CancellationToken::new());
        let limit = options.limit.map(Limit::new);
        let mut members = Vec::new();
        let mut running = JoinSet::new();
        for (topic, budget) in topics.iter().zip(Budget::split(options.buffer_bytes, topics.len())) {
            let (release, releases) = Release::new();
            let member = Member {
                topic: Arc::from(*topic),
                book: Arc::new(Book::default()),
                release,
                readiness: Readiness::new(&[CONDITION]),
            };
            let adapter =
                Adapter { topic: Arc::clone(&member.topic), handler: Arc::clone(&handler), limit: limit.clone() };
            let registry = Registry::new(&[METRICS]);
            let instruments = Instruments { registry, readiness: member.readiness.clone(), tracer: None };
            let (config, book, stop) = (options.of_topic(topic), Arc::clone(&member.book), stop.clone());
            running.spawn(async move {
                // The others end with it, whichever way it ends.
                let _ending = stop.clone().drop_guard();
                let ended = run(&config, Arc::new(adapter), book, releases, budget, instruments, &stop).await;
                ended.with_context(|| format!("the member for the topic {}", config.topic))
            });
            members.push(member);
        }
        if let Some(limit) = limit {
            let stop = stop.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = limit.is_over() => stop.cancel(),
                    () = stop.cancelled() => {}
                }
            });
        }
        let running = Some(tokio::spawn(all(running)));
        Ok(Self { members, running, _stop_when_dropped: stop.clone().drop_guard(), stop })
    }

    /// Fetches nothing more, waits until the handler has finished what was received, commits it, and leaves the group.
    /// What the handler answers with [`Answer::Later`] holds this up.
    ///
    /// # Errors
    /// Why it had failed. Nothing is lost: what is not committed is read again.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.ended().await
    }

    /// Waits until it ends by itself: after [`GroupOptions::limit`] records, or with an error. Giving up this wait, as
    /// `select!` does, changes nothing.
    ///
    /// # Errors
    /// Why it has failed, the first time that this is asked. Nothing is lost: what is not committed is read again.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let outcome = running.await.context("the group's task failed");
        self.running = None;
        outcome?
    }

    /// Whether it is at work: Kafka answers, batches are stored, dead letters and commits are acknowledged.
    ///
    /// # Errors
    /// One line that names what is in trouble, and why.
    pub fn check(&self) -> Result<(), String> {
        let troubles = self.members.iter().filter_map(|member| {
            let trouble = member.readiness.check().err()?;
            Some(format!("{}: {trouble}", member.topic))
        });
        let troubles: Vec<String> = troubles.collect();
        if troubles.is_empty() { Ok(()) } else { Err(troubles.join("; ")) }
    }

    /// How far behind it is: the standing of each partition that it holds, with its topic.
    pub fn standings(&self) -> Vec<(&str, Standing)> {
        let of = |member: &'_ Member| member.book.standings();
        self.members
            .iter()
            .flat_map(|member| of(member).into_iter().map(|standing| (&*member.topic, standing)))
            .collect()
    }

    /// Continues after the brake has paused it because of too many dead letters: the full number is allowed again.
    pub fn release_brake(&self) {
        self.members.iter().for_each(|member| member.release.release());
    }
}

/// Waits for all of them, and returns the first error.
async fn all(mut running: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    while let Some(ended) = running.join_next().await {
        outcome = outcome.and(ended.context("a member's task failed").flatten());
    }
    outcome
}
