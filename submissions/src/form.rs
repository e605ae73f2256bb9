//! What a form sends: `application/x-www-form-urlencoded`, as queries are written, too.

/// The most fields. Forms and queries have three; each takes memory of its own, however short it is.
pub(crate) const MAX_FIELDS: usize = 16;

/// Why there are no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormError {
    /// It is not UTF-8.
    NotText,
    /// It has more than [`MAX_FIELDS`].
    TooMany,
}

/// The fields with their values, decoded.
pub(crate) fn fields(body: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    let mut fields = Vec::new();
    for part in body.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
        if fields.len() == MAX_FIELDS {
            return Err(FormError::TooMany);
        }
        let end = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
        fields.push((decoded(&part[..end])?, decoded(part.get(end + 1..).unwrap_or_default())?));
    }
    Ok(fields)
}

/// A text as its writer had it: a browser sends each end of a line as two characters.
pub(crate) fn with_single_line_ends(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// What is not an escape, such as a single `%`, stands for itself.
fn decoded(text: &[u8]) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => *byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| FormError::NotText)
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_decoded() {
        for (body, expected) in [
            ("", &[][..]),
            ("a=1&b=2", &[("a", "1"), ("b", "2")]),
            ("live&a==", &[("live", ""), ("a", "=")]),
            ("&&a=%C3%BC+%2b%26&", &[("a", "ü +&")]),
            ("a=100%&b=%4&c=%zz", &[("a", "100%"), ("b", "%4"), ("c", "%zz")]),
        ] {
            let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(fields(body.as_bytes()), Ok(expected), "{body}");
        }
        assert_eq!(fields(b"a=%FF"), Err(FormError::NotText));
        assert_eq!(with_single_line_ends("one\r\ntwo\nthree\r"), "one\ntwo\nthree\r");
    }

    #[test]
    fn nothing_is_read_beyond_the_most_fields() {
        assert_eq!(fields("a&".repeat(MAX_FIELDS).as_bytes()).map(|fields| fields.len()), Ok(MAX_FIELDS));
        for beyond in ["a&", "%FF&"] {
            let body = "a&".repeat(MAX_FIELDS) + &beyond.repeat(500_000);
            assert_eq!(fields(body.as_bytes()), Err(FormError::TooMany));
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(pairs in prop::collection::vec((".{1,5}", ".{0,20}"), 0..4)) {
            let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            let field = |(name, value): &(String, String)| format!("{}={}", encoded(name), encoded(value));
            let body: Vec<_> = pairs.iter().map(field).collect();
            prop_assert_eq!(fields(body.join("&").as_bytes()), Ok(pairs));
        }

        #[test]
        fn no_body_is_too_strange(body in prop::collection::vec(any::<u8>(), 0..50)) {
            let fields = fields(&body).unwrap_or_default();
            let total: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert!(total <= body.len());
        }
    }
}
