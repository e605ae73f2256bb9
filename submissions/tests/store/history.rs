//! Random histories: after each step the store holds what the model holds.

use std::time::Duration;

use proptest::prelude::*;
use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::{Changed, Counted, Created, Job, Listing, Outcome, Settlement};
use submissions::{NewSubmission, Submission};
use uuid::Uuid;

use crate::model::Model;
use crate::stores::{Fresh, HOUR, tick};

/// What happens. Numbers pick one of what is there.
#[derive(Debug, Clone)]
enum Step {
    /// With these keys, if any.
    Create(Vec<Option<u8>>),
    Claim(usize, u32),
    ClaimThese(usize, Vec<usize>),
    /// Leases in force, and how they end.
    Settle(Vec<(usize, u8)>),
    /// A lease that has ended.
    SettleLate(usize, u8),
    Cancel(usize),
    Retry(usize),
    RetryAll(bool, u32),
    Join,
    Leave(usize),
    /// What workers that left still hold is given back.
    Sweep,
    Prune,
}

fn step() -> impl Strategy<Value = Step> {
    let any_number = 0..1000_usize;
    prop_oneof![
        4 => prop::collection::vec(prop::option::weighted(0.3, 0..6_u8), 1..6).prop_map(Step::Create),
        5 => (any_number.clone(), 0..6_u32).prop_map(|(worker, limit)| Step::Claim(worker, limit)),
        2 => (any_number.clone(), prop::collection::vec(any_number.clone(), 0..5))
            .prop_map(|(worker, these)| Step::ClaimThese(worker, these)),
        6 => prop::collection::vec((any_number.clone(), any::<u8>()), 1..6).prop_map(Step::Settle),
        2 => (any_number.clone(), any::<u8>()).prop_map(|(lease, outcome)| Step::SettleLate(lease, outcome)),
        2 => any_number.clone().prop_map(Step::Cancel),
        2 => any_number.clone().prop_map(Step::Retry),
        1 => (any::<bool>(), 0..4_u32).prop_map(|(is_failed, limit)| Step::RetryAll(is_failed, limit)),
        1 => Just(Step::Join),
        1 => any_number.prop_map(Step::Leave),
        1 => Just(Step::Sweep),
        1 => Just(Step::Prune),
    ]
}

fn outcome(number: u8) -> Outcome {
    let reason = format!("reason {number}");
    let counted = [Counted::Failure, Counted::Loss, Counted::GivenBack][usize::from(number / 8 % 3)];
    match number % 8 {
        0..=2 => Outcome::Passed { is_cached: number & 8 == 0 },
        3 | 4 => Outcome::Failed { reason, is_cached: number & 8 == 0 },
        5 => Outcome::Again { counted, reason, after: Duration::ZERO },
        6 => Outcome::Again { counted, reason, after: HOUR },
        _ => Outcome::GivenUp { counted, reason },
    }
}

/// Those that submit.
const OWNERS: [Option<&str>; 3] = [None, Some("shop"), Some("till")];

/// What somebody can reach: everything, or what one of them has submitted.
fn scope(number: usize) -> Scope {
    OWNERS[number % OWNERS.len()].map_or(Scope::All, |owner| Scope::Of(owner.into()))
}

/// A store and its model.
struct Pair {
    store: Fresh,
    model: Model,
}

