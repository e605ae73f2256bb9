//! `producer kinds`: the kinds of record that are served, with their paths and topics; and `producer kinds check DIR`.

use std::path::Path;
use std::process::ExitCode;

use contract::Write;
use service::{Settings, exit, kinds};

use crate::config::ProducerConfig;

/// The argument that selects this command.
pub(crate) const NAME: &str = "kinds";

const HELP: &str = "\
Lists the kinds of record that the producer serves, by KINDS, KINDS_DIR and the settings of each: its path for single
records, its path for bulks, its topic, and which records keep their order.

Usage: producer kinds              lists them
       producer kinds check DIR    names every error of the files in DIR by JSON pointer; exit code 1 if there is one
";

/// What the program does with the arguments after `kinds`.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        ["--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["check", directory] => return kinds::check("producer", Path::new(directory)),
        _ => {
            let error = format!("cannot understand `{}`; see `producer kinds --help`", arguments.join(" "));
            return exit::unusable("producer", [error]);
        }
    }
    let lookup = |name: &str| std::env::var(name).ok();
    let mut settings = Settings::new(&lookup);
    let config = ProducerConfig::read(&mut settings);
    let (_, errors) = settings.finish();
    if !errors.is_empty() {
        return exit::unusable("producer", errors);
    }
    print!("{}", table(&config));
    ExitCode::SUCCESS
}

fn table(config: &ProducerConfig) -> String {
    let mut rows = vec![["kind", "path", "path of bulks", "topic", "order of records"]];
    rows.extend(config.kinds.iter().map(|kind| {
        let order = match kind.write() {
            Write::Insert => "none (insert)",
            Write::Upsert => "that of each key (upsert)",
        };
        [kind.name(), kind.route(), kind.bulk_route(), &config.publish(*kind).topic, order]
    }));
    kinds::columns(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_line_with_its_paths_and_its_topic() {
        let lookup = |name: &str| (name == "KAFKA_TOPIC").then(|| "a-longer-topic".to_owned());
        let config = ProducerConfig::read(&mut Settings::new(&lookup));
        let expected = "\
kind   path          path of bulks     topic           order of records
post   /create-post  /create-posts     a-longer-topic  none (insert)
order  /api/orders/  /api/orders/bulk  orders          that of each key (upsert)
";
        assert_eq!(table(&config), expected);
    }
}
