//! Named steps at which a test makes the process die, as `kill -9` would, exactly there. They exist only in builds with
//! the cargo feature `failpoints`; in every other build [`reach`] is empty.
//!
//! A step is armed by a file of its name in the directory that the environment variable [`DIRECTORY`] names. The
//! process that reaches the step removes the file and aborts, so that each arming kills once, however many processes
//! pass by.

/// The environment variable that names the directory of armed steps.
pub const DIRECTORY: &str = "FAILPOINTS";

/// The steps, in the order of a record's way. Between the two named events of each lies exactly one kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Producer: a batch is on the wire, and not acknowledged.
    ProduceSent,
    /// Producer: a batch is acknowledged, and its requests are not answered.
    ProduceAcknowledged,
    /// Consumer: an insert is acknowledged, and not noted.
    Inserted,
    /// Consumer: a dead letter is acknowledged, and not noted.
    DeadLettered,
    /// Consumer: a batch is noted as finished, and not committed.
    Noted,
    /// Consumer: a commit is sent, and not answered.
    CommitSent,
    /// Consumer: a revoke is answered, and the partitions are not given up.
    RevokeAnswered,
}

impl Step {
    /// Every step.
    pub const ALL: [Step; 7] = [
        Step::ProduceSent,
        Step::ProduceAcknowledged,
        Step::Inserted,
        Step::DeadLettered,
        Step::Noted,
        Step::CommitSent,
        Step::RevokeAnswered,
    ];

    /// Its name: of the file that arms it, and on the load lab's command line.
    pub fn name(self) -> &'static str {
        match self {
            Step::ProduceSent => "produce-sent",
            Step::ProduceAcknowledged => "produce-acknowledged",
            Step::Inserted => "inserted",
            Step::DeadLettered => "dead-lettered",
            Step::Noted => "noted",
            Step::CommitSent => "commit-sent",
            Step::RevokeAnswered => "revoke-answered",
        }
    }
}

/// Dies here if the step is armed.
#[cfg(feature = "failpoints")]
pub fn reach(step: Step) {
    if armed(step).is_some_and(|file| std::fs::remove_file(file).is_ok()) {
        std::process::abort();
    }
}

/// Whether the step is armed, for steps that take some preparation to be reached.
#[cfg(feature = "failpoints")]
pub fn is_armed(step: Step) -> bool {
    armed(step).is_some_and(|file| file.exists())
}

/// The file that arms the step.
#[cfg(feature = "failpoints")]
fn armed(step: Step) -> Option<std::path::PathBuf> {
    use std::path::PathBuf;
    use std::sync::LazyLock;

    static ARMED: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::var_os(DIRECTORY).map(PathBuf::from));
    ARMED.as_ref().map(|directory| directory.join(step.name()))
}

/// Nothing: this build has no failpoints.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reach(_: Step) {}

/// Never: this build has no failpoints.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn is_armed(_: Step) -> bool {
    false
}
