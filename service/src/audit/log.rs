//! The log's own thread. The lines of requests that end at the same time are written at once, and each request is
//! answered after its line. So a disk may be slow without holding up a thread that serves requests.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use metrics::Counter;
use tokio::sync::oneshot;

use crate::audit::file::{LogFile, Sink};
use crate::audit::unwritten::Unwritten;
use crate::metrics::Metric;
use crate::rate::{Limiter, Standing, Who};
use crate::{Readiness, Registry};

/// What `/readyz` calls the log.
const CONDITION: &str = "audit log";

/// Lines that were written.
pub(crate) const LINES: Metric = Metric::counter("http_server_audit_lines_total", "Lines written to the audit log");

/// Lines that were not.
pub(crate) const LINES_LOST: Metric = Metric::counter(
    "http_server_audit_lines_lost_total",
    "Lines that are not in the audit log: it could not be written for too long; lines of denied requests beyond 100 a \
     second count, too",
);

/// Answers that did not wait for their line any longer.
pub(crate) const LATE_ANSWERS: Metric = Metric::counter(
    "http_server_audit_late_answers_total",
    "Requests that were answered before their line was written, because the audit log could not be written in time",
);

/// The longest time that an answer waits for its line. What is accepted is stored by then, so the answer says so even
/// if the log cannot be written.
const LONGEST: Duration = Duration::from_secs(2);

/// How often a log that cannot be written is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// How many lines of denied requests are written.
const DENIALS: &str = "100/s";

/// What is limited by that.
const DENIAL: &str = "denial";

/// The most lines that wait for the thread.
const MOST_WAITING: usize = 100_000;

/// Where the lines go, as the setting says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To standard output.
    Output,
    /// To this file.
    File(PathBuf),
}

/// The log. Its thread ends when it is dropped, after everything is written that can be.
pub(crate) struct AuditLog {
    lines: Option<Sender<Entry>>,
    waiting: Arc<AtomicUsize>,
    late: Counter,
    lost: Counter,
    denials: (Limiter, Standing),
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Entry {
    line: Vec<u8>,
    /// Gets a word once it is written.
    written: Option<oneshot::Sender<()>>,
}

impl AuditLog {
    /// Opens it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(crate) fn open(target: &Target, registry: &Registry, readiness: &Readiness) -> anyhow::Result<Self> {
        let sink = match target {
            Target::Output => Sink::Output,
            Target::File(path) => Sink::File(open(path)?),
        };
        let (lines, entries) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let writer = Writer {
            sink,
            unwritten: Unwritten::default(),
            waiting: Arc::clone(&waiting),
            counters: (registry.counter(&LINES, &[]), registry.counter(&LINES_LOST, &[])),
            readiness: readiness.clone(),
            is_failing: false,
        };
        readiness.met(CONDITION);
        let denials = Limiter::new(vec![DENIAL], DENIALS.parse().ok());
        let standing = denials.standing(None);
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let writer = thread.spawn(move || writer.run(&entries)).context("cannot start the audit log's thread")?;
        Ok(Self {
            lines: Some(lines),
            waiting,
            late: registry.counter(&LATE_ANSWERS, &[]),
            lost: registry.counter(&LINES_LOST, &[]),
            denials: (denials, standing),
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Writes a line, and returns once it is written, or cannot be for now.
    pub(super) async fn write(&self, line: Vec<u8>) {
        let (written, done) = oneshot::channel();
        self.send(Entry { line, written: Some(written) });
        if !matches!(tokio::time::timeout(LONGEST, done).await, Ok(Ok(()))) {
            self.late.increment(1);
        }
    }

    /// Writes a line that nobody waits for.
    pub(super) fn write_later(&self, line: Vec<u8>) {
        self.send(Entry { line, written: None });
    }

    /// Whether the line of another denied request may be written now.
    pub(super) fn has_room_for_denial(&self) -> bool {
        let (limiter, standing) = &self.denials;
        limiter.take(Who::Known(standing), DENIAL).is_ok()
    }

    /// A line is not written, on purpose.
    pub(super) fn leave_out(&self) {
        self.lost.increment(1);
    }

    fn send(&self, entry: Entry) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.lost.increment(1);
            return;
        }
        // The thread ends after this does.
        self.lines.as_ref().map(|lines| lines.send(entry));
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.lines = None;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the audit log's thread failed");
        }
    }
}

fn open(path: &Path) -> anyhow::Result<LogFile> {
    LogFile::open(path).with_context(|| format!("AUDIT_LOG: cannot open {}", path.display()))
}

/// What the thread has.
struct Writer {
    sink: Sink,
    unwritten: Unwritten,
    waiting: Arc<AtomicUsize>,
    /// Lines that were written, and that were lost.
    counters: (Counter, Counter),
    readiness: Readiness,
    is_failing: bool,
}

impl Writer {
    fn run(mut self, entries: &Receiver<Entry>) {
        loop {
            let first = if self.is_failing {
                entries.recv_timeout(RETRY)
            } else {
                entries.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            let is_over = matches!(first, Err(RecvTimeoutError::Disconnected));
            let mut done = Vec::new();
            for entry in first.into_iter().chain(entries.try_iter()) {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                if self.unwritten.add(&entry.line) {
                    done.extend(entry.written);
                } else {
                    self.counters.1.increment(1);
                }
            }
            self.write_all();
            if !self.is_failing {
                // Who is gone need not know.
                done.into_iter().for_each(|written| _ = written.send(()));
            }
            // Otherwise they are dropped, which answers their requests at once.
            if is_over {
                let lost = if self.is_failing { self.unwritten.lines() as u64 } else { 0 };
                self.counters.1.increment(lost);
                return;
            }
        }
    }

    fn write_all(&mut self) {
        match self.try_write_all() {
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                tracing::info!("the audit log is written again, with all lines that waited");
                self.readiness.met(CONDITION);
            }
            Ok(()) => {}
            Err(error) => {
                if !self.is_failing {
                    tracing::error!(%error, "cannot write the audit log; its lines wait in memory");
                }
                self.is_failing = true;
                self.readiness.unmet(CONDITION, format!("cannot be written: {error}"));
            }
        }
    }

    fn try_write_all(&mut self) -> std::io::Result<()> {
        if self.sink.follow()? {
            self.unwritten.restart_line();
        }
        let lines = self.unwritten.lines() as u64;
        while !self.unwritten.rest().is_empty() {
            let written = self.sink.write(self.unwritten.rest())?;
            self.unwritten.advance(written);
        }
        self.counters.0.increment(lines);
        Ok(())
    }
}
