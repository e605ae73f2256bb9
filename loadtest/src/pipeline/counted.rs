//! What the services have counted until their end, to compare with the ledger. Each of them writes its counters' totals
//! into its state file before it exits, because nobody could scrape the very last ones.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use service::metrics::Totals;
use service::state_file::ServiceState;
use service::status::figures::grouped;

/// How the names of state files end.
pub(crate) const STATE_FILE_SUFFIX: &str = ".state.json";

/// The counters' sums over all members, under the metrics' names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counted {
    pub(crate) ingest_records_accepted_total: u64,
    pub(crate) ingest_records_stored_total: u64,
    pub(crate) ingest_records_duplicate_total: u64,
    pub(crate) ingest_records_superseded_total: u64,
    pub(crate) ingest_records_dead_lettered_total: u64,
}

/// What the services must have counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LedgerTotals {
    /// Posts answered 2xx, and those whose clients cannot know.
    pub(crate) accepted: u64,
    pub(crate) unknown: u64,
    /// Whether posts were sent more than once, so that there were more answers than posts.
    pub(crate) are_repeated: bool,
    /// All documents of a store that served nobody else, each of which is a record of its own.
    pub(crate) documents: Option<u64>,
    /// Where the last record of a key is its document, in a store that served nobody else.
    pub(crate) states: Option<StateTotals>,
    /// All records of a dead-letter topic that served nobody else.
    pub(crate) letters: Option<u64>,
}

/// The records that a group has finished, where the last one of a key is its document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateTotals {
    /// Those of the run, copies included, without dead letters.
    pub(crate) records: u64,
    /// Their keys.
    pub(crate) keys: u64,
    /// Whether the topic had no other records.
    pub(crate) is_own_topic: bool,
}

impl Counted {
    /// What differs from the ledger, in sentences. A post that a client gave up on may be counted as accepted, a
    /// document whose acknowledgement was lost as a duplicate, a record that was read again once more. A dead letter
    /// may be written twice and counted once.
    ///
    /// Of each key at least one record was stored or a duplicate, and no record is stored twice. Records that are read
    /// again are duplicates, one of each key at least: without any duplicate each record was counted exactly once.
    pub(crate) fn differences(&self, ledger: &LedgerTotals) -> Vec<String> {
        let LedgerTotals { accepted, unknown, are_repeated, documents, states, letters } = *ledger;
        let mut differences = Vec::new();
        let mut differs = |name: &str, counted: u64, what: &str, number: u64| {
            let (counted, number) = (grouped(counted), grouped(number));
            differences.push(format!("the services counted {counted} in {name}, but {what} {number}"));
        };
        let counted = self.ingest_records_accepted_total;
        if counted < accepted {
            differs("ingest_records_accepted_total", counted, "2xx was the answer to", accepted);
        } else if !are_repeated && counted > accepted + unknown {
            differs("ingest_records_accepted_total", counted, "accepted or unknown are only", accepted + unknown);
        }
        let (stored, duplicate) = (self.ingest_records_stored_total, self.ingest_records_duplicate_total);
        if documents.is_some_and(|documents| !(stored..=stored + duplicate).contains(&documents)) {
            differs("ingest_records_stored_total", stored, "the documents are", documents.unwrap_or_default());
        }
        if let Some(StateTotals { records, keys, is_own_topic }) = states {
            let handled = stored + duplicate + self.ingest_records_superseded_total;
            if handled < records || (is_own_topic && duplicate == 0 && handled > records) {
                let names = "ingest_records_stored_total, …duplicate_total and …superseded_total";
                differs(names, handled, "in the topic are", records);
            } else if is_own_topic && stored > records {
                differs("ingest_records_stored_total", stored, "in the topic are", records);
            }
            if stored + duplicate < keys {
                let names = "ingest_records_stored_total and …duplicate_total";
                differs(names, stored + duplicate, "keys with a record are", keys);
            }
        }
        let counted = self.ingest_records_dead_lettered_total;
        if letters.is_some_and(|letters| counted > letters || (counted == 0 && letters > 0)) {
            differs("ingest_records_dead_lettered_total", counted, "the dead letters are", letters.unwrap_or_default());
        }
        differences
    }

    /// From the state files in this directory. `None` if there is none, or a service left no totals because it was
    /// killed.
    pub(crate) fn read(directory: &Path) -> anyhow::Result<Option<Self>> {
        let mut all = Vec::new();
        for path in state_files(directory)? {
            match ServiceState::read(&path)?.totals {
                Some(totals) => all.push(totals),
                None => return Ok(None),
            }
        }
        Ok((!all.is_empty()).then(|| Self::sum(&all)))
    }

    fn sum(all: &[Totals]) -> Self {
        let sum = |name: &str| all.iter().filter_map(|totals| totals.get(name)).sum();
        Self {
            ingest_records_accepted_total: sum("ingest_records_accepted_total"),
            ingest_records_stored_total: sum("ingest_records_stored_total"),
            ingest_records_duplicate_total: sum("ingest_records_duplicate_total"),
            ingest_records_superseded_total: sum("ingest_records_superseded_total"),
            ingest_records_dead_lettered_total: sum("ingest_records_dead_lettered_total"),
        }
    }
}

