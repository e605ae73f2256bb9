//! When which fault happens: a function of the list of faults and the seed. Pure.

use std::time::Duration;

use super::fault::Fault;
use crate::ledger::mix::mix;

/// A hold that the command line does not set lies between these.
const SHORTEST_HOLD: Duration = Duration::from_millis(500);
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// No fault happens in the first and the last of this many parts of the time, so that there is a before and an after.
const MARGIN: u32 = 20;

/// A fault that will happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlannedFault<F = Fault> {
    pub(crate) fault: F,
    /// From the start of the load. A fault of a part that is still in trouble waits until that is over.
    pub(crate) at: Duration,
    /// How long the trouble lasts.
    pub(crate) hold: Duration,
    /// Decides what the fault leaves open, such as which broker.
    pub(crate) dice: u64,
}

/// Every fault at a random moment of `duration`, the earliest first.
pub(crate) fn at_random<F>(
    faults: impl Iterator<Item = F>,
    seed: u64,
    duration: Duration,
    hold: Option<Duration>,
) -> Vec<PlannedFault<F>> {
    let margin = duration / MARGIN;
    let mut planned = one_by_one(faults, seed, hold);
    for planned in &mut planned {
        planned.at = margin + (duration - 2 * margin).mul_f64(share(mix(planned.dice ^ 1)));
    }
    planned.sort_by_key(|planned| planned.at);
    planned
}

/// Every fault in the order of the list, none at any given time.
pub(crate) fn one_by_one<F>(
    faults: impl Iterator<Item = F>,
    seed: u64,
    hold: Option<Duration>,
) -> Vec<PlannedFault<F>> {
    let mut dice = mix(seed);
    let planned = faults.map(|fault| {
        dice = mix(dice);
        let random = SHORTEST_HOLD + (LONGEST_HOLD - SHORTEST_HOLD).mul_f64(share(mix(dice ^ 2)));
        PlannedFault { fault, at: Duration::ZERO, hold: hold.unwrap_or(random), dice }
    });
    planned.collect()
}

/// From 0 to 1.
fn share(random: u64) -> f64 {
    random as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::chaos::faults::FaultList;

    proptest! {
        #[test]
        fn every_fault_happens_within_the_time_and_the_same_way_for_the_same_seed(seed: u64, seconds in 1_u64..3_600) {
            let faults: FaultList = "all,consumer-kill=20".parse().unwrap();
            let duration = Duration::from_secs(seconds);
            let planned = at_random(faults.each(), seed, duration, None);
            prop_assert_eq!(planned.len(), faults.each().count());
            prop_assert!(planned.is_sorted_by_key(|planned| planned.at));
            for planned in &planned {
                prop_assert!(planned.at >= duration / MARGIN && planned.at <= duration - duration / MARGIN);
                prop_assert!((SHORTEST_HOLD..=LONGEST_HOLD).contains(&planned.hold));
            }
            prop_assert_eq!(&planned, &at_random(faults.each(), seed, duration, None));
            prop_assert_ne!(&planned, &at_random(faults.each(), seed.wrapping_add(1), duration, None));
        }
    }

    #[test]
    fn a_hold_that_is_asked_for_is_every_faults_hold() {
        let hold = Duration::from_secs(120);
        let planned = one_by_one("store-pause=3".parse::<FaultList>().unwrap().each(), 7, Some(hold));
        assert!(planned.iter().all(|planned| planned.hold == hold) && planned.len() == 3);
    }
}
