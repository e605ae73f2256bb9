//! The body of the 201 to an accepted post.

use crate::PostId;

const BEFORE_ID: &[u8] = br#"{"message":"Post created successfully","id":""#;
const AFTER_ID: &[u8] = br#""}"#;

/// The JSON body that names this id.
pub fn body(id: PostId) -> Vec<u8> {
    [BEFORE_ID, &id.to_key(), AFTER_ID].concat()
}

/// The id in a body that is exactly what [`body`] makes of it. Any other body may be an answer, too, and must be read
/// as JSON.
pub fn id_in(body: &[u8]) -> Option<PostId> {
    PostId::from_key(body.strip_prefix(BEFORE_ID)?.strip_suffix(AFTER_ID)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_that_names_its_id() {
        let id = PostId::fresh();
        let body = body(id);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["id"], id.to_string());
        assert_eq!(id_in(&body), Some(id));
    }

    #[test]
    fn no_other_body_is_read() {
        let body = body(PostId::fresh());
        for other in [&body[1..], &body[..body.len() - 1], &[&body[..], b"\n"].concat(), b"{}", b""] {
            assert_eq!(id_in(other), None, "{}", String::from_utf8_lossy(other));
        }
    }
}
