//! Documents and places as people read them.

use std::fmt::Display;

use anyhow::Context;
use bson::{Bson, Document, RawDocumentBuf};
use contract::Tombstone;
use contract::document::ID_FIELD;

/// The document as JSON for people: MongoDB's extended JSON would show the id in base64.
pub(super) fn readable(id: &impl Display, document: &Document) -> anyhow::Result<serde_json::Value> {
    let mut fields = serde_json::Map::new();
    for (name, value) in document {
        let value = match value {
            Bson::Binary(_) if name == ID_FIELD => id.to_string().into(),
            Bson::DateTime(date) => date.try_to_rfc3339_string().context("a date is far off")?.into(),
            other => serde_json::to_value(other).context("the document is not JSON")?,
        };
        fields.insert(name.clone(), value);
    }
    Ok(fields.into())
}

/// What a document says of its record: that it is stored, or, as a tombstone, that it is erased.
pub(super) fn there(document: &Document) -> anyhow::Result<&'static str> {
    let document = RawDocumentBuf::try_from(document).context("the document cannot be read")?;
    Ok(if Tombstone::read(&document).is_some() { "erased" } else { "stored" })
}

/// The place of a record, in words.
pub(super) fn place(topic: &str, partition: i32, offset: i64) -> String {
    format!("topic {topic}, partition {partition}, offset {offset}")
}

#[cfg(test)]
mod tests {
    use contract::PostId;

    use super::*;

    #[test]
    fn a_document_is_shown_as_people_read_it() {
        let id = PostId::fresh();
        let mut body = br#"{"title":"Hello","content":"long enough"}"#.to_vec();
        let post = contract::Parser::default().parse(&mut body).map(|post| contract::document::encode(id, &post, 0));
        let document = Document::try_from(post.unwrap()).unwrap();
        let shown = readable(&id, &document).unwrap();
        assert_eq!(shown["_id"], id.to_string());
        assert_eq!(shown["title"], "Hello");
        assert_eq!(shown["createdAt"], "1970-01-01T00:00:00Z");
    }
}
