//! The settings that a publisher and a group's member both have.

use contract::Kind;
use service::Settings;

/// `KINDS`: the kinds of record that a process serves, each once, in the order of [`Kind::ALL`].
pub fn kinds(settings: &mut Settings<'_>) -> Vec<Kind> {
    let all = Kind::ALL.map(Kind::name).join(",");
    settings.read("KINDS", &all, "kinds of record that are served, comma-separated", parse_kinds)
}

/// `KAFKA_BROKER`: bootstrap brokers, host:port, comma-separated.
pub fn brokers(settings: &mut Settings<'_>) -> String {
    let meaning = "bootstrap brokers, host:port, comma-separated";
    settings.in_kafka("`bootstrap.servers`").text("KAFKA_BROKER", "localhost:9092", meaning)
}

/// `KAFKA_TOPIC`: the topic of the posts.
pub fn topic(settings: &mut Settings<'_>) -> String {
    settings.text("KAFKA_TOPIC", Kind::Post.topic(), "topic of the posts")
}

/// `ORDER_KAFKA_TOPIC`: the topic of the orders.
pub fn order_topic(settings: &mut Settings<'_>) -> String {
    settings.text("ORDER_KAFKA_TOPIC", Kind::Order.topic(), "topic of the orders")
}

fn parse_kinds(text: &str) -> Result<Vec<Kind>, String> {
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    let is_known = |name: &&str| Kind::from_name(name).is_some();
    let all = Kind::ALL.map(Kind::name).join(", ");
    if !names.iter().all(is_known) {
        return Err(format!("must be names of kinds, comma-separated, among {all}"));
    }
    Ok(Kind::ALL.into_iter().filter(|kind| names.contains(&kind.name())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_in_any_order_and_all_of_them_by_default() {
        for (text, kinds) in [
            ("post,order", &Kind::ALL[..]),
            (" order , post,order", &Kind::ALL),
            ("post", &[Kind::Post]),
            ("order", &[Kind::Order]),
        ] {
            assert_eq!(parse_kinds(text).as_deref(), Ok(kinds), "{text}");
        }
        assert_eq!(kinds(&mut Settings::new(&|_| None)), Kind::ALL);
        for wrong in ["posts", "post,", "post;order"] {
            let expected = "must be names of kinds, comma-separated, among post, order";
            assert_eq!(parse_kinds(wrong), Err(expected.to_owned()), "{wrong}");
        }
    }
}
