//! Script and style. `page/src` has their sources, and `.ci/run page` compares what is built from them with these.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};
use service::http::response;

/// Both.
pub(super) struct Assets {
    pub(super) script: Asset,
    pub(super) style: Asset,
}

/// A file that pages load.
pub(super) struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
    /// Changes with the text.
    version: String,
}

impl Assets {
    pub(super) fn new() -> Self {
        let script = include_str!("../../page/dist/page.js");
        let style = include_str!("../../page/dist/page.css");
        Self {
            script: Asset::new("page.js", "text/javascript; charset=utf-8", script),
            style: Asset::new("page.css", "text/css; charset=utf-8", style),
        }
    }
}

impl Asset {
    fn new(name: &'static str, media_type: &'static str, text: &'static str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { name, media_type, text, version: format!("{:016x}", hasher.finish()) }
    }

    /// Its address from the root. It names the version, so that a browser never uses another one.
    pub(super) fn link(&self) -> String {
        format!("{}?v={}", self.name, self.version)
    }

    /// The file. A browser may keep it if it asked for this version; a page of another build asks for another one.
    pub(super) fn answer(&self, query: Option<&str>) -> Response<Full<Bytes>> {
        let is_this = query.and_then(|query| query.strip_prefix("v=")) == Some(self.version.as_str());
        let caching = if is_this { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut response = response(StatusCode::OK, self.media_type, self.text);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_together_are_small() {
        let Assets { script, style } = Assets::new();
        assert!(script.text.len() + style.text.len() <= 60_000);
    }

    #[test]
    fn only_the_version_that_was_asked_for_is_kept() {
        let asset = Asset::new("page.js", "text/javascript", "one");
        let caching = |query: Option<&str>| asset.answer(query).headers()[CACHE_CONTROL].to_str().unwrap().to_owned();
        let query = asset.link().split_once('?').unwrap().1.to_owned();
        assert!(caching(Some(&query)).contains("immutable"));
        assert_ne!(Asset::new("page.js", "text/javascript", "two").link(), asset.link());
        for other in [None, Some(""), Some("v=0")] {
            assert_eq!(caching(other), "no-cache");
        }
    }
}
