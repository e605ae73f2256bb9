//! A Prometheus for the services on this machine, if one is installed: `PROMETHEUS`, or `prometheus` on `PATH`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::cache;
use crate::probe::Probe;
use crate::progress::OnProgress;
use crate::run_directory::RunDirectory;
use crate::server::{Recipe, Server};
use crate::tools::{Tools, is_executable};

/// The program, if this machine has it.
///
/// # Errors
/// When `PROMETHEUS` names no program.
pub fn find(lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<PathBuf>> {
    match lookup("PROMETHEUS").filter(|path| !path.is_empty()).map(PathBuf::from) {
        Some(program) if is_executable(&program) => {
            let absolute = program.canonicalize();
            absolute.map(Some).with_context(|| format!("PROMETHEUS is {}, which cannot be found", program.display()))
        }
        Some(program) => bail!("PROMETHEUS is {}, which is not a program: fix or unset it", program.display()),
        None => Ok(Tools::new(lookup).find("prometheus")),
    }
}

/// Starts it on this port of 127.0.0.1 with this configuration. It accepts remote writes, such as k6's, and its data
/// end with it.
pub async fn start(program: &Path, port: u16, config: &str, progress: OnProgress) -> anyhow::Result<Server> {
    const CONFIG: &str = "prometheus.yml";
    let directory = RunDirectory::new(&cache::directory()?, "prometheus")?;
    let file = directory.path().join(CONFIG);
    std::fs::write(&file, config).with_context(|| format!("cannot write {}", file.display()))?;
    let mut command = Command::new(program);
    command.args(["--config.file", CONFIG, "--storage.tsdb.path=data", "--web.enable-remote-write-receiver"]);
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    Server::start(Recipe { name: "Prometheus".to_owned(), command, port, probe: Probe::Http, directory, progress })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::script;

    #[test]
    fn the_variable_takes_precedence_over_path_and_must_name_a_program() {
        let folder = tempfile::tempdir().unwrap();
        let on_path = script(folder.path(), "prometheus", "exit 0");
        let named = script(folder.path(), "another", "exit 0").canonicalize().unwrap();
        let environment = |variable: Option<&Path>| {
            let (path, variable) =
                (folder.path().display().to_string(), variable.map(|path| path.display().to_string()));
            move |name: &str| match name {
                "PATH" => Some(path.clone()),
                "PROMETHEUS" => variable.clone(),
                _ => None,
            }
        };
        assert_eq!(find(environment(None)).unwrap(), Some(on_path));
        assert_eq!(find(environment(Some(&named))).unwrap(), Some(named.clone()));
        let error = find(environment(Some(Path::new("/nowhere/prometheus")))).unwrap_err().to_string();
        assert!(error.contains("PROMETHEUS is /nowhere/prometheus"), "{error}");
        assert_eq!(find(|_| None).unwrap(), None);
    }
}
