//! What every trial of a pipeline has in common: what it is measured with, and what comes after the load. The order
//! matters: the services are stopped before the store is read, so that nothing is written while it is counted.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use kafka::group::GroupConfig;
use kafka::topics::Reader;
use service::status::figures::grouped;

use crate::command::apply::Applied;
use crate::ledger::accepted_ids::ACCEPTED_IDS;
use crate::ledger::post::RunId;
use crate::load::generator::strain::GeneratorReport;
use crate::load::recorder::Recorder;
use crate::load::share::RunShare;
use crate::pipeline::counted::Counted;
use crate::pipeline::drain::{self, Drained};
use crate::pipeline::news::{self, News};
use crate::pipeline::observer::{Moment, Observer};
use crate::pipeline::reconcile::reconcile;
use crate::pipeline::services::Services;
use crate::pipeline::settings::PipelineSettings;
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic;
use crate::pipeline::under_test::PipelineUnderTest;
use crate::pipeline::visible::Visible;
use crate::report::environment::Environment;
use crate::report::evidence::RunEvidence;
use crate::report::run::RunReport;
use crate::report::series::Series;
use crate::report::share::{self, ShareReport};
use crate::report::threshold::Threshold;
use crate::report::visible::AcceptToVisible;

/// What a trial is measured with.
pub(crate) struct Trial {
    pub(crate) run: RunId,
    /// The part of the run that is applied here. A part is not reconciled, but leaves all that the merge needs.
    share: RunShare,
    directory: PathBuf,
    /// `None` where the store cannot be reached: nothing is reconciled then.
    pub(crate) store: Option<StoreReader>,
    /// `None` where Kafka cannot be reached.
    pub(crate) kafka: Option<Arc<Reader>>,
    /// The names of topics and group.
    pub(crate) names: GroupConfig,
    pub(crate) recorder: Arc<Recorder>,
    /// Looks for some of the accepted posts while the load lasts.
    pub(crate) visible: Visible,
}

/// What comes after the load.
pub(crate) struct Conclusion<'a> {
    pub(crate) applied: Applied,
    pub(crate) observer: Observer,
    pub(crate) environment: Environment,
    /// Longest wait until all is stored.
    pub(crate) drain_timeout: Duration,
    /// Whether somebody stopped the load before its end.
    pub(crate) is_interrupted: bool,
    /// What has gone wrong already, in sentences.
    pub(crate) faults: Vec<String>,
    /// What the trial must keep to, besides what the ledger must show.
    pub(crate) thresholds: &'a [Threshold],
}

impl Trial {
    /// Gets everything ready, with an empty ledger.
    pub(crate) async fn prepare(
        run: RunId,
        settings: &PipelineSettings,
        pipeline: &PipelineUnderTest,
        share: RunShare,
        sample_share: f64,
        directory: &Path,
    ) -> anyhow::Result<Self> {
        let names = settings.consumer_config.kafka.clone();
        let kafka = pipeline.kafka_broker.as_deref().map(|brokers| topic::reader(brokers, &names.group));
        let store = match &pipeline.documents {
            Some(documents) if share == RunShare::WHOLE => Some(StoreReader::new(documents).await?),
            _ => None,
        };
        let recorder = Recorder::create(&directory.join(ACCEPTED_IDS))?;
        let visible = Visible::start(sample_share, pipeline.documents.as_ref()).await?;
        Ok(Self {
            run,
            share,
            directory: directory.to_owned(),
            store,
            kafka: kafka.transpose()?.map(Arc::new),
            names,
            recorder: Arc::new(recorder.with_share(share).with_sampler(visible.sampler())),
            visible,
        })
    }

