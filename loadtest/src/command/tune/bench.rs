//! Where trials run: the servers stay up, and each trial has services of its own, at a [`TrialPlace`] of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use contract::Kind;
use kafka::Cluster;
use kafka::group::GroupConfig;
use stack::Stack;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::compare::TrialShown;
use super::knobs::{KnobSetting, Space};
use crate::command::options::TuneOptions;
use crate::command::prove::{TrialEnd, Unproven, prove};
use crate::command::trial::site::TrialSite;
use crate::command::trial::{Trial, failure};
use crate::ledger::post::RunId;
use crate::ledger::reconcile::CLOCK_SKEW;
use crate::load::live::Live;
use crate::load::share::RunShare;
use crate::load::target::Target;
use crate::pipeline::lag::{LagSample, LagWatch};
use crate::pipeline::place::TrialPlace;
use crate::pipeline::probe::{self, Gear, LoadProbe, Offer, Probed};
use crate::pipeline::scrape::MetricsPage;
use crate::pipeline::services::Services;
use crate::pipeline::settings::{Lookup, PipelineSettings};
use crate::pipeline::store::Documents;
use crate::pipeline::under_test::{Ports, service_options, unless_stopped};
use crate::report::proof::Proof;

/// Posts that have not been sent this long after the end of the load are not sent at all.
const PATIENCE: Duration = Duration::from_millis(100);

/// No post is looked up in the store meanwhile: that would load it, too.
const NO_SAMPLES: f64 = 0.0;

/// How often the consumer is asked how much it has read.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The servers, and what is measured with.
pub(crate) struct TuneBench<'a> {
    pub(crate) run: RunId,
    pub(crate) space: &'a Space,
    pub(crate) options: &'a TuneOptions,
    pub(crate) lookup: Lookup<'a>,
    pub(crate) settings: &'a PipelineSettings,
    pub(crate) stack: &'a Stack,
    pub(crate) cluster: Cluster,
    pub(crate) live: &'a Live,
    pub(crate) directory: &'a Path,
    pub(crate) stop: &'a CancellationToken,
}

/// A trial that was made.
#[derive(Debug, Clone)]
pub(crate) struct Tried {
    /// `None` if it was not measured to its end.
    pub(crate) shown: Option<TrialShown>,
    /// Posts that did not get the right answer.
    pub(crate) failed: u64,
    /// What became of the accepted posts; `None` if the services did not start.
    pub(crate) proof: Option<Proof>,
    /// Why the generator was the limit; `None` if it was not.
    pub(crate) generator: Option<String>,
    /// What went wrong, in sentences.
    pub(crate) faults: Vec<String>,
}

impl TuneBench<'_> {
    /// Runs trial number `n`. [`Tried::faults`] says what went wrong with its services.
    ///
    /// # Errors
    /// When the servers do not answer, or the trial was interrupted before its services were up.
    pub(crate) async fn try_out(&self, n: usize, setting: &KnobSetting) -> anyhow::Result<Tried> {
        let place = TrialPlace::of(Kind::Post, format!("tune-{}-{n}", self.run), self.stack.mongo_uri())?;
        let logs = self.directory.join("trials").join(n.to_string());
        std::fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
        let mut more = self.space.variables(setting);
        more.extend(place.variables());
        let options = service_options(self.stack, self.lookup, self.settings, Ports::free(), more, &logs);
        let tried = match unless_stopped(self.stop, Services::start(&options)).await {
            Ok(services) => self.measure(services, &place, setting, &logs).await,
            Err(error) if self.stop.is_cancelled() => Err(error),
            Err(error) => Ok(Tried::failed(format!("{error:#}"))),
        };
        // Half of it may not be there if the services did not start.
        if let Err(error) = place.remove(&self.cluster).await
            && tried.as_ref().is_ok_and(|tried| tried.faults.is_empty())
        {
            eprintln!("{error:#}");
        }
        let tried = tried?;
        if tried.passed() {
            std::fs::remove_dir_all(&logs).with_context(|| format!("cannot remove {}", logs.display()))?;
        }
        // This fails where the logs of other trials are still in it.
        std::fs::remove_dir(self.directory.join("trials")).ok();
        Ok(tried)
    }

    async fn measure(
        &self,
        services: Services,
        place: &TrialPlace,
        setting: &KnobSetting,
        logs: &Path,
    ) -> anyhow::Result<Tried> {
        let TuneOptions { warm_up, measure, load, outcome, .. } = self.options;
        let documents = Documents::of(Kind::Post, place.mongo_uri.clone());
        let plan = load.plan(self.run);
        let trial =
            Trial::at(self.site(place, &documents), plan, CLOCK_SKEW, RunShare::WHOLE, NO_SAMPLES, logs).await?;
        let kafka = trial.kafka.clone().context("the servers have a broker")?;
        let lag = LagWatch::new(kafka, &place.topic);
        let load_of = |model| load.load(model, self.run, &services.producer.target);
        let gear = Gear {
            load: &load_of,
            vus: load.vus,
            recorder: &trial.recorder,
            lag: Some(&lag),
            live: self.live,
            stop: self.stop,
        };
        let probe =
            LoadProbe { offer: Offer::AsFastAsItGoes, warm_up: *warm_up, measure: *measure, patience: PATIENCE };
        let mut probed = probe::apply(probe, &gear, services.failure()).await?;
        // Less than a batch waits for CONSUMER_BATCH_INTERVAL, which says nothing about the throughput; the consumer
        // stores it when it stops.
        let calm = self.batch_messages(setting).saturating_sub(1);
        let consumer = services.consumer.operators.clone();
        let mut services = Some(services);
        if probed.failure.is_none() {
            tokio::select! {
                read = until_read(&lag, calm, outcome.drain_timeout, &mut probed.samples, &consumer) => read?,
                reason = failure(&services) => probed.failure = Some(reason),
                () = self.stop.cancelled() => {}
            }
        }
        let unproven = Unproven { trial, failure: probed.failure.clone(), wrong: probed.all.wrong };
        let TrialEnd { proof, faults } = prove(unproven, &mut services).await?;
        let was_interrupted = self.stop.is_cancelled();
        Ok(Tried {
            shown: shown(&probed, calm).filter(|_| faults.is_empty() && !was_interrupted),
            failed: probed.all.outcomes.failed(),
            proof: Some(proof),
            generator: probed.generator.why,
            faults,
        })
    }

    /// Everything that a trial fills is its own.
    fn site<'a>(&'a self, place: &TrialPlace, documents: &'a Documents) -> TrialSite<'a> {
        let TrialPlace { topic, dead_letter_topic, group, .. } = place.clone();
        TrialSite {
            names: GroupConfig { topic, dead_letter_topic, group, ..self.settings.consumer_config.kafka.clone() },
            kafka: Some(&self.cluster),
            documents: Some(documents),
            is_ours: true,
            is_own_store: true,
            is_own_kafka: true,
        }
    }

    /// `CONSUMER_BATCH_MESSAGES` of a setting.
    fn batch_messages(&self, setting: &KnobSetting) -> u64 {
        let variables = self.space.variables(setting);
        let value = variables.iter().find(|(name, _)| *name == "CONSUMER_BATCH_MESSAGES");
        value.and_then(|(_, value)| value.parse().ok()).unwrap_or(1)
    }
}

