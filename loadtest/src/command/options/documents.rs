//! The options that say where a pipeline's documents are and what of them is compared.

use std::time::Duration;

use clap::Args;
use contract::Kind;

use super::values::duration_or_zero;
use crate::ledger::expected::Layout;
use crate::pipeline::store::Documents;

#[derive(Debug, Args)]
pub(crate) struct DocumentOptions {
    /// The collection that --target's pipeline fills [default: posts, or that of --kind]
    #[arg(long, value_name = "NAME")]
    pub(crate) collection: Option<String>,
    /// The field of its documents that has the posts' titles, such as payload.title. Only the fields that are named are
    /// compared then; without any, whole documents are: _id, title, content, createdAt, and no other field
    #[arg(long, value_name = "FIELD")]
    pub(crate) match_field: Option<String>,
    /// The field that has the posts' contents, such as payload.content
    #[arg(long, value_name = "FIELD", requires = "match_field")]
    pub(crate) content_field: Option<String>,
    /// The field that has the date of a document, which must lie within the time of its post's request
    #[arg(long, value_name = "FIELD", requires = "match_field")]
    pub(crate) created_field: Option<String>,
    /// How far the clock that dates the documents may be from this one
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = duration_or_zero)]
    pub(crate) clock_skew: Duration,
}

impl DocumentOptions {
    /// The documents in the store with this URI.
    pub(crate) fn at(&self, kind: Kind, uri: String) -> Documents {
        let ours = Documents::of(kind, uri);
        let Self { collection, match_field, content_field, created_field, .. } = self;
        let layout = match_field.clone().map_or(Layout::Whole, |title| Layout::Mapped {
            title,
            content: content_field.clone(),
            created_at: created_field.clone(),
        });
        Documents { collection: collection.clone().unwrap_or(ours.collection), layout, ..ours }
    }

    /// The first option that only makes sense for another pipeline.
    pub(crate) fn foreign(&self) -> Option<&'static str> {
        let Self { collection, match_field, .. } = self;
        collection.as_ref().map(|_| "--collection").or(match_field.as_ref().map(|_| "--match-field"))
    }
}
