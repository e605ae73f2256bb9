//! The kinds of record: what each is called, which topic, consumer group and collection it has, and how it is written.
//! One topic has one kind. Two kinds are built in; others come from files, each with a JSON Schema. A kind's rules are
//! in a file of its own, beside what all of them share: the errors of a body, the elements of a bulk, and times.

pub(crate) mod bulk;
pub(crate) mod errors;
pub(crate) mod files;
pub(crate) mod order;
pub(crate) mod post;
pub(crate) mod schema;
pub(crate) mod time;
mod write;

use std::time::Duration;

use schema::SchemaKind;
pub use write::Write;

/// A type of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A title and a content, stored once under an id of its own.
    Post,
    /// The state of an order, stored under the order's id in place of the previous one.
    Order,
    /// What a file describes. It is read once, at the start, and stays in memory until the process ends.
    Schema(&'static SchemaKind),
}

/// The paths that the services serve whatever files of kinds there are, so that no such kind can have them.
pub const FIXED_ROUTES: [&str; 14] = [
    "/",
    "/livez",
    "/readyz",
    "/health",
    "/metrics",
    "/status",
    "/openapi.json",
    "/docs",
    "/create-post",
    "/create-posts",
    "/api/orders/",
    "/api/orders",
    "/api/orders/bulk",
    "/api/health",
];

impl Kind {
    /// Every kind that needs no file.
    pub const BUILT_IN: [Kind; 2] = [Kind::Post, Kind::Order];

    /// The kind's name in settings, metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Post => "post",
            Kind::Order => "order",
            Kind::Schema(kind) => kind.name(),
        }
    }

    /// What several of its records are called.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Post => "posts",
            Kind::Order => "orders",
            Kind::Schema(kind) => kind.plural(),
        }
    }

    /// The built-in kind that has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|kind| kind.name() == name)
    }

    /// The path of single records.
    pub fn route(self) -> &'static str {
        match self {
            Kind::Post => "/create-post",
            Kind::Order => "/api/orders/",
            Kind::Schema(kind) => kind.route(),
        }
    }

    /// The path of bulks.
    pub fn bulk_route(self) -> &'static str {
        match self {
            Kind::Post => "/create-posts",
            Kind::Order => "/api/orders/bulk",
            Kind::Schema(kind) => kind.bulk_route(),
        }
    }

    /// The default topic.
    pub fn topic(self) -> &'static str {
        match self {
            Kind::Post => "post",
            Kind::Order => "orders",
            Kind::Schema(kind) => kind.topic(),
        }
    }

    /// The default consumer group.
    pub fn group(self) -> &'static str {
        match self {
            Kind::Post => "post-consumer",
            Kind::Order => "order-processing-group",
            Kind::Schema(kind) => kind.group(),
        }
    }

    /// The default dead-letter topic.
    pub fn dead_letter_topic(self) -> &'static str {
        match self {
            Kind::Post => "post.dlq",
            Kind::Order => "orders.dlq",
            Kind::Schema(kind) => kind.dead_letter_topic(),
        }
    }

    /// The collection of its documents.
    pub fn collection(self) -> &'static str {
        match self {
            Kind::Post => "posts",
            Kind::Order => "orders",
            Kind::Schema(kind) => kind.collection(),
        }
    }

    /// How its records become documents.
    pub fn write(self) -> Write {
        match self {
            Kind::Post => Write::Insert,
            Kind::Order => Write::Upsert,
            Kind::Schema(kind) => kind.write(),
        }
    }

    /// The JSON pointer of a record's key, if the kind has one document for each key.
    pub fn key_pointer(self) -> Option<&'static str> {
        match self {
            Kind::Post => None,
            Kind::Order => Some("/order_id"),
            Kind::Schema(kind) => kind.key_pointer(),
        }
    }

    /// How long its file says that its documents are kept; `None` is forever.
    pub fn retention(self) -> Option<Duration> {
        match self {
            Kind::Post | Kind::Order => None,
            Kind::Schema(kind) => kind.retention(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_reads_back_as_its_kind() {
        for kind in Kind::BUILT_IN {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("Post"), None);
    }

    #[test]
    fn no_two_kinds_share_a_route_a_topic_a_group_or_a_collection() {
        for of in [Kind::route, Kind::bulk_route, Kind::topic, Kind::group, Kind::dead_letter_topic, Kind::collection] {
            assert_eq!(Kind::BUILT_IN.map(of).into_iter().collect::<BTreeSet<_>>().len(), Kind::BUILT_IN.len());
        }
        let topics = Kind::BUILT_IN.iter().flat_map(|kind| [kind.topic(), kind.dead_letter_topic()]);
        assert_eq!(
            topics.collect::<BTreeSet<_>>().len(),
            2 * Kind::BUILT_IN.len(),
            "a dead letter is in no kind's topic"
        );
    }
}
