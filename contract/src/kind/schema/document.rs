//! The document of a record, written directly as raw BSON: whole numbers as 64-bit integers, other numbers as doubles,
//! texts that the schema calls times as dates, and everything else as what it is.

use bson::RawDocumentBuf;
use bson::raw::{CStr, cstr};

use super::dates::At;
use super::tree::{Member, Tree};
use crate::bson_writer::BsonWriter;
use crate::kind::time;
use crate::{Place, PostId, document};

/// The largest document. MongoDB takes 16 MiB, of which a command may need some for itself.
pub(super) const MAX_BYTES: usize = 16_000_000;

/// What a document takes besides its record's members, upper bound.
const OTHER_BYTES: usize = 512;

/// A document of its own: `_id`, the record's members, `createdAt`.
pub(super) fn inserted(
    members: &[Member<'_>],
    dates: At<'_>,
    value_bytes: usize,
    id: PostId,
    created_at_ms: i64,
) -> RawDocumentBuf {
    let mut writer = writer(value_bytes);
    writer.uuid(cstr!("_id"), id.uuid());
    write_members(&mut writer, members, Some(dates));
    writer.date(cstr!("createdAt"), created_at_ms);
    writer.finish()
}

/// The document of a key: `_id`, the record's members, and where the record stands in its topic.
pub(super) fn replaced(
    members: &[Member<'_>],
    dates: At<'_>,
    value_bytes: usize,
    key: &str,
    place: &Place,
) -> RawDocumentBuf {
    let mut writer = writer(value_bytes);
    writer.text(cstr!("_id"), key);
    write_members(&mut writer, members, Some(dates));
    document::write_place(&mut writer, place);
    writer.finish()
}

/// Upper bound of the document's size, in bytes.
pub(super) fn max_bytes(members: &[Member<'_>], dates: At<'_>) -> usize {
    let mut writer = BsonWriter::with_capacity(0);
    write_members(&mut writer, members, Some(dates));
    writer.finish().as_bytes().len() + OTHER_BYTES
}

fn writer(value_bytes: usize) -> BsonWriter {
    BsonWriter::with_capacity(value_bytes + value_bytes / 2 + OTHER_BYTES)
}

fn write_members(writer: &mut BsonWriter, members: &[Member<'_>], dates: Option<At<'_>>) {
    for Member { name, value, .. } in members {
        let dates = dates.and_then(|at| at.member(name));
        let name: &CStr = (&**name).try_into().expect("a name with a zero byte is not valid");
        write_value(writer, name, value, dates);
    }
}

fn write_value(writer: &mut BsonWriter, name: &CStr, value: &Tree<'_>, dates: Option<At<'_>>) {
    match value {
        Tree::Null => writer.null(name),
        Tree::Boolean(is_true) => writer.boolean(name, *is_true),
        Tree::Integer(number) => writer.int64(name, *number),
        Tree::Double(number) => writer.double(name, *number),
        Tree::Text(text) => match dates.filter(|at| at.is_date()).and_then(|_| time::parse(text).ok()) {
            Some(time_ms) => writer.date(name, time_ms),
            None => writer.text(name, text),
        },
        Tree::Array(elements) => writer.array(name, elements.iter().enumerate(), |writer, name, (index, element)| {
            write_value(writer, name, element, dates.and_then(|at| at.element(index)));
        }),
        Tree::Object(members) => writer.document(name, |writer| write_members(writer, members, dates)),
        Tree::Inexact(_) | Tree::BrokenText(_) => unreachable!("a record with one of these is not valid"),
    }
}
