//! The ids in an order: texts that people read aloud and copy, so that two of them differ only if they look different.

use std::ops::RangeInclusive;

use crate::id::KEY_MAX_CHARS;

/// Unicode's Default_Ignorable_Code_Point and the anchors of annotations: characters that show as nothing.
const IGNORABLE: [RangeInclusive<char>; 17] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Unicode's White_Space apart from the ordinary space.
const OTHER_SPACE: [RangeInclusive<char>; 9] = [
    '\u{9}'..='\u{d}',
    '\u{85}'..='\u{85}',
    '\u{a0}'..='\u{a0}',
    '\u{1680}'..='\u{1680}',
    '\u{2000}'..='\u{200a}',
    '\u{2028}'..='\u{2029}',
    '\u{202f}'..='\u{202f}',
    '\u{205f}'..='\u{205f}',
    '\u{3000}'..='\u{3000}',
];

/// The id without the space around it, or what it must be instead.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let text = text.trim();
    let count = text.chars().count();
    if !(1..=KEY_MAX_CHARS).contains(&count) {
        return Err(format!("must be 1 to {KEY_MAX_CHARS} characters long, has {count}"));
    }
    match text.chars().find(|character| !is_visible(*character)) {
        Some(character) => Err(format!("must not contain invisible characters, has U+{:04X}", u32::from(character))),
        None => Ok(text.to_owned()),
    }
}

/// The regular expression of a text that [`parse`] accepts, for JSON Schema. The notations of characters beyond U+FFFF
/// differ, so it lets them through.
pub(super) fn pattern() -> String {
    let (space, ignorable) = (class(&OTHER_SPACE), class(&IGNORABLE));
    // Controls, and the empty Braille cell.
    let hidden = format!(r"{ignorable}\u0000-\u001f\u007f-\u009f\u2800");
    let (visible, more) = (format!("[^ {space}{hidden}]"), KEY_MAX_CHARS - 2);
    format!("^[ {space}]*{visible}([^{space}{hidden}]{{0,{more}}}{visible})?[ {space}]*$")
}

/// These characters as members of a class in a regular expression, as far as four digits name them.
fn class(ranges: &[RangeInclusive<char>]) -> String {
    let codes = ranges.iter().map(|range| (u32::from(*range.start()), u32::from(*range.end())));
    let named = codes.filter(|(_, end)| *end < 0x1_0000);
    named.map(|(start, end)| format!(r"\u{start:04x}-\u{end:04x}")).collect()
}

/// Whether a character shows as something, or is the ordinary space.
fn is_visible(character: char) -> bool {
    if matches!(character, ' '..='~') {
        return true;
    }
    let is_space = character.is_whitespace();
    // An empty Braille cell is drawn as nothing, too.
    let is_blank = character == '\u{2800}' || IGNORABLE.iter().any(|range| range.contains(&character));
    !(is_space || is_blank || character.is_control())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn space_around_an_id_is_dropped_and_space_within_stays() {
        for (text, id) in
            [("A-17", "A-17"), (" A 17\n", "A 17"), ("\u{3000}ü😀\u{a0}", "ü😀"), ("e\u{301}", "e\u{301}")]
        {
            assert_eq!(parse(text).as_deref(), Ok(id), "{text:?}");
        }
    }

    #[test]
    fn lengths_count_characters() {
        assert!(parse(&"😀".repeat(64)).is_ok());
        assert!(parse(&format!(" {} ", "x".repeat(64))).is_ok());
        assert_eq!(parse(&"x".repeat(65)).unwrap_err(), "must be 1 to 64 characters long, has 65");
        for empty in ["", " ", "\t\n\u{3000}"] {
            assert_eq!(parse(empty).unwrap_err(), "must be 1 to 64 characters long, has 0");
        }
    }

    #[test]
    fn nothing_within_an_id_is_invisible() {
        let spaces = "\t\n\u{85}\u{a0}\u{2028}\u{3000}".chars();
        let others = "\0\u{7f}\u{ad}\u{200b}\u{200d}\u{202e}\u{2800}\u{fe0f}\u{feff}\u{fffb}\u{e0041}".chars();
        for character in spaces.chain(others) {
            let error = parse(&format!("A{character}17")).unwrap_err();
            assert_eq!(error, format!("must not contain invisible characters, has U+{:04X}", u32::from(character)));
        }
    }

    proptest! {
        #[test]
        fn an_id_is_its_own_id(text in "(?s).{0,70}") {
            if let Ok(id) = parse(&text) {
                prop_assert_eq!(parse(&id), Ok(id.clone()));
                prop_assert!(text.contains(&id) && id.trim() == id);
            }
        }
    }
}
