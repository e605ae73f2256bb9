//! The least that a server can do for a post: hyper alone, which reads the body and answers 201 with a fresh id, in the
//! producer's words. It is a role of this program, like the services, so that it has a process of its own whose CPU
//! time can be measured separately. It stops at SIGTERM, and of `/readyz` and `/metrics` it offers only what the lab
//! asks for.

use std::process::ExitCode;

use anyhow::Context;
use bytes::Bytes;
use contract::{PostId, created};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use service::Listeners;
use tokio::net::TcpListener;

use crate::base::exit;
use crate::load::cpu::cpu_time;

/// The program in the role of this server; `PORT` says where it listens, and `ADMIN_PORT` where the lab asks for the
/// rest, on a free port by default.
pub(crate) fn main() -> ExitCode {
    let outcome = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| {
        runtime.block_on(async {
            let port = |name| std::env::var(name).ok().and_then(|port| port.parse().ok());
            let (clients, operators) = (port("PORT").context("PORT must be a port")?, port("ADMIN_PORT").unwrap_or(0));
            let listeners = Listeners::bind("127.0.0.1", clients, operators).await?;
            let stop = service::stop::on_signal()?;
            tokio::select! {
                served = serve(listeners.clients) => served,
                served = serve(listeners.operators) => served,
                () = stop.cancelled() => Ok(()),
            }
        })
    });
    outcome.map_or_else(
        |error| {
            eprintln!("{error:#}");
            ExitCode::from(exit::FAILED)
        },
        |()| ExitCode::SUCCESS,
    )
}

async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    let mut http = http1::Builder::new();
    // As in the producer: answers are short.
    http.writev(false);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A client that goes away is not an error.
        tokio::spawn(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}

async fn answer(request: Request<Incoming>) -> hyper::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    body.collect().await?;
    Ok(match head.uri.path() {
        "/create-post" => created(PostId::fresh()),
        "/metrics" => Response::new(Full::from(format!("process_cpu_seconds_total {}\n", cpu_time().as_secs_f64()))),
        _ => Response::new(Full::default()),
    })
}

/// Answers as the producer does.
fn created(id: PostId) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(created::body(id)));
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
