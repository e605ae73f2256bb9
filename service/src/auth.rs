//! Who sends a request: its credentials, the API keys that are known, and the answers to a request that may not be
//! served. What a service's routes need of their callers they say themselves; [`Access`](crate::Access) asks.

mod admin;
mod caller;
mod command;
mod credentials;
mod denial;
mod jwt;
mod key;
mod key_file;
mod key_table;
mod needs;
mod session;
mod watched_keys;

pub(crate) use admin::check_admin;
pub use caller::{Caller, Identity, Known};
pub use command::{NAME, main};
pub use credentials::{Credential, Malformed, credential};
pub use denial::Denial;
pub use jwt::{Expected, JwtConfig, KeySet, Source, Token, TokenError};
pub(crate) use jwt::{Tokens, is_token};
pub use key_file::parse;
pub(crate) use key_file::read;
pub use key_table::KeyTable;
pub use needs::Needs;
pub use session::SessionKey;
pub(crate) use watched_keys::{LOOK, Looked, Seen, WatchedKeys};
