//! The audit log of the producers against the answers, request by request: what was accepted is in the log, and what is
//! in the log was accepted or is unknown. A few bits for each record, like the rest of the ledger. Pure.
//!
//! A book is filled in two phases: first every request of the run, then every line of the log.

use serde::Serialize;

use super::bitmap::Bitmap;
use super::named::{Finding, FindingKind, NamedFindings};
use super::post::RunId;
use line::{LogLine, Unreadable};

mod line;

/// A request that was sent. One that certainly never left is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentRequest {
    /// The number of its first record.
    pub(crate) n: u64,
    /// How often the same records had been sent before.
    pub(crate) attempt: u32,
    /// How many records it has.
    pub(crate) records: u32,
    pub(crate) answer: RequestAnswer,
    /// Whether its line must be there.
    pub(crate) needs_line: bool,
}

/// What a client knows of the records of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestAnswer {
    /// Nothing: there was no answer.
    Nothing,
    /// All of them were accepted, or none was; the answer has no results of single records.
    Whole { is_accepted: bool },
    /// How many were accepted. `unknown` may be stored or not; the service may know better that they are not. All
    /// others were rejected.
    Counted { accepted: u32, unknown: u32 },
}

/// The comparison in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AuditCounts {
    /// Lines of requests of the run.
    pub(crate) lines: u64,
    /// Lines of other requests, which are not compared.
    pub(crate) other_lines: u64,
    /// Lines that end before their end: no more of them than killed producers can have left.
    pub(crate) half_written: u64,
    /// All other lines that cannot be read.
    pub(crate) unreadable: u64,
    /// Requests that were answered, but have no line.
    pub(crate) not_audited: u64,
    /// Lines with accepted records whose request was rejected, and lines of requests that were never sent.
    pub(crate) audited_only: u64,
    /// Lines with other counts than the answer, and second lines of a request.
    pub(crate) audited_otherwise: u64,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Audited {
    pub(crate) counts: AuditCounts,
    /// The first findings.
    pub(crate) findings: Vec<Finding>,
}

/// The requests of a run, and the lines that were found of them.
#[derive(Debug)]
pub(crate) struct AuditBook {
    run: RunId,
    /// The most records of a request; the number of its first record is a multiple of it.
    bulk: u64,
    /// One for each time that the same records were sent.
    attempts: Vec<Attempt>,
    counts: AuditCounts,
    named: NamedFindings,
}

/// All requests that were sent for the first time, or for the second, and so on.
#[derive(Debug, Default)]
struct Attempt {
    /// Of each record: whether it was sent.
    sent: Bitmap,
    /// As many of the first records of a request as were accepted, and are unknown.
    accepted: Bitmap,
    unknown: Bitmap,
    /// Of the first record of each request: whether there was an answer, whether it had results of single records,
    /// whether its line must be there, and whether it is.
    answered: Bitmap,
    counted: Bitmap,
    needs_line: Bitmap,
    has_line: Bitmap,
}

impl AuditBook {
    /// An empty book of a run with this number of records in a request.
    pub(crate) fn new(run: RunId, bulk: u32) -> Self {
        let (counts, named) = (AuditCounts::default(), NamedFindings::default());
        Self { run, bulk: u64::from(bulk.max(1)), attempts: Vec::new(), counts, named }
    }

    /// The text of the header that names a request.
    pub(crate) fn request_id(run: RunId, n: u64, attempt: u32) -> String {
        format!("{run}-{n}-{attempt}")
    }

    /// A request was sent. Call it once for each, before any line.
    pub(crate) fn sent(&mut self, request: SentRequest) {
        let SentRequest { n, attempt, records, answer, needs_line } = request;
        let attempt = attempt as usize;
        if attempt >= self.attempts.len() {
            self.attempts.resize_with(attempt + 1, Attempt::default);
        }
        let of = &mut self.attempts[attempt];
        let fill = |bitmap: &mut Bitmap, count: u32| (n..n + u64::from(count)).for_each(|n| bitmap.insert(n));
        fill(&mut of.sent, records);
        match answer {
            RequestAnswer::Nothing => {}
            RequestAnswer::Whole { is_accepted } => {
                of.answered.insert(n);
                fill(&mut of.accepted, if is_accepted { records } else { 0 });
            }
            RequestAnswer::Counted { accepted, unknown } => {
                of.answered.insert(n);
                of.counted.insert(n);
                fill(&mut of.accepted, accepted);
                fill(&mut of.unknown, unknown);
            }
        }
        if needs_line {
            of.needs_line.insert(n);
        }
    }

