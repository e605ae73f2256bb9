//! One probe of a pipeline that stays up: a short load whose warm-up is cut off, while Kafka is asked for the lag.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::base::text::per_second;
use crate::load::cpu::{cores, cpu_time};
use crate::load::generator::strain::GeneratorReport;
use crate::load::generator::tally::Tally;
use crate::load::generator::{Generator, HEAD_START, Load};
use crate::load::live::Live;
use crate::load::pacing::{ClosedModel, Model, OpenModel, Rate};
use crate::load::quantile;
use crate::load::recorder::Recorder;
use crate::pipeline::lag::{LagSample, LagWatch};

/// What is measured with, from one probe to the next.
pub(crate) struct Gear<'a> {
    /// Makes the load of a model.
    pub(crate) load: &'a dyn Fn(Model) -> Load,
    /// How many virtual users it has.
    pub(crate) vus: u32,
    pub(crate) recorder: &'a Arc<Recorder>,
    /// `None` where Kafka cannot be reached.
    pub(crate) lag: Option<&'a LagWatch>,
    pub(crate) live: &'a Live,
    /// Ends the probe early.
    pub(crate) stop: &'a CancellationToken,
}

/// What is applied, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoadProbe {
    pub(crate) offer: Offer,
    /// What happens during this time is not measured.
    pub(crate) warm_up: Duration,
    /// What happens after that, for this long, is.
    pub(crate) measure: Duration,
    /// Posts that have not been sent this long after the end of the load are not sent at all.
    pub(crate) patience: Duration,
}

/// How many posts are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Offer {
    /// This many per second, no matter how the answers come.
    Rate(f64),
    /// The next one as soon as the previous one is answered.
    AsFastAsItGoes,
}

/// What was seen.
pub(crate) struct Probed {
    /// The posts that ended after the warm-up, including those that ended after the load.
    pub(crate) tally: Tally,
    /// All posts, those of the warm-up included.
    pub(crate) all: Tally,
    /// Posts that were due by the end of the load and never sent.
    pub(crate) unsent: u64,
    /// Posts accepted per second, from the end of the warm-up to the end of the load.
    pub(crate) accepted_per_second: f64,
    /// The strain on the generator during that time.
    pub(crate) generator: GeneratorReport,
    /// When the warm-up and the load were over.
    pub(crate) from: Instant,
    pub(crate) to: Instant,
    /// The lag that was seen, the warm-up included.
    pub(crate) samples: Vec<LagSample>,
    /// Why the pipeline failed meanwhile, if it did.
    pub(crate) failure: Option<String>,
}

impl Probed {
    /// From when a post was due to its answer, for this share of the measured posts that were accepted, and of those
    /// that were never sent: these are later than every limit, which `None` stands for.
    pub(crate) fn latency(&self, share: f64) -> Option<Duration> {
        quantile::within(&self.tally.latencies.accepted_us, self.unsent, share)
    }
}

/// Applies a probe from now on, and waits for its last answer. `failure` resolves when the pipeline has failed, which
/// ends the probe.
pub(crate) async fn apply(
    probe: LoadProbe,
    gear: &Gear<'_>,
    failure: impl Future<Output = String>,
) -> anyhow::Result<Probed> {
    let Gear { load, vus, recorder, lag, live, stop } = *gear;
    let stop_users = stop.child_token();
    let start = Instant::now() + HEAD_START;
    let end = start + probe.warm_up + probe.measure;
    let load = load(model(probe.offer, start, end, vus));
    let mut generator = Generator::start(&load, recorder, &stop_users)?;
    live.users(vus);
    let (mut failure, mut failed) = (pin!(failure), None);
    let (mut samples, mut parts) = (Vec::new(), Vec::new());
    for until in [start + probe.warm_up, end, end + probe.patience] {
        tokio::select! {
            () = tokio::time::sleep_until(until.into()), if failed.is_none() => {}
            () = generator.ended() => {}
            reason = &mut failure, if failed.is_none() => {
                failed = Some(reason);
                stop_users.cancel();
            }
            never = LagWatch::watch_if_seen(lag, &mut samples) => match never {},
        }
        let part = generator.take();
        live.add(&part);
        parts.push((Instant::now(), cpu_time(), part));
    }
    stop_users.cancel();
    generator.ended().await;
    let rest = generator.take();
    live.add(&rest);
    live.users(0);
    generator.finish()?;

    let (mut all, mut tally) = (rest.clone(), rest);
    for (index, (_, _, part)) in parts.iter().enumerate() {
        all.merge(part);
        if index > 0 {
            tally.merge(part);
        }
    }
    let records = |requests: u64| requests * u64::from(load.plan.bulk);
    let unsent = load.model.posts().map_or(0, |posts| records(posts).saturating_sub(all.begun));
    let ((from, cpu_before, _), (to, cpu_after, measured)) = (&parts[0], &parts[1]);
    let (window, cpu) = (*to - *from, cpu_after.saturating_sub(*cpu_before));
    Ok(Probed {
        accepted_per_second: per_second(measured.outcomes.accepted, window),
        generator: GeneratorReport::of(&tally, cpu, window, cores(), load.threads),
        from: *from,
        to: *to,
        tally,
        all,
        unsent,
        samples,
        failure: failed,
    })
}

fn model(offer: Offer, start: Instant, end: Instant, vus: u32) -> Model {
    match offer {
        Offer::Rate(rate) => Model::Open(OpenModel { start, end, vus, rate: Rate::Constant(rate) }),
        Offer::AsFastAsItGoes => Model::Closed(ClosedModel { start, end, vus, think: Duration::ZERO }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::plan::RunPlan;
    use crate::ledger::post::RunId;
    use crate::ledger::post::bodies::Shape;
    use crate::load::generator::tally::Outcomes;
    use crate::load::pacing::turns::UserRule;
    use crate::load::share::RunShare;
    use crate::load::target::accepting::accepting;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn posts_that_were_due_and_never_sent_are_later_than_every_limit() {
        let target = accepting(SECOND, true).await;
        let load = |model| Load {
            model,
            target: target.clone(),
            request_timeout: 30 * SECOND,
            share: RunShare::WHOLE,
            rule: UserRule::AnyFree,
            warm_up: Duration::ZERO,
            plan: RunPlan::of_posts(RunId::fresh(), 1, Shape::default()),
            threads: 1,
        };
        let folder = tempfile::tempdir().unwrap();
        let recorder = Arc::new(Recorder::create(&folder.path().join("accepted.ids")).unwrap());
        let live = Live::start(None).await.unwrap();
        let stop = CancellationToken::new();
        let gear = Gear { load: &load, vus: 2, recorder: &recorder, lag: None, live: &live, stop: &stop };
        let (warm_up, measure) = (SECOND / 10, SECOND / 2);
        let probe = LoadProbe { offer: Offer::Rate(200.0), warm_up, measure, patience: Duration::ZERO };
        let probed = apply(probe, &gear, std::future::pending()).await.unwrap();

        // Two users send two posts a second. However late this test is, they do not send a hundred.
        let Outcomes { accepted, .. } = probed.all.outcomes;
        assert_eq!((probed.all.begun + probed.unsent, accepted), (120, probed.all.begun));
        assert!(accepted >= 2 && probed.unsent > 20, "{accepted} were accepted, {} not sent", probed.unsent);
        assert_eq!((probed.latency(0.99), probed.latency(1.0)), (None, None));
        let few = accepted as f64 / 120.0;
        assert!(probed.latency(few).is_some_and(|latency| latency >= SECOND), "{:?}", probed.latency(few));
    }
}
