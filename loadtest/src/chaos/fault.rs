//! The faults that chaos knows, and the list of them that a command line asks for.

use std::fmt;
use std::str::FromStr;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL; the consumer is started again after the hold.
    ConsumerKill,
    /// SIGKILL; the producer is started again after the hold.
    ProducerKill,
    /// SIGTERM; the consumer is started again after the hold.
    ConsumerStop,
    /// SIGTERM; the producer is started again after the hold.
    ProducerStop,
    /// SIGKILL of one of the brokers, which is started again after the hold.
    BrokerKill,
    /// SIGKILL of the broker that leads the topic's first partition, which is started again after the hold.
    LeaderKill,
    /// SIGTERM of one of the brokers, which is started again after the hold.
    BrokerStop,
    /// SIGSTOP of one of the brokers for the hold.
    BrokerPause,
    /// SIGKILL of the store, which is started again after the hold.
    StoreKill,
    /// SIGSTOP of the store for the hold.
    StorePause,
    /// One more consumer joins the group, and leaves it after the hold.
    Rebalance,
    /// The network to the store is slow for the hold.
    SlowStore,
    /// The network to the store is cut for the hold: connections are reset, refused, or silent.
    CutStore,
    /// The network to one of the brokers is cut for the hold: connections are reset, refused, or silent.
    CutBroker,
    /// Records that can never be stored, in the midst of the others.
    Poison,
}

/// What a fault hits. One part is in one trouble at a time, several parts may be in trouble together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Producer,
    Consumer,
    /// The consumer's group.
    Group,
    Brokers,
    Store,
    Topic,
}

impl Part {
    /// How many there are.
    pub(crate) const COUNT: usize = 6;
}

impl Fault {
    /// All of them.
    const ALL: [Fault; 15] = [
        Fault::ConsumerKill,
        Fault::ProducerKill,
        Fault::ConsumerStop,
        Fault::ProducerStop,
        Fault::BrokerKill,
        Fault::LeaderKill,
        Fault::BrokerStop,
        Fault::BrokerPause,
        Fault::StoreKill,
        Fault::StorePause,
        Fault::Rebalance,
        Fault::SlowStore,
        Fault::CutStore,
        Fault::CutBroker,
        Fault::Poison,
    ];

    /// What it hits.
    pub(crate) fn part(self) -> Part {
        match self {
            Fault::ProducerKill | Fault::ProducerStop => Part::Producer,
            Fault::ConsumerKill | Fault::ConsumerStop => Part::Consumer,
            Fault::Rebalance => Part::Group,
            Fault::BrokerKill | Fault::LeaderKill | Fault::BrokerStop | Fault::BrokerPause | Fault::CutBroker => {
                Part::Brokers
            }
            Fault::StoreKill | Fault::StorePause | Fault::SlowStore | Fault::CutStore => Part::Store,
            Fault::Poison => Part::Topic,
        }
    }

    /// Its name on the command line and in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fault::ConsumerKill => "consumer-kill",
            Fault::ProducerKill => "producer-kill",
            Fault::ConsumerStop => "consumer-stop",
            Fault::ProducerStop => "producer-stop",
            Fault::BrokerKill => "broker-kill",
            Fault::LeaderKill => "leader-kill",
            Fault::BrokerStop => "broker-stop",
            Fault::BrokerPause => "broker-pause",
            Fault::StoreKill => "store-kill",
            Fault::StorePause => "store-pause",
            Fault::Rebalance => "rebalance",
            Fault::SlowStore => "slow-store",
            Fault::CutStore => "cut-store",
            Fault::CutBroker => "cut-broker",
            Fault::Poison => "poison",
        }
    }
}

/// Faults, each as often as it is to happen, in the order asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Every single one.
    pub(crate) fn each(&self) -> impl Iterator<Item = Fault> {
        self.0.iter().copied()
    }
}

impl FromStr for Faults {
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
            if name == "all" {
                faults.extend(Fault::ALL.repeat(count));
                continue;
            }
            let names = || Fault::ALL.map(Fault::name).join(", ");
            let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name);
            let fault = fault.ok_or_else(|| format!("there is no fault `{name}`; there are: all, {}", names()))?;
            faults.extend(std::iter::repeat_n(fault, count));
        }
        Ok(Self(faults))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_faults_and_how_often() {
        let faults: Faults = "poison,consumer-kill=2".parse().unwrap();
        assert_eq!(faults.each().collect::<Vec<_>>(), [Fault::Poison, Fault::ConsumerKill, Fault::ConsumerKill]);
        assert_eq!("all".parse::<Faults>().unwrap().each().count(), Fault::ALL.len());
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse::<Faults>().unwrap(), Faults(vec![fault]));
        }
    }

    #[test]
    fn what_is_no_list_is_told() {
        for (text, told) in [
            ("earthquake", "there is no fault `earthquake`"),
            ("", "there is no fault ``"),
            ("poison=0", "must say how often"),
            ("poison=many", "must say how often"),
        ] {
            assert!(text.parse::<Faults>().unwrap_err().contains(told), "{text}");
        }
    }
}
