//! A child process that cannot outlive its parent.
//!
//! The command runs under a small POSIX shell, `supervise.sh`, whose standard input is a pipe that we hold open. When
//! the pipe closes, because the [`Process`] was dropped or because we were killed, the shell kills its whole process
//! group. This needs no unsafe code, works for whole trees and, unlike Linux's parent-death signal, does not depend on
//! the thread that spawned the child. A thread per child waits for the shell's report, so a child belongs to no async
//! runtime.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::watch;

/// How long a killed process can take to disappear; one that takes longer hangs in the kernel.
const KILL_DEADLINE: Duration = Duration::from_secs(10);

/// The raw wait status of a process that SIGKILL ended.
const KILLED: i32 = 9;

/// The shell's own `kill`, because small containers lack the program of that name.
const SEND: &str = r#"kill -s "$1" "$2""#;

/// A frozen process must not answer any more, but it keeps running until the thread that gets the signal is scheduled,
/// on a busy machine some milliseconds later. So this waits until the process is frozen or gone, or there is no `ps` to
/// look with, for 30 s after the first looks.
const FREEZE: &str = r#"kill -s "$1" "$2" || exit
looks=0
while [ $looks -lt 400 ]; do
    case $(ps -o stat= -p "$2") in T* | Z* | '') exit 0 ;; esac
    looks=$((looks + 1))
    [ $looks -le 100 ] || sleep 0.1
done
echo 'it does not freeze' >&2
exit 1"#;

/// Signals a process and its children, which may be in process groups of their own. It is frozen first, so that it
/// makes no more of them. After a kill this waits until all are gone, or at least dead: a parent that does not wait for
/// them keeps their ids.
const SEND_TO_FAMILY: &str = r#"children=$(ps -A -o pid= -o ppid= | while read -r pid parent; do
    [ "$parent" != "$2" ] || echo "$pid"
done)
# Some may have ended just now.
kill -s "$1" $children 2>/dev/null
kill -s "$1" "$2" || exit
[ "$1" = KILL ] || exit 0
for pid in $children; do
    looks=0
    while [ $looks -lt 400 ]; do
        case $(ps -o stat= -p "$pid") in Z* | '') break ;; esac
        looks=$((looks + 1))
        [ $looks -le 100 ] || sleep 0.1
    done
done"#;

/// The signals that tests and faults send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: please stop.
    Term,
    /// SIGKILL: ends the process at once.
    Kill,
    /// SIGSTOP: freezes the process. It is frozen when [`Process::signal`] returns.
    Stop,
    /// SIGCONT: lets a frozen process continue.
    Continue,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Signal::Term => "TERM",
            Signal::Kill => "KILL",
            Signal::Stop => "STOP",
            Signal::Continue => "CONT",
        }
    }
}

/// A running or ended child. Dropping it kills what still runs, without waiting.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    log: PathBuf,
    exit: watch::Receiver<Option<ExitStatus>>,
    /// Never written to: the supervising shell kills the child when it closes.
    _leash: ChildStdin,
}

