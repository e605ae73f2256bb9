//! A batch whose records each become a document of their own.

use contract::decode::Decoded;
use kafka::group::core::{Flush, NotStored};
use service::failpoint::{self, Step};

use super::{Fates, Records};
use crate::store::written::NotWritten;

impl Records {
    /// Inserts the batch's documents. For those that the store refuses, the reason takes the document's place.
    pub(super) async fn insert(&self, batch: &mut Flush<Decoded>, mut fates: Fates) -> Fates {
        let mut positions = Vec::with_capacity(batch.records.len());
        let mut documents = Vec::with_capacity(batch.records.len());
        for (position, record) in batch.records.iter().enumerate() {
            match &record.cargo.outcome {
                Ok(_) if fates.expired.contains(&position) => {}
                Ok(document) => {
                    positions.push(position);
                    documents.push(document);
                }
                Err(_) => fates.not_stored.push((position, NotStored::Never)),
            }
        }
        let mut refused = Vec::new();
        if !documents.is_empty() {
            match self.store.get().insert(&documents).await {
                Ok(failures) => {
                    for (index, what) in failures {
                        let position = positions[index];
                        match what {
                            NotWritten::Already | NotWritten::SetBack => fates.duplicates += 1,
                            NotWritten::Erased => drop(fates.erased.insert(position)),
                            NotWritten::Refused(error) => refused.push((position, error)),
                            NotWritten::NotNow(reason) => {
                                fates.why_later = Some(reason);
                                fates.not_stored.push((position, NotStored::Later));
                            }
                        }
                    }
                }
                Err(reason) => {
                    fates.why_later = Some(reason);
                    fates.not_stored.extend(positions.iter().map(|position| (*position, NotStored::Later)));
                }
            }
            failpoint::reach(Step::Inserted);
        }
        for (position, error) in refused {
            batch.records[position].cargo.outcome = Err(error);
            fates.not_stored.push((position, NotStored::Never));
        }
        fates
    }
}
