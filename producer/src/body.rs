//! Reads a request's body, bounded in bytes and in time, whether or not it says its length beforehand.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::refusal::Refusal;

/// The whole body as bytes that may be rewritten in place.
pub(crate) async fn read(body: Incoming, max_bytes: usize, timeout: Duration) -> Result<Vec<u8>, Refusal> {
    let announced = body.size_hint().lower();
    if announced > max_bytes as u64 {
        return Err(Refusal::TooLarge(max_bytes));
    }
    match tokio::time::timeout(timeout, collect(body, announced as usize, max_bytes)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Refusal::SlowBody),
    }
}

async fn collect(mut body: Incoming, announced: usize, max_bytes: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::BrokenBody)?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > max_bytes {
            return Err(Refusal::TooLarge(max_bytes));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
