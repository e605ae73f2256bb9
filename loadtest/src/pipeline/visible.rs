//! How long an accepted post takes until it is visible in the store, to anyone who looks for it: a share of the
//! accepted posts is looked up by id again and again until each is there. The [`Sampler`] chooses them on the
//! generator's threads; [`pending`] decides what to look for next and what counts; here is the loop between them and
//! the store. A look asks for all posts that are due at once, so it costs the store at most one small query every
//! [`pending::INTERVAL`]. Of a kind whose last record of a key is its document, the first sampled keys are looked at
//! until the end, too, every [`WATCH_INTERVAL`](crate::load::visible::watched::WATCH_INTERVAL).
//!
//! Where a look-up by id reads the whole collection, as on FerretDB, nothing is sampled.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bson::RawDocument;
use contract::{PostId, document};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::ledger::plan::RunPlan;
use crate::ledger::states::older::{OlderStates, StatesSeen};
use crate::ledger::states::source::States;
use crate::ledger::states::stored::place_in;
use crate::load::visible::pending::{self, Pending, SampledPost, Wanted};
use crate::load::visible::sampler::Sampler;
use crate::load::visible::seen::{Sampled, SeenPosts};
use crate::load::visible::watched::WatchedKeys;
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
    task: JoinHandle<(SeenPosts, OlderStates)>,
    stop: DropGuard,
}

impl Visible {
    /// Samples this share of the accepted posts, if they can be looked up in the store.
    pub(crate) async fn start(share: f64, plan: RunPlan, documents: Option<&Documents>) -> anyhow::Result<Self> {
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
        let (sampler, stop) = (Arc::new(Sampler::new(share, plan.is_of_states())), CancellationToken::new());
        let look = Look {
            store,
            source: States::of(plan),
            states: StatesSeen::default(),
            pending: Pending::default(),
            watched: WatchedKeys::default(),
        };
        let task = tokio::spawn(look.watch(Arc::clone(&sampler), stop.clone()));
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
                let (seen, older) = task.await.context("looking for the sampled posts failed")?;
                Ok(Sampled::On { share, seen, without_id: sampler.without_id(), older })
            }
        }
    }
}

/// Looks into the store.
struct Look {
    store: StoreReader,
    source: States,
    /// What was seen of keys; a state older than that must never be seen again.
    states: StatesSeen,
    pending: Pending,
    watched: WatchedKeys,
}

impl Look {
    /// Looks for the sampled posts until `stop`, and then once for all that are left.
    async fn watch(mut self, sampler: Arc<Sampler>, stop: CancellationToken) -> (SeenPosts, OlderStates) {
        let mut ticks = tokio::time::interval(pending::INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.take(&sampler);
            let now = Instant::now();
            while let Some(asked) = self.pending.due(now) {
                self.look(asked).await;
            }
            if let Some(keys) = self.watched.due(now) {
                let keys = keys.iter().map(String::as_str).collect();
                // What it shows is noted; a store that does not answer is asked again.
                drop(self.states(&keys).await);
            }
        }
        self.take(&sampler);
        for asked in self.pending.left() {
            self.look(asked).await;
        }
        (self.pending.finish(), self.states.finish())
    }

    fn take(&mut self, sampler: &Sampler) {
        for sample in sampler.take() {
            if let Wanted::State { n, vu } = sample.id {
                self.watched.sampled(|| self.source.id(n, vu));
            }
            self.pending.add(sample);
        }
    }

    async fn look(&mut self, asked: Vec<SampledPost>) {
        let asked_at = Instant::now();
        let found = timeout(LOOK_TIMEOUT, self.found(&asked)).await.ok().and_then(Result::ok);
        match found {
            Some(found) => self.pending.looked(asked, &found, asked_at, Instant::now()),
            None => self.pending.failed(asked, asked_at),
        }
    }

