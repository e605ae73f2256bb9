//! `loadtest check-ledger`: lets the ledger keep the books of a simulated run whose truth is known, and says whether
//! its counts are exact and how much memory that took. Nothing is sent and nothing is stored: the posts are only
//! numbers and ids, so a hundred million of them take a minute.

use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Instant;

use contract::PostId;
use service::status::figures::grouped;
use uuid::Uuid;

use crate::base::exit;
use crate::command::options::CheckLedgerOptions;
use crate::ledger::books::examination::{Examination, Finding};
use crate::ledger::books::{Counts, Ledger, Reply};
use crate::ledger::mix::mix;

/// What becomes of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stored,
    Missing,
    DeadLettered,
    StoredTwice,
    /// Stored under another id than the client got.
    OtherId,
    Rejected,
    RejectedAndStored,
    Unknown,
    UnknownAndStored,
    NeverSentAndStored,
}

/// Documents are found in an order in which neighbours are far apart: this prime is the step from one to the next.
const STEP: u64 = 2_147_483_647;

/// The check, from the start to the exit code.
pub(crate) fn check_ledger(options: &CheckLedgerOptions) -> ExitCode {
    let (began, posts) = (Instant::now(), options.posts);
    let (counts, findings) = keep_books(posts);
    let (expected, peak_mb) = (truth(posts), peak_memory_mb());
    println!("{} simulated posts in {:.1} s", grouped(posts), began.elapsed().as_secs_f64());
    println!("counted   {counts:?}");
    println!("the truth {expected:?}");
    println!("findings with their numbers: {}", findings.len());
    println!("peak memory: {}", peak_mb.map_or("not known here".to_owned(), |mb| format!("{mb} MB")));
    let mut passed = counts == expected;
    if let (Some(most), Some(peak)) = (options.most_memory, peak_mb) {
        passed &= peak <= most;
    }
    println!("{}", if passed { "ok" } else { "FAILED" });
    if passed { ExitCode::SUCCESS } else { ExitCode::from(exit::THRESHOLD_FAILED) }
}

/// What the ledger makes of the run.
fn keep_books(posts: u64) -> (Counts, Vec<Finding>) {
    let mut ledger = Ledger::default();
    for n in 0..posts {
        match fate(n, posts) {
            Fate::NeverSentAndStored => {}
            Fate::Rejected | Fate::RejectedAndStored => ledger.answered(n, Reply::Rejected),
            Fate::Unknown | Fate::UnknownAndStored => ledger.answered(n, Reply::Unknown),
            _ => ledger.answered(n, Reply::Accepted(answered_id(n))),
        }
    }
    documents(posts, |n, id| ledger.stored(n, id));
    (0..posts).filter(|n| fate(*n, posts) == Fate::DeadLettered).for_each(|n| ledger.dead_lettered(n));

    let acknowledged = || accepted(posts).map(|n| Ok::<_, Infallible>((n, answered_id(n))));
    let Ok(mut examination) = Examination::begin(ledger, acknowledged());
    while examination.next_round() {
        accepted(posts).for_each(|n| examination.recall(n, answered_id(n)));
        documents(posts, |n, id| examination.document(n, id));
    }
    examination.finish()
}

/// What the counts must be.
fn truth(posts: u64) -> Counts {
    let mut counts = Counts::default();
    for n in 0..posts {
        let (answered, stored, finding) = match fate(n, posts) {
            Fate::Stored => (&mut counts.accepted, true, None),
            Fate::Missing => (&mut counts.accepted, false, Some(&mut counts.missing)),
            Fate::DeadLettered => (&mut counts.accepted, false, Some(&mut counts.dead_lettered)),
            Fate::StoredTwice => (&mut counts.accepted, true, Some(&mut counts.duplicated)),
            Fate::OtherId => (&mut counts.accepted, true, Some(&mut counts.unexpected)),
            Fate::Rejected => (&mut counts.rejected, false, None),
            Fate::RejectedAndStored => (&mut counts.rejected, true, Some(&mut counts.unexpected)),
            Fate::Unknown => (&mut counts.unknown, false, None),
            Fate::UnknownAndStored => (&mut counts.unknown, true, Some(&mut counts.unknown_stored)),
            Fate::NeverSentAndStored => {
                counts.stored += 1;
                counts.unexpected += 1;
                continue;
            }
        };
        *answered += 1;
        if let Some(finding) = finding {
            *finding += 1;
        }
        counts.stored += u64::from(stored);
    }
    counts
}

/// The accepted posts.
fn accepted(posts: u64) -> impl Iterator<Item = u64> {
    (0..posts).filter(move |n| {
        matches!(fate(*n, posts), Fate::Stored | Fate::Missing | Fate::DeadLettered | Fate::StoredTwice | Fate::OtherId)
    })
}

/// Every document, scattered.
fn documents(posts: u64, mut visit: impl FnMut(u64, PostId)) {
    for i in 0..posts {
        let n = (u128::from(i) * u128::from(STEP) % u128::from(posts)) as u64;
        match fate(n, posts) {
            Fate::Missing | Fate::DeadLettered | Fate::Rejected | Fate::Unknown => {}
            Fate::OtherId => visit(n, other_id(n)),
            Fate::StoredTwice => {
                visit(n, answered_id(n));
                visit(n, other_id(n));
            }
            _ => visit(n, answered_id(n)),
        }
    }
}

/// Of a million posts, each finding concerns ten, and about a hundred were rejected or have an unknown answer. The last
/// ones are all stored, so that no number lies beyond those that were sent.
fn fate(n: u64, posts: u64) -> Fate {
    if n + 64 >= posts {
        return Fate::Stored;
    }
    match mix(n ^ 0x001e_d9e7) % 1_000_000 {
        0..10 => Fate::Missing,
        10..20 => Fate::DeadLettered,
        20..30 => Fate::StoredTwice,
        30..40 => Fate::OtherId,
        40..50 => Fate::RejectedAndStored,
        50..60 => Fate::NeverSentAndStored,
        60..500 => Fate::Rejected,
        500..800 => Fate::Unknown,
        800..1_000 => Fate::UnknownAndStored,
        _ => Fate::Stored,
    }
}

fn answered_id(n: u64) -> PostId {
    Uuid::from_u64_pair(mix(n), mix(!n)).into()
}

fn other_id(n: u64) -> PostId {
    Uuid::from_u64_pair(mix(n), n).into()
}

/// The peak of this process's resident memory, in MB; `None` where the system does not report it.
fn peak_memory_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.split_whitespace().next()?.parse().ok()?;
    Some((kib * 1_024).div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_keeps_the_books_of_a_run_with_every_fault() {
        let (counts, findings) = keep_books(400_000);
        assert_eq!(counts, truth(400_000));
        for count in [counts.missing, counts.duplicated, counts.dead_lettered, counts.unknown_stored] {
            assert!(count > 0, "{counts:?}");
        }
        assert!(!findings.is_empty());
    }
}
