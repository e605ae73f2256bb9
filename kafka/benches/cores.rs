//! What a member of a group does with a record beside reading and writing it: taking it in, collecting it with others, and
//! keeping the offsets that may be committed.

use std::time::{Duration, Instant};

use kafka::group::budget::Budget;
use kafka::group::core::{
    Action, BatchLimits, BrakeLimits, Core, Delivery, Event, Limits, NotStored, Received, RunAhead,
};
use kafka::group::fetching::Fetching;
use measure::Measure;

#[path = "../../contract/benches/cores/measure.rs"]
mod measure;

const RECORDS: usize = 1_000;
const PARTITIONS: i32 = 4;
const FLUSHES: usize = 4;
/// As large as what the consumer's records carry.
type Cargo = [u8; 160];

/// The defaults.
const LIMITS: Limits = Limits {
    batch: BatchLimits { messages: 100, bytes: 4_000_000, interval: Duration::from_secs(5) },
    concurrent_flushes: FLUSHES,
    run_ahead: RunAhead { records: 100_000, bytes: 100_000_000 },
    revoke_timeout: Duration::from_secs(4),
    brake: BrakeLimits { max_share: 0.5, max_consecutive: 100 },
};

/// A core that holds all partitions, and records of them in turn, in the pieces that the fetcher hands on.
fn set_up(now: Instant) -> (Core<Cargo>, Vec<Vec<Received<Cargo>>>) {
    let mut core = Core::new(LIMITS, Budget::new(16_000_000));
    let partitions: Vec<i32> = (0..PARTITIONS).collect();
    let assignment = Fetching::default().assign(&partitions);
    core.handle(Event::Delivered(Delivery::Assigned { assignment, partitions }), now);
    while core.next_action(now).is_some() {}
    let record = |number: usize| {
        let (partition, offset) = (number as i32 % PARTITIONS, (number as i32 / PARTITIONS).into());
        Received::new(partition, offset, assignment, 700, [0; 160])
    };
    let pieces = (0..RECORDS / 100).map(|piece| (piece * 100..(piece + 1) * 100).map(record).collect()).collect();
    (core, pieces)
}

/// With as many flushes in flight as there may be. They end in the order in which they began, or the youngest of four first.
fn core(measure: &Measure) {
    let now = Instant::now();
    for (name, youngest_first) in [("in order", false), ("out of order", true)] {
        let records = || set_up(now);
        measure.core(&format!("core/1,000 records, {name}"), records, |(core, pieces)| {
            let mut in_flight = Vec::new();
            let mut now = now;
            for piece in pieces.drain(..) {
                core.handle(Event::Delivered(Delivery::Records(piece)), now);
                now += Duration::from_millis(100);
                act(core, &mut in_flight, now);
                if in_flight.len() == FLUSHES {
                    if youngest_first {
                        in_flight.reverse();
                    }
                    let ended = if youngest_first { FLUSHES } else { 1 };
                    for flushed in in_flight.drain(..ended).collect::<Vec<_>>() {
                        core.handle(flushed, now);
                        act(core, &mut in_flight, now);
                    }
                }
            }
            in_flight
        });
    }
}

/// Does what the core says: what is flushed is on its way, and commits are acknowledged at once.
fn act(core: &mut Core<Cargo>, in_flight: &mut Vec<Event<Cargo>>, now: Instant) {
    while let Some(action) = core.next_action(now) {
        match action {
            Action::Flush(batch) => {
                let not_stored: Vec<(usize, NotStored)> = Vec::new();
                let (batch, records) = (batch.number, batch.records);
                in_flight.push(Event::Flushed { batch, records, not_stored, why_later: None });
            }
            Action::Commit(_) => core.handle(Event::Committed(Ok(())), now),
            _ => {}
        }
    }
}

fn main() {
    core(&Measure::from_arguments());
}
