//! What a write error of MongoDB means for the document it is about. Pure.

/// The meaning of a write error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// A document with the same value in a unique index is there already; for `_id` that is this very document.
    Duplicate,
    /// The document itself can never be stored.
    Document,
    /// Anything else, known or not: the document may be stored later.
    Transient,
}

/// Codes that speak of the document itself, and of nothing else. What is missing here is only tried for longer; what is
/// here wrongly would throw good posts away.
const DOCUMENT_CODES: [i32; 9] = [
    2,     // BadValue
    22,    // InvalidBSON
    52,    // DollarPrefixedFieldName
    57,    // DottedFieldName
    121,   // DocumentValidationFailure
    10334, // BSONObjectTooLarge
    16755, // a geo index cannot read the document
    16756, // a geo index cannot read the document
    17280, // KeyTooLong
];

const DUPLICATE_KEY: i32 = 11000;

/// The meaning of the code that a write error carries for one document.
pub(crate) fn write_error(code: i32) -> WriteError {
    match code {
        DUPLICATE_KEY => WriteError::Duplicate,
        code if DOCUMENT_CODES.contains(&code) => WriteError::Document,
        _ => WriteError::Transient,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_of_the_document_and_codes_of_the_server() {
        assert_eq!(write_error(11000), WriteError::Duplicate);
        for code in [2, 22, 121, 10334] {
            assert_eq!(write_error(code), WriteError::Document, "{code}");
        }
        // Unauthorized, timeouts, not primary, no such shard, interrupted, out of disk, an unknown one.
        for code in [6, 7, 13, 50, 70, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 14031, 0, -1] {
            assert_eq!(write_error(code), WriteError::Transient, "{code}");
        }
    }

    proptest! {
        #[test]
        fn an_unknown_code_never_throws_a_document_away(code: i32) {
            prop_assume!(code != DUPLICATE_KEY && !DOCUMENT_CODES.contains(&code));
            prop_assert_eq!(write_error(code), WriteError::Transient);
        }
    }
}
