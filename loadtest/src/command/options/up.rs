//! `loadtest up`.

use clap::Args;
use stack::StackKind;

use super::stack::StackOptions;

#[derive(Debug, Args)]
pub(crate) struct UpOptions {
    /// Start only Kafka and the store, and print how to start the producer and the consumer
    #[arg(long)]
    pub(crate) stack_only: bool,
    /// Put Toxiproxy before Kafka and the store, which then run natively, for delays and faults of your own
    #[arg(long)]
    pub(crate) proxied: bool,
    #[command(flatten)]
    pub(crate) stack: StackOptions,
}

impl UpOptions {
    /// The servers that are asked for.
    pub(crate) fn servers(&self) -> stack::Options {
        let servers = self.stack.options();
        if self.proxied { stack::Options { proxied: true, stack: StackKind::Native, ..servers } } else { servers }
    }
}
