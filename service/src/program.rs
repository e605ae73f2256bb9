//! What the binaries share of `main`: command line, settings, logs, the listeners, the stop signal, the exit code.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::secrets::Secret;
use crate::settings::{SettingError, Variable, near_misses};
use crate::tls::Audience;
use crate::{Addresses, Listeners, ServiceConfig, Settings, exit, open_files, stop, telemetry, tls};

/// A service as a program: how it reads its settings and how it runs.
pub struct Program<C> {
    /// Its name, as in `producer --version`.
    pub name: &'static str,
    /// One sentence for `--help`.
    pub about: &'static str,
    /// Reads all its settings.
    pub read: fn(&mut Settings<'_>) -> C,
    /// Connects to what the service needs, as the service does.
    pub connect: fn(C) -> Connecting,
}

/// What a service needs, each with a name and the outcome of connecting to it; an error says why not.
pub type Connecting = Pin<Box<dyn Future<Output = Vec<(String, anyhow::Result<()>)>>>>;

impl<C: AsRef<ServiceConfig> + std::fmt::Debug> Program<C> {
    /// Runs the program with these arguments (without its own name): `--help`, `--version`, `--check-config`, perhaps
    /// with `--connect`, `healthcheck`, or nothing, which serves until SIGTERM or SIGINT.
    pub fn main<F>(
        self,
        arguments: impl Iterator<Item = String>,
        run: fn(C, Listeners, CancellationToken) -> F,
    ) -> ExitCode
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        let arguments: Vec<String> = arguments.collect();
        let lookup = |name: &str| std::env::var(name).ok();
        let mut settings = Settings::new(&lookup);
        let config = (self.read)(&mut settings);
        let mut warnings: Vec<String> = settings.warnings().iter().map(ToString::to_string).collect();
        let (variables, errors) = settings.finish();
        let known: Vec<&str> = variables.iter().map(|variable| variable.name).collect();
        let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        warnings.extend(near_misses(self.name, set, &known));

        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["--help" | "-h"] => {
                print!("{}", self.help(&variables));
                return ExitCode::SUCCESS;
            }
            ["--version" | "-V"] => {
                println!("{} {}", self.name, env!("CARGO_PKG_VERSION"));
                return ExitCode::SUCCESS;
            }
            [] | ["--check-config" | "healthcheck"] | ["--check-config", "--connect"] => {}
            _ => {
                let error = format!("cannot understand `{}`; see `{} --help`", arguments.join(" "), self.name);
                return exit::unusable(self.name, [error]);
            }
        }
        // A service may have read its certificate before it was replaced by a wrong one, and is still there.
        let asks = arguments.first().is_some_and(|argument| argument == "healthcheck");
        let is_of_tls = |error: &SettingError| tls::VARIABLES.as_flattened().contains(&error.name);
        if !errors.iter().all(|error| asks && is_of_tls(error)) {
            return exit::unusable(self.name, errors);
        }
        match arguments.first().map(String::as_str) {
            Some("healthcheck") => healthcheck(config.as_ref()),
            Some(_) => {
                for variable in variables {
                    println!("{}={}", variable.name, variable.shown());
                }
                for warning in warnings {
                    eprintln!("{}: warning: {warning}", self.name);
                }
                if arguments.len() > 1 { self.connect(config) } else { ExitCode::SUCCESS }
            }
            None => {
                telemetry::start(&config.as_ref().log, config.as_ref().log_format);
                for warning in warnings {
                    tracing::warn!("{warning}");
                }
                self.serve(config, &variables, run)
            }
        }
    }

    fn serve<F>(&self, config: C, variables: &[Variable], run: fn(C, Listeners, CancellationToken) -> F) -> ExitCode
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        open_files::raise_limit();
        let settings: Vec<String> = variables.iter().map(|v| format!("{}={}", v.name, v.shown())).collect();
        let outcome = tokio::runtime::Runtime::new().context("cannot start the runtime").and_then(|runtime| {
            let outcome = runtime.block_on(async {
                let stop = stop::on_signal().context("cannot listen for signals")?;
                let ServiceConfig { host, port, admin_port, .. } = config.as_ref();
                let listeners = Listeners::bind(host, *port, *admin_port).await?;
                let Addresses { clients, operators } = listeners.addresses()?;
                tracing::info!(
                    service = self.name,
                    version = env!("CARGO_PKG_VERSION"),
                    address = %clients,
                    operators_address = %operators,
                    settings = settings.join(" "),
                    "listening"
                );
                run(config, listeners, stop).await
            });
            // A thread that still waits for a server must not keep the process alive.
            runtime.shutdown_background();
            outcome
        });
        match outcome {
            Ok(()) => {
                tracing::info!("stopped");
                ExitCode::SUCCESS
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "failed");
                ExitCode::from(exit::FAILED)
            }
        }
    }

    /// Prints a line for each thing that the service needs.
    fn connect(&self, config: C) -> ExitCode {
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => {
                eprintln!("{}: cannot start the runtime: {error}", self.name);
                return ExitCode::from(exit::FAILED);
            }
        };
        let outcomes = runtime.block_on((self.connect)(config));
        // A thread that still waits for a server must not keep the process alive.
        runtime.shutdown_background();
        for (what, outcome) in &outcomes {
            match outcome {
                Ok(()) => println!("{what}: can be reached"),
                Err(error) => eprintln!("{}: {what}: {error:#}", self.name),
            }
        }
        let all_well = outcomes.iter().all(|(_, outcome)| outcome.is_ok());
        if all_well { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
    }

    fn help(&self, variables: &[Variable]) -> String {
        let mut text = format!(
            "{} {}\n{}\n\nUsage: {} [--help | --version | --check-config [--connect] | healthcheck]\n\n\
             Without an argument it serves until SIGTERM or SIGINT. --check-config prints the settings in force,\n\
             or what is wrong with them, and with --connect whether what the service needs can be reached with them;\n\
             healthcheck asks the service's own /readyz on ADMIN_PORT. Settings are\n\
             environment variables:\n\n",
            self.name,
            env!("CARGO_PKG_VERSION"),
            self.about,
            self.name
        );
        let width = |column: fn(&Variable) -> usize| variables.iter().map(column).max().unwrap_or(0);
        let (name_width, default_width) = (width(|v| v.name.len()), width(|v| v.default.len()));
        for Variable { name, default, meaning, .. } in variables {
            text.push_str(&format!("  {name:name_width$}  {default:default_width$}  {meaning}\n"));
        }
        text.push_str(&format!(
            "\nExit codes: 0 clean end, {} unusable settings, {} the start failed or work was left undone.\n",
            exit::UNUSABLE,
            exit::FAILED
        ));
        text
    }
}

