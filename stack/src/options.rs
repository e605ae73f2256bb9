//! What a caller can request, as values of `--stack` and `--store`.

use std::fmt;

use clap::ValueEnum;

use crate::progress::{OnProgress, to_stderr};

/// What to start or find. The default uses the first that works.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where the two servers come from (`--stack`).
    pub stack: StackKind,
    /// Which native store to start (`--store`).
    pub store: StoreKind,
    /// How many native brokers to start, one or three. With three, every record is on three brokers, and any one of
    /// them can fail.
    pub brokers: u32,
    /// Whether clients reach native servers through proxies that can slow or cut their connections.
    pub proxied: bool,
    /// Gets a line whenever something takes more than a second.
    pub progress: OnProgress,
}

impl Default for Options {
    fn default() -> Options {
        Options { stack: StackKind::Auto, store: StoreKind::Auto, brokers: 1, proxied: false, progress: to_stderr }
    }
}

/// Where the broker and the store come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StackKind {
    /// External where a variable names it, otherwise Docker if an engine answers, otherwise native.
    #[default]
    Auto,
    /// KAFKA_BROKER and MONGO_URI name running servers.
    External,
    /// Containers of Docker Compose.
    Docker,
    /// Processes on this machine.
    Native,
}

/// Which native store to start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// A mongod if MONGOD or PATH has one, otherwise the one built on FerretDB.
    #[default]
    Auto,
    /// A real mongod, named by MONGOD or found on PATH.
    Mongod,
    /// A store built from FerretDB (MongoDB's protocol over SQLite).
    Ferretdb,
    /// SecantusDB (MongoDB's protocol over WiredTiger), which answers as MongoDB does; installed with Python.
    Secantus,
    /// A store in memory (mongo-java-server), for measuring without a disk: nothing survives its end.
    Memory,
}

impl fmt::Display for StackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(*self, f)
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(*self, f)
    }
}

fn write_name(kind: impl ValueEnum, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let value = kind.to_possible_value().expect("no variant is hidden from the command line");
    f.write_str(value.get_name())
}

/// What a store is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// To store documents, perhaps behind a proxy.
    Standalone,
    /// To fail as well, when `configureFailPoint` asks for it.
    Fallible,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_as_they_are_read() {
        for kind in StackKind::value_variants() {
            assert_eq!(StackKind::from_str(&kind.to_string(), false), Ok(*kind));
        }
        for kind in StoreKind::value_variants() {
            assert_eq!(StoreKind::from_str(&kind.to_string(), false), Ok(*kind));
        }
    }
}
