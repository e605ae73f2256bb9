//! An HTTP/1.1 server that bounds everything: connections, their buffers, the time that they idle, the time to read a
//! head, the time a client takes to read an answer, and the time to finish when it stops. The handler decides what to
//! answer.

pub mod bell;
pub mod body;
pub mod client;
mod connection;
mod denials;
pub mod durations;
mod entrance;
mod handshake_failure;
mod handshakes;
mod head_timer;
pub mod headers;
mod limits;
mod lingering;
pub(crate) mod metrics;
mod operators;
mod per_address;
mod phase;
mod pieces;
mod request_body;
mod request_limits;
mod response;
mod revalidation;
mod route;
pub mod sender;
mod server;
mod stop;
mod stream;
mod turned_away;
mod unread;
mod write_deadline;

pub use connection::LAST_CALL;
pub use entrance::Entrance;
pub use head_timer::poll_until;
pub use limits::ServerLimits;
pub use operators::{OPERATOR_CONNECTIONS, serve_operators};
pub use request_body::RequestBody;
pub use request_limits::RequestLimits;
pub use response::{json, response};
pub use revalidation::json_if_changed;
pub use route::{Handler, NoRoutes, Route};
pub use server::serve;
pub use stop::Stop;
