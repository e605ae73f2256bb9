//! What a client sees of its limit: the headers of draft-ietf-httpapi-ratelimit-headers (sections 3 and 4, as
//! structured fields, which the draft has had since its version 08), and the answer 429.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use crate::problem;
use crate::rate::quota::Rate;

/// How a caller stands with a kind of record at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateState {
    pub(super) kind: &'static str,
    pub(super) rate: Rate,
    /// Records that may come now.
    pub(super) left: u64,
    /// Nanoseconds until the quota is whole.
    pub(super) whole_in: u64,
}

/// A request that comes too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    pub(super) state: RateState,
    /// Nanoseconds until another one may come.
    pub(super) wait: u64,
}

impl RateState {
    /// Adds the two headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        let Self { kind, rate, left, whole_in } = self;
        let (quota, window) = (rate.records(), rate.period_seconds());
        let policy = format!(r#""{kind}";q={quota};w={window}"#);
        let state = format!(r#""{kind}";r={left};t={}"#, seconds(*whole_in));
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

impl Limited {
    /// The answer to the client.
    pub fn response(&self) -> Response<Full<Bytes>> {
        let RateState { kind, rate, .. } = self.state;
        let wait = seconds(self.wait).max(1);
        let detail = format!("you may send {rate} of the kind `{kind}`, which is used up: try again after {wait} s");
        let mut response = problem::response(StatusCode::TOO_MANY_REQUESTS, &detail);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
        self.state.write(response.headers_mut());
        response
    }
}

/// Whole seconds, which are not over too early.
fn seconds(nanoseconds: u64) -> u64 {
    nanoseconds.div_ceil(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_what_the_limit_is_and_when_it_is_over() {
        let state = RateState { kind: "order", rate: "600/m".parse().unwrap(), left: 0, whole_in: 60_100_000_000 };
        let response = Limited { state, wait: 100_000_000 }.response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        let header = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!(header("retry-after"), "1");
        assert_eq!(header("ratelimit-policy"), r#""order";q=600;w=60"#);
        assert_eq!(header("ratelimit"), r#""order";r=0;t=61"#);
    }
}
