//! What is done to the world, in order, drawn from a seed before the history starts, so that it can be shortened and
//! run again.

use simulation::Random;

use super::settings::Settings;

/// What is produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mix {
    /// Small and good.
    Good,
    /// Of all kinds.
    Mixed,
    /// Records that cannot be stored.
    Bad,
    /// Large ones, up to twice the budget.
    Large,
    /// Sent back from the dead letters, most of them still bad.
    Replays,
}

/// How a server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Well,
    /// It takes seconds.
    Slow,
    /// Nothing is done, and the answer says so.
    Away,
    /// All is done, and the answer is lost.
    AnswerLost,
    /// Only a part is done: some records of a batch, some partitions of a commit.
    Partly,
    /// The answer says that nothing is done, and it is done long after.
    Late,
    /// No answer until the server is well again.
    Hangs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Produce {
        partition: usize,
        count: usize,
        what: Mix,
    },
    /// Everything continues for this long.
    Milliseconds(u64),
    /// This many steps are taken, so that the next operation can come between any two.
    Steps(usize),
    Start(usize),
    Stop(usize),
    Kill(usize),
    Freeze {
        slot: usize,
        milliseconds: u64,
    },
    /// The coordinator expels the member, which continues for some seconds before it learns so.
    Expel(usize),
    Store(Mode),
    Letters(Mode),
    Commits(Mode),
    /// Pauses and resumes fail, or work again.
    PausesFail(bool),
    /// Every second partition gives no watermarks, and committed offsets come only sometimes; or all come again.
    WatchesFail(bool),
    /// All but this many of the last records are deleted.
    Retain {
        partition: usize,
        records: usize,
    },
    AddPartition,
    /// The partition is deleted and recreated: offsets start again.
    Recreate(usize),
    ReleaseBrake(usize),
    /// Operators pause fetching in all members, or resume it.
    Pause(bool),
}

use Operation::*;

const MODES: [Mode; 10] = [
    Mode::Well,
    Mode::Well,
    Mode::Well,
    Mode::Slow,
    Mode::Away,
    Mode::AnswerLost,
    Mode::Partly,
    Mode::Partly,
    Mode::Late,
    Mode::Hangs,
];

/// The script of a seed.
pub(super) fn generate(seed: u64) -> Vec<Operation> {
    let settings = Settings::of(seed);
    let random = &mut Random::new(seed ^ 0x5C21_9700);
    let mut script: Vec<Operation> = (0..settings.slots).map(Start).collect();
    for _ in 0..random.between(14, 26) {
        if random.one_in(8) {
            scene(&mut script, random, &settings);
        } else {
            script.push(operation(random, &settings));
        }
        script.push(produce(random));
        script.push(match random.below(3) {
            0 => Milliseconds(random.between(0, 400) as u64),
            1 => Milliseconds(random.between(0, 4_000) as u64),
            _ => Steps(random.between(1, 40)),
        });
    }
    if settings.is_administered {
        administer(&mut script, seed);
    }
    script
}

/// Adds pauses and resumes at any place. They are drawn apart, so that a history without them is what it was.
fn administer(script: &mut Vec<Operation>, seed: u64) {
    let random = &mut Random::new(seed ^ 0x0A05_E5ED);
    for _ in 0..random.between(2, 8) {
        let place = random.below(script.len());
        script.insert(place, Pause(random.one_in(2)));
    }
    // Some are over at once, others last.
    let place = random.below(script.len());
    script.splice(place..place, [Pause(true), Milliseconds(random.between(100, 9_000) as u64), Pause(false)]);
}

fn operation(random: &mut Random, settings: &Settings) -> Operation {
    let slot = random.below(settings.slots);
    match random.below(24) {
        0..=2 => Store(random.of(&MODES)),
        3 | 4 => Letters(random.of(&MODES)),
        5 | 6 | 22 => Commits(random.of(&MODES)),
        7 | 8 => Kill(slot),
        9 => Stop(slot),
        10..=12 => Start(slot),
        13 => freeze(random, slot, settings),
        14 => PausesFail(random.one_in(3)),
        15 => WatchesFail(random.one_in(2)),
        16 | 17 => Retain { partition: random.below(6), records: random.below(8) },
        18 => AddPartition,
        19 => Recreate(random.below(6)),
        20 => ReleaseBrake(slot),
        23 => Expel(slot),
        _ => Produce { partition: random.below(6), count: random.between(3, 12), what: Mix::Bad },
    }
}

/// Operations that do the most harm together.
fn scene(script: &mut Vec<Operation>, random: &mut Random, settings: &Settings) {
    let (slot, partition) = (random.below(settings.slots), random.below(4));
    let flood = |random: &mut Random| Produce { partition, count: random.between(15, 40), what: Mix::Good };
    match random.below(5) {
        // A member is frozen while its budget is full.
        0 => {
            script.extend([Store(Mode::Hangs), flood(random), Milliseconds(random.between(500, 4_000) as u64)]);
            script.extend([freeze(random, slot, settings), Milliseconds(random.between(500, 9_000) as u64)]);
            script.push(Store(Mode::Well));
        }
        // Only commits do not get through.
        1 => {
            script.extend([Commits(random.of(&[Mode::Hangs, Mode::Away])), flood(random), flood(random)]);
            script.extend([Milliseconds(random.between(1_000, 6_000) as u64), Commits(Mode::Well)]);
        }
        // The topic is recreated while its records are being written, and partitions move.
        2 => {
            script.extend([Store(random.of(&[Mode::Slow, Mode::Hangs])), flood(random), Steps(random.between(20, 60))]);
            script.extend([Recreate(partition), flood(random), freeze(random, slot, settings)]);
            script.extend([Milliseconds(random.between(500, 9_000) as u64), Store(Mode::Well)]);
        }
        // The only member loses its partitions while a batch is being written, and gets it back with the topic
        // recreated.
        3 => {
            script.extend((0..settings.slots).filter(|other| *other != slot).map(Kill));
            script.extend([Start(slot), Milliseconds(settings.session.as_millis() as u64 + 1_500)]);
            script.extend([Store(Mode::Hangs), flood(random), Steps(random.between(20, 60))]);
            script.extend([Recreate(partition), freeze_for_too_long(random, slot, settings), flood(random)]);
            script.extend([Milliseconds(20_000), Store(Mode::Slow), Milliseconds(random.between(1_000, 5_000) as u64)]);
            script.push(Store(Mode::Well));
        }
        // Retention overtakes the group.
        _ => {
            script.extend([
                Store(Mode::Away),
                flood(random),
                flood(random),
                Milliseconds(random.between(0, 2_000) as u64),
            ]);
            script.extend([Retain { partition, records: random.below(4) }, Store(Mode::Well)]);
        }
    }
}

fn freeze(random: &mut Random, slot: usize, settings: &Settings) -> Operation {
    let half = settings.session.as_millis() as usize / 2;
    let shortly = Freeze { slot, milliseconds: random.between(100, half) as u64 };
    if random.one_in(2) { shortly } else { freeze_for_too_long(random, slot, settings) }
}

fn freeze_for_too_long(random: &mut Random, slot: usize, settings: &Settings) -> Operation {
    Freeze { slot, milliseconds: settings.session.as_millis() as u64 + random.between(1_000, 6_000) as u64 }
}

fn produce(random: &mut Random) -> Operation {
    let what = random.of(&[Mix::Good, Mix::Good, Mix::Mixed, Mix::Mixed, Mix::Mixed, Mix::Large, Mix::Replays]);
    let most = if what == Mix::Large { 4 } else { 14 };
    Produce { partition: random.below(6), count: random.between(1, most), what }
}
