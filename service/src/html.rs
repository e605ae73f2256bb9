//! What no document should contain, wherever it comes from. maud escapes the rest.

/// The document with a replacement for every character that HTML forbids or that would change the text's direction.
pub fn without_unfit(document: &str) -> String {
    document.chars().map(|c| if is_unfit(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn is_unfit(character: char) -> bool {
    let is_noncharacter =
        matches!(u32::from(character), code if code & 0xFFFE == 0xFFFE || (0xFDD0..=0xFDEF).contains(&code));
    let is_turning = matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    (character.is_control() && !matches!(character, '\n' | '\t')) || is_noncharacter || is_turning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfit_characters_are_replaced() {
        assert_eq!(
            without_unfit("ü 日本 🙂\n\t a\0b\u{1b}[31m\u{202e}\u{ffff}\r"),
            "ü 日本 🙂\n\t a\u{fffd}b\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}"
        );
    }
}
