//! Hostile posts: valid ones that a careless pipeline alters, cuts or rejects. Their texts are made of pieces that were
//! chosen to show a certain fault: normalised Unicode, bytes counted as characters, trimmed or replaced characters,
//! escapes that are read twice or not at all. [Spelling](crate::ledger::spelling) writes them as unusual JSON.

use self::pieces::{FLAVOURS, FOUR_BYTES, Pieces, WORDS};
use super::texts::{ALLOWED, ContentLength, LONGEST_TITLE, PostTexts};
use crate::ledger::draws::Draws;

pub(crate) mod pieces;

/// The most characters that most titles have after the number.
const MORE_TITLE: usize = 24;

/// What a hostile post says whose title starts with `start`, its run's prefix and its number. No title is shorter.
pub(super) fn texts(start: String, lengths: ContentLength, draws: &mut Draws) -> PostTexts {
    let flavours = [draws.one_of(&FLAVOURS), draws.one_of(&FLAVOURS), WORDS];
    PostTexts { title: title(start, &flavours, draws), content: content(lengths, &flavours, draws) }
}

fn title(start: String, flavours: &[Pieces], draws: &mut Draws) -> String {
    let mut title = start;
    // The start is ASCII, and a space follows the number.
    let room = LONGEST_TITLE - title.len() - 1;
    let length = match draws.below(8) {
        0 => return title,
        1 => room,
        _ => draws.between(1, room.min(MORE_TITLE)),
    };
    title.push(' ');
    fill(&mut title, length, flavours, draws);
    title
}

fn content(lengths: ContentLength, flavours: &[Pieces], draws: &mut Draws) -> String {
    let (length, flavours) = match draws.below(16) {
        0 | 1 => (ALLOWED.shortest, flavours),
        2 => (ALLOWED.longest, flavours),
        3 => (ALLOWED.longest, &[FOUR_BYTES][..]),
        _ => (draws.between(lengths.shortest, lengths.longest), flavours),
    };
    let mut content = String::with_capacity(length);
    fill(&mut content, length, flavours, draws);
    content
}

/// Appends this many characters. The last piece may be cut between two of its characters.
fn fill(text: &mut String, length: usize, flavours: &[Pieces], draws: &mut Draws) {
    let mut left = length;
    while left > 0 {
        let flavour = draws.one_of(flavours);
        let piece = draws.one_of(flavour);
        let end = piece.char_indices().nth(left).map_or(piece.len(), |(end, _)| end);
        text.push_str(&piece[..end]);
        left -= piece[..end].chars().count();
    }
}
