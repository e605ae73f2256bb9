//! The kinds of record: what each is called, which topic, consumer group and collection it has, and how it is written.
//! One topic has one kind. A kind's rules are in a file of its own, beside what all of them share: the errors of a body
//! and the elements of a bulk.

pub(crate) mod bulk;
pub(crate) mod errors;
pub(crate) mod order;
pub(crate) mod post;

/// A type of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A title and a content, stored once under an id of its own.
    Post,
    /// The state of an order, stored under the order's id in place of the previous one.
    Order,
}

/// How the records of a kind become documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Write {
    /// Each record becomes a document of its own; the order of records does not matter.
    Insert,
    /// The last record of a key is its document, in the order in which the topic has them.
    Upsert,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 2] = [Kind::Post, Kind::Order];

    /// The kind's name in settings, metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Post => "post",
            Kind::Order => "order",
        }
    }

    /// The kind that has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The default topic.
    pub fn topic(self) -> &'static str {
        match self {
            Kind::Post => "post",
            Kind::Order => "orders",
        }
    }

    /// The default consumer group.
    pub fn group(self) -> &'static str {
        match self {
            Kind::Post => "post-consumer",
            Kind::Order => "order-processing-group",
        }
    }

    /// The default dead-letter topic.
    pub fn dead_letter_topic(self) -> &'static str {
        match self {
            Kind::Post => "post.dlq",
            Kind::Order => "orders.dlq",
        }
    }

    /// The collection of its documents.
    pub fn collection(self) -> &'static str {
        match self {
            Kind::Post => "posts",
            Kind::Order => "orders",
        }
    }

    /// How its records become documents.
    pub fn write(self) -> Write {
        match self {
            Kind::Post => Write::Insert,
            Kind::Order => Write::Upsert,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_reads_back_as_its_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("Post"), None);
    }

    #[test]
    fn no_two_kinds_share_a_topic_a_group_or_a_collection() {
        for of in [Kind::topic, Kind::group, Kind::dead_letter_topic, Kind::collection] {
            assert_eq!(Kind::ALL.map(of).into_iter().collect::<BTreeSet<_>>().len(), Kind::ALL.len());
        }
        let topics = Kind::ALL.iter().flat_map(|kind| [kind.topic(), kind.dead_letter_topic()]);
        assert_eq!(topics.collect::<BTreeSet<_>>().len(), 2 * Kind::ALL.len(), "a dead letter is in no kind's topic");
    }
}
