//! What every trial of a pipeline has in common: what it is measured with, and what comes after the load. The order
//! matters: the services are stopped before the store is read, so that nothing is written while it is counted.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka::group::GroupConfig;
use kafka::topics::Reader;

use crate::base::exit::Unusable;
use crate::command::apply::Applied;
use crate::ledger::accepted_ids::ACCEPTED_IDS;
use crate::ledger::audit_book::AuditBook;
use crate::ledger::plan::RunPlan;
use crate::ledger::reconcile::Strictness;
use crate::load::generator::strain::GeneratorReport;
use crate::load::recorder::Recorder;
use crate::load::share::RunShare;
use crate::pipeline::audit_log::AuditLogs;
use crate::pipeline::counted::Counted;
use crate::pipeline::drain::{self, Drained};
use crate::pipeline::news::{self, News};
use crate::pipeline::observer::{Moment, Observer};
use crate::pipeline::services::Services;
use crate::pipeline::settings::PipelineSettings;
use crate::pipeline::states::StateStart;
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic;
use crate::pipeline::under_test::PipelineUnderTest;
use crate::pipeline::visible::Visible;
use crate::report::environment::Environment;
use crate::report::evidence::RunEvidence;
use crate::report::run::RunReport;
use crate::report::series::Series;
use crate::report::share::ShareReport;
use crate::report::threshold::Threshold;
use crate::report::visible::AcceptToVisible;
use site::TrialSite;

pub(crate) mod settle;
pub(crate) mod site;

