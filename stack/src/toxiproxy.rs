//! Proxies in front of the servers, for faults of the network between them and their clients: Toxiproxy, built by Go,
//! once.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::cache::{self, BuildStep, Sources};
use crate::probe::Probe;
use crate::progress::OnProgress;
use crate::run_directory::RunDirectory;
use crate::server::{Recipe, Server};
use crate::tools::Built;
use crate::{free_port, go};

const NAME: &str = "Toxiproxy 2.5.0";
pub(crate) const BUILT: Built = Built { what: "Toxiproxy, which makes the faults of the network,", instead: "" };
const ENTRY: &str = "toxiproxy-2.5.0";
const SOURCES: &Sources =
    &[("go.mod", include_str!("../native/toxiproxy/go.mod")), ("go.sum", include_str!("../native/toxiproxy/go.sum"))];
const PACKAGE: &str = "github.com/Shopify/toxiproxy/v2/cmd/server";

/// A proxy in front of one server.
#[derive(Clone, Debug)]
pub struct Link {
    /// The proxy's name in Toxiproxy's API.
    pub name: String,
    /// The port of 127.0.0.1 that clients connect to.
    pub port: u16,
    /// The port of 127.0.0.1 that the server listens on.
    pub server_port: u16,
}

/// A running Toxiproxy. Its [`Server`]'s port is that of the HTTP API that creates faults.
#[derive(Debug)]
pub struct Toxiproxy {
    /// Its process.
    pub server: Server,
    /// The proxies, all of them open.
    pub links: Vec<Link>,
}

impl Toxiproxy {
    /// The port of the proxy in front of this server, if there is one.
    pub(crate) fn port_before(&self, server: &Server) -> Option<u16> {
        self.links.iter().find(|link| link.server_port == server.port()).map(|link| link.port)
    }
}

pub(crate) fn is_built(directory: &Path) -> bool {
    cache::is_current(&directory.join(ENTRY), SOURCES)
}

/// Builds it if necessary (`go` is `None` if it is built), and starts it with these proxies.
pub(crate) async fn run(
    go: Option<&Path>,
    links: Vec<Link>,
    directory: &Path,
    progress: OnProgress,
) -> anyhow::Result<Toxiproxy> {
    if let Some(go) = go {
        let command = go::build(go, "toxiproxy", PACKAGE);
        let step = BuildStep { what: &format!("building {NAME} with Go (first run only)"), command };
        cache::entry(directory, ENTRY, SOURCES, step, progress).await?;
    }
    let run = RunDirectory::new(directory, "toxiproxy")?;
    let file = run.path().join("proxies.json");
    std::fs::write(&file, config(&links)).with_context(|| format!("cannot write {}", file.display()))?;
    let port = free_port();
    let mut command = Command::new(directory.join(ENTRY).join("toxiproxy"));
    command.args(["-host", "127.0.0.1", "-port", &port.to_string(), "-config", "proxies.json"]);
    let recipe = Recipe { name: NAME.to_owned(), command, port, probe: Probe::Http, directory: run, progress };
    Ok(Toxiproxy { server: Server::start(recipe).await?, links })
}

/// The file that names the proxies.
fn config(links: &[Link]) -> String {
    let proxy = |Link { name, port, server_port }: &Link| {
        format!(
            r#"{{"name":"{name}","listen":"127.0.0.1:{port}","upstream":"127.0.0.1:{server_port}","enabled":true}}"#
        )
    };
    format!("[{}]", links.iter().map(proxy).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::GO_NEEDED;

    #[test]
    fn the_versions_are_the_same_everywhere() {
        let version = NAME.rsplit(' ').next().unwrap();
        let go_mod = SOURCES[0].1;
        assert!(ENTRY.ends_with(version));
        assert!(go_mod.contains(&format!("github.com/Shopify/toxiproxy/v2 v{version}\n")));
        assert!(go_mod.contains(&format!("\ngo 1.{GO_NEEDED}\n")));
    }

    #[test]
    fn every_link_is_a_proxy() {
        let links = ["a", "b"].map(|name| Link { name: name.to_owned(), port: 1, server_port: 2 });
        assert_eq!(
            config(&links),
            concat!(
                r#"[{"name":"a","listen":"127.0.0.1:1","upstream":"127.0.0.1:2","enabled":true},"#,
                r#"{"name":"b","listen":"127.0.0.1:1","upstream":"127.0.0.1:2","enabled":true}]"#
            )
        );
    }
}
