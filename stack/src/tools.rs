//! The programs of this machine that the native servers need.
//!
//! Each look-up returns the program's path, or one sentence that says what to install or set. Callers collect the
//! sentences for everything they need before they download or start anything, so that everything that is missing is
//! named at once.

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

pub(crate) const JAVA_NEEDED: u32 = 17;
/// What FerretDB's `go.mod` requires, as the minor version of Go 1.
pub(crate) const GO_NEEDED: u32 = 24;
/// The minor versions of Python 3 for which all packages have a wheel.
const PYTHON_NEEDED: RangeInclusive<u32> = 11..=13;
/// The usual one first.
const PYTHONS: [&str; 4] = ["python3", "python3.13", "python3.12", "python3.11"];
/// Prints the version. Also imports `venv` and `ensurepip`, which Debian's Python lacks.
const PYTHON_VERSION: &str = "import sys, venv, ensurepip; print('python', *sys.version_info[:2])";

/// What Go builds, for the sentence about a missing Go.
pub(crate) struct Built {
    /// The start of the sentence.
    pub(crate) what: &'static str,
    /// What else helps, if anything does.
    pub(crate) instead: &'static str,
}

/// What runs on Java and is fetched by Maven, for the sentences about a missing one.
pub(crate) struct OnJava {
    /// The start of the sentences.
    pub(crate) what: &'static str,
    /// What else helps.
    pub(crate) instead: &'static str,
}

/// Printing a version takes less than a second, unless the machine is very busy.
const VERSION_DEADLINE: Duration = Duration::from_secs(20);

/// What the environment says about programs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tools {
    path: String,
    java_home: Option<String>,
    pub(crate) mongod: Option<String>,
    /// Options for the broker's JVM, in place of ours.
    pub(crate) kafka_jvm: Option<String>,
}

impl Tools {
    pub(crate) fn new(lookup: impl Fn(&str) -> Option<String>) -> Tools {
        let set = |name| lookup(name).filter(|value| !value.is_empty());
        Tools {
            path: set("PATH").unwrap_or_default(),
            java_home: set("JAVA_HOME"),
            mongod: set("MONGOD"),
            kafka_jvm: set("KAFKA_JVM_PERFORMANCE_OPTS"),
        }
    }

    /// The first executable file of that name on PATH.
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        std::env::split_paths(OsStr::new(&self.path))
            .map(|folder| folder.join(program))
            .find(|file| is_executable(file))
    }

    /// Java, new enough to run this.
    pub(crate) async fn java(&self, runs: &OnJava) -> Result<PathBuf, String> {
        let at_home = self.java_home.as_ref().map(|home| Path::new(home).join("bin/java"));
        let java = at_home.filter(|file| is_executable(file)).or_else(|| self.find("java"));
        let Some(java) = java else {
            return Err(java_is_missing(runs, "none is on PATH"));
        };
        // It writes its version to standard error, after a line about options from the environment, if there are any.
        let text = output(&java, &["-version"], VERSION_DEADLINE).await.unwrap_or_default();
        match java_version(&text) {
            Some(version) if version >= JAVA_NEEDED => Ok(java),
            Some(version) => Err(java_is_missing(runs, &format!("{} is Java {version}", java.display()))),
            None => Err(java_is_missing(runs, &format!("{} does not run", java.display()))),
        }
    }

    /// Maven, which fetches this.
    pub(crate) fn maven(&self, fetches: &OnJava) -> Result<PathBuf, String> {
        let OnJava { what, instead } = fetches;
        self.find("mvn").ok_or_else(|| {
            format!(
                "{what} is fetched by Maven on the first run, and there is no mvn on PATH: install it (Debian: apt-get \
                 install maven; macOS: brew install maven), or {instead}."
            )
        })
    }

    /// Go, new enough to build this.
    pub(crate) async fn go(&self, builds: &Built) -> Result<PathBuf, String> {
        let Some(go) = self.find("go") else {
            return Err(go_is_missing(builds, "there is no go on PATH"));
        };
        let text = output(&go, &["version"], VERSION_DEADLINE).await.unwrap_or_default();
        match go_version(&text) {
            Some(minor) if minor >= GO_NEEDED => Ok(go),
            Some(minor) => Err(go_is_missing(builds, &format!("{} is Go 1.{minor}", go.display()))),
            None => Err(go_is_missing(builds, &format!("{} does not run", go.display()))),
        }
    }

    /// A Python that can make a virtual environment and install `what` there.
    pub(crate) async fn python(&self, what: &str) -> Result<PathBuf, String> {
        let mut found = None;
        for python in PYTHONS.iter().filter_map(|name| self.find(name)) {
            let text = output(&python, &["-I", "-c", PYTHON_VERSION], VERSION_DEADLINE).await.unwrap_or_default();
            let problem = match python_version(&text) {
                Some(minor) if PYTHON_NEEDED.contains(&minor) => return Ok(python),
                Some(minor) => format!("{} is Python 3.{minor}", python.display()),
                None => format!("{} does not run or has no venv", python.display()),
            };
            found.get_or_insert(problem);
        }
        let found = found.unwrap_or_else(|| "there is no python3 on PATH".to_owned());
        let (oldest, newest) = (PYTHON_NEEDED.start(), PYTHON_NEEDED.end());
        Err(format!(
            "{what} needs Python 3.{oldest} to 3.{newest} with venv, and {found}: install it (Debian: apt-get install \
             python3-venv; macOS: brew install python@3.{newest}), or choose another --store."
        ))
    }
}

fn java_is_missing(runs: &OnJava, found: &str) -> String {
    let OnJava { what, instead } = runs;
    format!(
        "{what} needs Java {JAVA_NEEDED} or newer on this machine, and {found}: install it (Debian: apt-get install \
         openjdk-17-jre-headless; macOS: brew install openjdk), or {instead}."
    )
}