impl Pair {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Create(keys) => self.create(keys).await,
            Step::Claim(worker, limit) => {
                let Some(worker) = self.worker(worker) else { return };
                let jobs = self.store.claim(worker, limit).await.unwrap();
                let mut expected = self.model.claimable();
                expected.truncate(limit as usize);
                self.claimed(worker, jobs, expected).await;
            }
            Step::ClaimThese(worker, these) => {
                let Some(worker) = self.worker(worker) else { return };
                let these: Vec<Uuid> = these.into_iter().filter_map(|number| self.model.pick(number)).collect();
                let jobs = self.store.claim_these(worker, &these).await.unwrap();
                let expected = self.model.claimable().into_iter().filter(|id| these.contains(id)).collect();
                self.claimed(worker, jobs, expected).await;
            }
            Step::Settle(picks) => self.settle(picks).await,
            Step::SettleLate(number, how) => {
                let Some(place) = number.checked_rem(self.model.ended.len()) else { return };
                let late = Settlement { lease: self.model.ended[place], outcome: outcome(how) };
                assert_eq!(self.store.settle(&[late]).await.unwrap(), [false]);
            }
            Step::Cancel(number) => {
                let Some(id) = self.model.pick(number) else { return };
                let is_allowed = !self.model.entry(id).submission.status.is_final();
                let changed = self.store.cancel(&scope(number), id).await.unwrap();
                if self.changed(&scope(number), id, changed, is_allowed) {
                    self.model.cancelled(id);
                }
            }
            Step::Retry(number) => {
                let Some(id) = self.model.pick(number) else { return };
                let is_allowed = matches!(self.model.entry(id).submission.status, Status::Failed | Status::Cancelled);
                let changed = self.store.retry(&scope(number), id).await.unwrap();
                if self.changed(&scope(number), id, changed, is_allowed) {
                    self.model.retried(id);
                    self.refresh(id).await;
                }
            }
            Step::RetryAll(is_failed, limit) => self.retry_all(is_failed, limit).await,
            Step::Join => {
                let worker = Uuid::now_v7();
                self.store.join(worker, "worker", 5).await.unwrap();
                self.model.workers.push(worker);
            }
            Step::Leave(number) => {
                let Some(worker) = self.worker(number) else { return };
                self.store.leave(worker).await.unwrap();
                self.model.workers.retain(|other| *other != worker);
            }
            Step::Sweep => self.sweep().await,
            Step::Prune => {
                tick().await;
                let mut pruned = 0;
                for _ in 0..20 {
                    pruned += self.store.prune(Duration::ZERO, 100).await.unwrap();
                }
                assert_eq!(pruned, self.model.pruned() as u64);
            }
        }
    }

    fn worker(&self, number: usize) -> Option<Uuid> {
        number.checked_rem(self.model.workers.len()).map(|place| self.model.workers[place])
    }

    /// Times are the store's to choose; the rest is compared after the step.
    async fn refresh(&mut self, id: Uuid) {
        let found = self.store.get(&Scope::All, id).await.unwrap().unwrap();
        let known = &mut self.model.entry(id).submission;
        (known.run_at, known.changed_at) = (found.run_at, found.changed_at);
    }

    async fn create(&mut self, keys: Vec<Option<u8>>) {
        let mut batch = Vec::new();
        for (n, key) in keys.into_iter().enumerate() {
            // Two contents for each key.
            let content = format!("content {}", n % 2);
            batch.push(NewSubmission {
                id: Uuid::now_v7(),
                content,
                idempotency_key: key.map(|key| format!("key {key}")),
                owner: OWNERS[n % OWNERS.len()].map(Into::into),
            });
        }
        for (new, created) in batch.iter().zip(self.store.create(&batch).await.unwrap()) {
            let earlier = new.idempotency_key.as_deref().and_then(|key| self.model.with_key(key)).cloned();
            // A process of the version before noted no owner.
            let is_same = |earlier: &Submission| {
                earlier.content == new.content && (earlier.owner.is_none() || earlier.owner == new.owner)
            };
            match (earlier, created) {
                (None, Created::New(created)) => self.model.created(created, new.idempotency_key.clone()),
                (Some(earlier), Created::Again(again)) => {
                    assert!(again.id == earlier.id && is_same(&earlier), "{again:?} {earlier:?} {new:?}");
                }
                (Some(earlier), Created::Conflict) => {
                    assert!(!is_same(&earlier), "{earlier:?} {new:?}");
                }
                (earlier, created) => panic!("{created:?} although there is {earlier:?}"),
            }
        }
    }

    async fn claimed(&mut self, worker: Uuid, jobs: Vec<Job>, expected: Vec<Uuid>) {
        assert_eq!(jobs.iter().map(|job| job.lease.id).collect::<Vec<_>>(), expected);
        for job in jobs {
            self.model.claimed(job.lease, worker);
            let known = &self.model.entry(job.lease.id).submission;
            assert_eq!((&job.content, &job.owner, job.begun), (&known.content, &known.owner, known.begun));
            assert_eq!((job.series.failures as i32, job.series.losses as i32), (known.failures, known.losses));
        }
    }

    async fn settle(&mut self, picks: Vec<(usize, u8)>) {
        let leases = self.model.leases();
        let mut batch: Vec<Settlement> = Vec::new();
        for (number, how) in picks {
            let Some(place) = number.checked_rem(leases.len()) else { return };
            batch.push(Settlement { lease: leases[place].0, outcome: outcome(how) });
        }
        let settled = self.store.settle(&batch).await.unwrap();
        for (place, (settlement, was_in_force)) in batch.iter().zip(settled).enumerate() {
            let is_first = batch[..place].iter().all(|earlier| earlier.lease != settlement.lease);
            assert_eq!(was_in_force, is_first);
            if is_first {
                self.model.settled(settlement.lease, &settlement.outcome);
                self.refresh(settlement.lease.id).await;
            }
        }
    }

    /// Whether the change was made, which it was if it is allowed and within the scope.
    fn changed(&mut self, scope: &Scope, id: Uuid, changed: Changed, is_allowed: bool) -> bool {
        let is_reached = scope.reaches(self.model.entry(id).submission.owner.as_deref());
        assert_eq!(matches!(changed, Changed::Made(_)), is_allowed && is_reached, "{changed:?}");
        assert_eq!(changed == Changed::Missing, !is_reached, "{changed:?}");
        is_allowed && is_reached
    }

    async fn retry_all(&mut self, is_failed: bool, limit: u32) {
        let from = if is_failed { Status::Failed } else { Status::Cancelled };
        let all = self.model.entries.values().map(|entry| &entry.submission);
        let scope = scope(self.model.entries.len());
        let chosen = all.filter(|found| found.status == from && scope.reaches(found.owner.as_deref()));
        let expected: Vec<Uuid> = chosen.map(|found| found.id).take(limit as usize).collect();
        assert_eq!(self.store.retry_all(&scope, from, limit).await.unwrap(), expected.len() as u64);
        for id in expected {
            self.model.retried(id);
            self.refresh(id).await;
        }
    }

    async fn sweep(&mut self) {
        let lost = self.store.lost_leases(HOUR, HOUR, 1000).await.unwrap();
        let mut found: Vec<_> = lost.iter().map(|lost| lost.lease).collect();
        let orphans = self.model.leases().into_iter().filter(|(_, worker)| !self.model.workers.contains(worker));
        let mut expected: Vec<_> = orphans.map(|(lease, _)| lease).collect();
        found.sort_by_key(|lease| lease.id);
        expected.sort_by_key(|lease| lease.id);
        assert_eq!(found, expected);
        assert!(lost.iter().all(|lost| lost.is_worker_gone));
        let outcome = Outcome::Again { counted: Counted::Loss, reason: "gone".to_owned(), after: Duration::ZERO };
        for lease in found {
            let settlement = Settlement { lease, outcome: outcome.clone() };
            assert_eq!(self.store.settle(&[settlement]).await.unwrap(), [true]);
            self.model.settled(lease, &outcome);
            self.refresh(lease.id).await;
        }
    }

    async fn compare(&self) {
        let all = self.store.list(&Scope::All, Listing { status: None, after: None, limit: 10_000 }).await.unwrap();
        let known: Vec<&Submission> = self.model.entries.values().rev().map(|entry| &entry.submission).collect();
        assert_eq!(all.len(), known.len());
        for (found, known) in all.iter().zip(&known) {
            let times = |s: &Submission| (s.started_at, s.processed_at, s.changed_at);
            let (started_at, processed_at, changed_at) = times(found);
            assert_eq!(*found, Submission { started_at, processed_at, changed_at, ..(*known).clone() });
            assert_eq!(processed_at.is_some(), found.status.is_final());
            assert!(processed_at.is_none_or(|at| at == changed_at));
            assert!(started_at.is_some() || found.begun == 0);
        }
        for status in Status::ALL {
            let listing = Listing { status: Some(status), after: None, limit: 10_000 };
            let listed = self.store.list(&Scope::All, listing).await.unwrap();
            let expected: Vec<&Submission> = all.iter().filter(|found| found.status == status).collect();
            assert_eq!(listed.iter().collect::<Vec<_>>(), expected);
        }
        let stats = self.store.stats(&Scope::All, HOUR).await.unwrap();
        let expected = (self.model.in_status(&Scope::All), self.model.dead_letters(&Scope::All));
        assert_eq!((stats.in_status, stats.dead_letters), expected);
    }

    /// The same for one of the owners, and one status of its submissions.
    async fn compare_own(&self, number: usize) {
        let scope = scope(1 + number % 2);
        for status in [None, Some(Status::ALL[number % 5])] {
            let listing = Listing { status, after: None, limit: 10_000 };
            let is_asked_for = |found: &&Submission| {
                status.is_none_or(|status| found.status == status) && scope.reaches(found.owner.as_deref())
            };
            let newest_first = self.model.entries.values().rev().map(|entry| &entry.submission);
            let expected: Vec<Uuid> = newest_first.filter(is_asked_for).map(|found| found.id).collect();
            let listed = self.store.list(&scope, listing).await.unwrap();
            assert_eq!(listed.iter().map(|found| found.id).collect::<Vec<_>>(), expected, "{scope:?} {status:?}");
        }
        let stats = self.store.stats(&scope, HOUR).await.unwrap();
        let expected = (self.model.in_status(&scope), self.model.dead_letters(&scope));
        assert_eq!((stats.in_status, stats.dead_letters), expected, "{scope:?}");
    }
}

async fn hold(store: Fresh, steps: Vec<Step>) {
    let mut pair = Pair { store, model: Model::default() };
    pair.take(Step::Join).await;
    for (number, step) in steps.into_iter().enumerate() {
        pair.take(step).await;
        pair.compare().await;
        pair.compare_own(number).await;
    }
    pair.store.remove().await;
}

fn run(history: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(history);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_file_holds_what_the_model_holds(steps in prop::collection::vec(step(), 1..60)) {
        run(async { hold(Fresh::sqlite().await, steps).await });
    }
}

proptest! {
    // Each has a database of its own, which takes longer than its steps.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_database_holds_what_the_model_holds(steps in prop::collection::vec(step(), 1..60)) {
        run(async { hold(Fresh::postgres().await, steps).await });
    }
}
