//! What operators ask of Kafka and change in it, by commands and on the consumer's listener: the [`topics`] and the
//! [`groups`] of the kinds, where a group starts next ([`reset`]), and which [`kinds`] are paused. Each report is one
//! structure, which is printed as a table or as JSON, and which the listener serves as the same JSON.

use kafka::group::GroupConfig;
use kafka::topics::Reader;

use crate::beginning::reader_config;

pub(crate) mod command;
pub(crate) mod groups;
mod kinds;
mod listener;
mod reset;
mod table;
pub(crate) mod topics;

pub(crate) use listener::Reports;

/// What asks Kafka about one kind's topics and group.
fn reader(group: &GroupConfig) -> anyhow::Result<Reader> {
    Reader::new(reader_config(group, PATIENCE))
}

/// Longest wait for one answer of Kafka.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Who pauses a kind, where nobody says a name.
const SOMEBODY: &str = "an operator";
