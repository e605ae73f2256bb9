//! The store for machines without MongoDB: FerretDB (MongoDB's protocol over SQLite), built by Go, once.
//!
//! A few lines of Go under `native/ferretdb/` embed FerretDB and pin its modules, because its own program cannot be
//! installed by version. Data are on disk; the telemetry reporter is left out.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{self, BuildStep, Sources};
use crate::go;
use crate::progress::OnProgress;
use crate::tools::Built;

pub(crate) const NAME: &str = "FerretDB 1.24.2";
pub(crate) const BUILT: Built = Built {
    what: "Without a mongod the store",
    instead: ", or set MONGOD to the path of a mongod, or MONGO_URI to a running store",
};
const ENTRY: &str = "ferretdb-1.24.2";
const SOURCES: &Sources = &[
    ("main.go", include_str!("../native/ferretdb/main.go")),
    ("go.mod", include_str!("../native/ferretdb/go.mod")),
    ("go.sum", include_str!("../native/ferretdb/go.sum")),
];

pub(crate) fn is_built(directory: &Path) -> bool {
    cache::is_current(&directory.join(ENTRY), SOURCES)
}

/// The path of the program, which exists after [`is_built`] or [`build`].
pub(crate) fn program(directory: &Path) -> PathBuf {
    directory.join(ENTRY).join("ferretdb")
}

pub(crate) async fn build(go: &Path, directory: &Path, progress: OnProgress) -> anyhow::Result<()> {
    let command = go::build(go, "ferretdb", ".");
    let step = BuildStep { what: &format!("building {NAME} with Go (first run only)"), command };
    cache::entry(directory, ENTRY, SOURCES, step, progress).await.map(drop)
}

/// `program ADDRESS URL`. Its data are in the folder `data` of its working directory. The journal of a statement is
/// kept in memory: in a temporary file it would take a seventh of an insert's CPU, and recovery from a crash needs none
/// of it.
pub(crate) fn command(directory: &Path, port: u16) -> Command {
    let mut command = Command::new(program(directory));
    command.args([&format!("127.0.0.1:{port}"), "file:data/?_pragma=temp_store(memory)"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::GO_NEEDED;

    #[test]
    fn the_versions_are_the_same_everywhere() {
        let version = NAME.rsplit(' ').next().unwrap();
        let go_mod = SOURCES[1].1;
        assert!(ENTRY.ends_with(version));
        assert!(go_mod.contains(&format!("github.com/FerretDB/FerretDB v{version}\n")));
        assert!(go_mod.contains(&format!("\ngo 1.{GO_NEEDED}\n")));
    }
}
