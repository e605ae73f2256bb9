//! The settings that differ between two sides.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::read::Side;

/// Different in every run, and meaningless.
const ALWAYS_DIFFERENT: [&str; 1] = ["started_at"];

/// A setting, with all its values on each side.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) name: String,
    pub(crate) base: String,
    pub(crate) with: String,
}

/// Every setting whose values differ.
pub(crate) fn differences(base: &Side, with: &Side) -> Vec<Difference> {
    let (base, with) = (values(base), values(with));
    let names: BTreeSet<&String> = base.keys().chain(with.keys()).collect();
    let words = |values: Option<&BTreeSet<String>>| match values {
        Some(values) => values.iter().cloned().collect::<Vec<_>>().join(" or "),
        None => "–".to_owned(),
    };
    let differs = |name: &&&String| base.get(**name) != with.get(**name);
    let difference =
        |name: &String| Difference { name: name.clone(), base: words(base.get(name)), with: words(with.get(name)) };
    names.iter().filter(differs).map(|name| difference(name)).collect()
}

fn values(side: &Side) -> BTreeMap<String, BTreeSet<String>> {
    let mut values = BTreeMap::new();
    for run in &side.runs {
        collect("", &run.environment, &mut values);
        note("faults", if run.chaos.is_some() { "injected" } else { "none" }.to_owned(), &mut values);
    }
    values
}

fn collect(path: &str, value: &Value, values: &mut BTreeMap<String, BTreeSet<String>>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
                collect(&path.replace("_settings", ""), value, values);
            }
        }
        Value::String(text) => note(path, without_ports(text), values),
        // What is not known was not set.
        Value::Null => {}
        other => note(path, other.to_string(), values),
    }
}

fn note(path: &str, value: String, values: &mut BTreeMap<String, BTreeSet<String>>) {
    let is_port = path.ends_with(" PORT") || path.ends_with(" ADMIN_PORT");
    if !is_port && !ALWAYS_DIFFERENT.contains(&path) {
        values.entry(path.to_owned()).or_default().insert(value);
    }
}

/// The text without the ports of servers on this machine, because the lab starts them on other ports in every run.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept += "127.0.0.1:*";
        kept += part.trim_start_matches(|letter: char| letter.is_ascii_digit());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::compare::read::tests::run;

    #[test]
    fn each_difference_has_every_value() {
        let side = |linger: &[&str], broker: &str| {
            let runs = linger.iter().map(|linger| {
                let mut run = run();
                run.environment["started_at"] = format!("2026 {linger} {broker}").into();
                run.environment["producer_settings"]["PRODUCER_LINGER"] = (*linger).into();
                run.environment["producer_settings"]["KAFKA_BROKER"] = broker.into();
                run
            });
            Side { runs: runs.collect() }
        };
        let base = side(&["2ms", "2ms"], "127.0.0.1:4001,127.0.0.1:4002");
        assert_eq!(differences(&base, &side(&["2ms"], "127.0.0.1:5001,127.0.0.1:5002")), []);
        let mut other = side(&["5ms", "0ms"], "kafka:9092");
        other.runs[0].environment["load"]["rate"] = 500.into();
        let found = differences(&base, &other);
        let found: Vec<[&str; 3]> =
            found.iter().map(|one| [&one.name, &one.base, &one.with].map(|text| &text[..])).collect();
        assert_eq!(
            found,
            [
                ["load rate", "–", "500"],
                ["producer KAFKA_BROKER", "127.0.0.1:*,127.0.0.1:*", "kafka:9092"],
                ["producer PRODUCER_LINGER", "2ms", "0ms or 5ms"],
            ]
        );
    }
}
