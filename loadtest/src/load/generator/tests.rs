//! The generator against small servers that answer, reject, stall and cut off.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use contract::PostId;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::tally::Outcomes;
use super::wrong::WrongAnswers;
use super::*;
use crate::ledger::books::Counts;
use crate::ledger::post::RunId;
use crate::ledger::post::bodies::Shape;
use crate::load::pacing::{ClosedModel, OpenModel, Rate};
use crate::load::recorder::Recorded;
use crate::load::target::accepting::accepting;

const SECOND: Duration = Duration::from_secs(1);

/// The length of a load that ends in another way, however late its threads start.
const LONG: Duration = Duration::from_secs(60);

/// What a server answers to its i-th request; `None` cuts the connection.
type Answers = fn(usize) -> Option<(StatusCode, Duration)>;

async fn server(answers: Answers) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::local(listener.local_addr().unwrap().port());
    let requests = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let requests = Arc::clone(&requests);
            let service = service_fn(move |request| answer(request, answers(requests.fetch_add(1, Ordering::Relaxed))));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    target
}

async fn answer(
    request: Request<Incoming>,
    answer: Option<(StatusCode, Duration)>,
) -> Result<Response<Full<Bytes>>, &'static str> {
    assert_eq!(request.uri(), "/create-post");
    assert_eq!(request.headers()["content-type"], "application/json");
    request.into_body().collect().await.unwrap();
    let (status, delay) = answer.ok_or("cut off")?;
    tokio::time::sleep(delay).await;
    let mut response = Response::new(Full::from(format!(r#"{{"id":"{}"}}"#, PostId::fresh())));
    *response.status_mut() = status;
    Ok(response)
}

/// Runs to the end and returns what was counted and what the ledger says.
async fn generate(load: &Load, stop: CancellationToken) -> (Tally, Counts) {
    generate_within(None, load, stop).await
}

/// The same for a load that ends after this number of posts.
async fn generate_posts(posts: u64, load: &Load) -> (Tally, Counts) {
    generate_within(Some(posts), load, CancellationToken::new()).await
}

async fn generate_within(posts: Option<u64>, load: &Load, stop: CancellationToken) -> (Tally, Counts) {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(&folder.path().join("accepted.ids")).unwrap();
    let recorder = Arc::new(recorder.with_limit(posts));
    let mut generator = Generator::start(load, &recorder, &stop).unwrap();
    generator.ended().await;
    let tally = generator.take();
    generator.finish().unwrap();
    let Recorded { ledger, accepted_ids: log, .. } = Arc::into_inner(recorder).unwrap().finish().unwrap();
    assert_eq!(log.entries().unwrap().count() as u64, tally.outcomes.accepted);
    (tally, ledger.counts(0))
}

fn load(target: Target, vus: u32, think: Duration, duration: Duration) -> Load {
    let start = Instant::now();
    let model = Model::Closed(ClosedModel { start, end: start + duration, vus, think });
    Load {
        model,
        rule: UserRule::default(),
        warm_up: Duration::ZERO,
        target,
        request_timeout: 30 * SECOND,
        share: RunShare::WHOLE,
        plan: RunPlan::of_posts(RunId::fresh(), 1, Shape::default()),
        threads: 2,
    }
}

#[tokio::test]
async fn every_outcome_is_counted_and_booked() {
    let target = server(|i| match i % 8 {
        0 => Some((StatusCode::BAD_REQUEST, Duration::ZERO)),
        1 => Some((StatusCode::SERVICE_UNAVAILABLE, Duration::ZERO)),
        2 => Some((StatusCode::INTERNAL_SERVER_ERROR, Duration::ZERO)),
        3 => None,
        4 => Some((StatusCode::CREATED, 2 * SECOND)),
        _ => Some((StatusCode::CREATED, Duration::ZERO)),
    });
    let load = Load { request_timeout: SECOND / 2, ..load(target.await, 8, SECOND / 20, LONG) };
    let (tally, counts) = generate_posts(64, &load).await;

    let Outcomes { accepted, rejected, unavailable, other_status, cut_off, timed_out, .. } = tally.outcomes;
    for outcome in [accepted, rejected, unavailable, other_status, cut_off, timed_out] {
        assert!(outcome > 0, "{:?}", tally.outcomes);
    }
    assert_eq!((tally.outcomes.not_connected, tally.outcomes.invalid_rejected), (0, 0));
    let wrong = WrongAnswers { valid_refused: rejected, other_status, ..WrongAnswers::default() };
    assert_eq!(tally.wrong, wrong);
    assert_eq!((counts.accepted, counts.rejected), (accepted, rejected));
    assert_eq!(counts.unknown, unavailable + other_status + cut_off + timed_out);
    assert_eq!(tally.latencies.all_us.len(), tally.outcomes.sent());
    assert_eq!(tally.latencies.accepted_us.len(), accepted);
    assert!(tally.latency_of_all(1.0) >= load.request_timeout, "a timeout counts with its whole wait");
}

#[tokio::test]
async fn what_is_due_in_the_warm_up_is_sent_and_booked_but_not_measured() {
    let target = server(|_| Some((StatusCode::CREATED, Duration::ZERO))).await;
    let start = Instant::now();
    let model = Model::Open(OpenModel { start, end: start + SECOND, vus: 4, rate: Rate::Constant(40.0) });
    let load = Load { model, warm_up: SECOND / 4, ..load(target, 1, SECOND, SECOND) };
    let (tally, counts) = generate(&load, CancellationToken::new()).await;
    assert_eq!((tally.outcomes.tried(), counts.accepted), (40, 40));
    // Post 10 is due at 250 ms, when the warm-up is over.
    assert_eq!((tally.latencies.accepted_us.len(), tally.latencies_with_warm_up().all_us.len()), (30, 40));
}

#[tokio::test]
async fn a_slow_target_is_still_offered_every_post() {
    let target = server(|_| Some((StatusCode::CREATED, SECOND / 4))).await;
    let start = Instant::now();
    let model = Model::Open(OpenModel { start, end: start + SECOND, vus: 4, rate: Rate::Constant(40.0) });
    let load = Load { model, ..load(target, 1, SECOND, SECOND) };
    let (tally, counts) = generate(&load, CancellationToken::new()).await;
    assert_eq!((tally.outcomes.tried(), counts.accepted), (40, 40));
    assert!(tally.latency(1.0) >= SECOND, "the wait for a free connection counts: {:?}", tally.latency(1.0));
}

/// One request is answered after a second, all others at once. The posts that were due meanwhile must show their wait.
#[tokio::test]
async fn a_stall_shows_in_the_latencies_from_the_intended_times() {
    let target = server(|i| Some((StatusCode::CREATED, if i == 10 { SECOND } else { Duration::ZERO }))).await;
    let start = Instant::now();
    let model = Model::Open(OpenModel { start, end: start + 2 * SECOND, vus: 1, rate: Rate::Constant(50.0) });
    let load = Load { model, ..load(target, 1, SECOND, SECOND) };
    let (tally, counts) = generate(&load, CancellationToken::new()).await;

    // Post 10 leaves at 200 ms at the earliest, so nothing leaves again before 1,200 ms; post 10 + k was due 20 ms * k
    // after it.
    assert_eq!((tally.outcomes.tried(), counts.accepted), (100, 100));
    assert!(tally.latency(0.99) >= SECOND - SECOND / 50, "post 11: {:?}", tally.latency(0.99));
    assert!(tally.latency(0.76) >= SECOND / 2, "25 posts waited for half a second: {:?}", tally.latency(0.76));
    assert!(tally.no_free_user >= 49, "the posts 11 to 59 were due during the stall: {}", tally.no_free_user);
    assert!(tally.longest_wait_for_user >= SECOND - SECOND / 50, "{:?}", tally.longest_wait_for_user);
}

/// Answers at once, but the first request only when all the others have been answered.
async fn holding_server(others: usize) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::local(listener.local_addr().unwrap().port());
    let (requests, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (requests, answered) = (Arc::clone(&requests), Arc::clone(&answered));
            let service = service_fn(move |request| {
                let (is_first, answered) = (requests.fetch_add(1, Ordering::Relaxed) == 0, Arc::clone(&answered));
                async move {
                    if is_first {
                        answered.acquire_many(u32::try_from(others).unwrap()).await.unwrap().forget();
                    } else {
                        answered.add_permits(1);
                    }
                    answer(request, Some((StatusCode::CREATED, Duration::ZERO))).await
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    target
}

#[tokio::test]
async fn the_others_send_what_is_due_while_one_user_waits() {
    // Where each post has its user, those of the waiting one come too late for its first.
    for (rule, answered, timeout) in [(UserRule::AnyFree, 40, 30 * SECOND), (UserRule::Fixed, 39, 4 * SECOND)] {
        let (target, start) = (holding_server(39).await, Instant::now());
        let model = Model::Open(OpenModel { start, end: start + SECOND, vus: 2, rate: Rate::Constant(40.0) });
        let load = Load { model, rule, request_timeout: timeout, ..load(target, 1, SECOND, SECOND) };
        let (tally, _) = generate(&load, CancellationToken::new()).await;
        assert_eq!((tally.outcomes.tried(), tally.outcomes.accepted), (40, answered), "{rule:?}");
    }
}

#[tokio::test]
async fn a_repeated_post_is_one_post() {
    let target = server(|i| (i % 3 != 0).then_some((StatusCode::CREATED, Duration::ZERO))).await;
    let mut load = load(target, 1, SECOND / 10, LONG);
    load.plan.repeat = 3;
    let (tally, counts) = generate_posts(5, &load).await;
    assert_eq!(counts.accepted, 5);
    assert_eq!(tally.outcomes.tried(), counts.accepted, "each was cut off once and then accepted twice");
}

#[tokio::test]
async fn a_retried_post_is_one_post() {
    let target = server(|i| (i % 2 != 0).then_some((StatusCode::CREATED, Duration::ZERO))).await;
    let shape = Shape { retry_share: 1.0, ..Shape::default() };
    let mut load = load(target, 1, SECOND / 10, LONG);
    load.plan.shape = shape;
    let (tally, counts) = generate_posts(5, &load).await;
    assert_eq!(counts.accepted, 5);
    assert_eq!(tally.outcomes.tried(), counts.accepted, "each was cut off and then accepted: {:?}", tally.outcomes);
}

#[tokio::test]
async fn an_invalid_post_must_be_rejected() {
    let shape = Shape { invalid_share: 1.0, ..Shape::default() };
    let target =
        server(|i| Some((if i % 2 == 0 { StatusCode::BAD_REQUEST } else { StatusCode::CREATED }, Duration::ZERO)));
    let mut load = load(target.await, 2, SECOND / 20, LONG);
    load.plan.shape = shape;
    let (tally, counts) = generate_posts(20, &load).await;
    let Outcomes { accepted, rejected, invalid_rejected, .. } = tally.outcomes;
    assert!(invalid_rejected > 0 && accepted > 0 && rejected == 0, "{:?}", tally.outcomes);
    assert_eq!(tally.wrong, WrongAnswers { invalid_accepted: accepted, ..WrongAnswers::default() });
    assert_eq!(counts.rejected, invalid_rejected);
    assert_eq!(tally.outcomes.failed_share(), 0.0, "a finding about the run, not about one post");
}

#[tokio::test]
async fn without_a_server_nothing_is_sent() {
    let target = Target::local(stack::free_port());
    let (load, start) = (load(target, 2, Duration::ZERO, LONG), Instant::now());
    let (tally, counts) = generate_posts(10, &load).await;
    assert_eq!(tally.outcomes.not_connected, 10);
    // One of the two users has tried five times or more, and paused for 100 ms before each but the first.
    assert!(start.elapsed() >= 4 * SECOND / 10, "no spinning: {:?}", start.elapsed());
    assert_eq!(tally.outcomes.sent(), 0);
    assert_eq!(counts, Counts::default());
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_nothing() {
    let load = load(accepting(Duration::ZERO, false).await, 4, SECOND / 20, LONG);
    let (tally, counts) = generate_posts(40, &load).await;
    assert_eq!(counts.accepted, 40);
    assert_eq!(tally.outcomes.tried(), counts.accepted, "{:?}", tally.outcomes);
}

/// Calls `stop` when this number of requests has come, and answers them a quarter of a second later.
async fn stopping_server(requests: usize, stop: &CancellationToken) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::local(listener.local_addr().unwrap().port());
    let (arrived, stop) = (Arc::new(AtomicUsize::new(0)), stop.clone());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (arrived, stop) = (Arc::clone(&arrived), stop.clone());
            let service = service_fn(move |request| {
                if arrived.fetch_add(1, Ordering::Relaxed) + 1 == requests {
                    stop.cancel();
                }
                let stop = stop.clone();
                async move {
                    stop.cancelled().await;
                    answer(request, Some((StatusCode::CREATED, SECOND / 4))).await
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    target
}

#[tokio::test]
async fn stopping_waits_for_what_is_in_flight() {
    let stop = CancellationToken::new();
    let load = load(stopping_server(4, &stop).await, 4, Duration::ZERO, LONG);
    let (tally, counts) = generate(&load, stop).await;
    assert_eq!((tally.outcomes.tried(), counts.accepted), (4, 4));
    assert!(tally.latency(0.5) >= SECOND / 4);
}
