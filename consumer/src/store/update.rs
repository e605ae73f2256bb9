//! Several replacements as one `update` command, unordered, durable as an insert is. The driver has no call for it, so
//! the command is written here, and its answer is read here.

use std::ops::Range;
use std::time::Duration;

use bson::RawDocumentBuf;
use bson::raw::cstr;
use contract::Place;
use contract::bson_writer::BsonWriter;

use super::Store;
use super::answers::{ANSWER_TIMEOUT, within};
use super::guard::Replacement;
use crate::classify::{self, Judgement};

/// The most bytes of the documents of one command; MongoDB takes 48,000,000 bytes in a message.
const COMMAND_BYTES: usize = 8_000_000;

/// The most statements of one command; MongoDB takes 100,000.
const COMMAND_STATEMENTS: usize = 10_000;

/// Replaces the document that the filter finds, or inserts this one where it finds none.
pub(super) struct Statement<'a> {
    pub(super) filter: RawDocumentBuf,
    pub(super) document: &'a RawDocumentBuf,
}

impl Statement<'_> {
    fn bytes(&self) -> usize {
        self.filter.as_bytes().len() + self.document.as_bytes().len()
    }
}

impl Store {
    /// Carries out the statements. Returns what was said about those that did neither, by their index. If no answer
    /// comes, the rest is not sent.
    pub(super) async fn update(&self, statements: &[Statement<'_>]) -> Vec<(usize, Judgement)> {
        self.update_within(ANSWER_TIMEOUT, statements).await
    }

    /// The same with this longest wait for each answer.
    pub(super) async fn update_within(
        &self,
        deadline: Duration,
        statements: &[Statement<'_>],
    ) -> Vec<(usize, Judgement)> {
        let mut judged = Vec::new();
        for part in parts(statements.iter().map(Statement::bytes)) {
            let start = part.start;
            match self.update_once(deadline, &statements[part]).await {
                Ok(judgements) => judged.extend(judgements.into_iter().map(|(index, what)| (start + index, what))),
                Err(reason) => {
                    let rest = start..statements.len();
                    judged.extend(rest.map(|index| (index, Judgement::Transient(reason.clone()))));
                    break;
                }
            }
        }
        judged
    }

    async fn update_once(
        &self,
        deadline: Duration,
        statements: &[Statement<'_>],
    ) -> Result<Vec<(usize, Judgement)>, String> {
        let database = self.collection.client().database(&self.collection.namespace().db);
        let command = command(self.collection.name(), statements);
        classify::update_answer(within(deadline, database.run_raw_command(command)).await?, statements.len())
    }
}

/// The command that stores these documents of different keys in a collection, each unless one of a later record is
/// stored under its key; with the places of their records. This is what measures of a store without the consumer send.
pub fn guarded_updates(collection: &str, states: &[(Place, RawDocumentBuf)]) -> RawDocumentBuf {
    let replacements: Vec<_> = states.iter().map(|(place, document)| Replacement::new(*place, document)).collect();
    let statements: Vec<_> = replacements.iter().map(|one| one.statement(one.if_earlier())).collect();
    command(collection, &statements)
}

fn command(collection: &str, statements: &[Statement<'_>]) -> RawDocumentBuf {
    /// What a statement, and the command itself, has besides filters and documents, at most.
    const OTHER_BYTES: usize = 40;
    let bytes: usize = statements.iter().map(|statement| statement.bytes() + OTHER_BYTES).sum();
    let mut command = BsonWriter::with_capacity(bytes + collection.len() + 3 * OTHER_BYTES);
    command.text(cstr!("update"), collection);
    command.array(cstr!("updates"), statements, |updates, index, Statement { filter, document }| {
        updates.document(index, |update| {
            update.raw_document(cstr!("q"), filter);
            update.raw_document(cstr!("u"), document);
            update.boolean(cstr!("upsert"), true);
        });
    });
    command.boolean(cstr!("ordered"), false);
    command.document(cstr!("writeConcern"), |concern| {
        concern.text(cstr!("w"), "majority");
        concern.boolean(cstr!("j"), true);
    });
    command.finish()
}

/// Parts that fit into a command each, of statements with these sizes in bytes; one that is too large by itself is a
/// part of its own.
fn parts(sizes: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), 0..0, 0);
    for size in sizes {
        if !part.is_empty() && (bytes + size > COMMAND_BYTES || part.len() == COMMAND_STATEMENTS) {
            let end = part.end;
            parts.push(std::mem::replace(&mut part, end..end));
            bytes = 0;
        }
        (part.end, bytes) = (part.end + 1, bytes + size);
    }
    parts.extend(Some(part).filter(|part| !part.is_empty()));
    parts
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc, rawdoc};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_command_has_every_statement_and_asks_for_a_durable_write() {
        let document = rawdoc! { "_id": "A", "status": "PENDING" };
        let statement = Statement { filter: rawdoc! { "_id": "A" }, document: &document };
        let command = Document::try_from(&*command("orders", &[statement])).unwrap();
        let update = doc! { "q": { "_id": "A" }, "u": { "_id": "A", "status": "PENDING" }, "upsert": true };
        let concern = doc! { "w": "majority", "j": true };
        let expected = doc! { "update": "orders", "updates": [update], "ordered": false, "writeConcern": concern };
        assert_eq!(command, expected);
    }

    #[test]
    fn a_measured_command_has_the_conditions_of_the_consumer() {
        let document = rawdoc! { "_id": "A", "status": "PENDING" };
        let place = Place { partition: 3, offset: 17, timestamp_ms: 5 };
        let command = Document::try_from(&*guarded_updates("orders", &[(place, document)])).unwrap();
        let update = command.get_array("updates").unwrap()[0].as_document().unwrap();
        let filter = doc! { "_id": "A", "kafka.partition": 3, "kafka.offset": { "$lt": 17_i64 } };
        assert_eq!(update.get_document("q").unwrap(), &filter);
    }

    #[test]
    fn many_statements_are_several_commands() {
        const MOST: usize = COMMAND_STATEMENTS;
        let lengths = |count| parts(std::iter::repeat_n(1, count)).iter().map(Range::len).collect::<Vec<_>>();
        assert_eq!(lengths(0), [0; 0]);
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(MOST), [MOST]);
        assert_eq!(lengths(2 * MOST + 1), [MOST, MOST, 1]);
    }

    proptest! {
        #[test]
        fn no_command_is_too_large_and_no_statement_is_left_out(
            sizes in prop::collection::vec(0..COMMAND_BYTES / 3 * 4, 0..20)
        ) {
            let mut next = 0;
            for part in parts(sizes.iter().copied()) {
                prop_assert!(part.start == next && !part.is_empty());
                next = part.end;
                let bytes: usize = sizes[part.clone()].iter().sum();
                prop_assert!(bytes <= COMMAND_BYTES || part.len() == 1, "{bytes} bytes");
            }
            prop_assert_eq!(next, sizes.len());
        }
    }
}
