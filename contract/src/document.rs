//! A post as a MongoDB document: `{_id: <UUID>, title, content, createdAt: <Date>}`.

use bson::spec::BinarySubtype;
use bson::{Binary, DateTime, RawBinaryRef, RawDocumentBuf, cstr};

use crate::{Post, PostId};

/// The document's id field: a BSON binary of subtype 4.
pub const ID_FIELD: &str = "_id";

/// The document of a post, encoded at once as raw BSON; `created_at_ms` is the record's timestamp.
pub fn encode(id: PostId, post: &Post<'_>, created_at_ms: i64) -> RawDocumentBuf {
    let mut document = empty_with_room(post.title().len() + post.content().len());
    document.append(cstr!("_id"), RawBinaryRef { subtype: BinarySubtype::Uuid, bytes: id.uuid().as_bytes() });
    document.append(cstr!("title"), post.title());
    document.append(cstr!("content"), post.content());
    document.append(cstr!("createdAt"), DateTime::from_millis(created_at_ms));
    document
}

/// An empty document that takes a post's fields without growing.
fn empty_with_room(text_bytes: usize) -> RawDocumentBuf {
    /// Its length, which is a document's own first field, and the zero at its end.
    const EMPTY: [u8; 5] = [5, 0, 0, 0, 0];
    /// Names, types, lengths, the id and the date: 79 bytes.
    const OTHER_BYTES: usize = 96;
    let mut bytes = Vec::with_capacity(text_bytes + OTHER_BYTES);
    bytes.extend_from_slice(&EMPTY);
    RawDocumentBuf::from_bytes(bytes).expect("an empty document is a document")
}

/// An id as its BSON value.
pub fn encode_id(id: PostId) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: id.uuid().as_bytes().to_vec() }
}

/// The id that a document's `_id` spells, if it is a UUID.
pub fn decode_id(id: bson::RawBsonRef<'_>) -> Option<PostId> {
    let binary = id.as_binary().filter(|binary| binary.subtype == BinarySubtype::Uuid)?;
    let bytes = <[u8; 16]>::try_from(binary.bytes).ok()?;
    Some(uuid::Uuid::from_bytes(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parser;

    #[test]
    fn a_document_holds_the_post_and_its_id() {
        let id = PostId::fresh();
        let mut body = br#"{"title":"Hello","content":"long enough"}"#.to_vec();
        let document = encode(id, &Parser::default().parse(&mut body).unwrap(), 1_700_000_000_123);
        assert_eq!(decode_id(document.get("_id").unwrap().unwrap()), Some(id));
        assert_eq!(document.get_str("title").unwrap(), "Hello");
        assert_eq!(document.get_str("content").unwrap(), "long enough");
        assert_eq!(document.get_datetime("createdAt").unwrap().timestamp_millis(), 1_700_000_000_123);
        assert_eq!(document.iter().count(), 4);
    }
}
