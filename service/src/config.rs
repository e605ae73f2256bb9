//! The configuration shared by all services.

use std::path::PathBuf;
use std::time::Duration;

use crate::Settings;
use crate::secrets::Secret;
use crate::settings::Variable;
use crate::telemetry::{self, LogFormat};
use crate::tls::{Audience, TlsFiles};
use crate::trace::Endpoint;

/// The settings that every service has.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// `HOST`: the address to listen on.
    pub host: String,
    /// `PORT`: the port to listen on; 0 takes a free one.
    pub port: u16,
    /// `ADMIN_PORT`: the port for those who run the service; 0 takes a free one.
    pub admin_port: u16,
    /// `TLS_CERTIFICATE`, `TLS_KEY`, `TLS_CLIENT_CA`: TLS on the port to listen on, if it has any.
    pub tls: Option<TlsFiles>,
    /// The same for operators: `ADMIN_TLS_CERTIFICATE`, `ADMIN_TLS_KEY`, `ADMIN_TLS_CLIENT_CA`.
    pub admin_tls: Option<TlsFiles>,
    /// `ADMIN_TOKEN`: what those who run the service must send on its port for them, if anything.
    pub admin_token: Option<Secret>,
    /// `LOG`: level or filter of the logs.
    pub log: String,
    /// `LOG_FORMAT`: how a log line is written.
    pub log_format: LogFormat,
    /// `STOP_GRACE`: longest time from the stop signal to the exit.
    pub stop_grace: Duration,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: where traces are sent, if anywhere.
    pub otlp_endpoint: Option<Endpoint>,
    /// `STATE_FILE`: where the service writes its [`ServiceState`](crate::state_file::ServiceState), if anywhere.
    pub state_file: Option<PathBuf>,
    /// All of the service's variables, without secrets. The service fills it once it has read them all.
    pub in_force: Vec<Variable>,
}

impl ServiceConfig {
    /// Reads them. Each service has its own default port; the one for operators is a hundred above it.
    pub fn read(settings: &mut Settings<'_>, default_port: u16) -> Self {
        let host = settings.text("HOST", "0.0.0.0", "address to listen on");
        let port = settings.number("PORT", default_port, 0..=65535, "port to listen on; 0 takes a free one");
        let admin_port = settings.number(
            "ADMIN_PORT",
            default_port + 100,
            0..=65535,
            "port of `/metrics`, `/status` and health for operators; 0 takes a free one",
        );
        if admin_port == port && port != 0 {
            settings.error("ADMIN_PORT", format!("must differ from PORT, which is {port}, too"));
        }
        let admin_token = settings.secret(
            "ADMIN_TOKEN",
            "token for `/metrics`, `/status` and commands on ADMIN_PORT (`Authorization: Bearer`); empty needs none",
        );
        Self {
            host,
            port,
            admin_port,
            tls: TlsFiles::read(settings, Audience::Clients),
            admin_tls: TlsFiles::read(settings, Audience::Operators),
            admin_token,
            log: settings.read("LOG", "info", "log level (error, warn, info, debug, trace) or filter", |text| {
                telemetry::check_filter(text).map(|()| text.to_owned())
            }),
            log_format: settings.read(
                "LOG_FORMAT",
                "auto",
                "text, json, or auto: text on a terminal, else json",
                |text| match text {
                    "auto" => Ok(LogFormat::for_this_output()),
                    "text" => Ok(LogFormat::Text),
                    "json" => Ok(LogFormat::Json),
                    _ => Err("must be one of auto, text, json".to_owned()),
                },
            ),
            stop_grace: settings.duration("STOP_GRACE", "10s", "longest time from the stop signal to the exit"),
            otlp_endpoint: settings.read(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "",
                "where traces are sent (OTLP over HTTP), such as http://localhost:4318; empty sends none",
                Endpoint::parse,
            ),
            state_file: settings.read(
                "STATE_FILE",
                "",
                "file of this service alone for its address and, after a clean end, its totals, as JSON; empty is none",
                |text| Ok((!text.is_empty()).then(|| PathBuf::from(text))),
            ),
            in_force: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(set: &[(&str, &str)]) -> (u16, u16, Vec<String>) {
        let lookup = |name: &str| set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let config = ServiceConfig::read(&mut settings, 3000);
        (config.port, config.admin_port, settings.finish().1.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_two_ports_differ() {
        assert_eq!(ports(&[]), (3000, 3100, vec![]));
        assert_eq!(ports(&[("PORT", "0"), ("ADMIN_PORT", "0")]), (0, 0, vec![]));
        let error = "ADMIN_PORT: must differ from PORT, which is 3100, too";
        assert_eq!(ports(&[("PORT", "3100")]).2, [error]);
        assert_eq!(ports(&[("PORT", "3100"), ("ADMIN_PORT", "3100")]).2, [error]);
        assert_eq!(ports(&[("PORT", "3100"), ("ADMIN_PORT", "3000")]).2, [""; 0]);
    }
}
