//! What is particular to a service on its page.

use std::borrow::Cow;

use crate::status::figures;

/// How a service is doing now.
#[derive(Debug, Default)]
pub struct Report {
    /// The numbers to see first.
    pub figures: Vec<Figure>,
    /// What the page shows as tables.
    pub tables: Vec<Table>,
}

/// A number with its name.
#[derive(Debug)]
pub struct Figure {
    /// Its name.
    pub name: Cow<'static, str>,
    /// The number, with its unit.
    pub value: String,
    /// What to compare it with, if that helps.
    pub note: String,
}

/// A table; the first cell of a row names it.
#[derive(Debug)]
pub struct Table {
    /// Its heading.
    pub title: Cow<'static, str>,
    /// The columns' headings.
    pub columns: &'static [&'static str],
    /// Its rows, each with a cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// What the page shows when there are no rows.
    pub if_empty: &'static str,
    /// A note that helps to read it.
    pub note: &'static str,
}

impl Table {
    /// A counter's totals by reason; `None` if nothing was counted yet.
    pub fn of_reasons(
        title: &'static str,
        columns: &'static [&'static str],
        totals: Vec<(String, u64)>,
    ) -> Option<Self> {
        let counted = totals.into_iter().filter(|(_, total)| *total > 0);
        let rows: Vec<_> =
            counted.map(|(reason, total)| vec![Cell::Text(reason), Cell::Number(figures::grouped(total))]).collect();
        (!rows.is_empty()).then_some(Self { title: title.into(), columns, rows, if_empty: "", note: "" })
    }
}

/// A cell of a table.
#[derive(Debug)]
pub enum Cell {
    /// A name or a word.
    Text(String),
    /// A number, or a word in place of one.
    Number(String),
    /// A word that calls for attention.
    Alarm(String),
    /// Not known at the moment.
    Unknown,
}

impl Cell {
    /// A whole number, if it is known.
    pub fn count(number: Option<i64>) -> Self {
        number.map_or(Cell::Unknown, |number| Cell::Number(figures::grouped(number)))
    }
}
