//! Attempts that lost their worker although nothing was done to one, nor to what workers need.

use std::ops::RangeInclusive;

use super::row::Row;

/// Such attempts, row by row.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// When workers, or what they need, were in trouble; ms since 1970.
    troubles: Vec<RangeInclusive<i64>>,
    unexplained: u64,
}

impl Losses {
    /// None yet, and there was trouble at these times.
    pub(crate) fn of(troubles: Vec<RangeInclusive<i64>>) -> Self {
        Self { troubles, unexplained: 0 }
    }

    /// A submission at the end of the run.
    pub(crate) fn row(&mut self, row: &Row) {
        let (first, last) = (row.created_at, row.processed_at.unwrap_or(row.changed_at));
        let is_explained = self.troubles.iter().any(|trouble| *trouble.start() <= last && first <= *trouble.end());
        if !is_explained {
            self.unexplained += u64::from(row.losses);
        }
    }

    /// How many no trouble explains.
    pub(crate) fn unexplained(&self) -> u64 {
        self.unexplained
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::submissions::row::tests::passed;

    #[test]
    fn a_loss_is_explained_by_trouble_while_the_submission_was_open() {
        let lost = |created_at, processed_at, losses| Row {
            created_at,
            processed_at,
            changed_at: processed_at.unwrap_or(created_at),
            losses,
            ..passed(1, "a")
        };
        for (row, expected) in [
            (lost(1_000, Some(1_999), 2), 2),
            (lost(1_000, Some(2_000), 2), 0),
            (lost(2_500, Some(2_600), 1), 0),
            (lost(3_000, Some(9_000), 1), 0),
            (lost(3_001, Some(9_000), 1), 1),
            (lost(3_001, None, 1), 1),
            (lost(3_001, Some(9_000), 0), 0),
        ] {
            let mut losses = Losses::of(vec![2_000..=3_000, 20_000..=30_000]);
            losses.row(&row);
            assert_eq!(losses.unexplained(), expected, "{row:?}");
        }
    }
}
