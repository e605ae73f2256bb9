//! `consumer kinds`: the kinds of record that are served, with the names that are in force; `consumer kinds check DIR`,
//! and `consumer kinds try FILE`.

use std::path::Path;
use std::process::ExitCode;

use contract::{Kind, Write};
use kafka::group::GroupConfig;
use service::settings::parse_number;
use service::{Settings, exit, kinds};

use crate::config::ConsumerConfig;

mod newest;
mod trial;

/// The argument that selects this command.
pub(crate) const NAME: &str = "kinds";

const HELP: &str = "\
Lists the kinds of record that the consumer serves, by KINDS, KINDS_DIR and the settings of each: its topic, consumer
group, topic of dead letters and collection, and how a record becomes a document.

Usage: consumer kinds                        lists them
       consumer kinds check DIR              names every error of the files in DIR by JSON pointer
       consumer kinds try FILE [--last N]    judges the newest N records (10000) of the topic that FILE names, and the
                                             newest N documents of its collection, by its schema

Exit codes: 0 no error was found, 1 some were, 64 arguments or settings that cannot be used.
";

/// What the program does with the arguments after `kinds`.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => list(),
        ["--help" | "-h"] => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        ["check", directory] => kinds::check("consumer", Path::new(directory)),
        ["try", file] => try_on(file, "10000"),
        ["try", file, "--last", last] | ["try", "--last", last, file] => try_on(file, last),
        _ => {
            let error = format!("cannot understand `{}`; see `consumer kinds --help`", arguments.join(" "));
            exit::unusable("consumer", [error])
        }
    }
}

fn list() -> ExitCode {
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

fn try_on(file: &str, last: &str) -> ExitCode {
    match parse_number(last, &(1..=10_000_000)) {
        Ok(last) => trial::main(Path::new(file), last),
        Err(error) => exit::unusable("consumer", [format!("--last: {error}")]),
    }
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
    kinds::columns(&rows)
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
