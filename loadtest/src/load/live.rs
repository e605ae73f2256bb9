//! The lab's own metrics during the run, so that a Prometheus shows the load beside what the pipeline makes of it. They
//! are updated once a second from the tally, so they cost the generator nothing.

use std::net::SocketAddr;

use anyhow::Context;
use metrics::{Counter, Gauge, Histogram};
use service::http::{NoRoutes, ServerLimits};
use service::metrics::{LATENCY_BUCKETS, Metric};
use service::status::{Report, Status, StatusSubject};
use service::{Health, Readiness, Registry};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::load::generator::latencies::LatencyHistograms;
use crate::load::generator::tally::{Outcomes, Tally};
use crate::load::sparse;

/// Every metric that the lab exports.
pub const METRICS: &[&[Metric]] = &[service::METRICS, &[POSTS, ACCEPTED_LATENCY, LATENCY, VIRTUAL_USERS, FAULTS]];

const POSTS: Metric = Metric::counter(
    "loadtest_posts_total",
    "Posts sent, by outcome: accepted, refused (4xx), invalid_refused (4xx for a post that is invalid on purpose), \
     unavailable (503), other_status, cut_off, timed_out, not_connected",
)
.labelled(&["outcome"]);

const ACCEPTED_LATENCY: Metric = Metric::histogram(
    "loadtest_accepted_duration_seconds",
    "Time from when a post was due to its answer, in seconds, for the accepted posts",
    LATENCY_BUCKETS,
);

const LATENCY: Metric = Metric::histogram(
    "loadtest_request_duration_seconds",
    "Time from when a post was due to its answer, in seconds, for all posts that were sent, whatever the answer",
    LATENCY_BUCKETS,
);

const VIRTUAL_USERS: Metric = Metric::gauge("loadtest_virtual_users", "Virtual users that send posts");

const FAULTS: Metric = Metric::counter("loadtest_faults_total", "Faults that chaos has injected").labelled(&["fault"]);

/// The metrics of a run. Their server ends when this is dropped.
pub(crate) struct Live {
    registry: Registry,
    /// In the order of [`Outcomes::named`].
    posts: [Counter; 8],
    accepted_latency: Histogram,
    latency: Histogram,
    virtual_users: Gauge,
    _serving: DropGuard,
}

impl Live {
    /// Serves them at this address, if there is one.
    ///
    /// # Errors
    /// When the address is in use.
    pub(crate) async fn start(address: Option<SocketAddr>) -> anyhow::Result<Self> {
        let (registry, stop) = (Registry::new(METRICS), CancellationToken::new());
        if let Some(address) = address {
            let listener = TcpListener::bind(address).await;
            let listener =
                listener.with_context(|| format!("cannot listen on {address}: choose another --prometheus"))?;
            tokio::spawn(serve(listener, registry.clone(), stop.clone()));
        }
        let posts = Outcomes::default().named().map(|(outcome, _)| registry.counter(&POSTS, &[outcome]));
        Ok(Self {
            posts,
            accepted_latency: registry.histogram(&ACCEPTED_LATENCY, &[]),
            latency: registry.histogram(&LATENCY, &[]),
            virtual_users: registry.gauge(&VIRTUAL_USERS, &[]),
            registry,
            _serving: stop.drop_guard(),
        })
    }

    /// This many users are at work from now on.
    pub(crate) fn users(&self, users: u32) {
        self.virtual_users.set(f64::from(users));
    }

    /// Adds what was counted since the last call.
    pub(crate) fn add(&self, part: &Tally) {
        for ((_, count), counter) in part.outcomes.named().into_iter().zip(&self.posts) {
            counter.increment(count);
        }
        let latencies = part.latencies_with_warm_up();
        let LatencyHistograms { accepted_us, all_us } = &*latencies;
        for (latencies_us, shown) in [(accepted_us, &self.accepted_latency), (all_us, &self.latency)] {
            for (latency_us, count) in sparse::pairs(latencies_us) {
                shown.record_many(latency_us as f64 / 1e6, usize::try_from(count).unwrap_or(usize::MAX));
            }
        }
    }

    /// A fault of this name starts.
    pub(crate) fn fault(&self, name: &str) {
        self.registry.counter(&FAULTS, &[name]).increment(1);
    }
}

async fn serve(listener: TcpListener, registry: Registry, stop: CancellationToken) {
    let subject = StatusSubject {
        name: "loadtest",
        counter: POSTS,
        counted: "Posts ended",
        conditions: &[],
        report: Box::new(Report::default),
    };
    let status = Status::new(subject, &registry, Vec::new());
    let health = Health::new(status.clone(), Readiness::new(&[]), registry.clone(), stop.clone());
    tokio::select! {
        () = status.upkeep() => {}
        () = service::http::serve(listener, ServerLimits::FOR_OPERATORS, NoRoutes, health, &registry, stop) => {}
        () = registry.upkeep() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use contract::PostId;

    use super::*;
    use crate::load::generator::outcome::Outcome;

    #[tokio::test]
    async fn what_was_tallied_is_shown() {
        let live = Live::start(None).await.expect("it opens no port");
        let (now, mut part) = (Instant::now(), Tally::default());
        for latency_ms in [2, 2, 40] {
            part.record(Outcome::Rejected, now, now + Duration::from_millis(latency_ms));
        }
        part.record(Outcome::Accepted(PostId::fresh()), now, now + Duration::from_millis(2));
        live.users(7);
        live.add(&part);
        live.add(&part);
        live.fault("broker-kill");
        let text = live.registry.render();
        for line in [
            "loadtest_virtual_users 7",
            r#"loadtest_posts_total{outcome="refused"} 6"#,
            r#"loadtest_posts_total{outcome="accepted"} 2"#,
            r#"loadtest_accepted_duration_seconds_bucket{le="0.05"} 2"#,
            r#"loadtest_request_duration_seconds_bucket{le="0.003"} 6"#,
            r#"loadtest_request_duration_seconds_bucket{le="0.05"} 8"#,
            r#"loadtest_faults_total{fault="broker-kill"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