    /// Waits until all is stored, stops the services that the lab has started, reconciles, and reports.
    pub(crate) async fn conclude(
        self,
        conclusion: Conclusion<'_>,
        services: &mut Option<Services>,
    ) -> anyhow::Result<RunReport> {
        let Conclusion { applied, mut observer, environment, drain_timeout, is_interrupted, mut faults, thresholds } =
            conclusion;
        let Applied { tally, elapsed, cpu, last_answer, mut series, failure: mut failed } = applied;
        let mut drained = None;
        if failed.is_none() {
            tokio::select! {
                ended = self.drain(last_answer, tally.outcomes.accepted, drain_timeout) => drained = ended?,
                reason = failure(services) => failed = Some(reason),
                never = watch(&mut series, &mut observer) => match never {},
            }
        }
        let accept_to_visible = AcceptToVisible::from(self.visible.finish().await?);
        let seen = observer.look().await;
        // The consumer may not have reported its last commit yet; Kafka knows.
        let lag = drained.and_then(|drained| drained.lag).or(seen.lag);
        series.point(Instant::now(), Moment { lag, ..seen });
        let is_ours = services.is_some();
        let has_failed = failed.is_some();
        let mut counted = None;
        faults.extend(failed);
        if let Some(services) = services.take() {
            let logs = services.logs.clone();
            let ended_badly = services.stop().await;
            counted = Counted::read(&logs)?;
            // If one has failed, it is no news that it did not stop cleanly.
            if !has_failed {
                faults.extend(ended_badly);
            }
        }
        if tally.invalid_accepted > 0 {
            let posts = grouped(tally.invalid_accepted);
            faults.push(format!("{posts} posts that break a rule on purpose (--invalid-share) were answered 2xx"));
        }
        faults.iter().for_each(|fault| news::say(fault));

        let recorder = Arc::into_inner(self.recorder).context("the generator still holds the ledger after its end")?;
        let (ledger, accepted_ids) = recorder.finish()?;
        let (start, stretches) = (series.start(), series.take_stretches());
        let evidence = RunEvidence {
            run: self.run,
            ended_early: is_interrupted || has_failed,
            answered: ledger.counts(0),
            counted,
            generator: GeneratorReport::of(&tally, cpu, elapsed, environment.cores, environment.load.threads),
            tally,
            elapsed,
            waited: drained.map(|drained| drained.after),
            drained_after: drained.filter(|drained| drained.lag.unwrap_or(0) == 0).map(|drained| drained.after),
            lag_left: drained.and_then(|drained| drained.lag),
            producer: observer.producer_usage,
            consumer: observer.consumer_usage,
            accept_to_store: observer.accept_to_store,
            accept_to_visible,
            faults,
            environment,
            series: series.into_points(),
        };
        let is_whole = self.share == RunShare::WHOLE;
        if !is_whole {
            share::save_ledger(&ledger, &self.directory)?;
            ShareReport::of(&evidence, self.share, start, cpu, stretches)?.save(&self.directory)?;
        }
        let dead_letters = self.kafka.as_ref().map(|kafka| (kafka, self.names.dead_letter_topic.as_str()));
        let reconciled = match &self.store {
            Some(store) => {
                let accepted = grouped(evidence.tally.outcomes.accepted);
                news::tell(News::Status(format!("reconciling {accepted} accepted posts")));
                Some(reconcile(ledger, &accepted_ids, self.run, store, dead_letters, !is_ours).await?)
            }
            None => None,
        };
        if is_whole && reconciled.as_ref().is_none_or(|reconciled| reconciled.findings.is_empty()) {
            accepted_ids.remove().context("cannot remove the accepted ids")?;
        }
        Ok(evidence.report(reconciled, thresholds))
    }

    /// Waits until all is stored. `None` where neither Kafka nor the store can be asked.
    pub(crate) async fn drain(
        &self,
        since: Instant,
        accepted: u64,
        deadline: Duration,
    ) -> anyhow::Result<Option<Drained>> {
        let kafka = self.kafka.as_ref().map(|kafka| (kafka, self.names.topic.as_str()));
        drain::until_stored(kafka, self.store.as_ref(), self.run, accepted, since, deadline).await
    }
}

/// Notes every second what the pipeline does, as long as it is polled.
async fn watch(series: &mut Series, observer: &mut Observer) -> Infallible {
    loop {
        tokio::time::sleep_until(series.next().into()).await;
        let now = Instant::now();
        let moment = observer.look().await;
        series.point(now, moment);
        news::tell(News::Draining(now.saturating_duration_since(series.start()), moment));
    }
}

/// Resolves when a service that the lab has started has failed.
pub(crate) async fn failure(services: &Option<Services>) -> String {
    match services {
        Some(services) => services.failure().await,
        None => std::future::pending().await,
    }
}
