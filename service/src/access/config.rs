//! The settings.

use std::path::PathBuf;

use super::cors::Origins;
use super::jwt;
use super::session::SessionConfig;
use crate::Settings;
use crate::audit::Target;
use crate::auth::{self, JwtConfig};
use crate::rate::Rate;

/// Who may call, and how much he may send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessConfig {
    /// `API_KEYS_FILE`: the file of API keys, if any are needed.
    pub keys: Option<PathBuf>,
    /// `JWT_ISSUER`, `JWT_AUDIENCE`, `JWT_JWKS`, `JWT_JWKS_CA`: whose tokens are taken, if any are.
    pub tokens: Option<JwtConfig>,
    /// `RATE_LIMIT`: the rate of callers without one of their own; without keys, of addresses.
    pub rate: Option<Rate>,
    /// `CORS_ORIGINS`: the sites whose pages may read the answers.
    pub origins: Option<Origins>,
    /// `AUDIT_LOG`: where a line for each request goes, if anywhere.
    pub audit: Option<Target>,
    /// `SESSION_KEY`: how browsers stay signed in, in a service with pages for people.
    pub sessions: Option<SessionConfig>,
}

impl AccessConfig {
    /// Reads every setting but those of sessions; `settings` collects the errors, those of the file of keys, too.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let keys = settings.read(
            "API_KEYS_FILE",
            "",
            "JSON file of the API keys, see docs/security.md; it is read again when it changes; empty needs no keys",
            |text| Ok((!text.is_empty()).then(|| PathBuf::from(text))),
        );
        if let Some(path) = &keys {
            for error in auth::read(path).err().unwrap_or_default() {
                settings.error("API_KEYS_FILE", error);
            }
        }
        let tokens = jwt::read(settings);
        let rate = settings.read(
            "RATE_LIMIT",
            "",
            "records of each kind that a caller without a rate of its own, or without keys an address, may send: \
             1000/s, 600/m, 10/h; beyond it 429; empty is no limit",
            |text| if text.is_empty() { Ok(None) } else { text.parse().map(Some) },
        );
        let origins = settings.read(
            "CORS_ORIGINS",
            "",
            "sites whose pages may send requests and read the answers, comma-separated, such as https://example.com; \
             * is all, for development; empty is none",
            Origins::parse,
        );
        let audit = settings.read(
            "AUDIT_LOG",
            "",
            "file of this process alone, or `stdout`, for a line of JSON about each request for a record, written \
             before its answer, see docs/security.md; empty is none",
            |text| {
                Ok(match text {
                    "" => None,
                    "stdout" => Some(Target::Output),
                    path => Some(Target::File(PathBuf::from(path))),
                })
            },
        );
        Self { keys, tokens, rate, origins, audit, sessions: None }
    }
}
