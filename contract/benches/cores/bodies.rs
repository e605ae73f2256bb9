//! Bodies of posts, named by the size of their content, and that of an order.

/// An order with a price that no binary float is.
pub(crate) const ORDER: &[u8] = br#"{"order_id":"load-00ab12cd-1234567","customer_id":"customer-4711",
    "product_id":"product-42","quantity":2,"price":19.99,"status":"PROCESSING"}"#;

/// The sizes with which every core of a post is measured.
pub(crate) const SIZES: [&str; 4] = ["100 B", "300 B", "1 KB", "4 KB"];

/// A body with a content of this size. A content has at most 1,000 characters, so 4 KB are emoji.
pub(crate) fn body(size: &str) -> Vec<u8> {
    let content = match size {
        "100 B" => words(100),
        "300 B" => words(300),
        "1 KB" => words(1_000),
        "4 KB" => "\u{1f980}".repeat(1_000),
        _ => panic!("no bodies of {size}"),
    };
    json(&content)
}

/// 300 characters of prose, with quotes and line breaks.
pub(crate) fn prose() -> Vec<u8> {
    json(&r#"She said \"amber\" and went.\n"#.repeat(12)[..])
}

/// 667 Cyrillic letters as 4 KB of ASCII escapes, the default of Python's clients.
pub(crate) fn ascii_only() -> Vec<u8> {
    json(&r"\u0436".repeat(667))
}

fn words(length: usize) -> String {
    "amber anchor ".chars().cycle().take(length).collect()
}

/// Takes the content as it is, escapes included.
fn json(content: &str) -> Vec<u8> {
    format!(r#"{{"title":"load 00ab12cd 1234567","content":"{content}"}}"#).into_bytes()
}

/// The file of the example's kind.
pub(crate) const READING_KIND: &[u8] = include_bytes!("../../../examples/kinds/reading.json");

/// A reading with all its ten fields, as large as a post of the lab.
pub(crate) const READING: &[u8] =
    br#"{"station":"North ridge","measured_at":"2026-11-28T20:15:00.123Z","temperature":-3.5,
    "humidity":81,"pressure":1013.25,"raining":false,"sequence":1234567,"note":"amber anchor amber",
    "device":{"id":"D-00ab12cd","firmware":"1.12.3","installed_at":"2025-01-01T00:00:00Z"},"wind":[1,2.5,3.75]}"#;