/// What a trial is measured with.
pub(crate) struct Trial {
    pub(crate) plan: RunPlan,
    strictness: Strictness,
    /// Whether Kafka was empty before the run and serves nobody else.
    is_own_kafka: bool,
    /// The part of the run that is applied here. A part is not reconciled, but leaves all that the merge needs.
    share: RunShare,
    directory: PathBuf,
    /// `None` where the store cannot be reached: nothing is reconciled then.
    pub(crate) store: Option<StoreReader>,
    /// `None` where Kafka cannot be reached.
    pub(crate) kafka: Option<Arc<Reader>>,
    /// Where the topics ended before the run, if its kind is proven there.
    start: StateStart,
    /// The names of topics and group.
    pub(crate) names: GroupConfig,
    pub(crate) recorder: Arc<Recorder>,
    /// The audit log, if it is compared with the answers.
    audit_logs: Option<AuditLogs>,
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
        plan: RunPlan,
        clock_skew: Duration,
        settings: &PipelineSettings,
        pipeline: &PipelineUnderTest,
        share: RunShare,
        sample_share: f64,
        directory: &Path,
    ) -> anyhow::Result<Self> {
        Self::at(TrialSite::of(settings, pipeline), plan, clock_skew, share, sample_share, directory).await
    }

    /// The same at a site that is not the whole of a pipeline.
    pub(crate) async fn at(
        site: TrialSite<'_>,
        plan: RunPlan,
        clock_skew: Duration,
        share: RunShare,
        sample_share: f64,
        directory: &Path,
    ) -> anyhow::Result<Self> {
        let TrialSite { names, kafka, documents, is_ours, is_own_store, is_own_kafka } = site;
        let kafka = kafka.map(|cluster| topic::reader(cluster, &names.group)).transpose()?.map(Arc::new);
        let start = match &kafka {
            Some(kafka) if plan.is_of_states() => {
                StateStart::now(kafka, &names.topic, &names.dead_letter_topic).await?
            }
            None if plan.is_of_states() && documents.is_some() => {
                let why = "the last record of each key is found in the topic: set KAFKA_BROKER, or give --no-reconcile";
                return Err(Unusable(format!("--kind {}: {why}", plan.kind.name())).into());
            }
            _ => StateStart::default(),
        };
        let store = match documents {
            Some(documents) if share == RunShare::WHOLE => Some(StoreReader::new(&documents.of_plan(&plan)).await?),
            _ => None,
        };
        let recorder = Recorder::create(&directory.join(ACCEPTED_IDS))?;
        let visible = Visible::start(sample_share, plan, documents).await?;
        Ok(Self {
            plan,
            strictness: Strictness { may_lack_ids: !is_ours, is_own_store, clock_skew },
            is_own_kafka,
            share,
            directory: directory.to_owned(),
            store,
            kafka,
            start,
            names,
            recorder: Arc::new(recorder.with_share(share).with_sampler(visible.sampler())),
            audit_logs: None,
            visible,
        })
    }

    /// Ends the load after this number of records, if there is a limit.
    pub(crate) fn limited(self, records: Option<u64>) -> Self {
        let recorder = Arc::into_inner(self.recorder).expect("nobody records before the load");
        Self { recorder: Arc::new(recorder.with_limit(records)), ..self }
    }

    /// Compares the answers with the audit log, if there is one.
    pub(crate) fn audited(self, audit_logs: Option<AuditLogs>) -> Self {
        if audit_logs.is_none() {
            return self;
        }
        let recorder = Arc::into_inner(self.recorder).expect("nobody records before the load");
        let book = AuditBook::new(self.plan.run, self.plan.bulk);
        Self { recorder: Arc::new(recorder.with_audit(book)), audit_logs, ..self }
    }

    /// Does not compare the number of dead letters with what the services counted.
    pub(crate) fn without_count_of_letters(self) -> Self {
        Self { is_own_kafka: false, ..self }
    }

    /// Waits until all is stored, stops the services that the lab has started, reconciles, and reports.
    pub(crate) async fn conclude(
        mut self,
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
        let visible = std::mem::replace(&mut self.visible, Visible::Off(String::new()));
        let sampled = visible.finish().await?;
        let older = sampled.older();
        let accept_to_visible = AcceptToVisible::from(sampled);
        let seen = observer.end().await;
        // The consumer may not have reported its last commit yet; Kafka knows.
        let lag = drained.and_then(|drained| drained.lag).or(seen.lag);
        series.point(Instant::now(), Moment { lag, ..seen });
        let (has_failed, is_ours) = (failed.is_some(), services.is_some());
        let kills = services.as_ref().map_or(0, |services| services.producer.ends()) + u64::from(has_failed);
        faults.extend(failed);
        let counted = stop_services(services, has_failed, &mut faults).await?;
        faults.extend(tally.wrong.faults(self.plan.kind, is_ours));
        let (RunPlan { run, kind, .. }, share, directory) = (self.plan, self.share, self.directory.clone());
        let settled = self.settle(counted, kills, older.as_ref()).await?;
        faults.extend(settled.differences);
        // Our own services left exact totals, unless they were killed.
        faults.extend(observer.undercounted(tally.outcomes.accepted).filter(|_| !is_ours));
        faults.iter().for_each(|fault| news::say(fault));

        let (start, stretches) = (series.start(), series.take_stretches());
        let evidence = RunEvidence {
            run,
            kind,
            ended_early: is_interrupted || has_failed,
            answered: settled.answered,
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
        if share != RunShare::WHOLE {
            ShareReport::of(&evidence, share, start, cpu, stretches)?.save(&directory)?;
        }
        let report = evidence.report(settled.reconciled, thresholds);
        Ok(match settled.audited {
            Some(audited) => report.audited(audited),
            None => report,
        })
    }

    /// Waits until all is stored. `None` where neither Kafka nor the store can be asked.
    pub(crate) async fn drain(
        &self,
        since: Instant,
        accepted: u64,
        deadline: Duration,
    ) -> anyhow::Result<Option<Drained>> {
        let kafka = self.kafka.as_ref().map(|kafka| (kafka, self.names.topic.as_str()));
        drain::until_stored(kafka, self.store.as_ref(), self.plan.run, accepted, since, deadline).await
    }
}

/// Stops the services that the lab has started, and returns what they counted. Whatever is wrong becomes a fault; if
/// one of them has failed, it is no news that it did not stop cleanly.
pub(crate) async fn stop_services(
    services: &mut Option<Services>,
    has_failed: bool,
    faults: &mut Vec<String>,
) -> anyhow::Result<Option<Counted>> {
    let Some(services) = services.take() else { return Ok(None) };
    let logs = services.logs.clone();
    let ended_badly = services.stop().await;
    if !has_failed {
        faults.extend(ended_badly);
    }
    Counted::read(&logs)
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
