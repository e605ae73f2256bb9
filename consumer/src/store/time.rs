//! The time of day, as the store sees it, too.

use bson::doc;

use super::Store;
use super::answers::answer;
use crate::clock::{Uncertain, earlier, now_ms};

impl Store {
    /// The time now, in ms since 1970, by the earlier one of our clock and the store's, which not every store
    /// shows.
    ///
    /// # Errors
    /// Why it is not certain enough to call anything old.
    pub(crate) async fn time(&self) -> Result<i64, Uncertain> {
        let admin = self.collection.client().database("admin");
        let asked_ms = now_ms();
        let hello = answer(admin.run_command(doc! { "hello": 1 })).await.map_err(Uncertain::NoAnswer)?;
        let store_ms = hello.get_datetime("localTime").ok().map(|time| time.timestamp_millis());
        earlier(asked_ms, store_ms, now_ms())
    }
}
