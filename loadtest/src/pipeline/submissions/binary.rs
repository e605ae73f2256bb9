//! The program `submissions`, which lies beside this one. It is no dependency of the lab, so that nobody waits for its
//! database clients to be compiled who does not need them: it is built when it is missing or older than its sources.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, bail};

use crate::pipeline::news;

const NAME: &str = "submissions";

/// The crates that it is made of, and the kinds of their files that it is made from.
const CRATES: [&str; 3] = ["contract", "service", NAME];
const FILES: [&str; 6] = ["rs", "toml", "sql", "js", "css", "html"];

/// Folders that it is not made from.
const OTHERS: [&str; 4] = ["tests", "benches", "target", "node_modules"];

/// The program, built if need be.
///
/// # Errors
/// When it is not there and cannot be built.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let lab = std::env::current_exe().context("cannot find this program's own file")?;
    let program = lab.with_file_name(NAME).with_extension(std::env::consts::EXE_EXTENSION);
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).parent().filter(|workspace| workspace.join(NAME).is_dir());
    let built = modified(&program);
    match (built, sources) {
        (Some(built), Some(sources)) if built >= newest(sources) => {}
        (_, Some(sources)) => build(sources, &lab)?,
        (Some(_), None) => {}
        (None, None) => bail!("there is no program `{}`: put it beside this one", program.display()),
    }
    Ok(program)
}

/// Builds it where the lab was built, with the same profile.
fn build(sources: &Path, lab: &Path) -> anyhow::Result<()> {
    let folder = lab.parent().context("this program is in no folder")?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    news::say(&format!("building the program {NAME}"));
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--package", NAME, "--profile", profile]).current_dir(sources);
    if let Some(target) = folder.parent() {
        cargo.env("CARGO_TARGET_DIR", target);
    }
    let by_hand = format!("run `cargo build -p {NAME}{}`", if profile == "release" { " --release" } else { "" });
    let status =
        cargo.status().with_context(|| format!("cannot build {NAME}, since cargo does not start: {by_hand}"))?;
    if !status.success() {
        bail!("cannot build {NAME}: {by_hand} and see why");
    }
    Ok(())
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// When the newest of its sources was written.
fn newest(workspace: &Path) -> SystemTime {
    let folders = CRATES.iter().map(|name| workspace.join(name));
    let newest = folders.filter_map(|folder| newest_in(&folder)).max();
    newest.max(modified(&workspace.join("Cargo.lock"))).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn newest_in(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?;
    let times = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            let is_other = OTHERS.iter().any(|other| name == *other);
            return if is_other { None } else { newest_in(&path) };
        }
        let extension = path.extension()?.to_str()?;
        if FILES.contains(&extension) { modified(&path) } else { None }
    });
    times.max()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_source_decides_and_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, seconds| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let file = std::fs::File::create(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        };
        for (path, seconds) in [
            ("Cargo.lock", 10),
            ("service/src/http/body.rs", 20),
            ("submissions/migrations/sqlite/0001.sql", 30),
            ("submissions/tests/api.rs", 40),
            ("submissions/page/node_modules/a/b.js", 50),
            ("submissions/README.md", 60),
            ("consumer/src/lib.rs", 70),
        ] {
            write(path, seconds);
        }
        assert_eq!(newest(folder.path()), SystemTime::UNIX_EPOCH + Duration::from_secs(30));
        write("Cargo.lock", 80);
        assert_eq!(newest(folder.path()), SystemTime::UNIX_EPOCH + Duration::from_secs(80));
    }
}
