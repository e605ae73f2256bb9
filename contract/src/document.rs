//! A post as a MongoDB document: `{_id: <UUID>, title, content, createdAt: <Date>}`.

use bson::spec::BinarySubtype;
use bson::{Binary, RawDocumentBuf};
use uuid::Uuid;

use crate::{Post, PostId};

/// The document's id field: a BSON binary of subtype 4.
pub const ID_FIELD: &str = "_id";

/// The document of a post, encoded directly as raw BSON; `created_at_ms` is the record's timestamp.
pub fn encode(id: PostId, post: &Post<'_>, created_at_ms: i64) -> RawDocumentBuf {
    /// Everything but the texts: lengths, types, names, the id, the date, and the closing zeros.
    const OTHER_BYTES: usize = 76;
    let length = OTHER_BYTES + post.title().len() + post.content().len();
    let mut bytes = Vec::with_capacity(length);
    append_length(&mut bytes, length);
    bytes.extend_from_slice(b"\x05_id\0");
    append_length(&mut bytes, size_of::<Uuid>());
    bytes.push(BinarySubtype::Uuid.into());
    bytes.extend_from_slice(id.uuid().as_bytes());
    bytes.extend_from_slice(b"\x02title\0");
    append_text(&mut bytes, post.title());
    bytes.extend_from_slice(b"\x02content\0");
    append_text(&mut bytes, post.content());
    bytes.extend_from_slice(b"\x09createdAt\0");
    bytes.extend_from_slice(&created_at_ms.to_le_bytes());
    bytes.push(0);
    RawDocumentBuf::from_bytes(bytes).expect("the length is that of the bytes")
}

/// A string after its length, which includes the closing zero.
fn append_text(bytes: &mut Vec<u8>, text: &str) {
    append_length(bytes, text.len() + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
}

fn append_length(bytes: &mut Vec<u8>, length: usize) {
    let length = i32::try_from(length).expect("a post is far smaller");
    bytes.extend_from_slice(&length.to_le_bytes());
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
