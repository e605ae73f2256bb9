//! The server: what it accepts, who answers, and how it stops.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CONNECTION, HeaderValue};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio_util::either::Either;
use tokio_util::task::TaskTracker;

use crate::audit::Asked;
use crate::auth::{Caller, Needs};
use crate::health::Health;
use crate::http::bell::Bell;
use crate::http::connection;
use crate::http::denials::Denials;
use crate::http::durations::Durations;
use crate::http::entrance::Entrance;
use crate::http::handshakes::Handshakes;
use crate::http::head_timer::HeadTimer;
use crate::http::headers::names_host;
use crate::http::limits::{BUFFER_BYTES, ServerLimits};
use crate::http::lingering::Lingering;
use crate::http::metrics::{CONNECTIONS, CONNECTIONS_LIMIT, ConnectionCounters, HandshakeCounters, certificate_gauges};
use crate::http::per_address::{PerAddress, Place};
use crate::http::phase::Phase;
use crate::http::pieces::Pieces;
use crate::http::request_body::RequestBody;
use crate::http::route::{Handler, Route};
use crate::http::stop::Stop;
use crate::http::stream::Stream;
use crate::http::turned_away::{TooMany, TurnedAway};
use crate::http::unread::unread;
use crate::http::write_deadline::WriteDeadline;
use crate::{Registry, problem};

struct App<H> {
    handler: H,
    health: Health,
    durations: Durations,
    counters: ConnectionCounters,
    /// Each answer says that its connection ends, so that clients open the next one elsewhere.
    is_stopping: AtomicBool,
}

/// Serves until it is asked to stop, and for the delay of its limits after that. Then it stops accepting, finishes what
/// is in flight and returns. Slow clients then have [`LAST_CALL`](connection::LAST_CALL), which a handler that reads a
/// body must respect, too. To bound the time of everything else, the caller drops the future.
pub async fn serve<H: Handler>(
    entrance: impl Into<Entrance>,
    limits: ServerLimits,
    handler: H,
    health: Health,
    registry: &Registry,
    stop: impl Into<Stop>,
) {
    let connections = Arc::new(Semaphore::new(limits.max_connections));
    observe(registry, &connections, limits);
    let door = Door { connections, counters: ConnectionCounters::new(registry) };
    accept(entrance.into(), limits, door, handler, health, registry, stop.into()).await;
}

/// The connections of a listener, and what counts those that it does not serve.
pub(super) struct Door {
    pub(super) connections: Arc<Semaphore>,
    pub(super) counters: ConnectionCounters,
}

/// The same through this door.
pub(super) async fn accept<H: Handler>(
    Entrance { listener, tls }: Entrance,
    limits: ServerLimits,
    Door { connections, counters }: Door,
    handler: H,
    health: Health,
    registry: &Registry,
    stop: Stop,
) {
    let Stop { asked, closing } = stop;
    let durations = Durations::new(registry, handler.routes().iter().chain(health.routes()).map(|route| route.path));
    let is_stopping = AtomicBool::new(false);
    let app = Arc::new(App { handler, health, durations, counters, is_stopping });
    let (running, tasks) = (watch::Sender::new(()), TaskTracker::new());
    let mut http = Builder::new();
    // Not `pipeline_flush`: it holds back a response (even hyper's own 400) while the next request has arrived only in
    // part. Our timer gives a head its own time, once its first byte has come.
    http.header_read_timeout(limits.idle_timeout);
    // Most answers are short: copying them behind their head costs less than a vectored write.
    http.writev(false);
    // A client may end its side once its request is sent, and still gets its answer.
    http.max_buf_size(BUFFER_BYTES).half_close(true);
    let (stopping, turned_away) = (running.subscribe(), TurnedAway::default());
    let rooms = Arc::new(Rooms { app: Arc::clone(&app), http, limits, connections, turned_away, tasks, stopping });
    let per_address = limits.max_connections_per_address.map(PerAddress::new);
    let tls = tls.as_ref().map(|tls| {
        let audience = tls.files().audience;
        let counters = HandshakeCounters::new(registry, audience);
        (tls, Handshakes::new(limits.max_handshakes, limits.header_timeout, counters))
    });
    let renewing = async {
        match &tls {
            Some((tls, _)) => tls.renew(&certificate_gauges(registry, tls.files().audience)).await,
            None => std::future::pending().await,
        }
    };

    let mut stopping = pin!(async {
        asked.cancelled().await;
        app.is_stopping.store(true, Ordering::Relaxed);
        if !limits.stop_delay.is_zero() {
            tokio::time::sleep(limits.stop_delay).await;
        }
    });
    let mut renewing = pin!(renewing);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopping => break,
            () = &mut renewing => unreachable!("certificates are renewed without end"),
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Most likely no file descriptor is free: accepting again at once would spin.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let place = per_address.as_ref().map(|per_address| per_address.place(peer));
        if matches!(place, Some(None)) {
            app.counters.rejected_of_address.increment(1);
            // Over TLS an answer would cost more than the connection.
            if tls.is_none() {
                rooms.turn_away(rooms.plain(stream), TooMany::OfAddress);
            }
            continue;
        }
        let place = place.flatten();
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        match &tls {
            None => rooms.serve(rooms.plain(stream), peer, place),
            Some((tls, handshakes)) => {
                let then = {
                    let rooms = Arc::clone(&rooms);
                    move |stream| rooms.serve(Either::Right(stream), peer, place)
                };
                handshakes.start(stream, tls.acceptor(), &rooms.tasks, rooms.stopping.clone(), then);
            }
        }
    }
    drop((listener, running));
    closing.cancel();
    rooms.tasks.close();
    rooms.tasks.wait().await;
}

