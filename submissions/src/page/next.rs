//! Where somebody continues who has signed in: on the page that he asked for, and never on another site.

use hyper::header::{HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use service::auth::{self, Denial};
use service::http::{RequestBody, Route};

use bytes::Bytes;
use http_body_util::Full;

use crate::api;

/// A path of this service, with its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next(String);

impl Next {
    /// The path that a text names. Whatever is none, or could lead elsewhere, is that of the list.
    pub(super) fn of(text: &str) -> Self {
        let is_path = |path: &str| !path.starts_with('/') && path.bytes().all(is_of_path);
        let path = text.strip_prefix('/').filter(|path| is_path(path));
        Self(path.unwrap_or_default().to_owned())
    }

    /// Its text, with a slash in front.
    pub(super) fn text(&self) -> String {
        format!("/{}", self.0)
    }

    /// The address, seen from the form. It begins with a dot, so it cannot name a site or a scheme.
    pub(super) fn link(&self) -> String {
        format!("./{}", self.0)
    }
}

/// What our own paths and queries are written with: neither a backslash, which browsers take for a slash, nor a control
/// character.
fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/?&=%-_.~".contains(&byte)
}

/// Leads a person to the form where he can sign in, if that is what his browser lacks to see this page: it has shown no
/// credential, or a session that is over.
pub(crate) fn to_sign_in(
    route: &Route,
    request: &Request<RequestBody>,
    denial: &Denial,
) -> Option<Response<Full<Bytes>>> {
    let is_unknown = matches!(denial, Denial::NoCredential | Denial::Session | Denial::UnknownKey | Denial::Token(_));
    let has_header = !matches!(auth::credential(request.headers()), Ok(None));
    if !is_unknown || has_header || route.path.starts_with(api::PREFIX) {
        return None;
    }
    let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
    // A form was not read, and cannot be sent again from there.
    let next = if route.method == Method::GET { Next::of(asked) } else { Next::of("/") };
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let location = location(route.path, &next);
    response.headers_mut().insert(LOCATION, HeaderValue::try_from(location).ok()?);
    Some(response)
}

/// Where the form is, seen from a path of this shape.
fn location(path: &str, next: &Next) -> String {
    let root = match path.matches('/').count() {
        0 | 1 => "./".to_owned(),
        slashes => "../".repeat(slashes - 1),
    };
    let encode = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    match next.text().as_str() {
        "/" => format!("{root}sign-in"),
        text => format!("{root}sign-in?next={}", text.bytes().map(encode).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::form;

    #[test]
    fn only_a_path_of_this_service_is_where_somebody_continues() {
        for (text, link) in [
            ("/", "./"),
            ("/?status=FAILED&after=7", "./?status=FAILED&after=7"),
            ("/submissions/019a1b2c", "./submissions/019a1b2c"),
            ("/docs", "./docs"),
            ("", "./"),
            ("//evil.example", "./"),
            ("/\\evil.example", "./"),
            ("\\\\evil.example", "./"),
            ("https://evil.example", "./"),
            ("https:evil.example", "./"),
            ("javascript:alert(1)", "./"),
            ("/a:b", "./"),
            ("/\t/evil.example", "./"),
            ("/a\r\nset-cookie: a=b", "./"),
            ("/#x", "./"),
            ("/@evil.example", "./"),
            ("submissions/1", "./"),
        ] {
            assert_eq!(Next::of(text).link(), link, "{text:?}");
        }
    }

    #[test]
    fn the_form_is_found_from_each_depth() {
        let one = Next::of("/submissions/7");
        for (path, next, expected) in [
            ("/", &Next::of("/"), "./sign-in"),
            ("/", &Next::of("/?status=FAILED"), "./sign-in?next=/%3Fstatus%3DFAILED"),
            ("/submissions/{id}", &one, "../sign-in?next=/submissions/7"),
            ("/submissions/{id}/cancel", &Next::of("/"), "../../sign-in"),
        ] {
            assert_eq!(location(path, next), expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_comes_back_and_stays_here(text in "/?[/\\\\a-z:?&=%.#@ \u{0}-\u{1f}ü]{0,20}") {
            let next = Next::of(&text);
            prop_assert!(next.link().starts_with("./") && !next.link().starts_with(".//"));
            prop_assert!(next.link().bytes().all(|byte| byte.is_ascii_graphic() && !b"\\:#@".contains(&byte)));
            let address = location("/", &next);
            let query = address.split_once('?').map_or("", |(_, query)| query);
            let fields = form::fields(query.as_bytes()).unwrap();
            let found = fields.iter().find(|(name, _)| name == "next").map_or("/", |(_, value)| value.as_str());
            prop_assert_eq!(Next::of(found), next);
        }
    }
}
