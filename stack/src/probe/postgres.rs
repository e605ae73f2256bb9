//! PostgreSQL's startup message, version 3.0.
//!
//! A starting server accepts connections and answers with an error, and one that lets everybody in answers a startup
//! message with `AuthenticationOk`.

const VERSION: i32 = 3 << 16;
const PARAMETERS: &[u8] = b"user\0postgres\0database\0postgres\0\0";

/// `R`, for authentication, and the start of its length.
const AUTHENTICATION: [u8; 4] = *b"R\0\0\0";
/// The end of its length, 8, and the code for success.
const OK: &[u8] = b"\x08\0\0\0\0";

pub(super) fn request() -> Vec<u8> {
    let length = (PARAMETERS.len() + 8) as i32;
    [&length.to_be_bytes(), &VERSION.to_be_bytes(), PARAMETERS].concat()
}

/// An answer of another kind has none.
pub(super) fn rest_of_answer(prefix: [u8; 4]) -> usize {
    if prefix == AUTHENTICATION { OK.len() } else { 0 }
}

pub(super) fn is_ready(answer: &[u8]) -> bool {
    answer == OK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_counts_itself() {
        let request = request();
        assert_eq!(request[..4], (request.len() as i32).to_be_bytes());
        assert_eq!(request[4..8], [0, 3, 0, 0]);
    }

    #[test]
    fn only_a_login_that_succeeds_is_ready() {
        assert_eq!(rest_of_answer(*b"R\0\0\0"), 5);
        assert!(is_ready(b"\x08\0\0\0\0"));
        // A password is asked for; the server starts.
        assert!(!is_ready(b"\x08\0\0\0\x03"));
        assert_eq!(rest_of_answer(*b"E\0\0\0"), 0);
        assert!(!is_ready(b""));
    }
}
