//! Killing a service at a named step: the step is armed, and the service aborts when it reaches it (see
//! [`service::failpoint`]).

use std::fs;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use service::failpoint::Step;

use super::Service;

/// How a process that aborts ends.
const SIGABRT: i32 = 6;

/// How long a service that has reached a step may take to be gone.
const DEATH: Duration = Duration::from_secs(10);

impl Service {
    /// Makes it die at this step, once.
    pub(crate) fn arm(&self, step: Step) -> anyhow::Result<()> {
        let armed =
            fs::create_dir_all(&self.failpoints).and_then(|()| fs::write(self.failpoints.join(step.name()), ""));
        armed.with_context(|| format!("cannot arm a step in {}", self.failpoints.display()))
    }

    /// Waits until it has died at the step that it was [armed](Self::arm) for.
    ///
    /// # Errors
    /// When it does not reach the step within `patience`, after which the step is disarmed, or dies of something else.
    pub(crate) async fn dies_at(&self, step: Step, patience: Duration) -> anyhow::Result<()> {
        let mut status = self.process.wait_for(patience).await;
        let is_reached = match fs::remove_file(self.failpoints.join(step.name())) {
            Ok(()) => false,
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => return Err(error).context("cannot see whether a step is armed"),
        };
        // Another step may be armed in it.
        fs::remove_dir(&self.failpoints).ok();
        if is_reached && status.is_none() {
            // It has reached the step just now.
            status = self.process.wait_for(DEATH).await;
        }
        let (name, step) = (&self.name, step.name());
        match status {
            None if is_reached => bail!("the {name} does not end although it has reached the step {step}"),
            None => bail!("the {name} did not reach the step {step} within {} s", patience.as_secs()),
            Some(status) => ensure!(
                is_reached && status.signal() == Some(SIGABRT),
                "the {name} ended before it reached the step {step} ({status}){}",
                self.end_of_log()
            ),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use contract::Kind;
    use stack::Process;

    use super::*;
    use crate::load::target::Target;

    const STEP: Step = Step::Inserted;

    /// A service that does what the script says; `$1` is the file that arms the step.
    fn service(directory: &Path, script: &str) -> Service {
        let failpoints = directory.join("failpoints");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "service"]).arg(failpoints.join(STEP.name()));
        let process = Process::spawn("consumer", &command, &directory.join("log")).unwrap();
        let (name, target, operators) = ("consumer".to_owned(), Target::local(1), Target::local(2));
        let (kind, variables) = (Kind::Post, Vec::new());
        Service { name, command, process, starts: 1, failpoints, kind, target, operators, variables }
    }

    #[tokio::test]
    async fn only_a_service_that_aborts_at_the_step_has_died_at_it() {
        let until_armed = "while [ ! -e \"$1\" ]; do sleep 0.01; done;";
        for (end, expected) in [
            ("rm \"$1\"; kill -ABRT $$", None),
            ("rm \"$1\"; exit 0", Some("ended before")),
            ("kill -ABRT $$", Some("ended before")),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let service = service(directory.path(), &format!("{until_armed} {end}"));
            service.arm(STEP).unwrap();
            let died = service.dies_at(STEP, DEATH).await.map_err(|error| error.to_string());
            match expected {
                None => died.unwrap(),
                Some(message) => assert!(died.unwrap_err().contains(message), "{end}"),
            }
        }
    }

    #[tokio::test]
    async fn a_step_that_is_not_reached_is_reported_and_disarmed() {
        let directory = tempfile::tempdir().unwrap();
        let service = service(directory.path(), "read -r nothing; sleep 60");
        service.arm(STEP).unwrap();
        let message = service.dies_at(STEP, Duration::from_millis(1)).await.unwrap_err().to_string();
        assert!(message.contains("did not reach the step inserted"), "{message}");
        assert!(service.is_running() && !service.failpoints.exists());
    }
}
