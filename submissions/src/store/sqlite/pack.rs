//! A batch as two parameters of one statement.
//!
//! A statement for each row would cost more than the row itself, because each one is a message to the connection's
//! thread and back. So the rows travel as one blob of records of equal width and one blob of all their texts, and
//! [`rows`] is the SQL that takes them apart. Any text goes through as it is, U+0000 included.

use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use uuid::Uuid;

/// A UUID's bytes.
const ID_BYTES: usize = 16;
/// The decimal digits of a number, with leading zeros.
const DIGITS: usize = 19;

/// Rows on their way into a statement. Each consists of an id and the texts that the statement's [`rows`] names.
#[derive(Default)]
pub(super) struct Pack {
    records: Vec<u8>,
    texts: Vec<u8>,
    count: i64,
}

impl Pack {
    /// Rows of nothing but their ids.
    pub(super) fn of(ids: impl IntoIterator<Item = Uuid>) -> Self {
        let mut pack = Self::default();
        for id in ids {
            pack.row(id);
        }
        pack
    }

    /// Begins a row.
    pub(super) fn row(&mut self, id: Uuid) -> &mut Self {
        self.records.extend_from_slice(id.as_bytes());
        self.count += 1;
        self
    }

    fn number(&mut self, number: usize) -> &mut Self {
        let mut digits = [b'0'; DIGITS];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        self.records.extend_from_slice(&digits);
        self
    }

    /// Adds a text to the row: where it starts, counted from 1, and its length in bytes. NULL starts at 0.
    pub(super) fn text(&mut self, text: Option<&str>) -> &mut Self {
        let start = text.map_or(0, |_| self.texts.len() + 1);
        let text = text.unwrap_or_default();
        self.texts.extend_from_slice(text.as_bytes());
        self.number(start).number(text.len())
    }

    /// Makes the rows the first three parameters of a query with [`rows`].
    pub(super) fn bind<'q>(
        self,
        query: Query<'q, Sqlite, SqliteArguments<'q>>,
    ) -> Query<'q, Sqlite, SqliteArguments<'q>> {
        query.bind(self.records).bind(self.texts).bind(self.count)
    }
}

/// The common table expression `batch`: the rows of a [`Pack`] with their `id` and these texts.
pub(super) fn rows(texts: &[&str]) -> String {
    let mut columns = String::new();
    let mut width = ID_BYTES;
    let mut number = || {
        let column = format!("CAST(substr(?1, i * :width + {}, {DIGITS}) AS INTEGER)", width + 1);
        width += DIGITS;
        column
    };
    for name in texts {
        let (start, length) = (number(), number());
        let text = format!("CAST(substr(?2, {start}, {length}) AS TEXT)");
        columns += &format!(", CASE WHEN {start} > 0 THEN {text} END AS {name}");
    }
    let columns = columns.replace(":width", &width.to_string());
    format!(
        "numbers (i) AS (SELECT 0 WHERE ?3 > 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < ?3),
         batch AS MATERIALIZED (SELECT substr(?1, i * {width} + 1, {ID_BYTES}) AS id{columns} FROM numbers)"
    )
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, Row, SqliteConnection};

    use super::*;

    #[tokio::test]
    async fn rows_arrive_as_they_were_packed() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let texts = [Some("äöü"), None, Some(""), Some("with\0nul \"and\" 'quotes'"), Some("last")];
        let mut pack = Pack::default();
        for (number, text) in texts.iter().enumerate() {
            pack.row(Uuid::from_u128(number as u128)).text(*text).text(Some("between")).text(text.map(|_| "last"));
        }
        let sql = format!("WITH {} SELECT id, a, b, c FROM batch ORDER BY id", rows(&["a", "b", "c"]));
        let rows = pack.bind(sqlx::query(&sql)).fetch_all(&mut connection).await.unwrap();
        assert_eq!(rows.len(), texts.len());
        for (number, (row, text)) in rows.iter().zip(texts).enumerate() {
            assert_eq!(row.get::<Uuid, _>(0), Uuid::from_u128(number as u128));
            assert_eq!(row.get::<Option<String>, _>(1).as_deref(), text);
            assert_eq!(row.get::<String, _>(2), "between");
            assert_eq!(row.get::<Option<&str>, _>(3), text.map(|_| "last"));
        }
        let none = Pack::default().bind(sqlx::query(&sql)).fetch_all(&mut connection).await.unwrap();
        assert!(none.is_empty());
    }
}
