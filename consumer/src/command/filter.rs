//! The arguments that say which dead letters are meant.

use clap::Args;
use contract::PostId;
use contract::dead_letter::Reason;

/// Which dead letters; without a filter all of them.
#[derive(Debug, Default, Args)]
pub(super) struct Filter {
    /// Only this reason: undecodable, invalid, refused or conflict
    #[arg(long, value_parser = parse_reason)]
    pub(super) reason: Option<Reason>,
    /// Only this id; may be given several times
    #[arg(long = "id", value_name = "ID", value_parser = parse_id)]
    pub(super) ids: Vec<PostId>,
}

fn parse_reason(text: &str) -> Result<Reason, String> {
    Reason::from_name(text).ok_or_else(|| format!("must be one of {}", Reason::ALL.map(Reason::as_str).join(", ")))
}

fn parse_id(text: &str) -> Result<PostId, String> {
    PostId::from_key(text.as_bytes()).ok_or_else(|| "must be a UUID, as in the answer to a post".to_owned())
}
