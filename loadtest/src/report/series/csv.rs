//! The points as a table for a spreadsheet or a notebook: CSV as in RFC 4180, with the report's names, which include
//! the units.

use super::Point;

/// The table; an unknown value is an empty field.
pub(crate) fn csv(points: &[Point]) -> String {
    let names = columns(&Point::default()).map(|(name, _)| name);
    let mut text = names.join(",");
    text.push_str("\r\n");
    for point in points {
        let fields = columns(point).map(|(_, value)| value);
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
}

/// Every field of a point. No name and no number contains a comma or a quote.
fn columns(point: &Point) -> [(&'static str, String); 24] {
    let count = |count: Option<u64>| count.map_or(String::new(), |count| count.to_string());
    let number = |number: Option<f64>| number.map_or(String::new(), |number| format!("{number:.3}"));
    [
        ("seconds", number(Some(point.seconds))),
        ("length_seconds", number(Some(point.length_seconds))),
        ("sent_per_second", number(Some(point.sent_per_second))),
        ("accepted_per_second", number(Some(point.accepted_per_second))),
        ("refused", count(Some(point.rejected))),
        ("unavailable", count(Some(point.unavailable))),
        ("other_status", count(Some(point.other_status))),
        ("cut_off", count(Some(point.cut_off))),
        ("timed_out", count(Some(point.timed_out))),
        ("not_connected", count(Some(point.not_connected))),
        ("accepted_p50_ms", number(point.accepted_p50_ms)),
        ("accepted_p95_ms", number(point.accepted_p95_ms)),
        ("accepted_p99_ms", number(point.accepted_p99_ms)),
        ("accepted_max_ms", number(point.accepted_max_ms)),
        ("p50_ms", number(point.p50_ms)),
        ("p95_ms", number(point.p95_ms)),
        ("p99_ms", number(point.p99_ms)),
        ("max_ms", number(point.max_ms)),
        ("lag_records", count(point.lag_records)),
        ("stored_posts", count(point.stored_posts)),
        ("producer_cpu_cores", number(point.producer_cpu_cores)),
        ("producer_memory_bytes", count(point.producer_memory_bytes)),
        ("consumer_cpu_cores", number(point.consumer_cpu_cores)),
        ("consumer_memory_bytes", count(point.consumer_memory_bytes)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_columns_are_the_names_of_the_report() {
        let point = serde_json::to_value(Point::default()).unwrap();
        let names: BTreeSet<&str> = point.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(columns(&Point::default()).map(|(name, _)| name).into_iter().collect::<BTreeSet<_>>(), names);
    }

    #[test]
    fn what_is_not_known_is_empty() {
        let known = Point { seconds: 1.0, p50_ms: Some(2.5), lag_records: Some(7), ..Point::default() };
        let table = csv(&[known, Point::default()]);
        let rows: Vec<&str> = table.split("\r\n").collect();
        assert!(rows[0].starts_with("seconds,length_seconds,sent_per_second,"), "{table}");
        assert_eq!(rows[1], "1.000,0.000,0.000,0.000,0,0,0,0,0,0,,,,,2.500,,,,7,,,,,");
        assert_eq!(rows.len(), 4, "{table}");
        assert!(rows[..3].iter().all(|row| row.matches(',').count() == 23), "{table}");
    }
}
