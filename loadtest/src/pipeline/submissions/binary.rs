//! The program `submissions`, which lies beside this one. It is no dependency of the lab, so that nobody waits for its
//! database clients to be compiled who does not need them: it is built when it is missing, older than its sources,
//! or without Kafka although Kafka is the queue.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, bail};

use super::queue::QueueKind;
use crate::pipeline::news;

const NAME: &str = "submissions";

/// The crates that it is made of, the last of them only with Kafka, and the kinds of their files that it is made from.
const CRATES: [&str; 4] = ["contract", "service", NAME, "kafka"];
const FILES: [&str; 6] = ["rs", "toml", "sql", "js", "css", "html"];

/// Folders that it is not made from.
const OTHERS: [&str; 4] = ["tests", "benches", "target", "node_modules"];

/// The program, built if need be, for this queue.
///
/// # Errors
/// When it is not there, or is without Kafka and needs it, and cannot be built.
pub(crate) fn program(queue: QueueKind) -> anyhow::Result<PathBuf> {
    let lab = std::env::current_exe().context("cannot find this program's own file")?;
    let program = lab.with_file_name(NAME).with_extension(std::env::consts::EXE_EXTENSION);
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).parent().filter(|workspace| workspace.join(NAME).is_dir());
    let is_there = match (modified(&program), sources) {
        (Some(built), Some(sources)) => built >= newest(sources, queue),
        (built, _) => built.is_some(),
    };
    if is_there && (queue == QueueKind::Database || has_kafka(&program)?) {
        return Ok(program);
    }
    let shown = program.display();
    match sources {
        Some(sources) => build(sources, &lab, queue)?,
        None if is_there => bail!("the program `{shown}` is built without Kafka: put one beside this one that has it"),
        None => bail!("there is no program `{shown}`: put it beside this one"),
    }
    Ok(program)
}

/// Whether a program can have Kafka as its queue: any other refuses this setting.
fn has_kafka(program: &Path) -> anyhow::Result<bool> {
    let mut check = Command::new(program);
    check.arg("--check-config").env_clear().env("USE_KAFKA", "true");
    let checked = check.output().with_context(|| format!("cannot start {}", program.display()))?;
    Ok(checked.status.success())
}

/// Builds it where the lab was built, with the same profile.
fn build(sources: &Path, lab: &Path, queue: QueueKind) -> anyhow::Result<()> {
    let folder = lab.parent().context("this program is in no folder")?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let (features, with): (&[&str], _) = match queue {
        QueueKind::Database => (&[], ""),
        QueueKind::Kafka => (&["--features", "kafka"], " with its feature kafka, which takes minutes the first time"),
    };
    news::say(&format!("building the program {NAME}{with}"));
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--package", NAME, "--profile", profile]).args(features).current_dir(sources);
    if let Some(target) = folder.parent() {
        cargo.env("CARGO_TARGET_DIR", target);
    }
    let release: &[&str] = if profile == "release" { &["--release"] } else { &[] };
    let by_hand = [&["run `cargo build -p", NAME], release, features].concat().join(" ") + "`";
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
fn newest(workspace: &Path, queue: QueueKind) -> SystemTime {
    let crates = if queue == QueueKind::Kafka { &CRATES[..] } else { &CRATES[..CRATES.len() - 1] };
    let folders = crates.iter().map(|name| workspace.join(name));
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
            ("kafka/src/lib.rs", 35),
        ] {
            write(path, seconds);
        }
        let newest = |queue| newest(folder.path(), queue).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert_eq!([QueueKind::Database, QueueKind::Kafka].map(newest), [30, 35]);
        write("Cargo.lock", 80);
        assert_eq!([QueueKind::Database, QueueKind::Kafka].map(newest), [80, 80]);
    }

    /// Makes a program that succeeds if this holds. A shell writes it: if another test forked while the file is open
    /// for writing here, running it could fail with "text file busy".
    fn program(folder: &Path, name: &str, condition: &str) -> PathBuf {
        let file = folder.join(name);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", r#"printf '%s' "$2" > "$1" && chmod 755 "$1""#, "program"]).arg(&file);
        assert!(shell.arg(format!("#!/bin/sh\n{condition}\n")).status().unwrap().success());
        file
    }

    #[test]
    fn a_program_that_refuses_the_setting_is_without_kafka() {
        let folder = tempfile::tempdir().unwrap();
        let takes_it = r#"[ "$1 $USE_KAFKA" = "--check-config true" ]"#;
        assert!(has_kafka(&program(folder.path(), "with", takes_it)).unwrap());
        assert!(!has_kafka(&program(folder.path(), "without", &format!("! {takes_it}"))).unwrap());
        assert!(has_kafka(&folder.path().join("missing")).is_err());
    }
}
