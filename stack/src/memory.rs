//! The store for measuring without a disk: mongo-java-server (MongoDB's protocol over maps in memory), fetched by
//! Maven, once.
//!
//! A few lines of Java under `native/memory/` start it, because its own `main` reports a version that clients reject.
//! Maven also fetches the compiler for them, since a Java runtime has none. Nothing survives its end.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{self, BuildStep, Sources};
use crate::progress::OnProgress;
use crate::tools::{OnJava, Tools};

pub(crate) const NAME: &str = "mongo-java-server 1.47.0 (in memory, nothing is kept)";
const ON_JAVA: OnJava = OnJava { what: "The memory store", instead: "choose another --store" };
const ENTRY: &str = "mongo-java-server-1.47.0";
const SOURCES: &Sources = &[
    ("pom.xml", include_str!("../native/memory/pom.xml")),
    ("MemoryStore.java", include_str!("../native/memory/MemoryStore.java")),
];

/// `$1` is Maven, `$2` is Java.
const FETCH_AND_COMPILE: &str = r#"
"$1" -B -q -Dstyle.color=never dependency:copy-dependencies -DoutputDirectory=libs || exit
exec "$2" -jar libs/ecj-*.jar -17 -classpath "$(printf '%s:' libs/*.jar)" -d classes MemoryStore.java
"#;

/// The programs that the store needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MemoryPrograms {
    java: PathBuf,
    /// `None` if the jars are there.
    maven: Option<PathBuf>,
}

impl MemoryPrograms {
    /// Whether something must be fetched first.
    pub(crate) fn must_fetch(&self) -> bool {
        self.maven.is_some()
    }
}

/// Returns the programs, or a sentence for each that is missing.
pub(crate) async fn check(tools: &Tools, directory: &Path) -> Result<MemoryPrograms, Vec<String>> {
    let is_fetched = cache::is_current(&directory.join(ENTRY), SOURCES);
    let maven = if is_fetched { Ok(None) } else { tools.maven(&ON_JAVA).map(Some) };
    match (tools.java(&ON_JAVA).await, maven) {
        (Ok(java), Ok(maven)) => Ok(MemoryPrograms { java, maven }),
        (java, maven) => Err([java.err(), maven.err()].into_iter().flatten().collect()),
    }
}

/// Fetches and compiles what is missing.
pub(crate) async fn build(programs: &MemoryPrograms, directory: &Path, progress: OnProgress) -> anyhow::Result<()> {
    let Some(maven) = &programs.maven else { return Ok(()) };
    let mut command = Command::new("/bin/sh");
    command.args(["-c", FETCH_AND_COMPILE, "memory"]).args([maven, &programs.java]);
    let step = BuildStep { what: "fetching mongo-java-server 1.47.0 with Maven (first run only)", command };
    cache::entry(directory, ENTRY, SOURCES, step, progress).await.map(drop)
}

pub(crate) fn command(programs: &MemoryPrograms, directory: &Path, port: u16) -> Command {
    let entry = directory.join(ENTRY);
    let entry = entry.display();
    let mut command = Command::new(&programs.java);
    command
        .args(["-cp", &format!("{entry}/classes:{entry}/libs/*")])
        // No second compiler: in runs of 15 s at 4,000 posts/s it takes a third of the store's CPU.
        .args(["-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true"])
        // Full memory ends the process, which is noticed, instead of failing inserts one by one.
        .arg("-XX:+ExitOnOutOfMemoryError")
        .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true"])
        .args(["MemoryStore", &port.to_string()]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_same_everywhere() {
        let version = ENTRY.rsplit('-').next().unwrap();
        assert!(NAME.starts_with(&format!("mongo-java-server {version} ")));
        assert!(SOURCES[0].1.contains(&format!("<version>{version}</version>")));
    }

    #[tokio::test]
    async fn everything_that_is_missing_is_named_at_once() {
        let empty = tempfile::tempdir().unwrap();
        let missing = check(&Tools::default(), empty.path()).await.unwrap_err();
        assert!(missing[0].starts_with("The memory store needs Java 17"), "{missing:?}");
        assert!(missing[1].starts_with("The memory store is fetched by Maven"), "{missing:?}");
        assert!(missing.iter().all(|sentence| sentence.ends_with("or choose another --store.")), "{missing:?}");
    }
}
