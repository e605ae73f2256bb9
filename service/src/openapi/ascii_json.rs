//! JSON in plain ASCII. A pattern may hold characters that show as nothing or turn the text around: nobody should have
//! to read them, neither in a browser nor in a diff.

use serde_json::Value;

/// The value, pretty, with a line feed at its end.
pub fn pretty(value: &Value) -> String {
    let mut ascii = String::new();
    // What is not ASCII is within a string, where it may be escaped.
    for character in format!("{value:#}\n").chars() {
        if character.is_ascii() && character != '\u{7f}' {
            ascii.push(character);
        } else {
            let mut units = [0; 2];
            let units = character.encode_utf16(&mut units).iter();
            ascii.extend(units.map(|unit| format!("\\u{unit:04x}")));
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn what_is_escaped_reads_back(text in any::<String>(), key in "\\PC{0,9}") {
            let value = json!({ "list": [1.5, null, text], key: { "a": [] } });
            let written = pretty(&value);
            prop_assert!(written.is_ascii(), "{}", written);
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