    /// A line of the log, without its end.
    pub(crate) fn line(&mut self, bytes: &[u8]) {
        match LogLine::read(bytes, self.run) {
            Ok(Some(line)) => {
                self.counts.lines += 1;
                if let Some((kind, differs)) = self.judge(&line) {
                    self.found(kind, Some(line.n), differs, bytes);
                }
            }
            Ok(None) => self.counts.other_lines += 1,
            Err(Unreadable::Half) => self.counts.half_written += 1,
            Err(Unreadable::Broken) => self.found(FindingKind::AuditUnreadable, None, String::new(), bytes),
        }
    }

    /// What is wrong with a line, if anything is.
    fn judge(&mut self, line: &LogLine) -> Option<(FindingKind, String)> {
        let LogLine { n, attempt, accepted, rejected, unknown } = *line;
        let bulk = self.bulk;
        let of = self.attempts.get_mut(attempt).filter(|of| n.is_multiple_of(bulk) && of.sent.contains(n));
        let Some(of) = of else {
            return Some((FindingKind::AuditedOnly, "this request was never sent".to_owned()));
        };
        if of.has_line.contains(n) {
            return Some((FindingKind::AuditedOtherwise, "it is the second line of this request".to_owned()));
        }
        of.has_line.insert(n);
        let count = |bitmap: &Bitmap| (n..n + bulk).filter(|n| bitmap.contains(*n)).count() as u64;
        let (records, answered) = (count(&of.sent), count(&of.accepted));
        let all = accepted.saturating_add(rejected).saturating_add(unknown);
        if !of.answered.contains(n) {
            let differs = format!("it has {all} records, and {records} were sent");
            return (all > records).then_some((FindingKind::AuditedOtherwise, differs));
        }
        if accepted != answered {
            let is_alone = answered == 0;
            let kind = if is_alone { FindingKind::AuditedOnly } else { FindingKind::AuditedOtherwise };
            return Some((kind, format!("{accepted} are accepted, and the answer says {answered}")));
        }
        let of_answer = count(&of.unknown);
        let differs = of.counted.contains(n) && (all != records || unknown > of_answer);
        differs.then(|| {
            let rejected_by_answer = records - answered - of_answer;
            let differs = format!(
                "{rejected} are rejected and {unknown} unknown, and the answer says {rejected_by_answer} and \
                 {of_answer}"
            );
            (FindingKind::AuditedOtherwise, differs)
        })
    }

    fn found(&mut self, kind: FindingKind, n: Option<u64>, differs: String, there: &[u8]) {
        match kind {
            FindingKind::AuditedOnly => self.counts.audited_only += 1,
            FindingKind::AuditedOtherwise => self.counts.audited_otherwise += 1,
            _ => self.counts.unreadable += 1,
        }
        self.named.add(kind, n, || Finding {
            differs: (!differs.is_empty()).then_some(differs),
            there: Some(line::shown(there)),
            ..Finding::of(kind, n)
        });
    }

    /// The result, once all lines were entered. At most `most_half_written` lines can be the last of a killed process.
    pub(crate) fn finish(mut self, most_half_written: u64) -> Audited {
        let beyond = self.counts.half_written.saturating_sub(most_half_written);
        self.counts.half_written -= beyond;
        self.counts.unreadable += beyond;
        for of in &self.attempts {
            for index in 0..of.needs_line.words() {
                let mut absent = of.needs_line.word(index) & !of.has_line.word(index);
                self.counts.not_audited += u64::from(absent.count_ones());
                while absent != 0 {
                    let n = Bitmap::number(index, absent.trailing_zeros());
                    let kind = FindingKind::NotAudited;
                    self.named.add(kind, Some(n), || Finding::of(kind, Some(n)));
                    absent &= absent - 1;
                }
            }
        }
        Audited { counts: self.counts, findings: self.named.into_list() }
    }
}

impl AuditCounts {
    /// What must not be there, each with its name in the report.
    pub(crate) fn faults(&self) -> [(&'static str, u64); 4] {
        [
            ("not_audited", self.not_audited),
            ("audited_only", self.audited_only),
            ("audited_otherwise", self.audited_otherwise),
            ("audit_unreadable", self.unreadable),
        ]
    }
}

#[cfg(test)]
mod tests;