/// Removes the state files that an earlier run left in this directory.
pub(crate) fn forget(directory: &Path) -> anyhow::Result<()> {
    for path in state_files(directory)? {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

fn state_files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot = || format!("cannot list the state files in {}", directory.display());
    let mut found = Vec::new();
    for file in fs::read_dir(directory).with_context(cannot)? {
        let path = file.with_context(cannot)?.path();
        if path.to_str().is_some_and(|path| path.ends_with(STATE_FILE_SUFFIX)) {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state file of a service with these totals, or of one that was killed.
    fn leave(directory: &Path, name: &str, totals: Option<&[(&str, u64)]>) {
        let totals = totals.map(|totals| totals.iter().map(|(name, total)| ((*name).to_owned(), *total)).collect());
        let (service, version) = ("consumer".to_owned(), String::new());
        let (address, operators_address) = (([127, 0, 0, 1], 3001).into(), ([127, 0, 0, 1], 3101).into());
        let state = ServiceState { service, version, pid: 1, address, operators_address, totals };
        fs::write(directory.join(name), serde_json::to_vec(&state).unwrap()).unwrap();
    }

    #[test]
    fn all_members_are_summed_up_unless_one_was_killed() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        assert_eq!(Counted::read(directory).unwrap(), None);

        let rejected = ("ingest_records_rejected_total", 1);
        leave(directory, "producer.1.state.json", Some(&[("ingest_records_accepted_total", 7), rejected]));
        let stored = ("ingest_records_stored_total", 4);
        leave(directory, "consumer.1.state.json", Some(&[("ingest_records_duplicate_total", 1), stored]));
        leave(directory, "consumer-2.1.state.json", Some(&[("ingest_records_stored_total", 3)]));
        fs::write(directory.join("consumer.1.state.json.new"), "half").unwrap();
        let counted = Counted {
            ingest_records_accepted_total: 7,
            ingest_records_stored_total: 7,
            ingest_records_duplicate_total: 1,
            ingest_records_superseded_total: 0,
            ingest_records_dead_lettered_total: 0,
        };
        assert_eq!(Counted::read(directory).unwrap(), Some(counted));

        leave(directory, "consumer.2.state.json", None);
        assert_eq!(Counted::read(directory).unwrap(), None);
        forget(directory).unwrap();
        assert!(state_files(directory).unwrap().is_empty());
    }

    fn of_states(records: u64, keys: u64) -> Option<StateTotals> {
        Some(StateTotals { records, keys, is_own_topic: true })
    }

    #[test]
    fn counters_that_cannot_be_are_named() {
        let counted = Counted {
            ingest_records_accepted_total: 100,
            ingest_records_stored_total: 97,
            ingest_records_duplicate_total: 2,
            ingest_records_superseded_total: 5,
            ingest_records_dead_lettered_total: 1,
        };
        let well = LedgerTotals {
            accepted: 99,
            unknown: 2,
            are_repeated: false,
            documents: Some(98),
            states: None,
            letters: Some(1),
        };
        assert_eq!(counted.differences(&well), [""; 0]);
        assert_eq!(counted.differences(&LedgerTotals { documents: None, letters: None, ..well }), [""; 0]);
        let repeated = LedgerTotals { accepted: 60, unknown: 0, are_repeated: true, ..well };
        assert_eq!(counted.differences(&repeated), [""; 0]);
        for (ledger, named) in [
            (
                LedgerTotals { accepted: 101, ..well },
                "100 in ingest_records_accepted_total, but 2xx was the answer to 101",
            ),
            (
                LedgerTotals { accepted: 90, ..well },
                "ingest_records_accepted_total, but accepted or unknown are only 92",
            ),
            (
                LedgerTotals { documents: Some(96), ..well },
                "97 in ingest_records_stored_total, but the documents are 96",
            ),
            (LedgerTotals { documents: Some(100), ..well }, "ingest_records_stored_total, but the documents are 100"),
            (
                LedgerTotals { states: of_states(105, 99), ..well },
                "104 in ingest_records_stored_total, …duplicate_total and …superseded_total, but in the topic are 105",
            ),
            (
                LedgerTotals { states: of_states(104, 100), ..well },
                "99 in ingest_records_stored_total and …duplicate_total, but keys with a record are 100",
            ),
            (
                LedgerTotals { states: of_states(96, 50), ..well },
                "97 in ingest_records_stored_total, but in the topic are 96",
            ),
            (
                LedgerTotals { letters: Some(0), ..well },
                "1 in ingest_records_dead_lettered_total, but the dead letters are 0",
            ),
        ] {
            let differences = counted.differences(&ledger);
            assert!(differences.len() == 1 && differences[0].contains(named), "{differences:?}");
        }
        let none = Counted { ingest_records_dead_lettered_total: 0, ..counted };
        assert_eq!(none.differences(&well).len(), 1);

        for (records, keys) in [(104, 99), (97, 50)] {
            assert_eq!(counted.differences(&LedgerTotals { states: of_states(records, keys), ..well }), [""; 0]);
        }
        let once = Counted { ingest_records_duplicate_total: 0, ..counted };
        let differences = |states| once.differences(&LedgerTotals { documents: None, states, ..well }).len();
        assert_eq!([102, 101, 103].map(|records| differences(of_states(records, 97))), [0, 1, 1]);
        let is_shared = StateTotals { records: 90, keys: 9, is_own_topic: false };
        assert_eq!(differences(Some(is_shared)), 0, "the group has finished records of others, too");
    }
}
