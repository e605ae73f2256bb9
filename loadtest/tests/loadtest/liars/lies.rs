//! The lies, what each does to a post, and how the lab must name it.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, RawDocumentBuf};
use contract::{PostId, Tombstone, document};

/// The number of the first post that a lie may be about.
pub(super) const FIRST: u64 = 1_000;

/// An é of two characters.
const DECOMPOSED: &str = "e\u{301}";

/// What a pipeline does once, and must not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    Drops,
    /// Stores a tombstone in the place of the document.
    Erases,
    Doubles,
    Cuts,
    Swaps,
    Normalises,
    ChangesTheType,
    DatesAsText,
    StoresUnderAnotherId,
    AnswersWithAnotherId,
    OtherTime,
    AddsAField,
    RemovesAField,
    CutsTheNumber,
    DeadLetters,
    DeadLettersAltered,
    StoresARejectedOne,
    AcceptsAnInvalidOne,
    StoresOneThatWasNeverSent,
    StoresUnderNoNumber,
    /// Answers before it stores, for some posts, and forgets them when it dies and starts again.
    AnswersAndDies,
    /// Commits past a record that it does not store.
    CommitsAhead,
    /// Never commits the last record.
    LeavesALag,
    /// Says in its metrics that it has accepted one post less.
    CountsWrongly,
    /// Answers 503 to everything while it is ready.
    RejectsEverything,
    /// Leaves a line out of its audit log.
    AuditsOneLess,
    /// Has an accepted post in its audit log that it has rejected.
    AuditsARejectedOne,
    /// Has an accepted post as unknown in its audit log.
    AuditsOtherwise,
    /// Writes a line without its start.
    AuditsAnEnd,
}

/// A lie, the options with which the lab meets it, and the words that name it.
pub(super) type NamedLie = (Lie, &'static [&'static str], &'static [&'static str]);

/// Every lie. Numbers that start with 10 are those of the first posts that it may be about.
pub(super) const LIES: [NamedLie; 29] = [
    (Lie::Drops, &[], &["FAILED  missing==0", "Missing, number 10"]),
    (Lie::Erases, &[], &["FAILED  missing==0", "Missing, number 10"]),
    (Lie::Doubles, &[], &["FAILED  duplicated==0", "Duplicated, number 10"]),
    (Lie::Cuts, &[], &["FAILED  changed==0", "Changed, number 10", ": content from character "]),
    (Lie::Swaps, &[], &["FAILED  changed==0        2", "Changed, number 10", ": content from character "]),
    (
        Lie::Normalises,
        &["--hostile-share", "0.5"],
        &["FAILED  changed==0", "Changed, number 1", ": content from character "],
    ),
    (Lie::ChangesTheType, &[], &["FAILED  changed==0", "Changed, number 10", ": content is no text\n"]),
    (Lie::DatesAsText, &[], &["FAILED  changed==0", "Changed, number 10", ": createdAt is no date\n"]),
    (Lie::StoresUnderAnotherId, &[], &["FAILED  unexpected==0", "OtherId, number 10"]),
    (Lie::AnswersWithAnotherId, &[], &["FAILED  unexpected==0", "OtherId, number 10"]),
    (Lie::OtherTime, &[], &["FAILED  changed==0", "Changed, number 10", ": createdAt is 3"]),
    (Lie::AddsAField, &[], &["FAILED  changed==0", "Changed, number 10", ": status is not in a post\n"]),
    (Lie::RemovesAField, &[], &["FAILED  changed==0", "Changed, number 10", ": createdAt is not there\n"]),
    (Lie::CutsTheNumber, &[], &["FAILED  missing==0", "Missing, number 10", "Duplicated, number 10"]),
    (Lie::DeadLetters, &[], &["FAILED  dead_lettered==0", "DeadLettered, number 10"]),
    (Lie::DeadLettersAltered, &[], &["FAILED  changed==0", "FAILED  dead_lettered==0", "Changed, number 10"]),
    (Lie::StoresARejectedOne, &["--invalid-share", "0.1"], &["FAILED  unexpected==0", "NotAccepted, number 10"]),
    (Lie::AcceptsAnInvalidOne, &["--invalid-share", "0.1"], &["FAILED  1 posts that break a rule on purpose"]),
    (Lie::StoresOneThatWasNeverSent, &[], &["FAILED  unexpected==0", "NotAccepted, number 1000000"]),
    (Lie::StoresUnderNoNumber, &[], &["FAILED  unexpected==0", "NoNumber, without a number"]),
    (Lie::AnswersAndDies, &[], &["FAILED  missing==0        20", "Missing, number 10"]),
    (Lie::CommitsAhead, &[], &["FAILED  missing==0", "Missing, number 10"]),
    (Lie::LeavesALag, &["--drain-timeout", "1s"], &["FAILED  lag_left==0"]),
    (
        Lie::CountsWrongly,
        &[],
        &["FAILED  the target counted", "in ingest_records_accepted_total, but 2xx was the answer to"],
    ),
    (Lie::RejectsEverything, &[], &["FAILED  accepted>0"]),
    (Lie::AuditsOneLess, &[], &["FAILED  not_audited==0        1", "NotAudited, number 10"]),
    (
        Lie::AuditsARejectedOne,
        &["--invalid-share", "0.1"],
        &["FAILED  audited_only==0       1", "AuditedOnly, number 10"],
    ),
    (Lie::AuditsOtherwise, &[], &["FAILED  audited_otherwise==0  1", "AuditedOtherwise, number 10"]),
    (Lie::AuditsAnEnd, &[], &["FAILED  not_audited==0        1", "FAILED  audit_unreadable==0   1"]),
];

