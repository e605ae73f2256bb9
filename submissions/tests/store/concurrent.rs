//! Many at once: nothing is claimed twice, nobody waits in a circle, and the counts stay exact.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::{Counted, Created, Listing, Outcome, Settlement, Store};
use uuid::Uuid;

use crate::stores::{Fresh, HOUR, create, failed, join, passed, tick, with_key};

with_both_stores!(
    a_submission_is_claimed_by_one_worker,
    batches_with_the_same_keys_create_one_each,
    counts_stay_exact_whatever_happens_at_once,
);

async fn a_submission_is_claimed_by_one_worker(store: Fresh) {
    const COUNT: usize = 3_000;
    let ids = create(&**store, COUNT).await;
    let other = store.other().await;
    let taken = Arc::new(AtomicUsize::new(0));
    let claimers: Vec<_> = (0..8_u32)
        .map(|n| {
            let store = Arc::clone(if n % 2 == 0 { &*store } else { &other });
            let (taken, ids) = (Arc::clone(&taken), ids.clone());
            tokio::spawn(async move {
                let worker = join(&*store).await;
                let mut claimed = Vec::new();
                while taken.load(Ordering::Relaxed) < COUNT {
                    let from = (claimed.len() * 31) % (COUNT - 40);
                    let jobs = match n % 3 {
                        0 => store.claim_these(worker, &ids[from..from + 40]).await.unwrap(),
                        _ => Vec::new(),
                    };
                    let jobs = [jobs, store.claim(worker, 1 + n * 7).await.unwrap()].concat();
                    taken.fetch_add(jobs.len(), Ordering::Relaxed);
                    claimed.extend(jobs.iter().map(|job| job.lease));
                }
                claimed
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for claimer in claimers {
        claimed.extend(tokio::time::timeout(Duration::from_secs(120), claimer).await.unwrap().unwrap());
    }
    assert_eq!(claimed.len(), COUNT);
    assert_eq!(claimed.iter().map(|lease| lease.id).collect::<HashSet<_>>().len(), COUNT);
    let settlements: Vec<Settlement> =
        claimed.into_iter().map(|lease| Settlement { lease, outcome: passed() }).collect();
    assert!(store.settle(&settlements).await.unwrap().into_iter().all(|was_in_force| was_in_force));
}

async fn batches_with_the_same_keys_create_one_each(store: Fresh) {
    const KEYS: usize = 60;
    let other = store.other().await;
    let callers: Vec<_> = (0..8_usize)
        .map(|n| {
            let store = Arc::clone(if n % 2 == 0 { &*store } else { &other });
            tokio::spawn(async move {
                let mut ids = vec![Uuid::nil(); KEYS];
                for round in 0..KEYS / 20 {
                    // Each caller has the keys of a round in another order.
                    let keys = (0..20).map(|key| round * 20 + (key * 7 + n * 3) % 20).collect::<Vec<_>>();
                    let batch: Vec<_> = keys.iter().map(|key| with_key("same 1", &format!("key {key}"))).collect();
                    for (key, created) in keys.into_iter().zip(store.create(&batch).await.unwrap()) {
                        let (Created::New(there) | Created::Again(there)) = created else { panic!("{created:?}") };
                        ids[key] = there.id;
                    }
                }
                ids
            })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(tokio::time::timeout(Duration::from_secs(120), caller).await.unwrap().unwrap());
    }
    assert!(answers.iter().all(|ids| *ids == answers[0]), "two creations under one key");
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status[0], KEYS as i64);
}

/// Some outcome of each sort.
fn outcome(n: usize) -> Outcome {
    let reason = "disk full".to_owned();
    match n % 5 {
        0 | 1 => passed(),
        2 => failed("no digit"),
        3 => Outcome::Again { counted: Counted::Failure, reason, after: Duration::ZERO },
        _ => Outcome::GivenUp { counted: Counted::Loss, reason },
    }
}

async fn work(store: Arc<dyn Store>, rounds: usize) {
    let worker = join(&*store).await;
    for round in 0..rounds {
        let jobs = store.claim(worker, 40).await.unwrap();
        store.beat(worker, jobs.len() as u32).await.unwrap();
        // In two parts, one of them backwards.
        let mut batch: Vec<Settlement> = jobs
            .iter()
            .enumerate()
            .map(|(n, job)| Settlement { lease: job.lease, outcome: outcome(n + round) })
            .collect();
        batch.reverse();
        let rest = batch.split_off(batch.len() / 2);
        let (one, two) = tokio::join!(store.settle(&batch), store.settle(&rest));
        one.unwrap();
        two.unwrap();
    }
}

async fn meddle(store: Arc<dyn Store>, ids: Vec<Uuid>, rounds: usize) {
    for round in 0..rounds {
        let id = ids[(round * 37) % ids.len()];
        match round % 6 {
            0 | 1 => drop(store.cancel(&Scope::All, id).await.unwrap()),
            2 => drop(store.retry(&Scope::All, id).await.unwrap()),
            3 => drop(store.retry_all(&Scope::All, Status::Failed, 20).await.unwrap()),
            4 => drop(store.announce(Duration::from_millis(1), 20).await.unwrap()),
            _ => {
                store.retry_all(&Scope::All, Status::Cancelled, 20).await.unwrap();
                store.prune(Duration::from_millis(20), 10).await.unwrap();
                for lost in store.lost_leases(HOUR, Duration::from_millis(5), 50).await.unwrap() {
                    let outcome =
                        Outcome::Again { counted: Counted::Loss, reason: "late".into(), after: Duration::ZERO };
                    store.settle(&[Settlement { lease: lost.lease, outcome }]).await.unwrap();
                }
            }
        }
        for status in Status::ALL {
            store.list(&Scope::All, Listing { status: Some(status), after: None, limit: 5 }).await.unwrap();
        }
    }
}

async fn counts_stay_exact_whatever_happens_at_once(store: Fresh) {
    let ids = create(&**store, 600).await;
    let other = store.other().await;
    let mut tasks = Vec::new();
    for n in 0..3 {
        let store = Arc::clone(if n == 0 { &*store } else { &other });
        tasks.push(tokio::spawn(work(Arc::clone(&store), 40)));
        tasks.push(tokio::spawn(meddle(store, ids.clone(), 60)));
    }
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(120), task).await.unwrap().unwrap();
    }
    let mut counted = [0; 5];
    for found in store.list(&Scope::All, Listing { status: None, after: None, limit: 1_000 }).await.unwrap() {
        counted[found.status as usize] += 1;
    }
    tick().await;
    let stats = store.stats(&Scope::All, Duration::ZERO).await.unwrap();
    assert_eq!(stats.in_status, counted);
    // What is still leased is found, all of it, and settled.
    let lost = store.lost_leases(Duration::ZERO, Duration::ZERO, 1_000).await.unwrap();
    assert_eq!((lost.len() as i64, stats.stuck), (counted[1], counted[1]));
    let settlements: Vec<Settlement> =
        lost.iter().map(|lost| Settlement { lease: lost.lease, outcome: passed() }).collect();
    assert!(store.settle(&settlements).await.unwrap().into_iter().all(|was_in_force| was_in_force));
    assert_eq!(store.stats(&Scope::All, Duration::ZERO).await.unwrap().in_status[1], 0);
}
