//! The directory that holds the data and the log of one server.
//!
//! It is fresh, lies under `target/stack/run/`, and is removed when it is dropped or when this process ends, even by a
//! kill. At that moment the server that writes there is killed by its own supervisor, so the removal is retried until
//! nothing writes any more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use crate::guard::Guard;

const REMOVE: &str = r#"for attempt in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" && exit; sleep 1; done"#;

/// How long the removal can take: gigabytes of data, but only files.
const REMOVE_DEADLINE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    guard: Guard,
}

impl RunDirectory {
    /// Makes `<parent>/run/<name>-<random>`.
    pub(crate) fn new(parent: &Path, name: &str) -> anyhow::Result<RunDirectory> {
        let run = parent.join("run");
        let cannot = || format!("cannot make a directory in {}", run.display());
        std::fs::create_dir_all(&run).with_context(cannot)?;
        let path = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(&run).with_context(cannot)?.keep();
        let guard = Guard::new(REMOVE, &[&path], &[])?;
        Ok(RunDirectory { path, guard })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it now and waits until it is gone.
    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        self.guard.finish(REMOVE_DEADLINE).await.with_context(|| format!("cannot remove {}", self.path.display()))
    }
}
