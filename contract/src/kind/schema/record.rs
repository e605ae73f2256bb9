//! A valid record of a schema's kind.

use bson::RawDocumentBuf;

use super::dates::At;
use super::document;
use super::tree::Member;
use crate::kind::errors::FieldErrors;
use crate::{Place, PostId};

/// A valid record.
pub struct SchemaRecord<'a> {
    pub(super) value: &'a [u8],
    pub(super) members: Vec<Member<'a>>,
    /// The way to its key, if the kind has one.
    pub(super) key_steps: Option<&'a [String]>,
    pub(super) dates: At<'a>,
}

impl SchemaRecord<'_> {
    /// Its bytes, as they were sent.
    pub fn value(&self) -> &[u8] {
        self.value
    }

    /// Its key, which the schema promises.
    ///
    /// # Errors
    /// When the kind has no key.
    pub fn required_key(&self) -> Result<&str, FieldErrors> {
        self.key().ok_or_else(|| FieldErrors::of_body("must have a text at the key pointer of its kind".to_owned()))
    }

    /// Its key; `None` in a kind whose records each become a document of their own.
    pub fn key(&self) -> Option<&str> {
        let (first, rest) = self.key_steps?.split_first()?;
        let member = self.members.iter().find(|member| member.name == **first)?;
        member.value.at(rest)?.text()
    }

    /// Upper bound of its document's size, in bytes.
    pub(super) fn document_bytes(&self) -> usize {
        document::max_bytes(&self.members, self.dates)
    }

    /// Its document under this id; `created_at_ms` is the record's timestamp.
    pub fn document(&self, id: PostId, created_at_ms: i64) -> RawDocumentBuf {
        document::inserted(&self.members, self.dates, self.value.len(), id, created_at_ms)
    }

    /// Its document under this key, for a record that stands at this place.
    pub fn keyed_document(&self, key: &str, place: &Place) -> RawDocumentBuf {
        document::replaced(&self.members, self.dates, self.value.len(), key, place)
    }
}
