//! The list of faults that a command line asks for. Pure.

use std::str::FromStr;

use contract::{Kind, Write};
use service::failpoint::Step;

use super::fault::{Fault, HAS_FAILPOINTS};
use crate::base::exit::Unusable;

/// Stands for every fault that this build can inject.
const ALL: &str = "all";

/// Stands for one kill at every step.
const EVERY_STEP: &str = "every-step";

/// Faults in the order asked for; one that happens several times is listed several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FaultList(Vec<Fault>);

impl FaultList {
    /// Those of them that can happen to records of this kind: with one document for each key, an index of titles has no
    /// meaning, and a topic that grows moves keys to other partitions, where only the times of records order them. Both
    /// also need posts of the lab's own, which a kind of a schema does not take.
    ///
    /// # Errors
    /// When none is left.
    pub(crate) fn possible(&self, kind: Kind) -> Result<Self, Unusable> {
        let is_possible = |fault: &Fault| match kind {
            Kind::Post => true,
            Kind::Order | Kind::Schema(_) => !matches!(fault, Fault::Index | Fault::Partitions),
        };
        let possible: Vec<Fault> = self.each().filter(is_possible).collect();
        if possible.is_empty() {
            let why = match kind.write() {
                Write::Insert => "index and partitions need posts",
                Write::Upsert => {
                    "index needs titles, and partitions moves keys to where only the times of records order them"
                }
            };
            return Err(Unusable(format!("no fault is left for --kind {}: {why}", kind.name())));
        }
        Ok(Self(possible))
    }

    /// Every single one.
    pub(crate) fn each(&self) -> impl Iterator<Item = Fault> {
        self.0.iter().copied()
    }
}

impl FromStr for FaultList {
    type Err = String;

    /// Reads a list such as `consumer-kill=20,poison`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut faults = Vec::new();
        for part in text.split(',') {
            let (name, count) = part.split_once('=').unwrap_or((part, "1"));
            let count: usize = count
                .parse()
                .ok()
                .filter(|count| (1..=1_000).contains(count))
                .ok_or(format!("`{part}` must say how often by a number from 1 to 1000, such as {name}=5"))?;
            faults.extend(named(name)?.repeat(count));
        }
        Ok(Self(faults))
    }
}

/// The faults that a name stands for.
fn named(name: &str) -> Result<Vec<Fault>, String> {
    let steps = Step::ALL.map(Fault::KillAt);
    let is_step = |fault: &Fault| matches!(fault, Fault::KillAt(_));
    let every = || Fault::ALL.into_iter().chain(steps);
    let found: Vec<Fault> = match name {
        ALL => every().filter(|fault| HAS_FAILPOINTS || !is_step(fault)).collect(),
        EVERY_STEP => steps.to_vec(),
        _ => every().filter(|fault| fault.name() == name).collect(),
    };
    if found.is_empty() {
        let names: Vec<&str> = [ALL, EVERY_STEP].into_iter().chain(every().map(Fault::name)).collect();
        return Err(format!("there is no fault `{name}`; there are: {}", names.join(", ")));
    }
    if !HAS_FAILPOINTS && found.iter().any(is_step) {
        let build = "cargo run --release -p loadtest --features failpoints -- chaos";
        return Err(format!("`{name}` needs a build whose services can be killed at a step: {build} --faults {name}"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_faults_and_how_often() {
        let faults: FaultList = "poison,consumer-kill=2".parse().unwrap();
        assert_eq!(faults.each().collect::<Vec<_>>(), [Fault::Poison, Fault::ConsumerKill, Fault::ConsumerKill]);
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse::<FaultList>().unwrap(), FaultList(vec![fault]));
        }
    }

    #[test]
    fn all_is_what_the_build_can_do() {
        let all = "all".parse::<FaultList>().unwrap();
        let steps = if HAS_FAILPOINTS { Step::ALL.len() } else { 0 };
        assert_eq!(all.each().count(), Fault::ALL.len() + steps);
        let mut names: Vec<_> = all.each().map(Fault::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.each().count());
    }

    #[test]
    fn what_is_possible_depends_on_the_kind() {
        let faults: FaultList = "index,poison,partitions=2,consumer-kill".parse().unwrap();
        assert_eq!(faults.possible(Kind::Post).unwrap(), faults);
        assert_eq!(faults.possible(Kind::Order).unwrap(), "poison,consumer-kill".parse().unwrap());
        let none = "index,partitions".parse::<FaultList>().unwrap().possible(Kind::Order);
        assert!(none.unwrap_err().to_string().contains("no fault is left for --kind order"));
    }

    #[test]
    fn steps_are_taken_by_a_build_that_has_them_and_refused_by_every_other() {
        for (text, count) in [("every-step=3", 3 * Step::ALL.len()), ("consumer-kill@inserted=5", 5)] {
            match text.parse::<FaultList>() {
                Ok(faults) => assert!(HAS_FAILPOINTS && faults.each().count() == count, "{text}"),
                Err(message) => {
                    assert!(!HAS_FAILPOINTS && message.contains("--features failpoints"), "{text}: {message}")
                }
            }
        }
    }

    #[test]
    fn what_is_not_a_list_is_an_error() {
        for (text, message) in [
            ("earthquake", "there is no fault `earthquake`"),
            ("consumer-kill@earthquake", "there is no fault"),
            ("", "there is no fault ``"),
            ("poison=0", "must say how often"),
            ("poison=many", "must say how often"),
        ] {
            assert!(text.parse::<FaultList>().unwrap_err().contains(message), "{text}");
        }
    }
}
