//! Kafka and MongoDB in containers, by the project's own `docker-compose.yml`.
//!
//! Only those two services start, under a project name of our own and on free host ports, so a stack that someone runs
//! by hand is left alone. A guard takes everything down again, volumes included, even when this process is killed.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::free_port;
use crate::guard::Guard;
use crate::process::Process;
use crate::progress::{OnProgress, during};
use crate::tools::{self, Tools};

/// An engine that does not answer within this time is not worth using.
const ENGINE_DEADLINE: Duration = Duration::from_secs(5);
/// Images may have to be pulled.
const UP_DEADLINE: Duration = Duration::from_secs(5 * 60);
const DOWN_DEADLINE: Duration = Duration::from_secs(60);

/// Of MongoDB's administrator, who alone may use further databases, as `tune` does. The store listens on this machine
/// alone, and goes with the run.
const MONGO_PASSWORD: &str = "of-this-run";

#[derive(Debug)]
pub(crate) struct Compose {
    pub(crate) project: String,
    pub(crate) kafka_port: u16,
    pub(crate) mongo_port: u16,
    guard: Guard,
}

impl Compose {
    /// Brings both services up and waits until they are healthy. An error is one sentence that says why it cannot.
    pub(crate) async fn up(
        tools: &Tools,
        file: &Path,
        directory: &Path,
        progress: OnProgress,
    ) -> anyhow::Result<Compose> {
        let docker = tools.find("docker").context("there is no docker on PATH")?;
        if !file.is_file() {
            bail!("there is no {}", file.display());
        }
        if tools::output(&docker, &["info"], ENGINE_DEADLINE).await.is_none() {
            bail!("no Docker engine answers `docker info`");
        }
        if tools::output(&docker, &["compose", "version"], ENGINE_DEADLINE).await.is_none() {
            bail!("this docker has no compose command");
        }

        let (kafka_port, mongo_port) = (free_port(), free_port());
        let project = format!("stack-{}-{kafka_port}", std::process::id());
        let variables = [
            ("KAFKA_HOST_PORT", kafka_port.to_string()),
            ("MONGO_HOST_PORT", mongo_port.to_string()),
            // A .env beside the file may have another one.
            ("MONGO_ROOT_PASSWORD", MONGO_PASSWORD.to_owned()),
        ];
        let compose = |command: &mut Command| {
            command.args(["compose", "-f"]).arg(file).args(["-p", &project]).envs(variables.iter().cloned());
        };

        // Made before the first container starts, so that none can be left behind.
        let mut down = Command::new(&docker);
        compose(&mut down);
        down.args(["down", "-v", "--timeout", "2"]);
        let words: Vec<_> = std::iter::once(down.get_program()).chain(down.get_args()).collect();
        let guard = Guard::new(r#""$@""#, &words, &variables)?;

        let mut up = Command::new(&docker);
        compose(&mut up);
        up.args(["up", "-d", "--wait", "kafka", "mongo"]);
        let log = directory.join(format!("{project}.log"));
        let process = Process::spawn("docker compose", &up, &log)?;
        let what = "starting Kafka and MongoDB with Docker Compose (the first run pulls their images)";
        let status = during(progress, what, process.wait_for(UP_DEADLINE)).await;
        if status.is_some_and(|status| status.success()) {
            std::fs::remove_file(&log).with_context(|| format!("cannot remove {}", log.display()))?;
            return Ok(Compose { project, kafka_port, mongo_port, guard });
        }
        // The caller of `up` must not wait for `down` as well: the guard does that.
        let how = status.map_or("took too long".to_owned(), |status| format!("failed ({status})"));
        bail!("docker compose up {how}: {} (see {})", process.last_lines(1), log.display());
    }

    /// The store's connection string. It is a replica set that knows itself by a name of its own network, so clients
    /// must not ask it for its members.
    pub(crate) fn mongo_uri(&self) -> String {
        let options = "authSource=admin&directConnection=true";
        format!("mongodb://root:{MONGO_PASSWORD}@127.0.0.1:{}/scalable-api?{options}", self.mongo_port)
    }

    /// Takes the project down and waits until it is gone.
    pub(crate) async fn down(self) -> anyhow::Result<()> {
        let context = format!("docker compose -p {} down", self.project);
        self.guard.finish(DOWN_DEADLINE).await.context(context)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder with a compose file and a `docker` that notes how it is called.
    struct Fake {
        folder: tempfile::TempDir,
    }

    impl Fake {
        fn new(reaction: &str) -> Fake {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("docker-compose.yml"), "services: {}\n").unwrap();
            let notes = folder.path().join("notes");
            let note =
                format!("echo \"$KAFKA_HOST_PORT $MONGO_HOST_PORT $MONGO_ROOT_PASSWORD $*\" >> '{}'", notes.display());
            tools::script(folder.path(), "docker", &format!("{note}\n{reaction}"));
            Fake { folder }
        }

        fn file(&self) -> PathBuf {
            self.folder.path().join("docker-compose.yml")
        }

        async fn up(&self) -> anyhow::Result<Compose> {
            let path = self.folder.path().display().to_string();
            let tools = Tools::new(|name| (name == "PATH").then(|| path.clone()));
            Compose::up(&tools, &self.file(), self.folder.path(), |_| ()).await
        }

        fn notes(&self) -> String {
            std::fs::read_to_string(self.folder.path().join("notes")).unwrap()
        }
    }

    #[tokio::test]
    async fn two_services_come_up_on_free_ports_and_go_down_with_their_volumes() {
        let docker = Fake::new("exit 0");
        let compose = docker.up().await.unwrap();
        let prefix = format!(
            "{} {} {MONGO_PASSWORD} compose -f {} -p {}",
            compose.kafka_port,
            compose.mongo_port,
            docker.file().display(),
            compose.project
        );
        assert!(docker.notes().ends_with(&format!("{prefix} up -d --wait kafka mongo\n")));
        let (before, after) =
            ("mongodb://root:of-this-run@127.0.0.1:", "/scalable-api?authSource=admin&directConnection=true");
        assert_eq!(compose.mongo_uri(), format!("{before}{}{after}", compose.mongo_port));
        compose.down().await.unwrap();
        assert!(docker.notes().ends_with(&format!("{prefix} down -v --timeout 2\n")));
    }

    #[tokio::test]
    async fn each_reason_not_to_use_docker_is_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = Compose::up(&Tools::default(), &folder.path().join("f"), folder.path(), |_| ()).await;
        assert_eq!(nowhere.unwrap_err().to_string(), "there is no docker on PATH");

        let no_engine = Fake::new("[ \"$1\" != info ]").up().await;
        assert_eq!(no_engine.unwrap_err().to_string(), "no Docker engine answers `docker info`");

        let no_compose = Fake::new("[ \"$1\" != compose ]").up().await;
        assert_eq!(no_compose.unwrap_err().to_string(), "this docker has no compose command");

        let fails =
            Fake::new("case \"$*\" in *' up '*) echo pulling; echo the image is gone; exit 1;; esac").up().await;
        let sentence = fails.unwrap_err().to_string();
        assert!(
            sentence.starts_with("docker compose up failed (exit status: 1): the image is gone (see "),
            "{sentence}"
        );
    }
}
