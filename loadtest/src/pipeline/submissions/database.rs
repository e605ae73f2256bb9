//! The database of a run: a file of SQLite, a PostgreSQL that is started for it, or one that runs already.

use std::path::{Path, PathBuf};

use anyhow::Context;
use stack::Postgres;

use crate::base::exit::Unusable;
use crate::pipeline::settings::{Lookup, set};

/// Which database to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DatabaseKind {
    /// A file, and one process that does everything
    #[default]
    Sqlite,
    /// PostgreSQL, with the API and the workers in processes of their own
    Postgres,
}

/// A database.
pub(crate) enum Database {
    File(PathBuf),
    Started(Box<Postgres>),
    Running(String),
}

impl Database {
    /// The one to use; its file is in this directory. A PostgreSQL is started unless `DATABASE_URL` names one.
    ///
    /// # Errors
    /// When it does not start, or `DATABASE_URL` names something else.
    pub(crate) async fn of(
        kind: DatabaseKind,
        directory: &Path,
        run: &str,
        lookup: Lookup<'_>,
    ) -> anyhow::Result<Self> {
        if kind == DatabaseKind::Sqlite {
            let directory = directory.canonicalize().context("cannot find the directory of the report")?;
            return Ok(Self::File(directory.join(format!("{run}.db"))));
        }
        match set(lookup, "DATABASE_URL") {
            Some(url) if url.starts_with("postgres") => Ok(Self::Running(url)),
            Some(_) => {
                let why = "with --database postgres, DATABASE_URL must begin with postgres://, or be left out";
                Err(Unusable(why.to_owned()).into())
            }
            None => Ok(Self::Started(Box::new(Postgres::start(stack::to_stderr, lookup).await?))),
        }
    }

    /// Its `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Started(postgres) => postgres.url("postgres"),
            Self::Running(url) => url.clone(),
        }
    }

    /// What it is, in words.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "SQLite",
            Self::Started(_) => "PostgreSQL, started for the run",
            Self::Running(_) => "PostgreSQL of DATABASE_URL",
        }
    }

    /// Removes a file that is not needed any more.
    pub(crate) fn remove(&self) {
        if let Self::File(path) = self {
            for end in ["", "-wal", "-shm"] {
                let mut name = path.clone().into_os_string();
                name.push(end);
                // What is left of it harms nobody.
                std::fs::remove_file(name).ok();
            }
        }
    }
}
