//! A submission as the service shows it: in an answer, or in a line of its export.

use serde::{Deserialize, Deserializer};
use uuid::Uuid;

/// Where a submission stands, by the names that clients read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Pending,
    Processing,
    Passed,
    Failed,
    Cancelled,
}

impl Status {
    /// Whether a series of attempts ends with it.
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Status::Pending | Status::Processing)
    }
}

/// A submission. Times are milliseconds since 1970 by the clock of the database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) content: String,
    pub(crate) status: Status,
    /// Which series of attempts it is in, from 1.
    pub(crate) series: u32,
    /// Attempts begun in the series, and those that failed, whose worker was gone, and that a worker gave back.
    pub(crate) attempts: u32,
    pub(crate) failures: u32,
    pub(crate) losses: u32,
    pub(crate) given_back: u32,
    pub(crate) reason: Option<String>,
    pub(crate) cached: bool,
    #[serde(deserialize_with = "time")]
    pub(crate) created_at: i64,
    #[serde(deserialize_with = "some_time")]
    pub(crate) started_at: Option<i64>,
    #[serde(deserialize_with = "some_time")]
    pub(crate) processed_at: Option<i64>,
    #[serde(deserialize_with = "time")]
    pub(crate) changed_at: i64,
}

impl Row {
    /// Attempts of the series that have ended without a verdict.
    pub(crate) fn setbacks(&self) -> u32 {
        self.failures + self.losses + self.given_back
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.as_deref().map(parse).transpose().map_err(serde::de::Error::custom)
}

fn parse(text: &str) -> Result<i64, String> {
    let date = bson::DateTime::parse_rfc3339_str(text).map_err(|error| format!("`{text}` is not a time: {error}"))?;
    Ok(date.timestamp_millis())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A submission that passed at its first attempt.
    pub(crate) fn passed(id: u128, content: &str) -> Row {
        Row {
            id: Uuid::from_u128(id),
            content: content.to_owned(),
            status: Status::Passed,
            series: 1,
            attempts: 1,
            failures: 0,
            losses: 0,
            given_back: 0,
            reason: None,
            cached: false,
            created_at: 1_000,
            started_at: Some(1_005),
            processed_at: Some(1_105),
            changed_at: 1_105,
        }
    }

    #[test]
    fn a_line_of_the_export_is_read() {
        let line = r#"{"id":"00000000-0000-0000-0000-000000000007","content":"0123456789","status":"PASSED","series":1,
            "attempts":1,"failures":0,"losses":0,"given_back":0,"reason":null,"cached":false,
            "created_at":"1970-01-01T00:00:01.000Z","started_at":"1970-01-01T00:00:01.005Z",
            "processed_at":"1970-01-01T00:00:01.105Z","changed_at":"1970-01-01T00:00:01.105Z",
            "run_at":"1970-01-01T00:00:01.000Z"}"#;
        assert_eq!(serde_json::from_str::<Row>(line).unwrap(), passed(7, "0123456789"));
        assert!(serde_json::from_str::<Row>(&line.replace("PASSED", "DONE")).is_err());
        assert!(serde_json::from_str::<Row>(&line.replace("01.105Z", "soon")).is_err());
    }
}