/// Where connections are served.
struct Rooms<H> {
    app: Arc<App<H>>,
    http: Builder,
    limits: ServerLimits,
    connections: Arc<Semaphore>,
    turned_away: TurnedAway,
    tasks: TaskTracker,
    /// Its sender is gone once the server accepts no more.
    stopping: watch::Receiver<()>,
}

impl<H: Handler> Rooms<H> {
    fn plain(&self, stream: TcpStream) -> Stream {
        Either::Left(WriteDeadline::new(stream, self.limits.header_timeout))
    }

    fn turn_away(&self, stream: Stream, why: TooMany) {
        self.turned_away.add(stream, why, &self.tasks, self.stopping.clone());
    }

    /// Serves this connection in a task of its own, if there is room for it.
    fn serve(&self, stream: Stream, peer: SocketAddr, place: Option<Place>) {
        let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() else {
            self.app.counters.rejected.increment(1);
            self.turn_away(stream, TooMany::OfAll);
            return;
        };
        let (app, bell, phase) = (Arc::clone(&self.app), Bell::default(), Phase::default());
        let denials = Arc::new(Denials::from_port(peer.port()));
        let service = {
            let (app, waker, phase) = (Arc::clone(&app), bell.waker().clone(), phase.clone());
            service_fn(move |request: Request<Incoming>| {
                let (app, mut answering) = (Arc::clone(&app), phase.answer());
                let (waker, denials) = (waker.clone(), Arc::clone(&denials));
                async move {
                    // Moved once, here. Later steps get a reference, because each move would copy all of it.
                    let mut request = request.map(|incoming| RequestBody::new(incoming, waker));
                    let mut response = app.answer(&mut request, peer.ip()).await;
                    if let Some(pause) = denials.pause(response.status()) {
                        // Boxed, so that it does not enlarge the future of every request.
                        Box::pin(tokio::time::sleep(pause)).await;
                    }
                    if app.is_stopping.load(Ordering::Relaxed) {
                        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                    }
                    if !request.body().is_end_stream() {
                        answering.leaves_unread();
                    }
                    drop(answering);
                    Ok::<_, std::convert::Infallible>(response.map(Pieces::from))
                }
            })
        };
        let stream = Lingering::new(stream, phase.clone());
        let mut http = self.http.clone();
        http.timer(HeadTimer::new(phase.clone(), self.limits.header_timeout));
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = connection::run(connection, bell, phase, self.stopping.clone());
        self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
                app.counters.ended(&error);
            }
            drop((permit, place));
        });
    }
}

fn observe(registry: &Registry, connections: &Arc<Semaphore>, limits: ServerLimits) {
    let (free, all) = (Arc::clone(connections), limits.max_connections);
    registry.observe(&CONNECTIONS, move |rows| rows.row(&[], (all - free.available_permits()) as f64));
    registry.gauge(&CONNECTIONS_LIMIT, &[]).set(all as f64);
}

