//! What a run was measured on, for the report: without it, figures cannot be compared.

use anyhow::Context;
use bson::DateTime;
use serde::Serialize;

use crate::options::RunOptions;
use crate::pipeline::Pipeline;
use crate::services::Services;
use crate::settings::{ServiceSettings, Variables, in_force};
use crate::store::Store;

/// What a run was measured on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Environment {
    /// When the load began, UTC.
    pub(crate) started_at: String,
    /// Where the servers came from.
    pub(crate) stack: String,
    /// Version of this workspace: of the lab, and of the services if the lab started them.
    pub(crate) version: &'static str,
    /// Name and version of the store.
    pub(crate) store: String,
    /// Version of librdkafka.
    pub(crate) librdkafka: String,
    /// Operating system and processor.
    pub(crate) platform: String,
    /// Processor cores that this program may use.
    pub(crate) cores: usize,
    /// The load.
    pub(crate) load: LoadSettings,
    /// The producer's variables; empty if it was not started by the lab.
    pub(crate) producer_settings: Variables,
    /// The consumer's variables; empty if it was not started by the lab.
    pub(crate) consumer_settings: Variables,
}

/// What load was asked for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoadSettings {
    pub(crate) vus: u32,
    pub(crate) duration_seconds: f64,
    pub(crate) think_seconds: f64,
    pub(crate) request_timeout_seconds: f64,
    pub(crate) threads: u32,
    pub(crate) seed: u64,
}

impl Environment {
    /// Asks the machine, the store, and the pipeline.
    pub(crate) async fn gather(
        options: &RunOptions,
        settings: &ServiceSettings,
        pipeline: &Pipeline,
        store: &Store,
    ) -> anyhow::Result<Self> {
        let (producer_settings, consumer_settings) = match &pipeline.services {
            Some(Services { producer, consumer }) => {
                (in_force(&settings.producer, &producer.variables), in_force(&settings.consumer, &consumer.variables))
            }
            None => Default::default(),
        };
        Ok(Self {
            started_at: DateTime::now().try_to_rfc3339_string().context("the clock is far off")?,
            stack: pipeline.chosen.clone(),
            version: env!("CARGO_PKG_VERSION"),
            store: store.version().await?,
            librdkafka: rdkafka::util::get_rdkafka_version().1,
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cores: cores(),
            load: LoadSettings {
                vus: options.vus,
                duration_seconds: options.duration.as_secs_f64(),
                think_seconds: options.think.as_secs_f64(),
                request_timeout_seconds: options.request_timeout.as_secs_f64(),
                threads: threads(options),
                seed: options.seed,
            },
            producer_settings,
            consumer_settings,
        })
    }
}

/// How many threads generate the load: as asked for, else one per core, and never more than there are users.
pub(crate) fn threads(options: &RunOptions) -> u32 {
    options.threads.unwrap_or_else(|| u32::try_from(cores()).unwrap_or(1)).min(options.vus)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