/// A valid post and its honest document.
#[derive(Debug, Clone)]
pub(super) struct HonestPost {
    pub(super) id: PostId,
    pub(super) title: String,
    pub(super) content: String,
    pub(super) document: RawDocumentBuf,
}

impl Lie {
    /// Whether it needs records in a topic and a group that commits.
    pub(super) fn needs_records(self) -> bool {
        matches!(self, Lie::CommitsAhead | Lie::LeavesALag)
    }

    /// Whether it is about lines of the audit log.
    pub(super) fn is_about_audit(self) -> bool {
        use Lie::{AuditsARejectedOne, AuditsAnEnd, AuditsOneLess, AuditsOtherwise};
        matches!(self, AuditsOneLess | AuditsARejectedOne | AuditsOtherwise | AuditsAnEnd)
    }

    /// What a line about this post becomes.
    pub(super) fn audited(self, line: &str) -> String {
        match self {
            Lie::AuditsOneLess => String::new(),
            Lie::AuditsARejectedOne => line.replace(r#""accepted":0,"rejected":1"#, r#""accepted":1,"rejected":0"#),
            Lie::AuditsOtherwise => line.replace(r#""accepted":1,"#, r#""accepted":0,"unknown":1,"#),
            Lie::AuditsAnEnd => line[1..].to_owned(),
            _ => line.to_owned(),
        }
    }

    /// The number of posts that it is about.
    pub(super) fn posts(self) -> u64 {
        match self {
            Lie::Swaps => 2,
            Lie::AnswersAndDies => 20,
            _ => 1,
        }
    }

    /// Whether it is about posts that break a rule.
    pub(super) fn is_about_invalid(self) -> bool {
        matches!(self, Lie::StoresARejectedOne | Lie::AcceptsAnInvalidOne | Lie::AuditsARejectedOne)
    }

    /// Whether it can be about this valid post: one whose title ends with its number, unless its content matters.
    pub(super) fn can_be_about(self, post: &HonestPost) -> bool {
        match self {
            Lie::Normalises => post.content.contains(DECOMPOSED),
            _ => !self.is_about_invalid() && post.title.ends_with(|last: char| last.is_ascii_digit()),
        }
    }

    /// What is stored for a post, instead of its document.
    pub(super) fn documents(self, post: &HonestPost) -> Vec<RawDocumentBuf> {
        let honest = Document::try_from(&post.document).unwrap();
        let raw = |document: &Document| RawDocumentBuf::try_from(document).unwrap();
        let with = |field: &str, value: Bson| {
            let mut altered = honest.clone();
            altered.insert(field, value);
            raw(&altered)
        };
        let other_id = || Bson::Binary(document::encode_id(PostId::fresh()));
        let text = |text: String| Bson::String(text);
        let beside = |title: String| {
            let mut other = honest.clone();
            other.insert("_id", other_id());
            other.insert("title", title);
            vec![post.document.clone(), raw(&other)]
        };
        let (start, number) = post.title.split_at(post.title.find(' ').unwrap() + 10);
        let last = post.content.char_indices().next_back().unwrap().0;
        match self {
            Lie::Drops | Lie::CommitsAhead | Lie::DeadLetters | Lie::DeadLettersAltered => vec![],
            Lie::Erases => vec![Tombstone { erased_at_ms: 1, kept_until_ms: None }.of_id(post.id)],
            Lie::Doubles => vec![post.document.clone(), with("_id", other_id())],
            Lie::Cuts => vec![with("content", text(post.content[..last].to_owned()))],
            Lie::Normalises => vec![with("content", text(post.content.replace(DECOMPOSED, "\u{e9}")))],
            Lie::ChangesTheType => {
                let bytes = post.content.clone().into_bytes();
                vec![with("content", Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes }))]
            }
            Lie::DatesAsText => vec![with("createdAt", text("2026-11-28T12:00:00Z".to_owned()))],
            Lie::StoresUnderAnotherId => vec![with("_id", other_id())],
            Lie::OtherTime => {
                let date = honest.get_datetime("createdAt").unwrap().timestamp_millis();
                vec![with("createdAt", Bson::DateTime(DateTime::from_millis(date + 3_600_000)))]
            }
            Lie::AddsAField => vec![with("status", text("new".to_owned()))],
            Lie::RemovesAField => {
                let mut altered = honest.clone();
                altered.remove("createdAt");
                vec![raw(&altered)]
            }
            Lie::CutsTheNumber => vec![with("title", text(format!("{start}{}", &number[..number.len() - 1])))],
            Lie::StoresOneThatWasNeverSent => beside(format!("{start}1000000")),
            Lie::StoresUnderNoNumber => beside(format!("{start}x")),
            _ => vec![post.document.clone()],
        }
    }

    /// Two posts with each other's contents.
    pub(super) fn swapped(one: &HonestPost, other: &HonestPost) -> Vec<RawDocumentBuf> {
        let with = |post: &HonestPost, content: &str| {
            let mut document = Document::try_from(&post.document).unwrap();
            document.insert("content", content);
            RawDocumentBuf::try_from(&document).unwrap()
        };
        vec![with(one, &other.content), with(other, &one.content)]
    }
}
