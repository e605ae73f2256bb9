//! What a run was measured on, for the report: without it, figures cannot be compared.

use anyhow::Context;
use bson::DateTime;
use contract::Kind;
use serde::{Deserialize, Serialize};

use crate::ledger::plan::{Keys, RunPlan};
use crate::ledger::post::RunId;
use crate::ledger::post::bodies::{ContentLength, Shape};
use crate::ledger::schema_bodies::SchemaBodies;
use crate::load::cpu::cores;
use crate::load::generator::Load;
use crate::load::pacing::stages::RatePoint;
use crate::load::pacing::turns::UserRule;
use crate::load::pacing::{Model, OpenModel, Rate};
use crate::load::share::RunShare;
use crate::pipeline::services::Services;
use crate::pipeline::settings::{PipelineSettings, Variables, in_force};
use crate::pipeline::store::StoreReader;
use crate::pipeline::under_test::PipelineUnderTest;

/// What a run was measured on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Environment {
    /// When the load started, UTC.
    pub(crate) started_at: String,
    /// Where the servers came from.
    pub(crate) stack: String,
    /// Version of this workspace: of the lab, and of the services if the lab started them.
    #[serde(skip_deserializing)]
    pub(crate) version: &'static str,
    /// Name and version of the store; null if it cannot be reached.
    pub(crate) store: Option<String>,
    /// Version of librdkafka.
    pub(crate) librdkafka: String,
    /// Operating system and processor.
    pub(crate) platform: String,
    /// The number of processor cores that this program may use.
    pub(crate) cores: usize,
    /// The load.
    pub(crate) load: LoadSettings,
    /// The producer's variables; empty if the lab did not start it.
    #[serde(skip_deserializing)]
    pub(crate) producer_settings: Variables,
    /// The consumer's variables; empty if the lab did not start it.
    #[serde(skip_deserializing)]
    pub(crate) consumer_settings: Variables,
}

/// The load that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoadSettings {
    /// The part of the load that this generator applied, such as 2/3; all else describes the whole load. Null for the
    /// whole.
    pub(crate) share: Option<RunShare>,
    pub(crate) vus: u32,
    /// The keys of all users together; null for a kind whose records are documents of their own. Reports of versions
    /// that sent only posts lack it.
    #[serde(default)]
    pub(crate) keys: Option<u64>,
    /// Records in a request. Reports of versions without bulks lack it.
    #[serde(default = "one")]
    pub(crate) bulk: u32,
    /// The JSON pointer of the marker in bodies of a kind of a schema; null for a built-in kind. Reports of versions
    /// without such kinds lack it.
    #[serde(default)]
    pub(crate) marker: Option<String>,
    /// How many different bodies came from a file; null if they are drawn.
    #[serde(default)]
    pub(crate) given_bodies: Option<usize>,
    /// Null if the load has another end.
    pub(crate) duration_seconds: Option<f64>,
    /// The part of the load at its start that enters no percentile of the latency and no rate.
    pub(crate) warm_up_seconds: f64,
    /// Null in the open model.
    pub(crate) think_seconds: Option<f64>,
    /// Posts offered per second; null in the closed model, and with stages.
    pub(crate) rate: Option<f64>,
    /// The points between which the rate changes; null without stages.
    pub(crate) stages: Option<Vec<RatePoint>>,
    /// Whether each post had its user, instead of any that was free; null in the closed model.
    pub(crate) fixed_users: Option<bool>,
    /// How often each post was sent.
    pub(crate) repeat: u32,
    /// Characters of the posts' contents.
    pub(crate) content_length: ContentLength,
    /// The share of valid posts that are hostile. Reports of versions without such posts lack it.
    #[serde(default)]
    pub(crate) hostile_share: f64,
    /// The share of posts that break a rule on purpose.
    pub(crate) invalid_share: f64,
    /// The share of posts that were sent twice.
    pub(crate) retry_share: f64,
    pub(crate) request_timeout_seconds: f64,
    pub(crate) threads: u32,
    pub(crate) seed: u64,
}

