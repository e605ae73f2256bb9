//! Tables in which every cell is made for them.

use service::kinds;

/// The headings and the rows, in columns.
pub(super) fn table<const COLUMNS: usize>(
    headings: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> String {
    let rows: Vec<[String; COLUMNS]> = rows.collect();
    let cells = rows.iter().map(|row| row.each_ref().map(String::as_str));
    kinds::columns(&std::iter::once(headings).chain(cells).collect::<Vec<_>>())
}

/// A number, or a dash where there is none.
pub(super) fn or_dash(number: Option<impl ToString>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}
