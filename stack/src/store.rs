//! A native document store: a real `mongod` where there is one, otherwise the one built on FerretDB. SecantusDB and the
//! store in memory run only on request.

pub mod secure;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow};

use crate::memory::MemoryPrograms;
use crate::options::{Role, StoreKind};
use crate::probe::Probe;
use crate::progress::{OnProgress, to_stderr};
use crate::run_directory::RunDirectory;
use crate::server::{Recipe, Server};
use crate::tools::{self, Tools};
use crate::{cache, disk, ferretdb, free_port, memory, port, secantus};

/// How to start a store. The default is a `mongod` if there is one, otherwise FerretDB, on a free port.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Which store.
    pub kind: StoreKind,
    /// The port to listen on; `None` means a free one.
    pub port: Option<u16>,
    /// Gets a line whenever something takes more than a second.
    pub progress: OnProgress,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions { kind: StoreKind::Auto, port: None, progress: to_stderr }
    }
}

/// The connection string of a store on that port of 127.0.0.1.
pub fn uri(port: u16) -> String {
    format!("mongodb://127.0.0.1:{port}/scalable-api")
}

/// Starts a store and waits until it answers. `lookup` is the environment.
pub async fn start(options: &StoreOptions, lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Server> {
    let directory = cache::directory()?;
    let program = check(options, &Tools::new(lookup), &directory).await;
    run(options, program.map_err(|missing| anyhow!(missing.join("\n")))?, &directory).await
}

/// Starts a store that answers as MongoDB does and that `configureFailPoint` can make fail: a real `mongod` where there
/// is one, otherwise SecantusDB.
pub async fn start_to_fail(progress: OnProgress, lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Server> {
    let (directory, tools) = (cache::directory()?, Tools::new(lookup));
    let is_there = mongod(StoreKind::Auto, &tools).map_err(|sentence| anyhow!(sentence))?.is_some();
    let kind = if is_there { StoreKind::Mongod } else { StoreKind::Secantus };
    let options = StoreOptions { kind, port: None, progress };
    let program = check(&options, &tools, &directory).await.map_err(|missing| anyhow!(missing.join("\n")))?;
    launch(&options, program, &directory, Role::Fallible).await
}

/// The store's program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StoreProgram {
    Mongod(PathBuf),
    Ferretdb {
        /// Builds it; `None` if it is built.
        go: Option<PathBuf>,
    },
    Secantus {
        /// Installs it; `None` if it is installed.
        python: Option<PathBuf>,
    },
    Memory(MemoryPrograms),
}

impl StoreProgram {
    /// Whether it must be downloaded and built first.
    fn builds(&self) -> bool {
        match self {
            StoreProgram::Mongod(_) => false,
            StoreProgram::Ferretdb { go } => go.is_some(),
            StoreProgram::Secantus { python } => python.is_some(),
            StoreProgram::Memory(programs) => programs.must_fetch(),
        }
    }
}

/// Returns the program, or a sentence for each thing that stands in the way.
pub(crate) async fn check(
    options: &StoreOptions,
    tools: &Tools,
    directory: &Path,
) -> Result<StoreProgram, Vec<String>> {
    let program = match options.kind {
        StoreKind::Memory => memory::check(tools, directory).await.map(StoreProgram::Memory),
        StoreKind::Secantus => match secantus::check(tools, directory).await {
            Ok(python) => Ok(StoreProgram::Secantus { python }),
            Err(sentence) => Err(vec![sentence]),
        },
        kind => on_disk(kind, tools, directory).await.map_err(|sentence| vec![sentence]),
    };
    let builds = program.as_ref().is_ok_and(StoreProgram::builds);
    let taken = options.port.and_then(port::taken);
    let full = disk::full(directory, if builds { disk::TO_BUILD } else { disk::TO_RUN });
    match (program, taken, full) {
        (Ok(program), None, None) => Ok(program),
        (program, taken, full) => {
            Err(program.err().into_iter().flatten().chain([taken, full].into_iter().flatten()).collect())
        }
    }
}

/// The `mongod`, otherwise the store built on FerretDB.
async fn on_disk(kind: StoreKind, tools: &Tools, directory: &Path) -> Result<StoreProgram, String> {
    match mongod(kind, tools)? {
        Some(mongod) => Ok(StoreProgram::Mongod(mongod)),
        None if ferretdb::is_built(directory) => Ok(StoreProgram::Ferretdb { go: None }),
        None => tools.go(&ferretdb::BUILT).await.map(|go| StoreProgram::Ferretdb { go: Some(go) }),
    }
}

/// The `mongod` to use, if this kind allows one and there is one.
fn mongod(kind: StoreKind, tools: &Tools) -> Result<Option<PathBuf>, String> {
    if kind == StoreKind::Ferretdb {
        return Ok(None);
    }
    if let Some(given) = &tools.mongod {
        // Absolute, because it will run in another directory.
        let file = std::path::absolute(given).unwrap_or_else(|_| PathBuf::from(given));
        if tools::is_executable(&file) {
            return Ok(Some(file));
        }
        return Err(format!("MONGOD is {given}, which is not a program: set it to the path of a mongod, or unset it."));
    }
    match (tools.find("mongod"), kind) {
        (None, StoreKind::Mongod) => Err("There is no mongod on this machine: install MongoDB so that mongod is on \
                                          PATH, or set MONGOD to the path of one."
            .to_owned()),
        (found, _) => Ok(found),
    }
}

/// Builds the store if necessary, and starts it.
pub(crate) async fn run(options: &StoreOptions, program: StoreProgram, directory: &Path) -> anyhow::Result<Server> {
    launch(options, program, directory, Role::Standalone).await
}

async fn launch(options: &StoreOptions, program: StoreProgram, directory: &Path, role: Role) -> anyhow::Result<Server> {
    match &program {
        StoreProgram::Mongod(_) | StoreProgram::Ferretdb { go: None } | StoreProgram::Secantus { python: None } => {}
        StoreProgram::Ferretdb { go: Some(go) } => ferretdb::build(go, directory, options.progress).await?,
        StoreProgram::Secantus { python: Some(python) } => {
            secantus::install(python, directory, options.progress).await?
        }
        StoreProgram::Memory(programs) => memory::build(programs, directory, options.progress).await?,
    }
    let port = options.port.unwrap_or_else(free_port);
    let run = RunDirectory::new(directory, "store")?;
    std::fs::create_dir(run.path().join("data"))
        .with_context(|| format!("cannot write to {}", run.path().display()))?;
    let (name, command) = match program {
        StoreProgram::Mongod(mongod) => (format!("mongod ({})", mongod.display()), mongod_command(&mongod, port, role)),
        StoreProgram::Ferretdb { .. } => (ferretdb::NAME.to_owned(), ferretdb::command(directory, port)),
        StoreProgram::Secantus { .. } => (secantus::NAME.to_owned(), secantus::command(directory, port, role)),
        StoreProgram::Memory(programs) => (memory::NAME.to_owned(), memory::command(&programs, directory, port)),
    };
    let recipe = Recipe { name, command, port, probe: Probe::Mongo, directory: run, progress: options.progress };
    Server::start(recipe).await
}

/// It is a replica set in neither role, because a client would have to initiate one.
fn mongod_command(mongod: &Path, port: u16, role: Role) -> Command {
    let mut command = Command::new(mongod);
    command.args(["--dbpath", "data", "--bind_ip", "127.0.0.1", "--port", &port.to_string(), "--nounixsocket"]);
    if role == Role::Fallible {
        command.args(["--setParameter", "enableTestCommands=1"]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools_on(path: &Path, mongod: Option<&str>) -> Tools {
        Tools::new(|name| match name {
            "PATH" => Some(path.display().to_string()),
            "MONGOD" => mongod.map(str::to_owned),
            _ => None,
        })
    }

    #[test]
    fn a_mongod_comes_from_its_variable_or_from_path_where_its_kind_allows_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(mongod(StoreKind::Auto, &tools_on(folder.path(), None)), Ok(None));

        let on_path = tools::script(folder.path(), "mongod", "");
        assert_eq!(mongod(StoreKind::Auto, &tools_on(folder.path(), None)), Ok(Some(on_path)));
        assert_eq!(mongod(StoreKind::Auto, &tools_on(folder.path(), Some("/bin/sh"))), Ok(Some("/bin/sh".into())));
        assert_eq!(mongod(StoreKind::Ferretdb, &tools_on(folder.path(), Some("/bin/sh"))), Ok(None));
    }

    #[test]
    fn a_mongod_that_is_not_there_is_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let sentence = mongod(StoreKind::Mongod, &tools_on(folder.path(), None)).unwrap_err();
        assert!(sentence.contains("set MONGOD to the path"), "{sentence}");
        let sentence = mongod(StoreKind::Auto, &tools_on(folder.path(), Some("/no/mongod"))).unwrap_err();
        assert!(sentence.starts_with("MONGOD is /no/mongod, which is not a program"), "{sentence}");
    }

    #[test]
    fn only_a_fallible_mongod_gets_test_commands() {
        let arguments = |role| {
            let command = mongod_command(Path::new("mongod"), 1, role);
            command.get_args().map(|argument| argument.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert!(!arguments(Role::Standalone).contains("--setParameter"));
        assert!(arguments(Role::Fallible).ends_with(" --setParameter enableTestCommands=1"));
    }

    #[tokio::test]
    async fn without_mongod_and_go_both_ways_out_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = check(&StoreOptions::default(), &tools_on(folder.path(), None), folder.path()).await.unwrap_err();
        assert!(missing[0].contains("install Go") && missing[0].contains("MONGOD"), "{missing:?}");
    }
}
