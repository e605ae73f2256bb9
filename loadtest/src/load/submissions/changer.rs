//! Cancels some submissions and asks for another try of some, a while after they were accepted.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use tokio::time::sleep;
use uuid::Uuid;

use super::client::{Client, Question, Silence};
use super::shared::Shared;
use crate::ledger::submissions::changes::{Change, Reply, Wish};

/// A cancel comes within this multiple of `WORK_TIME`, so that it meets every status.
const CANCEL_WITHIN: f64 = 2.0;

/// A retry comes after this multiple of `WORK_TIME` and this wait: then most submissions are final.
const RETRY_AFTER: f64 = 3.0;
const RETRY_WAIT: Duration = Duration::from_millis(200);

/// Asks for what is planned for submission n.
pub(crate) async fn change(shared: Arc<Shared>, n: u64, id: Uuid) {
    let plan = &shared.records.plan;
    let mut client = Client::new(&shared.target, shared.request_timeout);
    if plan.is_cancelled(n) {
        sleep(shared.work_time.mul_f64(CANCEL_WITHIN * plan.moment(n))).await;
        ask(&shared, &mut client, n, id, Wish::Cancel).await;
    }
    if plan.is_retried(n) {
        sleep(RETRY_WAIT + shared.work_time.mul_f64(RETRY_AFTER)).await;
        ask(&shared, &mut client, n, id, Wish::Retry).await;
    }
}

async fn ask(shared: &Shared, client: &mut Client, n: u64, id: Uuid, wish: Wish) {
    let what = match wish {
        Wish::Cancel => "cancel",
        Wish::Retry => "retry",
    };
    let path = format!("/api/submissions/{id}/{what}");
    let reply = match client.ask(&Question::post(&path, Bytes::new())).await {
        Ok(answer) if answer.status.is_success() => Reply::Made,
        Ok(answer) if answer.status == StatusCode::CONFLICT => Reply::Refused,
        Err(Silence::NotSent) => Reply::Refused,
        // Not 404 either: what was accepted is there.
        Ok(_) | Err(Silence::Unknown) => Reply::Unknown,
    };
    shared.records.changed(n, Change { wish, reply });
}
