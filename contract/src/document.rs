//! A post as a MongoDB document, `{_id: <UUID>, title, content, createdAt: <Date>}`, and what the documents of several
//! kinds have in common.

use bson::raw::cstr;
use bson::spec::BinarySubtype;
use bson::{Binary, RawDocumentBuf};
use uuid::Uuid;

use crate::bson_writer::BsonWriter;
use crate::{Place, Post, PostId};

/// The document's id field: a BSON binary of subtype 4.
pub const ID_FIELD: &str = "_id";

/// The document of a post; `created_at_ms` is the record's timestamp.
pub fn encode(id: PostId, post: &Post<'_>, created_at_ms: i64) -> RawDocumentBuf {
    /// Everything but the texts: lengths, types, names, the id, the date, and the closing zeros.
    const OTHER_BYTES: usize = 76;
    let mut writer = BsonWriter::with_capacity(OTHER_BYTES + post.title().len() + post.content().len());
    writer.uuid(cstr!("_id"), id.uuid());
    writer.text(cstr!("title"), post.title());
    writer.text(cstr!("content"), post.content());
    writer.date(cstr!("createdAt"), created_at_ms);
    writer.finish()
}

/// Writes the element `kafka` of a document that stands for the latest record of its key: where that record stands.
pub fn write_place(writer: &mut BsonWriter, place: &Place) {
    writer.document(cstr!("kafka"), |writer| write_place_fields(writer, place));
}

/// Writes what that element has.
pub(crate) fn write_place_fields(writer: &mut BsonWriter, place: &Place) {
    writer.int32(cstr!("partition"), place.partition);
    writer.int64(cstr!("offset"), place.offset);
    writer.date(cstr!("timestamp"), place.timestamp_ms);
}

/// An id as its BSON value.
pub fn encode_id(id: PostId) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: id.uuid().as_bytes().to_vec() }
}

/// The id that a document's `_id` spells, if it is a UUID.
pub fn decode_id(id: bson::RawBsonRef<'_>) -> Option<PostId> {
    let binary = id.as_binary().filter(|binary| binary.subtype == BinarySubtype::Uuid)?;
    let bytes = <[u8; 16]>::try_from(binary.bytes).ok()?;
    Some(Uuid::from_bytes(bytes).into())
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, rawdoc};
    use proptest::prelude::*;

    use super::*;
    use crate::Parser;

    proptest! {
        #[test]
        fn a_document_is_as_the_library_writes_it(
            title in "(?s).{2,100}",
            content in "(?s).{10,1000}",
            created_at_ms: i64,
        ) {
            let mut body = serde_json::json!({ "title": title, "content": content }).to_string().into_bytes();
            let id = PostId::fresh();
            let document = encode(id, &Parser::default().parse(&mut body).unwrap(), created_at_ms);
            let created_at = DateTime::from_millis(created_at_ms);
            let same = rawdoc! { "_id": encode_id(id), "title": title, "content": content, "createdAt": created_at };
            prop_assert_eq!(document.as_bytes(), same.as_bytes());
            prop_assert_eq!(decode_id(document.get(ID_FIELD).unwrap().unwrap()), Some(id));
        }
    }
}
