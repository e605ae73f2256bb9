//! Finds or starts an Apache Kafka broker and a document store that speaks MongoDB's protocol.
//!
//! [`Stack::start`] takes what `KAFKA_BROKER` and `MONGO_URI` name; else it asks Docker Compose; else it starts native
//! processes: Kafka from its Maven artifact, and a real `mongod` or, where there is none, a store built on FerretDB.
//! SecantusDB, and a store in memory to measure without a disk, are started only where they are asked for.
//! What is downloaded and built is cached under `target/stack/`; data and logs of a run live in a fresh directory there.
//! Whatever is started ends with this process, even when this process is killed (see [`Process`]).
//!
//! Tests that need their own server, later than something else or with a port known beforehand, use [`kafka::start`]
//! and [`store::start`]; tests that only need a server share one stack by [`shared()`], and those about MongoDB's own
//! answers share one store by [`shared_mongodb()`].

mod cache;
mod choice;
mod compose;
mod disk;
mod ferretdb;
mod go;
mod guard;
pub mod kafka;
mod memory;
mod native;
mod options;
mod port;
mod probe;
mod process;
mod progress;
pub mod prometheus;
mod run_directory;
mod secantus;
mod server;
mod shared;
mod stack;
pub mod store;
mod tools;
mod toxiproxy;

pub use crate::options::{Options, StackKind, StoreKind};
pub use crate::port::free_port;
pub use crate::process::{Process, Signal};
pub use crate::progress::{Progress, to_stderr};
pub use crate::server::Server;
pub use crate::shared::{environment, shared, shared_mongodb};
pub use crate::stack::Stack;
pub use crate::toxiproxy::{Link, Toxiproxy};
