//! Characters for texts: letters in words, or the pieces of hostile posts.

use crate::ledger::draws::Draws;
use crate::ledger::post::bodies::hostile::pieces::{FLAVOURS, FOUR_BYTES, WORDS};

/// Letters of this length, in words.
pub(super) fn words(length: usize, draws: &mut Draws) -> String {
    let mut left_of_word = 0;
    let letter = |at: usize| {
        if left_of_word == 0 {
            left_of_word = draws.between(2, 9);
            // Spaces at the ends are for hostile texts.
            if at > 0 && at + 1 < length {
                return ' ';
            }
        }
        left_of_word -= 1;
        char::from(b'a' + u8::try_from(draws.below(26)).expect("a letter"))
    };
    (0..length).map(letter).collect()
}

/// Appends this many characters. The last piece may be cut between two of its characters.
pub(super) fn fill(text: &mut String, length: usize, draws: &mut Draws) {
    let flavours = [draws.one_of(&FLAVOURS), draws.one_of(&FLAVOURS), FOUR_BYTES, WORDS];
    let mut left = length;
    while left > 0 {
        let flavour = draws.one_of(&flavours);
        let piece = draws.one_of(flavour);
        let end = piece.char_indices().nth(left).map_or(piece.len(), |(end, _)| end);
        text.push_str(&piece[..end]);
        left -= piece[..end].chars().count();
    }
}
