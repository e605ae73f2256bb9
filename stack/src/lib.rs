//! Finds or starts an Apache Kafka broker, a document store that speaks MongoDB's protocol, and a PostgreSQL.
//!
//! [`Stack::start`] uses what `KAFKA_BROKER` and `MONGO_URI` name; otherwise it tries Docker Compose; otherwise it
//! starts native processes: Kafka from its Maven artifact, and a real `mongod` or, without one, a store built on
//! FerretDB. It starts SecantusDB, or a store in memory for measuring without a disk, only on request. Downloads and
//! builds are cached under `target/stack/`; each run's data and logs live in a fresh directory there. Whatever is
//! started ends with this process, even when this process is killed (see [`Process`]).
//!
//! Tests that need a server of their own, started late or on a known port, use [`kafka::start`] and [`store::start`].
//! Tests that only need a server share one stack through [`shared()`], and tests of MongoDB's own answers share one
//! store through [`shared_mongodb()`]. A PostgreSQL is a thing of its own: [`Postgres`], or [`shared_postgres()`].

pub mod access;
mod cache;
pub mod certificates;
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
mod postgres;
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
pub use crate::postgres::{Postgres, shared_postgres};
pub use crate::process::{Process, Signal};
pub use crate::progress::{OnProgress, to_stderr};
pub use crate::server::Server;
pub use crate::shared::{environment, shared, shared_mongodb};
pub use crate::stack::Stack;
pub use crate::toxiproxy::{Link, Toxiproxy};
