//! Topics, seen from outside of any group: what is in them ([`reader`]), how far a group is, and a way to send to them
//! ([`sender`]). For commands and for tests of the whole: a service publishes, or is a member of a group.

mod reader;
mod record;
mod sender;

pub use reader::{Partition, Progress, Reader, ReaderConfig};
pub use record::ReadRecord;
pub use sender::{Outgoing, Sender, Sending};

pub(crate) use reader::partitions;
pub(crate) use sender::acknowledged_by_all;
