//! A request on its way through a handler, as the audit log sees it.

use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};

use crate::audit::line::Line;
use crate::audit::log::AuditLog;
use crate::auth::{Caller, Needs};

/// The header in which a client or a proxy names a request.
const REQUEST_ID: &str = "x-request-id";

/// The longest name of a request that is noted, in bytes.
const REQUEST_ID_MAX_BYTES: usize = 128;

/// What a request asks for, before a handler has seen it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Its method.
    pub(crate) method: Method,
    /// The path of its route, as the service writes it.
    pub(crate) route: &'static str,
    /// What the route needs.
    pub(crate) needs: Needs,
    request_id: Option<String>,
}

impl Asked {
    /// What a request with these headers asks for.
    pub(crate) fn new(method: &Method, route: &'static str, needs: Needs, headers: &HeaderMap) -> Self {
        let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let request_id = id.filter(|id| id.len() <= REQUEST_ID_MAX_BYTES).map(str::to_owned);
        Self { method: method.clone(), route, needs, request_id }
    }

    fn line<'a>(&'a self, caller: Option<&'a str>, address: std::net::IpAddr) -> Line<'a> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Line {
            time: contract::time_text(i64::try_from(since_epoch.as_millis()).unwrap_or_default()),
            caller,
            address: address.to_string(),
            method: self.method.as_str(),
            route: self.route,
            kind: match self.needs {
                Needs::Kind(kind) => Some(kind),
                Needs::Caller | Needs::Nothing => None,
            },
            status: None,
            denied: None,
            records: None,
            accepted: None,
            rejected: None,
            unknown: None,
            trace_id: None,
            request_id: self.request_id.as_deref(),
        }
    }
}

/// Writes the line of a request that no handler sees. Nobody waits for it, and beyond a number in a second it is left
/// out: those who have no key could fill the disk.
pub(crate) fn denied(log: &AuditLog, asked: &Asked, caller: &Caller, reason: &'static str, status: StatusCode) {
    if !log.has_room_for_denial() {
        return log.leave_out();
    }
    let line = asked.line(caller.name(), caller.address());
    log.write_later(Line { status: Some(status.as_u16()), denied: Some(reason), ..line }.encode());
}

/// A request that a handler answers. If it is dropped before its end, such as at the end of a stop's grace, its line
/// says so: its records may be stored all the same.
pub(crate) struct Visit<'a> {
    log: &'a AuditLog,
    asked: Asked,
    caller: &'a Caller,
    has_ended: bool,
}

impl<'a> Visit<'a> {
    /// It begins.
    pub(crate) fn new(log: &'a AuditLog, asked: Asked, caller: &'a Caller) -> Self {
        Self { log, asked, caller, has_ended: false }
    }

    /// It has its answer, which may be sent when this returns.
    pub(crate) async fn end(mut self: Box<Self>, status: StatusCode) {
        let line = self.line(Some(status));
        self.has_ended = true;
        self.log.write(line).await;
    }

    fn line(&self, status: Option<StatusCode>) -> Vec<u8> {
        let line = self.asked.line(self.caller.name(), self.caller.address());
        Line { status: status.map(|status| status.as_u16()), ..line }.with(self.caller.outcome()).encode()
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.log.write_later(self.line(None));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::audit::{Outcome, Target};
    use crate::rate::Limiter;
    use crate::{Readiness, Registry, access};

    #[tokio::test]
    async fn a_request_that_is_cut_off_is_in_the_log_with_what_was_handed_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        let registry = Registry::new(&[access::METRICS]);
        let log = AuditLog::open(&Target::File(path.clone()), &registry, &Readiness::new(&[])).unwrap();
        let asked = || Asked::new(&Method::POST, "/create-post", Needs::Kind("post"), &HeaderMap::new());
        let limiter = Arc::new(Limiter::new(vec!["post"], None));
        let caller = Caller::counted(None, [127, 0, 0, 1].into(), limiter).audited();
        let visit = Box::new(Visit::new(&log, asked(), &caller));
        caller.note(|| Outcome { unknown: 3, ..Outcome::default() });
        drop(visit);
        Box::new(Visit::new(&log, asked(), &caller)).end(StatusCode::CREATED).await;
        drop(log);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let shown = |line: &serde_json::Value| (line["status"].as_u64(), line["unknown"].as_u64());
        assert_eq!(lines.iter().map(shown).collect::<Vec<_>>(), [(None, Some(3)), (Some(201), Some(3))]);
    }
}
