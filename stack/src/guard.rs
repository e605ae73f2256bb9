//! A few lines of shell that run once this process is gone.
//!
//! A guard waits on a pipe that we hold open. It runs its lines when the pipe closes: when the guard is dropped, when
//! the process exits without dropping it (a `static` of a test binary), or when the process is killed. So there is one
//! route to clean up, and every run takes the same one as a kill.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::watch;

#[derive(Debug)]
pub(crate) struct Guard {
    leash: ChildStdin,
    done: watch::Receiver<bool>,
}

impl Guard {
    /// A guard that will run `script` with `arguments` as `$1`, `$2`, … and the variables of `environment`.
    pub(crate) fn new<S: AsRef<OsStr>>(
        script: &str,
        arguments: &[S],
        environment: &[(&str, String)],
    ) -> anyhow::Result<Guard> {
        let mut shell = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("read -r nothing\n{script}"))
            .arg("guard")
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C must not reach it, or it would end before its work is done.
            .process_group(0)
            .spawn()
            .context("cannot start a shell that cleans up")?;
        let leash = shell.stdin.take().expect("stdin is piped above");
        let (ended, done) = watch::channel(false);
        thread::Builder::new()
            .name("wait guard".to_owned())
            .spawn(move || {
                shell.wait().ok();
                ended.send_replace(true);
            })
            .context("cannot start a thread that waits for a guard")?;
        Ok(Guard { leash, done })
    }

    /// Runs the lines now and waits for their end.
    pub(crate) async fn finish(mut self, deadline: Duration) -> anyhow::Result<()> {
        drop(self.leash);
        match tokio::time::timeout(deadline, self.done.wait_for(|done| *done)).await {
            Ok(_) => Ok(()),
            Err(_) => bail!("cleaning up takes longer than {} s", deadline.as_secs()),
        }
    }
}
