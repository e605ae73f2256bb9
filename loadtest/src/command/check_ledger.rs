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
use crate::ledger::books::examination::Examination;
use crate::ledger::books::{Counts, Ledger, Reply, SentPost};
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
    /// Dead-lettered under another id than the client got.
    DeadLetteredOtherId,
    /// Dead-lettered, and stored since.
    Replayed,
    /// Stored, but not as it was sent.
    Changed,
    /// Stored with the date of another day.
    OtherDate,
    Rejected,
    RejectedAndStored,
    Unknown,
    UnknownAndStored,
    NeverSentAndStored,
}

/// Documents are found in an order in which neighbours are far apart: this prime is the step from one to the next.
const STEP: u64 = 2_147_483_647;

/// When the first post is sent, in ms since 1970, how long each answer takes, and a day.
const START_MS: i64 = 1_790_000_000_000;
const ANSWER_MS: i64 = 20;
const DAY_MS: i64 = 86_400_000;

/// The check, from the start to the exit code.
pub(crate) fn check_ledger(options: &CheckLedgerOptions) -> ExitCode {
    let (began, posts) = (Instant::now(), options.posts);
    let (counts, findings) = keep_books(posts);
    let (expected, peak_mb) = (truth(posts), peak_memory_mb());
    println!("{} simulated posts in {:.1} s", grouped(posts), began.elapsed().as_secs_f64());
    println!("counted   {counts:?}");
    println!("the truth {expected:?}");
    println!("findings with their numbers: {findings}");
    println!("peak memory: {}", peak_mb.map_or("not known here".to_owned(), |mb| format!("{mb} MB")));
    let mut passed = counts == expected;
    if let (Some(most), Some(peak)) = (options.most_memory, peak_mb) {
        passed &= peak <= most;
    }
    println!("{}", if passed { "ok" } else { "FAILED" });
    if passed { ExitCode::SUCCESS } else { ExitCode::from(exit::THRESHOLD_FAILED) }
}

/// What the ledger makes of the run, and how many findings it names.
fn keep_books(posts: u64) -> (Counts, usize) {
    let mut ledger = Ledger::default();
    for n in 0..posts {
        let reply = match fate(n, posts) {
            Fate::NeverSentAndStored => continue,
            Fate::Rejected | Fate::RejectedAndStored => Reply::Rejected,
            Fate::Unknown | Fate::UnknownAndStored => Reply::Unknown,
            _ => Reply::Accepted(answered_id(n)),
        };
        ledger.answered(SentPost {
            n,
            reply,
            was_unknown: false,
            sent_ms: sent_ms(n),
            ended_ms: sent_ms(n) + ANSWER_MS,
        });
    }
    documents(posts, |n, id| {
        let fate = fate(n, posts);
        let date_ms = sent_ms(n) + if fate == Fate::OtherDate { DAY_MS } else { ANSWER_MS / 2 };
        let is_changed = fate == Fate::Changed || ledger.date_distance_ms(n, date_ms) != 0;
        ledger.stored(n, id, is_changed);
    });
    letters(posts, |n, id| ledger.dead_lettered(n, id, false));

    let acknowledged = || accepted(posts).map(|n| Ok::<_, Infallible>((n, answered_id(n))));
    let Ok(mut examination) = Examination::begin(ledger, acknowledged());
    while examination.next_round() {
        accepted(posts).for_each(|n| examination.recall(n, answered_id(n)));
        documents(posts, |n, id| examination.document(n, id, String::new));
        letters(posts, |n, id| examination.dead_letter(n, id, String::new));
    }
    let (counts, named) = examination.finish();
    (counts, named.into_list().len())
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
            Fate::DeadLetteredOtherId => {
                counts.unexpected += 1;
                (&mut counts.accepted, false, Some(&mut counts.dead_lettered))
            }
            Fate::Replayed => (&mut counts.accepted, true, Some(&mut counts.replayed)),
            Fate::Changed | Fate::OtherDate => (&mut counts.accepted, true, Some(&mut counts.changed)),
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
    use Fate::{NeverSentAndStored, Rejected, RejectedAndStored, Unknown, UnknownAndStored};
    (0..posts).filter(move |n| {
        let fate = fate(*n, posts);
        !matches!(fate, NeverSentAndStored | Rejected | RejectedAndStored | Unknown | UnknownAndStored)
    })
}

/// Every dead letter.
fn letters(posts: u64, mut visit: impl FnMut(u64, PostId)) {
    for n in 0..posts {
        match fate(n, posts) {
            Fate::DeadLettered | Fate::Replayed => visit(n, answered_id(n)),
            Fate::DeadLetteredOtherId => visit(n, other_id(n)),
            _ => {}
        }
    }
}

/// Every document, scattered.
fn documents(posts: u64, mut visit: impl FnMut(u64, PostId)) {
    for i in 0..posts {
        let n = (u128::from(i) * u128::from(STEP) % u128::from(posts)) as u64;
        match fate(n, posts) {
            Fate::Missing | Fate::DeadLettered | Fate::DeadLetteredOtherId | Fate::Rejected | Fate::Unknown => {}
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
        60..70 => Fate::DeadLetteredOtherId,
        70..80 => Fate::Replayed,
        80..90 => Fate::Changed,
        90..100 => Fate::OtherDate,
        100..500 => Fate::Rejected,
        500..800 => Fate::Unknown,
        800..1_000 => Fate::UnknownAndStored,
        _ => Fate::Stored,
    }
}

/// A thousand posts a second.
fn sent_ms(n: u64) -> i64 {
    START_MS + n.cast_signed()
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
        let Counts { missing, duplicated, changed, dead_lettered, replayed, unknown_stored, .. } = counts;
        for count in [missing, duplicated, changed, dead_lettered, replayed, unknown_stored] {
            assert!(count > 0, "{counts:?}");
        }
        assert!(findings > 0);
    }
}
