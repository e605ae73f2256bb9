//! The store that answers as MongoDB does, for machines without it: SecantusDB (MongoDB's protocol over WiredTiger),
//! installed from PyPI into a virtual environment of its own, once.
//!
//! It finds an `_id` of any type by its index, names the index in a duplicate-key error, updates atomically, and can
//! fail on request like a server that fails over. Its licence is the GPL, so it runs as a separate process and is never
//! linked.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{self, BuildStep, Sources};
use crate::options::Role;
use crate::progress::OnProgress;
use crate::tools::{self, Tools};

pub(crate) const NAME: &str = "SecantusDB 0.7.0b3";
pub(crate) const ENTRY: &str = "secantusdb-0.7.0b3";
const SOURCES: &Sources = &[
    ("requirements.txt", include_str!("../native/secantus/requirements.txt")),
    ("secantusd.toml", include_str!("../native/secantus/secantusd.toml")),
];

/// `$1` is Python. An installation's own programs contain the path of the directory they were made in, which is renamed
/// afterwards, so Python itself runs the module.
const INSTALL: &str = r#"
"$1" -m venv venv || exit
exec venv/bin/python -I -m pip install -q --disable-pip-version-check --no-input --no-deps --only-binary :all: \
    -r requirements.txt
"#;

/// Returns the Python to install it with, `None` if it is installed, or a sentence that says what stands in the way.
pub(crate) async fn check(tools: &Tools, directory: &Path) -> Result<Option<PathBuf>, String> {
    let entry = directory.join(ENTRY);
    if !cache::is_current(&entry, SOURCES) {
        return tools.python(NAME).await.map(Some);
    }
    if tools::is_executable(&python(&entry)) {
        return Ok(None);
    }
    Err(format!("The Python that {NAME} was installed with is gone: remove {}.", entry.display()))
}

pub(crate) async fn install(python: &Path, directory: &Path, progress: OnProgress) -> anyhow::Result<()> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", INSTALL, "secantus"]).arg(python);
    let step = BuildStep { what: &format!("installing {NAME} with pip (first run only)"), command };
    cache::entry(directory, ENTRY, SOURCES, step, progress).await.map(drop)
}

/// Its data are in the folder `data` of its working directory, on disk before a write is acknowledged. By default it
/// claims to be a replica set of one: clients then retry as they do when a primary fails over, but they also take its
/// address from it, which leads them past a proxy.
pub(crate) fn command(directory: &Path, port: u16, role: Role) -> Command {
    let entry = directory.join(ENTRY);
    let mut command = Command::new(python(&entry));
    command
        .args(["-I", "-m", "secantus", "--config"])
        .arg(entry.join("secantusd.toml"))
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--log-level", "WARNING"])
        .args(["--storage-path", "data", "--sync-on-commit"])
        .arg(match role {
            Role::Standalone => "--standalone",
            Role::Fallible => "--enable-test-commands",
        });
    command
}

pub(crate) fn python(entry: &Path) -> PathBuf {
    entry.join("venv/bin/python")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_same_everywhere() {
        let version = NAME.rsplit(' ').next().unwrap();
        assert!(ENTRY.ends_with(version));
        assert!(SOURCES[0].1.contains(&format!("SecantusDB=={version}\n")));
    }

    #[tokio::test]
    async fn without_python_the_error_says_what_to_install() {
        let empty = tempfile::tempdir().unwrap();
        let sentence = check(&Tools::default(), empty.path()).await.unwrap_err();
        assert!(sentence.starts_with("SecantusDB 0.7.0b3 needs Python 3.11 to 3.13 with venv"), "{sentence}");
        assert!(sentence.ends_with("or choose another --store."), "{sentence}");
    }

    #[tokio::test]
    async fn an_installation_whose_python_is_gone_is_named() {
        let cache = tempfile::tempdir().unwrap();
        let entry = cache.path().join(ENTRY);
        std::fs::create_dir_all(entry.join("venv/bin")).unwrap();
        for (name, text) in SOURCES {
            std::fs::write(entry.join(name), text).unwrap();
        }
        let sentence = check(&Tools::default(), cache.path()).await.unwrap_err();
        assert!(sentence.ends_with(&format!("is gone: remove {}.", entry.display())), "{sentence}");
        tools::script(&entry.join("venv/bin"), "python", "");
        assert_eq!(check(&Tools::default(), cache.path()).await, Ok(None));
    }
}