    /// Which of these are in the store.
    async fn found(&mut self, asked: &[SampledPost]) -> anyhow::Result<HashSet<Wanted>> {
        let (mut ids, mut states): (Vec<PostId>, Vec<(Wanted, u64, String)>) = Default::default();
        for SampledPost { id: wanted, .. } in asked {
            match *wanted {
                Wanted::Document(id) => ids.push(id),
                Wanted::State { n, vu } => states.push((*wanted, n, self.source.id(n, vu))),
            }
        }
        let mut found = HashSet::new();
        if !ids.is_empty() {
            found.extend(self.store.which(&ids).await?.into_iter().map(Wanted::Document));
        }
        if !states.is_empty() {
            let keys: BTreeSet<&str> = states.iter().map(|(.., key)| key.as_str()).collect();
            let stored = self.states(&keys).await?;
            let is_there = |n: u64, key: &str| stored.get(key).copied().flatten().is_some_and(|there| there >= n);
            found.extend(states.iter().filter(|(_, n, key)| is_there(*n, key)).map(|(wanted, ..)| *wanted));
        }
        Ok(found)
    }

    /// The numbers that the documents of these keys name; their states count as seen.
    async fn states(&mut self, keys: &BTreeSet<&str>) -> anyhow::Result<HashMap<String, Option<u64>>> {
        let asked_at = Instant::now();
        let answer = timeout(LOOK_TIMEOUT, self.store.of_keys(keys)).await;
        let stored = answer.context("no answer in time").flatten();
        self.states.answered(stored.is_ok().then(|| asked_at.elapsed()));
        Ok(stored?.iter().map(|document| self.saw(document)).collect())
    }

    /// The key and the number of a document that was just seen.
    fn saw(&mut self, document: &RawDocument) -> (String, Option<u64>) {
        let key = document.get_str(document::ID_FIELD).unwrap_or_default();
        let n = self.source.number_of(document);
        if let Some(place) = place_in(document) {
            self.states.saw(key, n, place);
        }
        (key.to_owned(), n)
    }
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};
    use contract::{Kind, Place};
    use mongodb::Collection;
    use stack::StoreKind;
    use stack::store::{self, StoreOptions};

    use super::*;
    use crate::ledger::order::Orders;
    use crate::ledger::plan::Keys;
    use crate::ledger::post::RunId;
    use crate::ledger::post::bodies::Shape;
    use crate::load::visible::watched::WATCH_INTERVAL;

    async fn put(orders: &Collection<Document>, document: Document) {
        let this = doc! { "_id": document.get_str("_id").unwrap() };
        orders.delete_one(this).await.unwrap();
        orders.insert_one(document).await.unwrap();
        tokio::time::sleep(5 * WATCH_INTERVAL).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_key_that_goes_back_is_seen_after_its_record_was() {
        let options = StoreOptions { kind: StoreKind::Memory, ..StoreOptions::default() };
        let server = store::start(&options, |name| std::env::var(name).ok()).await.unwrap();
        let uri = store::uri(server.port());
        let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
        let orders = client.default_database().unwrap().collection::<Document>(Kind::Order.collection());
        let keys = Keys { users: 1, all: 1 };
        let plan = RunPlan { kind: Kind::Order, keys, ..RunPlan::of_posts(RunId::fresh(), 7, Shape::default()) };
        let order = Orders::of(plan).state(0, 0).unwrap();
        let at = |offset| order.document(Place { partition: 0, offset, timestamp_ms: 1 });

        let documents = Documents::of(Kind::Order, uri);
        let visible = Visible::start(1.0, plan, Some(&documents)).await.unwrap();
        visible.sampler().unwrap().accepted(0, 0, PostId::fresh());
        // New, old, and new again: who looks only at the end, or until the record is there, sees nothing.
        for offset in [9, 8, 9] {
            put(&orders, at(offset)).await;
        }
        let sampled = visible.finish().await.unwrap();
        assert!(sampled.older().is_some_and(|older| older.count > 0), "{:?}", sampled.older());
        drop(server);
    }
}
