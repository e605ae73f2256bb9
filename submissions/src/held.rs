//! Answers whose size is that of contents. Each holds a share of the budget for bodies until it is sent, or until its
//! connection ends: otherwise each of ten thousand clients that do not read could hold one of the largest size.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Body;
use service::http::body::{BodyBudget, BufferFull, Share};

/// The largest answer without a share, in bytes: a connection takes as much into its own buffer at once.
const SMALL_BYTES: usize = 16 * 1024;

/// The bytes of an answer, with their share.
struct Held {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The answer, with its share of this budget.
///
/// # Errors
/// When the bytes that it needs are not free.
pub(crate) fn held(response: Response<Full<Bytes>>, budget: &BodyBudget) -> Result<Response<Full<Bytes>>, BufferFull> {
    let mut share = Share::default();
    match needed(&response) {
        0 => Ok(response),
        bytes => budget.resize(&mut share, bytes).map(|()| with_share(response, share)),
    }
}

/// The answer, with the share that was taken before it was made. What it does not need is given back.
pub(crate) fn settled(response: Response<Full<Bytes>>, mut share: Share, budget: &BodyBudget) -> Response<Full<Bytes>> {
    // What was asked for is done. So an answer that needs more, of a content from the time of a larger limit, is sent.
    _ = budget.resize(&mut share, needed(&response));
    with_share(response, share)
}

/// The answer, which holds this share.
pub(crate) fn with_share(response: Response<Full<Bytes>>, share: Share) -> Response<Full<Bytes>> {
    response.map(|body| {
        let bytes = body.into_inner().unwrap_or_default();
        Full::new(Bytes::from_owner(Held { bytes, _share: share }))
    })
}

/// The bytes for which the answer needs a share.
fn needed(response: &Response<Full<Bytes>>) -> usize {
    let bytes = response.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    bytes.filter(|bytes| *bytes > SMALL_BYTES).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use service::Registry;
    use service::http::{body, json};

    use super::*;

    const BUDGET: usize = 100_000;

    /// Whether this many bytes of the budget are free.
    fn is_free(budget: &BodyBudget, bytes: usize) -> bool {
        budget.add(&mut Share::default(), bytes).is_ok()
    }

    #[test]
    fn an_answer_holds_its_size_until_it_is_dropped() {
        let budget = BodyBudget::new(BUDGET, &Registry::new(&[body::METRICS]));
        let answer = |bytes: usize| json(StatusCode::OK, vec![b'1'; bytes]);
        let large = held(answer(80_000), &budget).unwrap();
        assert!(is_free(&budget, 20_000) && !is_free(&budget, 20_001));
        assert!(held(answer(20_001), &budget).is_err());
        let small = held(answer(SMALL_BYTES), &budget);
        assert!(small.is_ok() && is_free(&budget, 20_000), "what is small needs no share");
        drop(large);
        assert!(is_free(&budget, BUDGET));

        let mut share = Share::default();
        budget.resize(&mut share, 90_000).unwrap();
        let settled = settled(answer(30_000), share, &budget);
        assert!(is_free(&budget, 70_000) && !is_free(&budget, 70_001), "the rest is given back");
        drop(settled);
        assert!(held(answer(2 * BUDGET), &budget).is_ok(), "what is larger than all is sent when nothing else is held");
    }
}
