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

/// A column of the rows, beside their ids.
#[derive(Clone, Copy)]
pub(super) enum Field {
    /// Not negative.
    Number(&'static str),
    /// A text, or NULL.
    Text(&'static str),
}

/// Rows on their way into a statement. Each consists of an id and the fields that the statement's [`rows`] names.
#[derive(Default)]
pub(super) struct Pack {
    records: Vec<u8>,
    texts: Vec<u8>,
    count: i64,
}

impl Pack {
    /// Begins a row.
    pub(super) fn row(&mut self, id: Uuid) -> &mut Self {
        self.records.extend_from_slice(id.as_bytes());
        self.count += 1;
        self
    }

    /// Adds a number to the row; a negative one becomes 0.
    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        let mut digits = [b'0'; DIGITS];
        let mut rest = number.max(0).unsigned_abs();
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        self.records.extend_from_slice(&digits);
        self
    }

    /// Adds a text to the row: where it starts, counted from 1, and its length in bytes. NULL starts at 0.
    pub(super) fn text(&mut self, text: Option<&str>) -> &mut Self {
        let start = text.map_or(0, |_| self.texts.len() as i64 + 1);
        let text = text.unwrap_or_default();
        self.texts.extend_from_slice(text.as_bytes());
        self.number(start).number(text.len() as i64)
    }

    /// Makes the rows the first three parameters of a query with [`rows`].
    pub(super) fn bind<'q>(
        self,
        query: Query<'q, Sqlite, SqliteArguments<'q>>,
    ) -> Query<'q, Sqlite, SqliteArguments<'q>> {
        query.bind(self.records).bind(self.texts).bind(self.count)
    }
}

/// The common table expression `batch`: the rows of a [`Pack`] with their `id` and these fields.
pub(super) fn rows(fields: &[Field]) -> String {
    let mut columns = String::new();
    let mut width = ID_BYTES;
    let mut number = || {
        let column = format!("CAST(substr(?1, i * :width + {}, {DIGITS}) AS INTEGER)", width + 1);
        width += DIGITS;
        column
    };
    for field in fields {
        match field {
            Field::Number(name) => columns += &format!(", {} AS {name}", number()),
            Field::Text(name) => {
                let (start, length) = (number(), number());
                let text = format!("CAST(substr(?2, {start}, {length}) AS TEXT)");
                columns += &format!(", CASE WHEN {start} > 0 THEN {text} END AS {name}");
            }
        }
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
            let number = number as i64;
            pack.row(Uuid::from_u128(number as u128)).number(number).text(*text).number(i64::MAX - number);
        }
        let fields = [Field::Number("first"), Field::Text("text"), Field::Number("last")];
        let sql = format!("WITH {} SELECT id, first, text, last FROM batch ORDER BY id", rows(&fields));
        let rows = pack.bind(sqlx::query(&sql)).fetch_all(&mut connection).await.unwrap();
        assert_eq!(rows.len(), texts.len());
        for (number, (row, text)) in rows.iter().zip(texts).enumerate() {
            assert_eq!(row.get::<Uuid, _>(0), Uuid::from_u128(number as u128));
            assert_eq!(row.get::<i64, _>(1), number as i64);
            assert_eq!(row.get::<Option<String>, _>(2).as_deref(), text);
            assert_eq!(row.get::<i64, _>(3), i64::MAX - number as i64);
        }
        let none = Pack::default().bind(sqlx::query(&sql)).fetch_all(&mut connection).await.unwrap();
        assert!(none.is_empty());
    }
}
