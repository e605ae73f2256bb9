//! Where Kafka and the store come from.

use clap::Args;
use stack::{StackKind, StoreKind};

use super::values::brokers;

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct StackOptions {
    /// Where Kafka and the store come from
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    pub(crate) stack: StackKind,
    /// Which store is started natively
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    pub(crate) store: StoreKind,
    /// How many Kafka brokers are started natively, 1 or 3; with 3 every record is on all three
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = brokers)]
    pub(crate) brokers: u32,
}

impl StackOptions {
    pub(crate) fn options(&self) -> stack::Options {
        let Self { stack, store, brokers } = *self;
        stack::Options { stack, store, brokers, ..stack::Options::default() }
    }
}