fn go_is_missing(builds: &Built, found: &str) -> String {
    let Built { what, instead } = builds;
    format!(
        "{what} is built by Go 1.{GO_NEEDED} or newer on the first run, and {found}: install Go (see \
         go.dev/doc/install){instead}."
    )
}

pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Both outputs of a short command; `None` if it cannot be run, fails, or takes too long.
pub(crate) async fn output(program: &Path, arguments: &[&str], deadline: Duration) -> Option<String> {
    let mut command = Command::new(program);
    // Go must not report a newer toolchain that it would have to download.
    command.args(arguments).env("GOTOOLCHAIN", "local").stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(deadline, command.output()).await.ok()?.ok()?;
    let text = [output.stdout, output.stderr].concat();
    output.status.success().then(|| String::from_utf8_lossy(&text).into_owned())
}

/// The major version in the output of `java -version`: `version "17.0.15"`, `version "21-ea"`, or, long ago, `"1.8.0"`.
fn java_version(text: &str) -> Option<u32> {
    let (_, after) = text.split_once("version \"")?;
    let mut numbers = after.split(|c: char| !c.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        major => Some(major),
    }
}

/// The minor version in the output of `go version`: `go version go1.26.8 linux/amd64`.
fn go_version(text: &str) -> Option<u32> {
    let (_, after) = text.split_once("go version go1.")?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The minor version in what [`PYTHON_VERSION`] prints: `python 3 11`.
fn python_version(text: &str) -> Option<u32> {
    text.trim().strip_prefix("python 3 ")?.parse().ok()
}

/// Makes an executable script for a test. A shell writes it: if another test forked while the file is open for writing
/// here, running it could fail with "text file busy".
#[cfg(test)]
pub(crate) fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", r#"printf '%s' "$2" > "$1" && chmod 755 "$1""#, "script"]).arg(&file);
    let written = shell.arg(format!("#!/bin/sh\n{text}\n")).status().expect("a shell runs");
    assert!(written.success());
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(java_version("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime…"), Some(17));
        assert_eq!(java_version("Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"21-ea\" 2023-09-19"), Some(21));
        assert_eq!(java_version("java version \"1.8.0_392\""), Some(8));
        assert_eq!(java_version("The operation couldn't be completed. Unable to locate a Java Runtime."), None);
        assert_eq!(go_version("go version go1.26.8 linux/amd64\n"), Some(26));
        assert_eq!(go_version("go version go1.25rc1 darwin/arm64"), Some(25));
        assert_eq!(go_version("gccgo (Debian) 12.2"), None);
        assert_eq!(python_version("python 3 11\n"), Some(11));
        assert_eq!(python_version("python 2 7\n"), None);
    }

    const TOOL: Built = Built { what: "A tool", instead: ", or do without" };
    const ON_JAVA: OnJava = OnJava { what: "A tool", instead: "do without" };

    fn tools_on(folder: &Path) -> Tools {
        Tools::new(|name| (name == "PATH").then(|| folder.display().to_string()))
    }

    #[tokio::test]
    async fn a_tool_that_is_missing_or_old_is_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools_on(folder.path());
        assert!(
            tools
                .java(&ON_JAVA)
                .await
                .unwrap_err()
                .contains("A tool needs Java 17 or newer on this machine, and none is on PATH: install it")
        );
        assert!(tools.maven(&ON_JAVA).unwrap_err().contains("no mvn on PATH: install it"));
        assert!(
            tools
                .go(&TOOL)
                .await
                .unwrap_err()
                .ends_with("no go on PATH: install Go (see go.dev/doc/install), or do without.")
        );

        script(folder.path(), "java", "echo 'openjdk version \"11.0.2\"' >&2");
        script(folder.path(), "go", "echo go version go1.19.8 linux/amd64");
        assert!(tools.java(&ON_JAVA).await.unwrap_err().contains("is Java 11: install it"));
        assert!(tools.go(&TOOL).await.unwrap_err().contains("is Go 1.19: install Go"));

        script(folder.path(), "java", "exit 1");
        assert!(tools.java(&ON_JAVA).await.unwrap_err().contains("does not run"));
    }

    #[tokio::test]
    async fn a_python_that_fits_is_found_behind_one_that_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools_on(folder.path());
        assert!(tools.python("A tool").await.unwrap_err().contains("and there is no python3 on PATH: install it"));

        let usual = script(folder.path(), "python3", "echo \"No module named 'ensurepip'\" >&2; exit 1");
        let missing = format!("and {} does not run or has no venv: install it", usual.display());
        assert!(tools.python("A tool").await.unwrap_err().contains(&missing));
        script(folder.path(), "python3", "echo python 3 14");
        assert!(tools.python("A tool").await.unwrap_err().contains("is Python 3.14: install it"));

        let fits = script(folder.path(), "python3.12", "echo python 3 12");
        assert_eq!(tools.python("A tool").await, Ok(fits));
    }

    #[tokio::test]
    async fn java_home_takes_precedence_over_path() {
        let home = tempfile::tempdir().unwrap();
        let java = home.path().join("bin");
        std::fs::create_dir(&java).unwrap();
        script(&java, "java", "echo 'openjdk version \"21.0.1\"' >&2");
        let tools = Tools { java_home: Some(home.path().display().to_string()), ..Tools::default() };
        assert_eq!(tools.java(&ON_JAVA).await, Ok(java.join("java")));
    }

    #[test]
    fn a_file_that_is_not_executable_is_not_a_program() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mvn"), "").unwrap();
        assert_eq!(tools_on(folder.path()).find("mvn"), None);
    }
}
