//! Asks the store which of the documents that it refused as duplicates are there.
//!
//! Everything is read from the primary and as acknowledged by the majority, whatever the URI says: a secondary may not
//! yet have the original of the duplicate. An insert is answered only once that original is acknowledged, too.

use std::collections::HashMap;
use std::time::Duration;

use bson::{Binary, RawDocumentBuf, doc};
use contract::{PostId, document};
use mongodb::Collection;
use mongodb::error::ErrorKind;

use super::answers::{ANSWER_TIMEOUT, answer, within};
use super::duplicates::{self, Evidence};

/// The most documents asked for at once, so that each part of a large batch has its own deadline.
pub(super) const READ_BACK: usize = 1000;

/// How a store finds documents by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// By the index of `_id`.
    Indexed,
    /// By reading the whole collection for any question, as FerretDB 1 does with UUIDs. So it is asked only if the
    /// indexes leave no other way.
    Scan,
}

impl Lookup {
    /// Asks a store what it is: only FerretDB 1 gives its version in this field (FerretDB 2 is PostgreSQL, with
    /// indexes).
    pub(super) async fn of(posts: &Collection<RawDocumentBuf>) -> Result<Lookup, String> {
        let admin = posts.client().database("admin");
        let info = answer(admin.run_command(doc! { "buildInfo": 1 })).await?;
        Ok(if info.contains_key("ferretdbVersion") { Lookup::Scan } else { Lookup::Indexed })
    }

    /// Longest wait for such a look-up. Where it reads the whole collection, FerretDB takes 3 s for 100 ids among
    /// 100,000 documents.
    pub(super) fn deadline(self) -> Duration {
        match self {
            Lookup::Indexed => ANSWER_TIMEOUT,
            Lookup::Scan => Duration::from_secs(60),
        }
    }

    /// What the store says about these documents.
    pub(super) async fn evidence(
        self,
        posts: &Collection<RawDocumentBuf>,
        documents: impl Iterator<Item = &RawDocumentBuf>,
    ) -> Result<Evidence, String> {
        if self == Lookup::Scan && other_unique_indexes(posts).await?.is_empty() {
            return Ok(Evidence::OnlyIdIsUnique);
        }
        let deadline = self.deadline();
        let ids: Vec<PostId> = documents.filter_map(|document| duplicates::id(document)).collect();
        let mut found = HashMap::new();
        for ids in ids.chunks(READ_BACK) {
            within(deadline, read_back(posts, ids, deadline, &mut found)).await?;
        }
        Ok(Evidence::ReadBack(found))
    }
}

/// The store also gives up after the deadline, so that it does no work that nobody waits for.
async fn read_back(
    posts: &Collection<RawDocumentBuf>,
    ids: &[PostId],
    deadline: Duration,
    found: &mut HashMap<PostId, RawDocumentBuf>,
) -> mongodb::error::Result<()> {
    let ids: Vec<Binary> = ids.iter().map(|id| document::encode_id(*id)).collect();
    let mut stored = posts.find(doc! { document::ID_FIELD: { "$in": ids } }).max_time(deadline).await?;
    while stored.advance().await? {
        let document = stored.current().to_owned();
        found.extend(duplicates::id(&document).map(|id| (id, document)));
    }
    Ok(())
}

/// Names of the unique indexes besides that of `_id`, which does not declare itself unique.
pub(super) async fn other_unique_indexes(posts: &Collection<RawDocumentBuf>) -> Result<Vec<String>, String> {
    answer(list_unique_indexes(posts)).await
}

async fn list_unique_indexes(posts: &Collection<RawDocumentBuf>) -> mongodb::error::Result<Vec<String>> {
    const NAMESPACE_NOT_FOUND: i32 = 26;
    let mut indexes = match posts.list_indexes().await {
        Ok(indexes) => indexes,
        Err(error) => match *error.kind {
            ErrorKind::Command(ref command) if command.code == NAMESPACE_NOT_FOUND => return Ok(Vec::new()),
            _ => return Err(error),
        },
    };
    let mut names = Vec::new();
    while indexes.advance().await? {
        let index = indexes.deserialize_current()?;
        let is_id = index.keys.keys().eq([document::ID_FIELD]);
        let options = index.options.unwrap_or_default();
        if !is_id && options.unique == Some(true) {
            names.push(options.name.unwrap_or_else(|| "unnamed".to_owned()));
        }
    }
    Ok(names)
}
