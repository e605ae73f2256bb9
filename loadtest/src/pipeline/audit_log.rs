//! The audit log of the producer: where the lab has it written, and how it is read for its
//! [comparison](AuditBook) with the answers.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::task::spawn_blocking;

use crate::ledger::audit_book::{AuditBook, Audited};

/// Its name beside the other logs. A producer that is started again continues it.
const FILE: &str = "producer.audit.log";

/// The longest line that is read, in bytes, far beyond those of the producer.
const LONGEST_LINE: u64 = 64 * 1024;

/// The files of a run.
#[derive(Debug, Clone)]
pub(crate) struct AuditLogs {
    pub(crate) files: Vec<PathBuf>,
    /// Whether the lab has started the one producer that writes them.
    pub(crate) are_ours: bool,
}

impl AuditLogs {
    /// The log of the producer that the lab starts with its logs in this directory. An earlier run's is removed.
    pub(crate) fn of_lab(directory: &Path) -> anyhow::Result<Self> {
        let file = std::path::absolute(directory).context("cannot find the directory of the report")?.join(FILE);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", file.display()))
            }
            _ => Ok(Self { files: vec![file], are_ours: true }),
        }
    }

    /// The logs of a target, each by a process of its own.
    ///
    /// # Errors
    /// When one cannot be read: better before the load than after it.
    pub(crate) fn of_target(files: &[PathBuf]) -> anyhow::Result<Self> {
        for file in files {
            File::open(file).with_context(|| format!("cannot read the audit log {}", file.display()))?;
        }
        Ok(Self { files: files.to_vec(), are_ours: false })
    }

    /// The variables with which a producer writes it.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let files = self.files.iter().filter(|_| self.are_ours);
        files.map(|file| ("AUDIT_LOG", file.display().to_string())).collect()
    }

    /// Reads all lines into the book, once nobody writes any more. Each of these kills may have left half a line. The
    /// lab's own file is removed if nothing was found.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) async fn compare(self, book: AuditBook, kills: u64) -> anyhow::Result<Audited> {
        let Self { files, are_ours } = self;
        // Nobody knows how often the producers of others were killed.
        let most_half_written = if are_ours { kills } else { u64::MAX };
        let read = move || {
            let mut book = book;
            for file in &files {
                let cannot = || format!("cannot read the audit log {}", file.display());
                read_lines(BufReader::new(File::open(file).with_context(cannot)?), &mut book).with_context(cannot)?;
            }
            let audited = book.finish(most_half_written);
            if are_ours && audited.counts.faults().iter().all(|(_, count)| *count == 0) {
                files.iter().try_for_each(std::fs::remove_file).context("cannot remove the audit log")?;
            }
            anyhow::Ok(audited)
        };
        spawn_blocking(read).await.context("reading the audit log failed")?
    }
}

/// What is beyond the longest line counts as another line, which cannot be read.
fn read_lines(mut log: impl BufRead, book: &mut AuditBook) -> std::io::Result<()> {
    let mut line = Vec::new();
    while log.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? > 0 {
        let end = line.strip_suffix(b"\n").map_or(line.len(), <[u8]>::len);
        // A producer that finds half a line begins another one.
        if end > 0 {
            book.line(&line[..end]);
        }
        line.clear();
    }
    Ok(())
}
