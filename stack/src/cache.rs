//! Downloads and builds, each made once, under `target/stack/`.
//!
//! An entry is a directory with the texts it was made from (a `pom.xml`, a `go.mod`) beside the result. It is current
//! if those texts are the ones in this binary, so a changed text makes a new entry. It is made in a directory beside it
//! and then renamed, so that half an entry never looks like a whole one, and under a lock, so that two processes do not
//! make it at once.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::process::Process;
use crate::progress::{OnProgress, during};

/// Long enough for a first download over a slow line, or a first build on a slow machine.
const TOOL_DEADLINE: Duration = Duration::from_secs(20 * 60);

/// How long to wait before trying a lock again that another process holds.
const LOCK_PAUSE: Duration = Duration::from_millis(200);

/// What an entry is made from: file names and texts.
pub(crate) type Sources = [(&'static str, &'static str)];

/// How a tool makes an entry.
pub(crate) struct BuildStep<'a> {
    /// What a waiting person sees, such as "fetching Apache Kafka 4.3.1 with Maven (first run only)".
    pub(crate) what: &'a str,
    /// Runs in the entry's directory, which has the sources already.
    pub(crate) command: Command,
}

/// The root of the workspace, or the current directory for a binary that was moved away from its sources.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    match here.parent() {
        Some(root) if root.is_dir() => root.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The absolute path of the workspace's `target/stack`, which it makes if it is missing.
pub(crate) fn directory() -> anyhow::Result<PathBuf> {
    let directory = workspace().join("target/stack");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    directory.canonicalize().with_context(|| format!("cannot find {}", directory.display()))
}

pub(crate) fn is_current(entry: &Path, sources: &Sources) -> bool {
    sources.iter().all(|(name, text)| fs::read_to_string(entry.join(name)).is_ok_and(|found| found == *text))
}

/// The path of the entry `name` in the cache `directory`; `step` makes it if it is not current.
pub(crate) async fn entry(
    directory: &Path,
    name: &str,
    sources: &Sources,
    step: BuildStep<'_>,
    progress: OnProgress,
) -> anyhow::Result<PathBuf> {
    let entry = directory.join(name);
    if is_current(&entry, sources) {
        return Ok(entry);
    }
    let waiting = format!("waiting for another process that is {}", step.what);
    let _lock = during(progress, &waiting, lock(&directory.join(format!("{name}.lock")))).await?;
    // The previous holder of the lock may have made it.
    if is_current(&entry, sources) {
        return Ok(entry);
    }
    let building = directory.join(format!("{name}.building"));
    let log = directory.join(format!("{name}.log"));
    lay_out(&building, sources).with_context(|| format!("cannot write to {}", building.display()))?;
    remove(&log)?;
    run(step, &building, &log, progress).await?;
    remove(&entry)?;
    fs::rename(&building, &entry).with_context(|| format!("cannot make {}", entry.display()))?;
    Ok(entry)
}

/// Waits without a deadline: the holder's work has one, and the holder's death frees the lock.
async fn lock(path: &Path) -> anyhow::Result<File> {
    let file = File::create(path).with_context(|| format!("cannot open {}", path.display()))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
}

fn lay_out(building: &Path, sources: &Sources) -> anyhow::Result<()> {
    // A build that was killed leaves its directory behind.
    remove(building)?;
    fs::create_dir(building)?;
    for (name, text) in sources {
        fs::write(building.join(name), text)?;
    }
    Ok(())
}

fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

async fn run(mut step: BuildStep<'_>, building: &Path, log: &Path, progress: OnProgress) -> anyhow::Result<()> {
    step.command.current_dir(building);
    let tool = Process::spawn(step.what, &step.command, log)?;
    let Some(status) = during(progress, step.what, tool.wait_for(TOOL_DEADLINE)).await else {
        bail!(
            "{} took longer than {} minutes; its output is in {}",
            step.what,
            TOOL_DEADLINE.as_secs() / 60,
            log.display()
        );
    };
    if !status.success() {
        bail!("{} failed ({status}); the last lines of {}:\n{}", step.what, log.display(), tool.last_lines(20));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: &Sources = &[("recipe", "flour")];

    fn step(script: &str) -> BuildStep<'static> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        BuildStep { what: "baking", command }
    }

    #[tokio::test]
    async fn an_entry_is_made_once_and_again_when_its_sources_change() {
        let cache = tempfile::tempdir().unwrap();
        let bake = "cat recipe > bread; echo baked >> ../times";
        for _ in 0..2 {
            let bread = entry(cache.path(), "bread", SOURCES, step(bake), |_| ()).await.unwrap();
            assert_eq!(fs::read_to_string(bread.join("bread")).unwrap(), "flour");
        }
        assert_eq!(fs::read_to_string(cache.path().join("times")).unwrap(), "baked\n");

        let bread = entry(cache.path(), "bread", &[("recipe", "rye")], step(bake), |_| ()).await.unwrap();
        assert_eq!(fs::read_to_string(bread.join("bread")).unwrap(), "rye");
    }

    #[tokio::test]
    async fn two_at_once_make_it_once() {
        let cache = tempfile::tempdir().unwrap();
        let bake = || step("sleep 1; echo baked >> ../times");
        let (first, second) = tokio::join!(
            entry(cache.path(), "bread", SOURCES, bake(), |_| ()),
            entry(cache.path(), "bread", SOURCES, bake(), |_| ()),
        );
        assert_eq!(first.unwrap(), second.unwrap());
        assert_eq!(fs::read_to_string(cache.path().join("times")).unwrap(), "baked\n");
    }

    #[tokio::test]
    async fn a_failure_shows_the_end_of_the_output_and_leaves_no_entry() {
        let cache = tempfile::tempdir().unwrap();
        let error =
            entry(cache.path(), "bread", SOURCES, step("echo the oven is cold; exit 3"), |_| ()).await.unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("baking failed (exit status: 3); the last lines of "), "{message}");
        assert!(message.ends_with("bread.log:\nthe oven is cold"), "{message}");
        assert!(!cache.path().join("bread").exists());
    }
}
