//! Texts as JSON strings, with escapes also where none are needed, and white space between tokens.

use crate::ledger::draws::Draws;

/// White space between tokens, as JSON knows it.
const BLANKS: [u8; 4] = *b" \t\n\r";

/// Which characters are written as escapes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Escaped {
    /// Those that must be.
    Needed,
    /// Some more.
    Some,
    /// All.
    All,
}

impl Escaped {
    /// One of them.
    pub(crate) fn draw(draws: &mut Draws) -> Self {
        draws.one_of(&[Escaped::Needed, Escaped::Some, Escaped::All])
    }

    fn is_escaped(self, character: char, draws: &mut Draws) -> bool {
        match self {
            _ if matches!(character, '"' | '\\' | '\0'..='\x1f') => true,
            Escaped::Needed => false,
            Escaped::Some => draws.one_in(4),
            Escaped::All => true,
        }
    }
}

/// Appends up to two characters of white space.
pub(crate) fn blanks(json: &mut Vec<u8>, draws: &mut Draws) {
    for _ in 0..draws.below(3) {
        json.push(draws.one_of(&BLANKS));
    }
}

/// Appends a string that reads as this text.
pub(crate) fn string(json: &mut Vec<u8>, text: &str, escaped: Escaped, draws: &mut Draws) {
    json.push(b'"');
    let mut written = 0;
    for (at, character) in text.char_indices() {
        if escaped.is_escaped(character, draws) {
            json.extend_from_slice(&text.as_bytes()[written..at]);
            escape(json, character, draws);
            written = at + character.len_utf8();
        }
    }
    json.extend_from_slice(&text.as_bytes()[written..]);
    json.push(b'"');
}

fn escape(json: &mut Vec<u8>, character: char, draws: &mut Draws) {
    if let Some(letter) = short_escape(character)
        && draws.one_in(2)
    {
        json.extend([b'\\', letter]);
        return;
    }
    // Characters beyond 16 bits are two escapes. (`format!` would take half of a hostile record's time.)
    for unit in character.encode_utf16(&mut [0; 2]) {
        let digits = draws.one_of(&[b"0123456789abcdef", b"0123456789ABCDEF"]);
        let digit = |shift: u16| digits[usize::from(*unit >> shift & 0xf)];
        json.extend([b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
    }
}

/// The character after the backslash, where an escape need not be a number.
fn short_escape(character: char) -> Option<u8> {
    match character {
        '"' => Some(b'"'),
        '\\' => Some(b'\\'),
        '/' => Some(b'/'),
        '\x08' => Some(b'b'),
        '\t' => Some(b't'),
        '\n' => Some(b'n'),
        '\x0c' => Some(b'f'),
        '\r' => Some(b'r'),
        _ => None,
    }
}
