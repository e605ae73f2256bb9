//! Measures a core, in the benches of every crate: `cargo bench` times each, and `bench/instructions.py` lets callgrind
//! count the instructions of one call.
//!
//! It replaces criterion, whose dependencies turn on features of shared crates (`half` those of zerocopy): CI would
//! build mongodb and most of its dependencies a second time, for the benches alone.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// A sample repeats the core until it takes this long.
const SAMPLE: Duration = Duration::from_millis(2);
const SAMPLES: usize = 100;

/// What the program's arguments request.
pub enum Measure {
    /// `--list`: only the names.
    List,
    /// `--once NAME`: the core of this name, for callgrind.
    Once(String),
    /// Otherwise the times of the cores whose names contain all these words.
    Times(Vec<String>),
}

impl Measure {
    /// What this program's arguments ask for.
    pub fn from_arguments() -> Self {
        // `cargo bench` adds `--bench`.
        let mut arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        match arguments.first().map(String::as_str) {
            Some("--list") => Self::List,
            Some("--once") => Self::Once(arguments.pop().unwrap_or_default()),
            _ => Self::Times(arguments),
        }
    }

    /// Measures only `core`, not `set_up` and not the drops of its input and output.
    pub fn core<I, O>(&self, name: &str, mut set_up: impl FnMut() -> I, mut core: impl FnMut(&mut I) -> O) {
        match self {
            Self::List => println!("{name}"),
            Self::Once(asked) if name == asked => {
                // A first call, so that what is made on first use, such as the allocator's pages, is there.
                drop(core(&mut set_up()));
                let mut input = set_up();
                drop(counted(|| core(black_box(&mut input))));
            }
            Self::Times(words) if words.iter().all(|word| name.contains(word)) => {
                let mut calls = 1;
                while time(calls, &mut set_up, &mut core) < SAMPLE {
                    calls *= 2;
                }
                let mut samples: Vec<Duration> = (0..SAMPLES).map(|_| time(calls, &mut set_up, &mut core)).collect();
                samples.sort();
                let nanoseconds = |sample: Duration| sample.as_nanos() / u128::from(calls);
                println!(
                    "{name:40} {:>10} ns, at least {:>10} ns",
                    nanoseconds(samples[SAMPLES / 2]),
                    nanoseconds(samples[0])
                );
            }
            Self::Once(_) | Self::Times(_) => {}
        }
    }
}

/// Callgrind counts within this function, and finds it by its name.
#[inline(never)]
fn counted<O>(core: impl FnOnce() -> O) -> O {
    black_box(core())
}

fn time<I, O>(calls: u32, set_up: &mut impl FnMut() -> I, core: &mut impl FnMut(&mut I) -> O) -> Duration {
    let mut inputs: Vec<I> = (0..calls).map(|_| set_up()).collect();
    let mut outputs = Vec::with_capacity(inputs.len());
    let started = Instant::now();
    for input in &mut inputs {
        outputs.push(core(black_box(input)));
    }
    let elapsed = started.elapsed();
    drop(black_box(outputs));
    elapsed
}
