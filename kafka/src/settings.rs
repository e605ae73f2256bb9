//! The settings that a publisher and a group's member both have.

use service::Settings;

/// `KAFKA_BROKER`: bootstrap brokers, host:port, comma-separated.
pub fn brokers(settings: &mut Settings<'_>) -> String {
    let meaning = "bootstrap brokers, host:port, comma-separated";
    settings.in_kafka("`bootstrap.servers`").text("KAFKA_BROKER", "localhost:9092", meaning)
}

/// `KAFKA_TOPIC`: the topic of the posts.
pub fn topic(settings: &mut Settings<'_>) -> String {
    settings.text("KAFKA_TOPIC", "post", "topic of the posts")
}
