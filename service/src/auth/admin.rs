//! The token of those who run a service (`ADMIN_TOKEN`).

use hyper::header::HeaderMap;

use crate::auth::credentials::credential;
use crate::auth::denial::Denial;
use crate::auth::key::KeyHash;
use crate::secrets::Secret;

/// Whether a request with these headers has this token. A token in a file is read each time, so that it can be changed.
///
/// # Errors
/// Why not.
pub(crate) fn check_admin(token: &Secret, headers: &HeaderMap) -> Result<(), Denial> {
    let sent = credential(headers).map_err(Denial::Malformed)?.ok_or(Denial::NoCredential)?;
    let token = token.read().map_err(|error| {
        tracing::error!(error = format!("{error:#}"), "cannot read ADMIN_TOKEN_FILE, so nobody is let in");
        Denial::UnknownKey
    })?;
    // Hashes have one length, so the time says nothing of the token's.
    if KeyHash::of(sent.bytes()).is(&KeyHash::of(token.as_bytes())) { Ok(()) } else { Err(Denial::UnknownKey) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_let_in_and_a_file_may_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let check = |secret: &Secret, value: Option<&'static str>| {
            let value = value.map(|value| (hyper::header::AUTHORIZATION, value.parse().unwrap()));
            check_admin(secret, &HeaderMap::from_iter(value))
        };
        let text = Secret::text("t1");
        assert_eq!(check(&text, Some("Bearer t1")), Ok(()));
        assert_eq!(check(&text, Some("Bearer t2")), Err(Denial::UnknownKey));
        assert_eq!(check(&text, None), Err(Denial::NoCredential));
        let file = Secret::file(&path);
        assert_eq!(check(&file, Some("Bearer ")), Err(Denial::UnknownKey), "nobody is let in without a file");
        for token in ["t1", "t2"] {
            std::fs::write(&path, format!("{token}\n")).unwrap();
            assert_eq!(check(&file, Some("Bearer t2")).is_ok(), token == "t2");
        }
    }
}