/// Asks the service of this configuration for `/readyz`, where its clients can take no connection away. The exit code
/// is 0 when it is ready.
fn healthcheck(config: &ServiceConfig) -> ExitCode {
    match ask(config, Audience::Operators, None, "GET /readyz") {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") => ExitCode::SUCCESS,
        Ok(answer) => {
            eprintln!("not ready: {}", answer.lines().last().unwrap_or("no answer"));
            ExitCode::from(exit::FAILED)
        }
        Err(error) => {
            eprintln!("not ready: {error:#}");
            ExitCode::from(exit::FAILED)
        }
    }
}

/// The answer, head and body, of the service with this configuration on this machine, on its port for this
/// audience. `request` is the method and the path; `token` is that of those who run the service. Over TLS nobody needs
/// an authority for it, see [`tls`].
///
/// # Errors
/// When no service answers within two seconds, or the token cannot be read.
pub fn ask(
    config: &ServiceConfig,
    audience: Audience,
    token: Option<&Secret>,
    request: &str,
) -> anyhow::Result<String> {
    let token = token.map(Secret::read).transpose()?;
    let credential = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    const TIMEOUT: Duration = Duration::from_secs(2);
    const MOST_BYTES: u64 = 64 * 1024;
    let host = config.host.as_str();
    let (port, files) = match audience {
        Audience::Clients => (config.port, &config.tls),
        Audience::Operators => (config.admin_port, &config.admin_tls),
    };
    let ask = || -> std::io::Result<String> {
        let address = (host, port).to_socket_addrs()?.next();
        let address = reachable(address.ok_or(std::io::ErrorKind::AddrNotAvailable)?);
        let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let head = format!(
            "{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{credential}content-length: 0\r\n\r\n"
        );
        if let Some(files) = files {
            return tls::ask(stream, files, head.as_bytes(), MOST_BYTES);
        }
        stream.write_all(head.as_bytes())?;
        let mut answer = String::new();
        stream.take(MOST_BYTES).read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().with_context(|| format!("no service answers on port {port} of {host}"))
}

/// Where to reach a service that listens on this address of this machine: on the loopback, if it listens on all.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_asked_where_it_listens() {
        for (listening, asked) in [
            ("0.0.0.0:3000", "127.0.0.1:3000"),
            ("[::]:3000", "[::1]:3000"),
            ("127.0.0.2:3000", "127.0.0.2:3000"),
            ("[::1]:3000", "[::1]:3000"),
        ] {
            assert_eq!(reachable(listening.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
