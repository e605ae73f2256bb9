//! What the services have counted until their end, to be laid beside the ledger. Each of them logs its counters' totals
//! as its last act, because nobody could scrape the very last ones.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

/// In the line that a service logs when it starts, and in the one at a clean end.
const START: &str = "listening";
const END: &str = "counted until the end";

/// The counters' sums over all members, as they are named in the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counted {
    pub(crate) ingest_posts_accepted_total: u64,
    pub(crate) ingest_posts_stored_total: u64,
    pub(crate) ingest_posts_duplicate_total: u64,
    pub(crate) ingest_posts_dead_lettered_total: u64,
}

impl Counted {
    /// From the logs in this directory; `None` if a service that has started did not tell, because it was killed or
    /// does not log that much.
    pub(crate) fn read(logs: &Path) -> io::Result<Option<Self>> {
        let mut text = String::new();
        for file in fs::read_dir(logs)? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                text.push_str(&fs::read_to_string(path)?);
            }
        }
        Ok(Self::of(&text))
    }

    fn of(logs: &str) -> Option<Self> {
        let starts = logs.lines().filter(|line| line.contains(START) && line.contains("settings")).count();
        let ends: Vec<&str> = logs.lines().filter(|line| line.contains(END)).collect();
        if starts == 0 || starts != ends.len() {
            return None;
        }
        let sum = |name: &str| ends.iter().filter_map(|line| total(line, name)).sum();
        Some(Self {
            ingest_posts_accepted_total: sum("ingest_posts_accepted_total"),
            ingest_posts_stored_total: sum("ingest_posts_stored_total"),
            ingest_posts_duplicate_total: sum("ingest_posts_duplicate_total"),
            ingest_posts_dead_lettered_total: sum("ingest_posts_dead_lettered_total"),
        })
    }
}

/// The value after `name=` in a line.
fn total(line: &str, name: &str) -> Option<u64> {
    let (_, rest) = line.split_once(&format!("{name}="))?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGS: &str = r#"
INFO service::program: listening service="producer" settings="HOST=127.0.0.1"
INFO service::metrics: counted until the end totals="ingest_posts_accepted_total=7 ingest_posts_rejected_total=1"
INFO service::program: listening service="consumer" settings="HOST=127.0.0.1"
INFO service::metrics: counted until the end totals="ingest_posts_duplicate_total=1 ingest_posts_stored_total=4"
{"message":"listening","service":"consumer","settings":"HOST=127.0.0.1"}
{"message":"counted until the end","totals":"ingest_posts_stored_total=3"}
"#;

    #[test]
    fn all_members_are_summed_up() {
        let counted = Counted {
            ingest_posts_accepted_total: 7,
            ingest_posts_stored_total: 7,
            ingest_posts_duplicate_total: 1,
            ingest_posts_dead_lettered_total: 0,
        };
        assert_eq!(Counted::of(LOGS), Some(counted));
    }

    #[test]
    fn without_the_last_words_of_one_nothing_is_known() {
        let killed = format!("{LOGS}listening settings=\n");
        assert_eq!(Counted::of(&killed), None);
        assert_eq!(Counted::of(""), None);
    }
}
