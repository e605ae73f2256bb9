//! The settings of tokens.

use std::path::PathBuf;

use crate::Settings;
use crate::auth::{Expected, JwtConfig, Source};

/// Reads them; tokens are taken if `JWT_JWKS` is set.
pub(super) fn read(settings: &mut Settings<'_>) -> Option<JwtConfig> {
    let source = settings.read(
        "JWT_JWKS",
        "",
        "file or URL of the public keys (JWKS) of the issuer whose tokens (JWT) are taken beside API keys; empty takes \
         none",
        |text| if text.is_empty() { Ok(None) } else { Source::parse(text).map(Some) },
    );
    let issuer = settings.text("JWT_ISSUER", "", "what the tokens must name as their issuer (iss)");
    let audience = settings.text("JWT_AUDIENCE", "", "what the tokens must name as their audience (aud)");
    let authorities = settings.read(
        "JWT_JWKS_CA",
        "",
        "PEM file of the certificate authorities of an https:// URL in JWT_JWKS; empty is those of the system",
        |text| Ok((!text.is_empty()).then(|| PathBuf::from(text))),
    );
    let Some(source) = source else {
        for (name, is_set) in [
            ("JWT_ISSUER", !issuer.is_empty()),
            ("JWT_AUDIENCE", !audience.is_empty()),
            ("JWT_JWKS_CA", authorities.is_some()),
        ] {
            if is_set {
                settings.error(name, "needs JWT_JWKS, without which nobody is asked for a token");
            }
        }
        return None;
    };
    let source = match source {
        Source::Url { url, .. } => Source::Url { url, authorities },
        file @ Source::File(_) => file,
    };
    for (name, value) in [("JWT_ISSUER", &issuer), ("JWT_AUDIENCE", &audience)] {
        if value.is_empty() {
            settings.error(name, "must be set where JWT_JWKS is");
        }
    }
    Some(JwtConfig { expected: Expected { issuer, audience }, source })
}
