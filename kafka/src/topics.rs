//! Topics, seen from outside any group: what is in them and how far a group is ([`reader`]), a way to send to them
//! ([`sender`]), and their settings ([`admin`]). For commands and integration tests: a service publishes, or is a
//! member of a group.

mod admin;
mod assigned;
mod groups;
mod offsets;
mod overview;
mod progress;
mod reader;
mod record;
mod refusal;
mod repeater;
mod sender;
mod window;

pub use admin::{Admin, TopicSettings};
pub use assigned::Assigned;
pub use groups::{GroupDescription, GroupMember};
pub use offsets::NotCommitted;
pub use overview::{NoOverview, PartitionOverview};
pub use progress::Progress;
pub use reader::{Partition, Reader, ReaderConfig};
pub use record::ReadRecord;
pub use repeater::Repeater;
pub use sender::{Outgoing, Sender, Sending};
pub use window::Window;

pub(crate) use admin::LARGEST;
pub(crate) use reader::partitions;
pub(crate) use sender::acknowledged_by_all;
