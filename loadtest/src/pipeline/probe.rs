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
            () = watch(lag, &mut samples) => {}
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
    let ((from, cpu_before, _), (to, cpu_after, measured)) = (&parts[0], &parts[1]);
    let (window, cpu) = (*to - *from, cpu_after.saturating_sub(*cpu_before));
    Ok(Probed {
        accepted_per_second: per_second(measured.outcomes.accepted, window),
        generator: GeneratorReport::of(&tally, cpu, window, cores(), load.threads),
        from: *from,
        to: *to,
        tally,
        all,
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

/// Never returns.
async fn watch(lag: Option<&LagWatch>, samples: &mut Vec<LagSample>) {
    match lag {
        Some(lag) => match lag.watch(samples).await {},
        None => std::future::pending().await,
    }
}
