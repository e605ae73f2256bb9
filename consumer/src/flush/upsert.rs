//! A batch whose records are states of keys, of which the latest is stored.

use std::collections::HashMap;

use contract::decode::Decoded;
use kafka::group::core::{Flush, NotStored};
use service::failpoint::{self, Step};

use super::latest::{Latest, latest};
use super::{Fates, Records};
use crate::store::guard::Replacement;
use crate::store::written::NotWritten;

impl Records {
    /// Stores the latest state of each key, which stands for the earlier ones of the batch. If the store refuses it,
    /// the reason takes the document's place, and the latest one before it is stored.
    pub(super) async fn upsert(&self, batch: &mut Flush<Decoded>, mut fates: Fates) -> Fates {
        let mut is_settled: Vec<bool> =
            (0..batch.records.len()).map(|position| fates.expired.contains(&position)).collect();
        loop {
            let unsettled = batch.records.iter().enumerate().filter(|(position, _)| !is_settled[*position]);
            let states = unsettled.filter_map(|(position, record)| {
                let document = record.cargo.outcome.as_ref().ok()?;
                Some((position, Replacement::new(record.cargo.fetched.place(), document)))
            });
            let latest = latest(states);
            if latest.is_empty() {
                break;
            }
            let replacements: Vec<_> = latest.iter().map(|state| state.replacement).collect();
            let not_written = self.store.get().upsert(&replacements).await;
            failpoint::reach(Step::Inserted);
            let mut not_written: HashMap<usize, NotWritten> = not_written.into_iter().collect();
            let mut refused = Vec::new();
            for (index, Latest { position, earlier, .. }) in latest.into_iter().enumerate() {
                match not_written.remove(&index) {
                    Some(NotWritten::Refused(error)) => {
                        refused.push((position, error));
                        continue;
                    }
                    Some(NotWritten::NotNow(reason)) => {
                        fates.why_later = Some(reason);
                        // All of them: if the store refuses the latest one next time, the others count.
                        let later = earlier.iter().chain([&position]);
                        fates.not_stored.extend(later.map(|position| (*position, NotStored::Later)));
                    }
                    what => {
                        match what {
                            Some(NotWritten::Erased) => drop(fates.erased.insert(position)),
                            Some(NotWritten::SetBack) => {
                                fates.duplicates += 1;
                                fates.set_back += 1;
                            }
                            already => fates.duplicates += u64::from(already.is_some()),
                        }
                        fates.superseded += earlier.len() as u64;
                    }
                }
                earlier.iter().chain([&position]).for_each(|position| is_settled[*position] = true);
            }
            for (position, error) in refused {
                batch.records[position].cargo.outcome = Err(error);
            }
        }
        let never = batch.records.iter().enumerate().filter(|(_, record)| record.cargo.outcome.is_err());
        fates.not_stored.extend(never.map(|(position, _)| (position, NotStored::Never)));
        fates
    }
}
