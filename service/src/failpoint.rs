//! Named steps at which a test makes the process die, as `kill -9` would, or the task panic. They exist only in builds
//! with the cargo feature `failpoints`; in every other build [`reach`] is empty.
//!
//! A file named after a step, in the directory that the environment variable [`DIRECTORY`] names, arms that step. The
//! first process to reach the step removes the file and aborts, so each file kills one process, however many reach it.
//! If the file's content is [`PANIC`], the process lives, and the task that has reached the step panics.

/// The environment variable that names the directory of armed steps.
pub const DIRECTORY: &str = "FAILPOINTS";

/// The content of a file that makes a task panic.
pub const PANIC: &str = "panic";

/// The steps, in the order in which a record passes them. Each lies between the two events that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Producer: a batch is on the wire, but not acknowledged.
    ProduceSent,
    /// Producer: a batch is acknowledged, but its requests are not answered.
    ProduceAcknowledged,
    /// Consumer: an insert is acknowledged, but not noted.
    Inserted,
    /// Consumer: a dead letter is acknowledged, but not noted.
    DeadLettered,
    /// Consumer: a batch is noted as finished, but not committed.
    Noted,
    /// Consumer: a commit is sent, but not answered.
    CommitSent,
    /// Consumer: a revoke is answered, but the partitions are not given up.
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

    /// The name of the file that arms it, and of the step on the load lab's command line.
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

/// Dies or panics here if the step is armed.
#[cfg(feature = "failpoints")]
pub fn reach(step: Step) {
    let Some(file) = armed(step) else { return };
    let content = std::fs::read_to_string(&file).unwrap_or_default();
    if std::fs::remove_file(file).is_ok() {
        assert_ne!(content, PANIC, "a test makes this task panic");
        std::process::abort();
    }
}

/// Whether the step is armed, for steps that need preparation.
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
