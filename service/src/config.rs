//! The configuration shared by all services.

use std::path::PathBuf;
use std::time::Duration;

use crate::Settings;
use crate::settings::Variable;
use crate::telemetry::{self, LogFormat};
use crate::trace::Endpoint;

/// The settings that every service has.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// `HOST`: the address to listen on.
    pub host: String,
    /// `PORT`: the port to listen on; 0 takes a free one.
    pub port: u16,
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
    /// Reads them. Each service has its own default port.
    pub fn read(settings: &mut Settings<'_>, default_port: u16) -> Self {
        Self {
            host: settings.text("HOST", "0.0.0.0", "address to listen on"),
            port: settings.number("PORT", default_port, 0..=65535, "port to listen on; 0 takes a free one"),
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
