//! What can be done to the processes of submissions, their database and their queue, by name. Pure.

use std::time::Duration;

use super::database::DatabaseKind;
use super::queue::QueueKind;

/// How much longer than two heartbeats a worker is frozen, so that others have taken over its work.
const BEYOND_HEARTBEATS: Duration = Duration::from_secs(1);

/// What is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// The one process that does everything.
    Process,
    Api,
    Worker,
    Postgres,
    /// That of Kafka.
    Broker,
}

/// What is done to it; it is brought back after the hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Stop,
    /// SIGSTOP.
    Freeze,
}

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SubmissionFault {
    pub(crate) victim: Victim,
    pub(crate) blow: Blow,
}

/// A part that takes one fault at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SystemPart {
    Api,
    Workers,
    Database,
    Broker,
}

impl SystemPart {
    /// How many there are.
    pub(crate) const COUNT: usize = 4;
}

const fn fault(victim: Victim, blow: Blow) -> SubmissionFault {
    SubmissionFault { victim, blow }
}

impl SubmissionFault {
    const ALL: [SubmissionFault; 13] = [
        fault(Victim::Process, Blow::Kill),
        fault(Victim::Process, Blow::Stop),
        fault(Victim::Process, Blow::Freeze),
        fault(Victim::Api, Blow::Kill),
        fault(Victim::Api, Blow::Stop),
        fault(Victim::Api, Blow::Freeze),
        fault(Victim::Worker, Blow::Kill),
        fault(Victim::Worker, Blow::Stop),
        fault(Victim::Worker, Blow::Freeze),
        fault(Victim::Postgres, Blow::Kill),
        fault(Victim::Postgres, Blow::Freeze),
        fault(Victim::Broker, Blow::Kill),
        fault(Victim::Broker, Blow::Freeze),
    ];

    /// Its name on the command line and in the report.
    pub(crate) fn name(self) -> &'static str {
        match (self.victim, self.blow) {
            (Victim::Process, Blow::Kill) => "process-kill",
            (Victim::Process, Blow::Stop) => "process-stop",
            (Victim::Process, Blow::Freeze) => "process-freeze",
            (Victim::Api, Blow::Kill) => "api-kill",
            (Victim::Api, Blow::Stop) => "api-stop",
            (Victim::Api, Blow::Freeze) => "api-freeze",
            (Victim::Worker, Blow::Kill) => "worker-kill",
            (Victim::Worker, Blow::Stop) => "worker-stop",
            (Victim::Worker, Blow::Freeze) => "worker-freeze",
            (Victim::Postgres, Blow::Freeze) => "postgres-freeze",
            (Victim::Postgres, Blow::Kill | Blow::Stop) => "postgres-kill",
            (Victim::Broker, Blow::Freeze) => "broker-freeze",
            (Victim::Broker, Blow::Kill | Blow::Stop) => "broker-kill",
        }
    }

    /// The parts that it hits, in one order, so that no two faults wait for each other. While the work of a worker is
    /// taken over, the database and the broker stay up, so that the time this takes is not theirs.
    pub(crate) fn parts(self) -> &'static [SystemPart] {
        match self.victim {
            Victim::Process | Victim::Worker => &[SystemPart::Workers, SystemPart::Database, SystemPart::Broker],
            Victim::Api => &[SystemPart::Api],
            Victim::Postgres => &[SystemPart::Database],
            Victim::Broker => &[SystemPart::Broker],
        }
    }

    /// How long it must last at least.
    pub(crate) fn least_hold(self, heartbeat: Duration) -> Duration {
        match (self.victim, self.blow) {
            (Victim::Process | Victim::Worker, Blow::Freeze) => 2 * heartbeat + BEYOND_HEARTBEATS,
            _ => Duration::ZERO,
        }
    }

    fn is_of(self, database: DatabaseKind, queue: QueueKind) -> bool {
        match self.victim {
            Victim::Process => database == DatabaseKind::Sqlite,
            Victim::Api | Victim::Worker | Victim::Postgres => database == DatabaseKind::Postgres,
            Victim::Broker => queue == QueueKind::Kafka,
        }
    }
}

/// The faults of a list such as `worker-kill=4,api-kill`, which can happen with this database and this queue; `all` is
/// each of these once.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn parse(text: &str, database: DatabaseKind, queue: QueueKind) -> Result<Vec<SubmissionFault>, String> {
    let possible: Vec<SubmissionFault> =
        SubmissionFault::ALL.into_iter().filter(|fault| fault.is_of(database, queue)).collect();
    let mut faults = Vec::new();
    for part in text.split(',') {
        let (name, count) = part.split_once('=').unwrap_or((part, "1"));
        let count: usize = count
            .parse()
            .ok()
            .filter(|count| (1..=1_000).contains(count))
            .ok_or(format!("`{part}` must say how often by a number from 1 to 1000, such as {name}=5"))?;
        let named: Vec<SubmissionFault> =
            possible.iter().copied().filter(|fault| name == "all" || fault.name() == name).collect();
        if named.is_empty() {
            let names: Vec<&str> = possible.iter().map(|fault| fault.name()).collect();
            return Err(format!(
                "there is no fault `{name}` with this --database and --queue; there are all, {}",
                names.join(", ")
            ));
        }
        faults.extend(named.repeat(count));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_of_what_the_database_and_the_queue_have() {
        let on = |text, database, queue| {
            parse(text, database, queue).map(|faults| faults.into_iter().map(SubmissionFault::name).collect::<Vec<_>>())
        };
        let names = |text, database| on(text, database, QueueKind::Database);
        let (sqlite, postgres) = (DatabaseKind::Sqlite, DatabaseKind::Postgres);
        assert_eq!(names("all", sqlite).unwrap(), ["process-kill", "process-stop", "process-freeze"]);
        assert_eq!(names("all", postgres).unwrap().len(), 8);
        assert_eq!(names("worker-kill=2,api-kill", postgres).unwrap(), ["worker-kill", "worker-kill", "api-kill"]);
        let of_broker = ["broker-kill", "broker-freeze"];
        assert_eq!(on("all", sqlite, QueueKind::Kafka).unwrap()[3..], of_broker);
        assert_eq!(on("broker-kill,broker-freeze", postgres, QueueKind::Kafka).unwrap(), of_broker);
        for (text, database, why) in [
            ("worker-kill", sqlite, "there is no fault `worker-kill`"),
            ("process-kill", postgres, "there is no fault `process-kill`"),
            ("broker-kill", postgres, "there is no fault `broker-kill` with this --database and --queue"),
            ("", postgres, "there is no fault ``"),
            ("api-kill=0", postgres, "must say how often"),
            ("api-kill=often", postgres, "must say how often"),
        ] {
            assert!(names(text, database).unwrap_err().contains(why), "{text}");
        }
    }

    #[test]
    fn parts_are_taken_in_one_order() {
        for fault in SubmissionFault::ALL {
            let parts: Vec<_> = fault.parts().iter().map(|part| *part as usize).collect();
            assert!(parts.is_sorted_by(|one, other| one < other) && parts.iter().all(|part| *part < SystemPart::COUNT));
        }
    }

    #[test]
    fn a_frozen_worker_is_frozen_until_it_counts_as_gone() {
        let heartbeat = Duration::from_secs(1);
        for fault in SubmissionFault::ALL {
            let is_of_worker = matches!(fault.victim, Victim::Process | Victim::Worker);
            let is_long = fault.least_hold(heartbeat) > 2 * heartbeat;
            assert_eq!(is_long, is_of_worker && fault.blow == Blow::Freeze, "{}", fault.name());
        }
    }
}
