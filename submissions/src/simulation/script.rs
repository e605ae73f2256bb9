//! What is done to the world, in order, drawn from a seed before the history starts, so that it can be shortened and
//! run again.

use simulation::Random;

use super::settings::Settings;

/// How the store behaves towards requests of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Well,
    /// It takes seconds.
    Slow,
    /// Nothing is done, and the answer says so.
    Away,
    /// All is done, and the answer is lost.
    AnswerLost,
    /// The answer says that nothing is done, and it is done long after.
    Late,
}

/// Requests that share a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Joins, claims and leaves.
    Claims,
    /// Settlements and look-ups.
    Settlements,
    Beats,
    /// Everything that sweepers ask.
    Sweeps,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create(usize),
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
    /// From now on the store behaves so.
    Store(Sort, Mode),
    /// Nobody gets an answer, or everybody gets one again.
    Outage(bool),
    /// Somebody cancels this many submissions, beginning with that one.
    Cancel(usize, usize),
    /// Somebody retries this many, beginning with that one.
    Retry(usize, usize),
}

use Operation::*;

const SORTS: [Sort; 4] = [Sort::Claims, Sort::Settlements, Sort::Beats, Sort::Sweeps];

const MODES: [Mode; 8] =
    [Mode::Well, Mode::Well, Mode::Well, Mode::Slow, Mode::Away, Mode::AnswerLost, Mode::AnswerLost, Mode::Late];

/// The script of a seed.
pub(super) fn generate(seed: u64) -> Vec<Operation> {
    let settings = Settings::of(seed);
    let random = &mut Random::new(seed ^ 0x5C21_9700);
    let mut script: Vec<Operation> = (0..settings.slots).map(Start).collect();
    for _ in 0..random.between(10, 20) {
        if random.one_in(6) {
            scene(&mut script, random, &settings);
        } else {
            script.push(operation(random, &settings));
        }
        if random.one_in(2) {
            script.push(Create(random.between(1, 5)));
        }
        script.push(pause(random));
    }
    script
}

fn operation(random: &mut Random, settings: &Settings) -> Operation {
    let slot = random.below(settings.slots);
    match random.below(20) {
        0..=6 => Store(random.of(&SORTS), random.of(&MODES)),
        7 | 8 => Kill(slot),
        9 => Stop(slot),
        10..=13 => Start(slot),
        14 => Freeze { slot, milliseconds: random.between(100, 1_500) as u64 },
        15 => Freeze { slot, milliseconds: random.between(1_500, 6_000) as u64 },
        16 => Cancel(random.below(40), random.between(1, 3)),
        17 => Retry(random.below(40), random.between(1, 6)),
        _ => Create(random.between(4, 10)),
    }
}

/// Operations that do the most harm together.
fn scene(script: &mut Vec<Operation>, random: &mut Random, settings: &Settings) {
    let slot = random.below(settings.slots);
    match random.below(6) {
        // The store is away for everybody, and back.
        0 => {
            script.extend([Create(6), pause(random), Outage(true)]);
            script.extend([Milliseconds(random.between(500, 6_000) as u64), Outage(false), pause(random)]);
        }
        // Attempts that cannot be settled last too long, while their worker lives.
        1 => {
            script.extend([Create(5), Store(Sort::Settlements, random.of(&[Mode::Away, Mode::Late]))]);
            script.extend([Milliseconds(12_000), Store(Sort::Settlements, Mode::Well)]);
        }
        // A worker that counts as gone resumes with what it has done.
        2 => {
            script.extend([Create(8), Steps(random.between(10, 60))]);
            script.extend([Freeze { slot, milliseconds: random.between(2_500, 6_000) as u64 }]);
            script.extend([Milliseconds(random.between(2_000, 6_500) as u64)]);
        }
        // Claims are done without their worker's knowledge.
        3 => {
            script.extend([Store(Sort::Claims, random.of(&[Mode::AnswerLost, Mode::Late])), Create(8)]);
            script.extend([Milliseconds(random.between(500, 4_000) as u64), Store(Sort::Claims, Mode::Well)]);
        }
        // Claims take long while there is work in hand.
        4 => {
            script.extend([Create(3), Milliseconds(300), Store(Sort::Claims, Mode::Slow), Create(2)]);
            script.extend([Milliseconds(random.between(1_000, 5_000) as u64), Store(Sort::Claims, Mode::Well)]);
        }
        // Somebody cancels and retries what is in work.
        _ => {
            script.extend([Create(6), Steps(random.between(10, 40))]);
            script.extend([Cancel(0, 100), Steps(random.between(0, 20)), Retry(0, 100)]);
        }
    }
}

fn pause(random: &mut Random) -> Operation {
    match random.below(3) {
        0 => Milliseconds(random.between(0, 400) as u64),
        1 => Milliseconds(random.between(0, 4_000) as u64),
        _ => Steps(random.between(1, 40)),
    }
}