impl<H: Handler> App<H> {
    async fn answer(&self, request: &mut Request<RequestBody>, address: IpAddr) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let method = request.method().clone();
        let path = request.uri().path();
        // The label is the route's own text, never the client's. Most paths are written out, and found at once.
        let own = self.handler.routes();
        let is_written_out = own.iter().chain(self.health.routes()).find(|route| route.path == path);
        let route = is_written_out.or_else(|| own.iter().find(|route| route.matches(path))).map(|route| route.path);
        let mut response = match route {
            _ if !names_host(request) => {
                unread(request, problem::response(StatusCode::BAD_REQUEST, "send exactly one Host header"))
            }
            None => unread(request, problem::response(StatusCode::NOT_FOUND, self.health.missing(path))),
            Some(route) => match self.health.check_token(route, request.headers()) {
                Ok(()) => self.route(route, request, address).await,
                Err(denial) => unread(request, denial.response()),
            },
        };
        if let Some(access) = self.handler.access() {
            access.share(request.headers(), response.headers_mut());
        }
        self.durations.record(&method, route, response.status(), started.elapsed());
        response
    }

    async fn route(
        &self,
        route: &'static str,
        request: &mut Request<RequestBody>,
        address: IpAddr,
    ) -> Response<Full<Bytes>> {
        let method = request.method();
        match self.handler.routes().iter().find(|own| own.path == route && own.accepts(method)) {
            Some(own) => {
                let caller = match self.handler.access() {
                    None => Caller::open(address),
                    Some(access) => {
                        let mut checked = access.check(own.needs, method, request.headers(), address);
                        if let Err(denied) = &checked
                            && Box::pin(access.knows_by_now(denied)).await
                        {
                            checked = access.check(own.needs, method, request.headers(), address);
                        }
                        match checked {
                            Ok(caller) => caller,
                            // Before a byte of the body is read.
                            Err(denied) => {
                                let answer = self.handler.denied(own, request, &denied.denial);
                                let response = access.denied(&denied, answer, || asked(own, request));
                                return unread(request, response);
                            }
                        }
                    }
                };
                let access = self.handler.access();
                let visit = access.and_then(|access| access.begin(own.needs, &caller, || asked(own, request)));
                let mut response = self.handler.answer(own, request, &caller).await;
                if let Needs::Kind(kind) = own.needs
                    && let Some(state) = caller.rate_state(kind)
                {
                    state.write(response.headers_mut());
                }
                if let Some(visit) = visit {
                    // Boxed, so that it does not enlarge the future of a service without an audit log.
                    Box::pin(visit.end(response.status())).await;
                }
                // Other handlers read the body, and a chunked one looks unread even then.
                if own.method == Method::GET { unread(request, response) } else { response }
            }
            // Boxed, so that it does not enlarge the future of the service's own routes, which is moved several times.
            None => Box::pin(self.route_of_all(route, request)).await,
        }
    }

    /// Answers one of the health endpoints, or one that is the service's own and does not accept the method.
    async fn route_of_all(&self, route: &'static str, request: &mut Request<RequestBody>) -> Response<Full<Bytes>> {
        let own = self.handler.routes().iter().filter(|own| own.path == route);
        let allowed: Vec<&str> = own.map(Route::allowed).collect();
        if !allowed.is_empty() {
            let allowed = allowed.join(", ");
            let access = self.handler.access().filter(|_| *request.method() == Method::OPTIONS);
            let preflight = access.and_then(|access| access.preflight(request.headers(), &allowed));
            return unread(request, preflight.unwrap_or_else(|| method_not_allowed(&allowed)));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return unread(request, method_not_allowed("GET, HEAD"));
        }
        let response = self.health.answer(route, request.uri().query()).await;
        unread(request, response)
    }
}

/// What a request asks for, as the audit log says it.
fn asked(route: &Route, request: &Request<RequestBody>) -> Asked {
    Asked::new(request.method(), route.path, route.needs, request.headers())
}

fn method_not_allowed(allowed: &str) -> Response<Full<Bytes>> {
    let mut response = problem::response(StatusCode::METHOD_NOT_ALLOWED, &format!("this path takes only {allowed}"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_str(allowed).expect("method names are valid header text"));
    response
}
