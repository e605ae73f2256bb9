//! What an address says that the page shows.

use uuid::Uuid;

use crate::form;
use crate::status::Status;

/// The list: of one status or all, from the newest or from what follows `after`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct View {
    pub(super) status: Option<Status>,
    pub(super) after: Option<Uuid>,
    /// Whether the browser reloads it by itself. Without scripts that would lose what is being written, so it has no
    /// form; with scripts nothing leads there.
    pub(super) is_live: bool,
}

impl View {
    /// That of a query, such as `status=FAILED`. What it cannot mean is left out.
    pub(super) fn of(query: &str) -> Self {
        let fields = form::fields(query.as_bytes()).unwrap_or_default();
        let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        Self {
            status: field("status").and_then(Status::from_name),
            after: field("after").and_then(|id| Uuid::try_parse(id).ok()),
            is_live: field("live").is_some(),
        }
    }

    /// A link to it from the page with the list.
    pub(super) fn link(&self) -> String {
        format!("./{}", self.query())
    }

    /// Its query with the question mark, empty for the newest of all.
    pub(super) fn query(&self) -> String {
        let status = self.status.map(|status| format!("status={}", status.as_str()));
        let after = self.after.map(|id| format!("after={id}"));
        let live = self.is_live.then(|| "live".to_owned());
        let fields: Vec<String> = [status, after, live].into_iter().flatten().collect();
        if fields.is_empty() { String::new() } else { format!("?{}", fields.join("&")) }
    }

    /// The words above the list.
    pub(super) fn heading(&self) -> String {
        let what = self.status.map_or("All", Status::as_str);
        format!("{what} submissions{}", if self.after.is_some() { ", older ones" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_and_its_query_are_the_same() {
        let id = Uuid::now_v7();
        for view in [
            View::default(),
            View { status: Some(Status::Failed), ..View::default() },
            View { status: Some(Status::Passed), after: Some(id), is_live: true },
            View { is_live: true, ..View::default() },
        ] {
            let query = view.query();
            assert_eq!(View::of(query.trim_start_matches('?')), view, "{query}");
        }
        assert_eq!(View::default().link(), "./");
        assert_eq!(View { after: Some(id), ..View::default() }.heading(), "All submissions, older ones");
    }

    #[test]
    fn what_a_query_cannot_mean_is_left_out() {
        for query in ["", "status=failed", "status=", "after=7", "other=1", "lively", "status=%FF"] {
            assert_eq!(View::of(query), View::default(), "{query}");
        }
    }
}
