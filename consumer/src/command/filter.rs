//! The arguments that say which dead letters are meant.

use clap::Args;
use contract::dead_letter::Reason;
use contract::{PostId, RecordId};

/// Which dead letters; without a filter all of them.
#[derive(Debug, Default, Args)]
pub(super) struct Filter {
    /// Only this reason: undecodable, invalid, refused or conflict
    #[arg(long, value_parser = parse_reason)]
    pub(super) reason: Option<Reason>,
    /// Only this id; may be given several times
    #[arg(long = "id", value_name = "ID", value_parser = parse_id)]
    pub(super) ids: Vec<RecordId>,
}

fn parse_reason(text: &str) -> Result<Reason, String> {
    Reason::from_name(text).ok_or_else(|| format!("must be one of {}", Reason::ALL.map(Reason::as_str).join(", ")))
}

/// A post's id in any of its forms, or the id of a record of another kind as it is written.
pub(super) fn parse_id(text: &str) -> Result<RecordId, String> {
    match PostId::from_key(text.as_bytes()) {
        Some(id) => Ok(id.into()),
        None if text.is_empty() => Err("must be an id, as in the answer to the request".to_owned()),
        None => Ok(RecordId::from_text(text)),
    }
}