impl Tried {
    fn failed(fault: String) -> Self {
        Self { shown: None, failed: 0, proof: None, generator: None, faults: vec![fault] }
    }

    /// Whether what was accepted is stored as it was sent, and nothing else went wrong.
    pub(crate) fn passed(&self) -> bool {
        self.faults.is_empty() && self.proof.as_ref().is_some_and(Proof::holds)
    }
}

/// Waits until the lag is at most `calm`, and then until the consumer has read every record, so that it stores them all
/// when it stops.
async fn until_read(
    lag: &LagWatch,
    calm: u64,
    patience: Duration,
    samples: &mut Vec<LagSample>,
    consumer: &Target,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    lag.until_calm(calm, patience, samples).await?;
    // Nobody else sends to this topic, and it is as old as its consumer.
    let LagSample { finished, lag, .. } = lag.sample().await?;
    while read_by(consumer).await < finished + lag && Instant::now() < deadline {
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// The records that a consumer has read since its start; none while it does not answer.
async fn read_by(consumer: &Target) -> u64 {
    let page = MetricsPage::get(consumer, Kind::Post).await.ok();
    page.and_then(|page| page.sum("ingest_records_consumed_total")).map_or(0, |records| records as u64)
}

/// What a trial has shown, if the lag was seen.
fn shown(probed: &Probed, calm: u64) -> Option<TrialShown> {
    let stored_per_second = stored_per_second(&probed.samples, probed.from, probed.to, calm)?;
    Some(TrialShown { stored_per_second, p99_ms: probed.latency(0.99)?.as_secs_f64() * 1e3 })
}

/// Records finished per second, from the end of the warm-up until, after the load, no more than `calm` were left, or
/// until they were last seen. So a producer that is ahead of the consumer gains nothing. `None` if nothing was seen to
/// be finished.
fn stored_per_second(samples: &[LagSample], from: Instant, to: Instant, calm: u64) -> Option<f64> {
    let first = samples.iter().find(|sample| sample.at >= from)?;
    let last = samples.iter().find(|sample| sample.at >= to && sample.lag <= calm).or(samples.last())?;
    let seconds = last.at.saturating_duration_since(first.at).as_secs_f64();
    let finished = last.finished.saturating_sub(first.finished);
    (seconds > 0.0 && finished > 0).then(|| finished as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_counts_until_all_of_it_is() {
        let start = Instant::now();
        let after = |tenths: u32| start + tenths * Duration::from_millis(100);
        // Sent until 4 s, stored at 1,000 a second until 6 s, and then nothing for a while.
        let sample = |tenths: u32| {
            let finished = u64::from(tenths.min(60)) * 100;
            let sent = u64::from(tenths.min(40)) * 151;
            LagSample { at: after(tenths), finished, lag: sent.saturating_sub(finished) }
        };
        let samples: Vec<LagSample> = (0..90).map(sample).collect();
        let rate = |samples: &[LagSample], calm| stored_per_second(samples, after(10), after(40), calm);
        assert_eq!(rate(&samples, 50), Some(1_000.0));
        assert!(rate(&samples[..50], 50).is_some_and(|rate| (rate - 1_000.0).abs() < 1.0), "the wait ended before");
        assert!(rate(&samples, 10).is_some_and(|rate| rate < 700.0), "the rest of a batch is waited for");
        assert_eq!((rate(&samples[..5], 50), rate(&samples[10..11], 50), rate(&[], 50)), (None, None, None));
    }
}