impl Process {
    /// Starts `command` in a process group of its own, so that Ctrl-C reaches only the parent; both of its outputs are
    /// appended to `log`. Of `command` it uses the program, the arguments, the changed environment and the directory,
    /// nothing else. A program that cannot be run shows as an exit with status 126 or 127 and a line in the log. The
    /// command starts with SIGINT ignored, and what it leaves behind in its process group is killed when it ends.
    pub fn spawn(name: &str, command: &Command, log: &Path) -> anyhow::Result<Process> {
        let log_file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open the log {}", log.display()))?;
        let mut supervisor = supervised(name, command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start a shell for {name}"))?;
        let leash = supervisor.stdin.take().expect("stdin is piped above");
        let mut reports = BufReader::new(supervisor.stdout.take().expect("stdout is piped above")).lines();
        let pid = reports
            .next()
            .and_then(|line| line.ok()?.parse().ok())
            .with_context(|| format!("the shell that starts {name} did not report its process id"))?;

        let (exited, exit) = watch::channel(None);
        thread::Builder::new()
            .name(format!("wait {name}"))
            .spawn(move || {
                // No report means that the whole group was killed.
                let status = reports
                    .next()
                    .and_then(|line| line.ok()?.parse().ok())
                    .map_or(ExitStatus::from_raw(KILLED), exit_status);
                supervisor.wait().ok();
                exited.send_replace(Some(status));
            })
            .with_context(|| format!("cannot start a thread that waits for {name}"))?;
        Ok(Process { name: name.to_owned(), pid, log: log.to_owned(), exit, _leash: leash })
    }

    /// The process id of the command itself, not of its supervisor.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The file that both outputs go to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of the log, for an error message.
    pub fn last_lines(&self, count: usize) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&text), count)
    }

    /// How it ended, or `None` while it runs (a frozen process runs).
    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits for its end, without a deadline; see also [`Process::wait_for`].
    pub async fn wait(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await;
        // The waiting thread sends before it ends, so a closed channel means that it panicked.
        ended.ok().and_then(|status| *status).unwrap_or(ExitStatus::from_raw(KILLED))
    }

    /// Waits at most `deadline` for its end.
    pub async fn wait_for(&self, deadline: Duration) -> Option<ExitStatus> {
        tokio::time::timeout(deadline, self.wait()).await.ok()
    }

    /// Sends a signal to the command, not to its children.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        if let Some(status) = self.exit_status() {
            bail!("{} has ended already ({status})", self.name);
        }
        self.send(signal, if signal == Signal::Stop { FREEZE } else { SEND })
    }

    /// Sends a signal to the command and to its children, but not to theirs.
    pub(crate) fn signal_family(&self, signal: Signal) -> anyhow::Result<()> {
        self.signal(Signal::Stop)?;
        self.send(signal, SEND_TO_FAMILY)
    }

    fn send(&self, signal: Signal, script: &str) -> anyhow::Result<()> {
        let sent = Command::new("/bin/sh")
            .args(["-c", script, "kill", signal.name(), &self.pid.to_string()])
            .stdin(Stdio::null())
            .output()
            .context("cannot run a shell to send a signal")?;
        if !sent.status.success() {
            bail!("cannot send {} to {}: {}", signal.name(), self.name, String::from_utf8_lossy(&sent.stderr).trim());
        }
        Ok(())
    }

    /// Asks it to stop with SIGTERM, waits for `grace`, then kills it. A frozen process is woken, so that it can stop.
    pub async fn stop(&self, grace: Duration) -> anyhow::Result<ExitStatus> {
        if self.exit_status().is_none() {
            // It may end between any two of these lines; then the wait says so.
            self.signal(Signal::Term).ok();
            self.signal(Signal::Continue).ok();
        }
        match self.wait_for(grace).await {
            Some(status) => Ok(status),
            None => self.kill().await,
        }
    }

    /// Kills it with SIGKILL and waits until it is gone. A process that has ended already is not an error.
    pub async fn kill(&self) -> anyhow::Result<ExitStatus> {
        if self.exit_status().is_none() {
            self.signal(Signal::Kill).ok();
        }
        let status = self.wait_for(KILL_DEADLINE).await;
        status.with_context(|| format!("{} (process {}) does not end although it was killed", self.name, self.pid))
    }
}

/// The shell command that supervises `command`.
fn supervised(name: &str, command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(include_str!("supervise.sh")).arg(name).arg(command.get_program()).args(command.get_args());
    let changed: Vec<(&OsStr, Option<&OsStr>)> = command.get_envs().collect();
    for (variable, value) in changed {
        match value {
            Some(value) => shell.env(variable, value),
            None => shell.env_remove(variable),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        shell.current_dir(directory);
    }
    shell
}

/// A shell reports a process that a signal ended as 128 + the signal's number.
fn exit_status(shell_status: i32) -> ExitStatus {
    if shell_status > 128 { ExitStatus::from_raw(shell_status - 128) } else { ExitStatus::from_raw(shell_status << 8) }
}

pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shells_status_distinguishes_exits_and_signals() {
        assert_eq!(exit_status(0).code(), Some(0));
        assert_eq!(exit_status(99).code(), Some(99));
        assert_eq!(exit_status(137).signal(), Some(9));
        assert_eq!(exit_status(143).signal(), Some(15));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 20), "a");
        assert_eq!(last_lines("", 20), "");
    }
}
