//! TLS of the listeners: which files hold certificate and key, what is wrong with them, and how they are renewed while
//! the service runs.

mod answering;
mod contents;
mod expiry;
mod fault;
mod files;
mod loaded;
mod own;
mod roots;
mod setting;

pub(crate) use answering::{Answering, Gauges};
pub use expiry::not_after;
pub use files::{Audience, TlsFiles};
pub(crate) use own::ask;
pub use roots::{certificates, roots};
pub use setting::VARIABLES;
