//! `consumer kinds`: the kinds of record that are served, with the names that are in force.

use std::process::ExitCode;

use contract::{Kind, Write};
use kafka::group::GroupConfig;
use service::{Settings, exit};

use crate::config::ConsumerConfig;

/// The argument that selects this command.
pub(crate) const NAME: &str = "kinds";

const HELP: &str = "\
Lists the kinds of record that the consumer serves, by KINDS and the settings of each: its topic, consumer group, topic
of dead letters and collection, and how a record becomes a document.

Usage: consumer kinds
";

/// What the program does with the arguments after `kinds`.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    match arguments.collect::<Vec<_>>().as_slice() {
        [] => {}
        [help] if help == "--help" || help == "-h" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        [other, ..] => {
            return exit::unusable("consumer", [format!("cannot understand `{other}`; see `consumer kinds --help`")]);
        }
    }
    let lookup = |name: &str| std::env::var(name).ok();
    let mut settings = Settings::new(&lookup);
    let config = ConsumerConfig::read(&mut settings);
    let (_, errors) = settings.finish();
    if !errors.is_empty() {
        return exit::unusable("consumer", errors);
    }
    print!("{}", table(config.kinds.iter().map(|kind| (*kind, config.group(*kind)))));
    ExitCode::SUCCESS
}

/// A line for each kind below the headings, in columns.
fn table<'a>(kinds: impl Iterator<Item = (Kind, &'a GroupConfig)>) -> String {
    let mut rows = vec![["kind", "topic", "group", "dead letters", "collection", "a record becomes"]];
    rows.extend(kinds.map(|(kind, group)| {
        let writes = match kind.write() {
            Write::Insert => "a document of its own (insert)",
            Write::Upsert => "the document of its key (upsert)",
        };
        let GroupConfig { topic, group, dead_letter_topic, .. } = group;
        [kind.name(), topic.as_str(), group.as_str(), dead_letter_topic.as_str(), kind.collection(), writes]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &[&str; 6]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_line_with_its_names_in_columns() {
        let lookup = |name: &str| (name == "KAFKA_TOPIC").then(|| "a-longer-topic".to_owned());
        let config = ConsumerConfig::read(&mut Settings::new(&lookup));
        let table = table(config.kinds.iter().map(|kind| (*kind, config.group(*kind))));
        let expected = "\
kind   topic           group                   dead letters  collection  a record becomes
post   a-longer-topic  post-consumer           post.dlq      posts       a document of its own (insert)
order  orders          order-processing-group  orders.dlq    orders      the document of its key (upsert)
";
        assert_eq!(table, expected);
    }
}
