//! What the requests to a target carry besides their own: headers, and a token from a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};

use crate::base::exit::Unusable;
use crate::load::secure::SecureFiles;

/// How often a token's file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What lets requests in.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// The files of TLS.
    pub(crate) files: SecureFiles,
    /// In the order in which they were given.
    pub(crate) headers: Vec<Header>,
    /// Sent as `Authorization: Bearer`.
    pub(crate) token: Option<Token>,
}

/// A header of each request. Its value may be a secret, so `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct Header {
    name: HeaderName,
    value: HeaderValue,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: …", self.name)
    }
}

impl Header {
    /// Reads `Name: value`.
    ///
    /// # Errors
    /// What it must be, without the value.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let like = "must be like 'X-API-Key: value'";
        let (name, value) = text.split_once(':').ok_or(like)?;
        let name: HeaderName = name.trim().parse().map_err(|_| format!("{like}: this name cannot be sent"))?;
        if [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE].contains(&name) {
            return Err(format!("the lab itself sets {name}"));
        }
        let mut value: HeaderValue =
            value.trim().parse().map_err(|_| format!("{like}: the value of {name} cannot be sent"))?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }
}

/// A token that is read again when its file changes.
pub(crate) struct Token {
    path: PathBuf,
    last: Mutex<(Instant, HeaderValue)>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Token {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, is empty, or holds what no header can; the sentence names `option`.
    pub(crate) fn read(option: &str, path: &Path) -> Result<Self, Unusable> {
        let value = bearer(path).map_err(|reason| Unusable(format!("{option}: {reason}")))?;
        Ok(Self { path: path.to_owned(), last: Mutex::new((Instant::now(), value)) })
    }

    /// The header's value. Once a second the file is read again; while it cannot be, the last token is sent.
    fn value(&self) -> HeaderValue {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.elapsed() >= LOOK_EVERY {
            last.0 = Instant::now();
            if let Ok(value) = bearer(&self.path) {
                last.1 = value;
            }
        }
        last.1.clone()
    }
}

fn bearer(path: &Path) -> Result<HeaderValue, String> {
    let shown = path.display();
    let token = std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let token = token.trim();
    if token.is_empty() {
        return Err(format!("there is no token in {shown}"));
    }
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| format!("what is in {shown} cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Access {
    /// Adds them to a request's headers.
    pub(crate) fn dress(&self, headers: &mut HeaderMap) {
        for Header { name, value } in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        if let Some(token) = &self.token {
            headers.insert(AUTHORIZATION, token.value());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value() {
        let access = Access {
            headers: ["X-API-Key: a:b ", "x-empty:", "host: elsewhere"].map(|text| Header::parse(text).unwrap()).into(),
            ..Access::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("here"));
        access.dress(&mut headers);
        for (name, value) in [("x-api-key", "a:b"), ("x-empty", ""), ("host", "elsewhere")] {
            assert_eq!(headers[name], value);
        }
        assert!(!format!("{access:?}").contains("a:b"));
        for (wrong, reason) in [
            ("X-API-Key", "must be like"),
            ("X API Key: secret", "this name cannot be sent"),
            (": secret", "this name cannot be sent"),
            ("X-API-Key: sec\nret", "the value of x-api-key cannot be sent"),
            ("Content-Length: 4", "the lab itself sets content-length"),
        ] {
            let error = Header::parse(wrong).unwrap_err();
            assert!(error.contains(reason) && !error.contains("sec"), "{error}");
        }
    }

    #[test]
    fn a_token_is_read_again_and_the_last_one_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        for (text, reason) in
            [(None, "cannot read"), (Some("\n"), "there is no token"), (Some("a\nb"), "cannot be sent")]
        {
            text.inspect(|text| std::fs::write(&path, text).unwrap());
            let error = Token::read("--token-file", &path).unwrap_err().to_string();
            assert!(error.starts_with("--token-file: ") && error.contains(reason), "{error}");
        }
        std::fs::write(&path, "first\n").unwrap();
        let token = Token::read("--token-file", &path).unwrap();
        assert!(!format!("{token:?}").contains("first"));
        let later = |token: &Token| {
            token.last.lock().unwrap().0 -= LOOK_EVERY;
            token.value()
        };
        assert_eq!(later(&token), "Bearer first");
        std::fs::write(&path, "second").unwrap();
        assert_eq!(token.value(), "Bearer first", "not looked at yet");
        assert_eq!(later(&token), "Bearer second");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(later(&token), "Bearer second");
    }
}
