//! The settings that a publisher and a group's member both have.

use contract::Kind;
use service::Settings;

/// `KAFKA_TOPIC`: the topic of the posts.
pub fn topic(settings: &mut Settings<'_>) -> String {
    settings.text("KAFKA_TOPIC", Kind::Post.topic(), "topic of the posts")
}

/// `ORDER_KAFKA_TOPIC`: the topic of the orders.
pub fn order_topic(settings: &mut Settings<'_>) -> String {
    settings.text("ORDER_KAFKA_TOPIC", Kind::Order.topic(), "topic of the orders")
}

/// `<KIND>_KAFKA_TOPIC`: the topic of a kind that a file describes.
pub fn topic_of_file(settings: &mut Settings<'_>, kind: Kind) -> String {
    settings.text(own_name(kind.name(), "KAFKA_TOPIC"), kind.topic(), "topic of the kind")
}

/// The name of a setting that a kind has of its own. It lives as long as the kind does.
pub fn own_name(kind: &str, setting: &str) -> &'static str {
    format!("{}_{setting}", kind.to_ascii_uppercase()).leak()
}
