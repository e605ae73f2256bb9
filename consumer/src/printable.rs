//! What came from clients, as text that cannot steer a terminal. Pure.

use std::fmt::Write;

/// Text stays text, without control characters; anything else is escaped byte by byte.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return bytes.escape_ascii().to_string();
    };
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            write!(printable, "{}", character.escape_default()).expect("writing to a string cannot fail");
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_and_everything_else_is_escaped() {
        assert_eq!(printable("Grüße 😀 \"x\"".as_bytes()), "Grüße 😀 \"x\"");
        assert_eq!(printable(b"\x1b[2J\n"), "\\u{1b}[2J\\n");
        assert_eq!(printable(b"\xff\x00"), "\\xff\\x00");
    }

    proptest! {
        #[test]
        fn nothing_steers_a_terminal(bytes in prop::collection::vec(any::<u8>(), 0..40), text: String) {
            prop_assert!(!printable(&bytes).contains(char::is_control));
            prop_assert!(!printable(text.as_bytes()).contains(char::is_control));
        }
    }
}
