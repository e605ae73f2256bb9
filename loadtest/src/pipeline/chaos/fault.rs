//! The faults that chaos knows: their names, what each of them hits, and how long it must last to matter. Pure.

use std::fmt;
use std::time::Duration;

use service::failpoint::Step;

/// Whether the services of this build can be killed at a named step.
pub(crate) const HAS_FAILPOINTS: bool = cfg!(feature = "failpoints");

/// How much longer than a timeout a pause lasts, so that everyone who waits has noticed and acted.
const BEYOND_SESSION: Duration = Duration::from_secs(3);
const BEYOND_TIMEOUT: Duration = Duration::from_secs(1);

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL; the consumer is restarted after the hold.
    ConsumerKill,
    /// SIGKILL; the producer is restarted after the hold.
    ProducerKill,
    /// The service aborts exactly at this step, and is restarted after the hold.
    KillAt(Step),
    /// SIGTERM; the consumer is restarted after the hold.
    ConsumerStop,
    /// SIGTERM; the producer is restarted after the hold.
    ProducerStop,
    /// SIGSTOP of the consumer with a full buffer, until the group has given its partitions away.
    ConsumerPause,
    /// SIGSTOP of the producer, until its posts have timed out.
    ProducerPause,
    /// SIGKILL of one of the brokers, which is restarted after the hold.
    BrokerKill,
    /// SIGKILL of the broker that leads the topic's first partition, which is restarted after the hold.
    LeaderKill,
    /// SIGTERM of one of the brokers, which is restarted after the hold.
    BrokerStop,
    /// SIGSTOP of one of the brokers for the hold.
    BrokerPause,
    /// SIGKILL of the store, which is restarted after the hold.
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
    /// Records that can never be stored, among the others.
    Poison,
    /// The topic of the dead letters is deleted while bad records come in, and recreated after the hold.
    DlqGone,
    /// Titles must be unique for the hold, and some are not; then their dead letters are replayed.
    Index,
    /// The topic gets one more partition.
    Partitions,
}

/// What a fault hits. A part is in one trouble at a time; several parts may be in trouble together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StagePart {
    Producer,
    Consumer,
    /// The consumer's group.
    Group,
    Brokers,
    Store,
    /// The topic's records that are not from clients, and all dead letters.
    Topic,
}

impl StagePart {
    /// How many there are.
    pub(crate) const COUNT: usize = 6;
}

impl Fault {
    /// All those that every build can inject.
    pub(crate) const ALL: [Fault; 20] = [
        // While there are few documents: FerretDB reads all of them to find one by its id.
        Fault::Index,
        Fault::ConsumerKill,
        Fault::ProducerKill,
        Fault::ConsumerStop,
        Fault::ProducerStop,
        Fault::ConsumerPause,
        Fault::ProducerPause,
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
        Fault::DlqGone,
        Fault::Partitions,
    ];

    /// What it hits, in the parts' order, so that no two faults wait for each other.
    pub(crate) fn parts(self) -> &'static [StagePart] {
        match self {
            Fault::ProducerKill | Fault::ProducerStop | Fault::ProducerPause => &[StagePart::Producer],
            Fault::KillAt(Step::ProduceSent | Step::ProduceAcknowledged) => &[StagePart::Producer],
            Fault::ConsumerKill | Fault::ConsumerStop => &[StagePart::Consumer],
            Fault::KillAt(Step::Inserted | Step::Noted | Step::CommitSent) => &[StagePart::Consumer],
            Fault::KillAt(Step::DeadLettered) => &[StagePart::Consumer, StagePart::Topic],
            Fault::KillAt(Step::RevokeAnswered) => &[StagePart::Consumer, StagePart::Group],
            Fault::ConsumerPause => &[StagePart::Consumer, StagePart::Group, StagePart::Store],
            Fault::Rebalance => &[StagePart::Group],
            Fault::BrokerKill | Fault::LeaderKill | Fault::BrokerStop | Fault::BrokerPause | Fault::CutBroker => {
                &[StagePart::Brokers]
            }
            Fault::StoreKill | Fault::StorePause | Fault::SlowStore | Fault::CutStore => &[StagePart::Store],
            Fault::Index => &[StagePart::Store, StagePart::Topic],
            Fault::Poison | Fault::DlqGone | Fault::Partitions => &[StagePart::Topic],
        }
    }

    /// How long it must last at least, given the timeouts of the group's session and of a post.
    pub(crate) fn least_hold(self, session: Duration, post: Duration) -> Duration {
        match self {
            Fault::ConsumerPause => session + BEYOND_SESSION,
            Fault::ProducerPause => post + BEYOND_TIMEOUT,
            _ => Duration::ZERO,
        }
    }

    /// Its name on the command line and in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fault::ConsumerKill => "consumer-kill",
            Fault::ProducerKill => "producer-kill",
            Fault::KillAt(Step::ProduceSent) => "producer-kill@produce-sent",
            Fault::KillAt(Step::ProduceAcknowledged) => "producer-kill@produce-acknowledged",
            Fault::KillAt(Step::Inserted) => "consumer-kill@inserted",
            Fault::KillAt(Step::DeadLettered) => "consumer-kill@dead-lettered",
            Fault::KillAt(Step::Noted) => "consumer-kill@noted",
            Fault::KillAt(Step::CommitSent) => "consumer-kill@commit-sent",
            Fault::KillAt(Step::RevokeAnswered) => "consumer-kill@revoke-answered",
            Fault::ConsumerStop => "consumer-stop",
            Fault::ProducerStop => "producer-stop",
            Fault::ConsumerPause => "consumer-pause",
            Fault::ProducerPause => "producer-pause",
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
            Fault::DlqGone => "dlq-gone",
            Fault::Index => "index",
            Fault::Partitions => "partitions",
        }
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

    fn every() -> impl Iterator<Item = Fault> {
        Fault::ALL.into_iter().chain(Step::ALL.map(Fault::KillAt))
    }

    #[test]
    fn no_two_faults_have_one_name() {
        let mut names: Vec<_> = every().map(Fault::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Fault::ALL.len() + Step::ALL.len());
    }

    #[test]
    fn a_step_is_named_behind_the_service_that_reaches_it() {
        for step in Step::ALL {
            let (kill, at) = Fault::KillAt(step).name().split_once('@').unwrap();
            assert_eq!(at, step.name());
            let part = Fault::KillAt(step).parts()[0];
            assert_eq!(kill, if part == StagePart::Producer { "producer-kill" } else { "consumer-kill" });
        }
    }

    #[test]
    fn parts_are_taken_in_one_order() {
        for fault in every() {
            let parts: Vec<_> = fault.parts().iter().map(|part| *part as usize).collect();
            assert!(
                !parts.is_empty()
                    && parts.is_sorted_by(|a, b| a < b)
                    && parts.iter().all(|part| *part < StagePart::COUNT)
            );
        }
    }

    #[test]
    fn a_pause_is_longer_than_the_timeout_that_it_is_to_exceed() {
        let (session, post) = (Duration::from_secs(6), Duration::from_secs(5));
        for fault in every() {
            let least = fault.least_hold(session, post);
            match fault {
                Fault::ConsumerPause => assert!(least > session),
                Fault::ProducerPause => assert!(least > post),
                _ => assert_eq!(least, Duration::ZERO),
            }
        }
    }
}
