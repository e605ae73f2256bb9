//! What a content must be to be accepted at all. Whether it passes is for the [rule](crate::rules) to say, later.

/// The white space of Unicode, as a part of a class of characters in a regular expression.
const WHITE_SPACE: &str = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// The most bytes of a character in JSON: a control character is written as in `\u001f`.
pub(crate) const MAX_JSON_BYTES: usize = 6;

/// What is wrong with a content, in words that follow its name; `None` if it can be accepted.
pub fn error(content: &str, max_chars: usize) -> Option<String> {
    if content.trim().is_empty() {
        return Some("must not be blank".to_owned());
    }
    // PostgreSQL keeps no such character in a text.
    if content.contains('\0') {
        return Some("must not contain the character U+0000".to_owned());
    }
    // There are never more characters than bytes.
    if content.len() <= max_chars {
        return None;
    }
    let chars = content.chars().count();
    (chars > max_chars).then(|| format!("must be at most {max_chars} characters long, has {chars}"))
}

/// Upper bound of the bytes that a content takes in JSON.
pub(crate) fn json_bytes(content: &str) -> usize {
    let bytes = |byte: u8| match byte {
        b'"' | b'\\' => 2,
        _ if byte.is_ascii_control() => MAX_JSON_BYTES,
        _ => 1,
    };
    content.bytes().map(bytes).sum()
}

/// The regular expression of contents that are neither blank nor contain U+0000, for a JSON Schema.
pub fn pattern() -> String {
    format!(r"^[^\u0000]*[^\u0000{WHITE_SPACE}][^\u0000]*$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_accepted_is_named() {
        for (content, expected) in [
            ("x", None),
            (" x ", None),
            ("äöü", None),
            ("", Some("must not be blank")),
            (" \t\r\n\u{3000}", Some("must not be blank")),
            ("a\0b", Some("must not contain the character U+0000")),
            ("abcd", Some("must be at most 3 characters long, has 4")),
            ("äöüß", Some("must be at most 3 characters long, has 4")),
        ] {
            assert_eq!(error(content, 3).as_deref(), expected, "{content:?}");
        }
    }

    #[test]
    fn a_content_takes_no_more_in_json() {
        for character in (0..0x80).map(char::from).chain(['ü', '\u{ffff}', '\u{10ffff}']) {
            let quoted = serde_json::to_string(&character).unwrap();
            let bytes = json_bytes(&character.to_string());
            assert!((quoted.len() - 2..=MAX_JSON_BYTES).contains(&bytes), "{quoted} {bytes}");
        }
    }

    #[test]
    fn the_pattern_has_all_white_space() {
        let listed = [0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000];
        let is_listed = |code: u32| {
            (0x9..=0xd).contains(&code) || code == 0x20 || (0x2000..=0x200a).contains(&code) || listed.contains(&code)
        };
        for character in char::MIN..=char::MAX {
            assert_eq!(character.is_whitespace(), is_listed(character.into()), "{character:?}");
        }
        for code in listed {
            assert!(pattern().contains(&format!("\\u{code:04x}")), "{code:04x}");
        }
    }
}
