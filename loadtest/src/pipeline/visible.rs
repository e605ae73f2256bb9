//! How long an accepted post takes until it is visible in the store, to anyone who looks for it: a share of the
//! accepted posts is looked up by id again and again until each is there. The [`Sampler`] chooses them on the
//! generator's threads; [`pending`] decides what to look for next and what counts; here is the loop between them and
//! the store. A look asks for all posts that are due at once, so it costs the store at most one small query every
//! [`pending::INTERVAL`].
//!
//! Where a look-up by id reads the whole collection, as on FerretDB, nothing is sampled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use contract::PostId;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::load::visible::pending::{self, Pending, SampledPost};
use crate::load::visible::sampler::Sampler;
use crate::load::visible::seen::{Sampled, SeenPosts};
use crate::pipeline::store::{Documents, StoreReader};

/// Longest wait for the answer to one look; the posts are looked for again.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// The sampling of a run.
pub(crate) enum Visible {
    /// Nothing is sampled, for this reason.
    Off(String),
    /// Accepted posts are sampled.
    On(Lookout),
}

/// A watch on the sampled posts. It ends when this is dropped.
pub(crate) struct Lookout {
    share: f64,
    sampler: Arc<Sampler>,
    task: JoinHandle<SeenPosts>,
    stop: DropGuard,
}

impl Visible {
    /// Samples this share of the accepted posts, if they can be looked up in the store.
    pub(crate) async fn start(share: f64, documents: Option<&Documents>) -> anyhow::Result<Self> {
        if share == 0.0 {
            return Ok(Visible::Off("no share of the posts was asked for (--sample-share 0)".to_owned()));
        }
        let Some(documents) = documents else {
            return Ok(Visible::Off("the store is out of reach".to_owned()));
        };
        let store = StoreReader::new(documents).await?;
        if let Some(why_not) = store.finds_no_ids().await? {
            return Ok(Visible::Off(why_not));
        }
        let (sampler, stop) = (Arc::new(Sampler::new(share)), CancellationToken::new());
        let task = tokio::spawn(watch(store, Arc::clone(&sampler), stop.clone()));
        Ok(Visible::On(Lookout { share, sampler, task, stop: stop.drop_guard() }))
    }

    /// What chooses the posts, if any should be chosen.
    pub(crate) fn sampler(&self) -> Option<Arc<Sampler>> {
        match self {
            Visible::Off(_) => None,
            Visible::On(watch) => Some(Arc::clone(&watch.sampler)),
        }
    }

    /// Looks once more for what was not seen yet, and returns what was seen.
    pub(crate) async fn finish(self) -> anyhow::Result<Sampled> {
        match self {
            Visible::Off(why) => Ok(Sampled::Off(why)),
            Visible::On(Lookout { share, sampler, task, stop }) => {
                drop(stop);
                let seen = task.await.context("looking for the sampled posts failed")?;
                Ok(Sampled::On { share, seen, without_id: sampler.without_id() })
            }
        }
    }
}

/// Looks for the sampled posts until `stop`, and then once for all that are left.
async fn watch(store: StoreReader, sampler: Arc<Sampler>, stop: CancellationToken) -> SeenPosts {
    let mut pending = Pending::default();
    let mut ticks = tokio::time::interval(pending::INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        sampler.take().into_iter().for_each(|sample| pending.add(sample));
        let now = Instant::now();
        while let Some(asked) = pending.due(now) {
            look(&store, &mut pending, asked).await;
        }
    }
    sampler.take().into_iter().for_each(|sample| pending.add(sample));
    for asked in pending.left() {
        look(&store, &mut pending, asked).await;
    }
    pending.finish()
}

async fn look(store: &StoreReader, pending: &mut Pending, asked: Vec<SampledPost>) {
    let asked_at = Instant::now();
    let ids: Vec<PostId> = asked.iter().map(|sample| sample.id).collect();
    let found = timeout(LOOK_TIMEOUT, store.which(&ids)).await.ok().and_then(Result::ok);
    match found {
        Some(found) => pending.looked(asked, &found, asked_at, Instant::now()),
        None => pending.failed(asked, asked_at),
    }
}
