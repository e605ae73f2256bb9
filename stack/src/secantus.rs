//! The store that answers as MongoDB does, for machines without it: SecantusDB (MongoDB's protocol over WiredTiger), installed
//! from PyPI into a virtual environment of its own, once.
//!
//! It finds an `_id` of any type by its index, names the index in a duplicate-key error, updates atomically, and can be told
//! to fail like a server that fails over. It is under the GPL: it runs as a process beside us and is never linked.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{self, Sources, Step};
use crate::options::Role;
use crate::progress::Progress;
use crate::tools::{self, Tools};

pub(crate) const NAME: &str = "SecantusDB 0.7.0b3";
const ENTRY: &str = "secantusdb-0.7.0b3";
const SOURCES: &Sources = &[
    ("requirements.txt", include_str!("../native/secantus/requirements.txt")),
    ("secantusd.toml", include_str!("../native/secantus/secantusd.toml")),
];

/// `$1` is Python. The programs that an installation makes name the directory that they were made in, which is renamed
/// afterwards, so they are not used: Python itself runs the module.
const INSTALL: &str = r#"
"$1" -m venv venv || exit
exec venv/bin/python -I -m pip install -q --disable-pip-version-check --no-input --no-deps --only-binary :all: \
    -r requirements.txt
"#;

/// Gives the Python to install it with, `None` if it is installed, or a sentence for what is in the way.
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

pub(crate) async fn install(python: &Path, directory: &Path, progress: Progress) -> anyhow::Result<()> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", INSTALL, "secantus"]).arg(python);
    let step = Step { what: &format!("installing {NAME} with pip (first run only)"), command };
    cache::entry(directory, ENTRY, SOURCES, step, progress).await.map(drop)
}

/// The data lie in the folder `data` of the directory that it runs in, on disk before a write is acknowledged. By itself it says
/// that it is a replica set of one: then clients retry as they do when a primary fails over, but take its address from it, which
/// leads them past a proxy.
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

fn python(entry: &Path) -> PathBuf {
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
    async fn without_python_it_is_told_what_to_install() {
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
