//! The record that announces a submission. Its value is JSON that names the submission; its key is the id, too, or any
//! other when it is announced again.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The value. Fields that others add are ignored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Value {
    /// The submission that can be claimed.
    pub(super) id: Uuid,
}

/// The submission that a record with this value announces.
///
/// # Errors
/// Why it announces none.
pub(super) fn announced(value: Option<&[u8]>) -> Result<Uuid, String> {
    let value = value.ok_or("the record has no value")?;
    let Value { id } = serde_json::from_slice(value)
        .map_err(|error| format!("the value is not as in {{\"id\": \"019a…\"}}, the id of a submission: {error}"))?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_is_read() {
        let id = Uuid::now_v7();
        let value = serde_json::to_vec(&Value { id }).unwrap();
        assert_eq!(value, format!("{{\"id\":\"{id}\"}}").into_bytes());
        assert_eq!(announced(Some(&value)), Ok(id));
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        for value in [&b""[..], b"null", b"{}", br#"{"id":7}"#, br#"{"id":"7"}"#, b"\xff", br#"["a"]"#] {
            assert!(announced(Some(value)).unwrap_err().starts_with("the value is not as in"), "{value:?}");
        }
        assert_eq!(announced(None), Err("the record has no value".to_owned()));
    }
}