impl LoadSettings {
    /// What the posts of this run follow from.
    pub(crate) fn plan(&self, run: RunId) -> RunPlan {
        let Self { content_length, hostile_share, invalid_share, retry_share, seed, repeat, bulk, .. } = *self;
        let shape = Shape { content_length, hostile_share, invalid_share, retry_share, is_bulk: bulk > 1 };
        let keys = Keys { users: self.vus, all: self.keys.unwrap_or(1) };
        RunPlan { run, seed, shape, repeat, kind: Kind::Post, keys, bodies: None, bulk }
    }

    fn of(load: &Load) -> Self {
        let (end, think_seconds, rate, stages) = match &load.model {
            Model::Closed(model) => (model.end, Some(model.think.as_secs_f64()), None, None),
            Model::Open(OpenModel { end, rate: Rate::Constant(rate), .. }) => {
                // Of requests; without what dividing by the size of a bulk has changed in the last digit.
                let records = (*rate * f64::from(load.plan.bulk) * 1e6).round() / 1e6;
                (*end, None, Some(records), None)
            }
            Model::Open(OpenModel { end, rate: Rate::Stages(stages), .. }) => (*end, None, None, Some(stages)),
        };
        let RunPlan { shape, keys, bulk, bodies, repeat, seed, .. } = load.plan;
        Self {
            keys: load.plan.is_of_states().then_some(keys.all),
            bulk,
            marker: bodies.map(SchemaBodies::marker_pointer),
            given_bodies: bodies.and_then(SchemaBodies::lines),
            share: (load.share != RunShare::WHOLE).then_some(load.share),
            vus: load.model.vus(),
            duration_seconds: Some((end - load.model.start()).as_secs_f64()),
            warm_up_seconds: load.warm_up.as_secs_f64(),
            think_seconds,
            rate,
            stages: stages.map(|stages| stages.points().to_vec()),
            fixed_users: matches!(load.model, Model::Open(_)).then_some(load.rule == UserRule::Fixed),
            repeat,
            content_length: shape.content_length,
            hostile_share: shape.hostile_share,
            invalid_share: shape.invalid_share,
            retry_share: shape.retry_share,
            request_timeout_seconds: load.request_timeout.as_secs_f64(),
            threads: load.threads,
            seed,
        }
    }
}

fn one() -> u32 {
    1
}

impl Environment {
    /// Asks the machine, the store, and the pipeline.
    pub(crate) async fn gather(
        load: &Load,
        settings: &PipelineSettings,
        pipeline: &PipelineUnderTest,
        store: Option<&StoreReader>,
    ) -> anyhow::Result<Self> {
        let (producer_settings, consumer_settings) = match &pipeline.services {
            Some(Services { producer, consumer, .. }) => {
                (in_force(&settings.producer, &producer.variables), in_force(&settings.consumer, &consumer.variables))
            }
            None => Default::default(),
        };
        let store = match store {
            Some(store) => Some(store.version().await?),
            None => None,
        };
        Ok(Self {
            started_at: DateTime::now().try_to_rfc3339_string().context("the clock is far off")?,
            stack: pipeline.chosen.clone(),
            version: env!("CARGO_PKG_VERSION"),
            store,
            librdkafka: kafka::librdkafka_version(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cores: cores(),
            load: LoadSettings::of(load),
            producer_settings,
            consumer_settings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::run::tests::example;

    #[test]
    fn a_load_of_an_earlier_version_had_no_hostile_posts() {
        let load = example().environment.load;
        let mut earlier = serde_json::to_value(&load).unwrap();
        earlier.as_object_mut().unwrap().remove("hostile_share").unwrap();
        let read: LoadSettings = serde_json::from_value(earlier).unwrap();
        assert_eq!(read, LoadSettings { hostile_share: 0.0, ..load });
    }
}
