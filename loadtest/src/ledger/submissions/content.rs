//! What submission n says, and what must become of it.
//!
//! A content is drawn for a class, and the class is what must become of it: nothing here judges a text, so nothing is
//! in common with the service's own rule. Most contents carry their number, so that what is found under an id that
//! nobody knows can be recognised; a few say the same as others, as the service remembers its verdicts.

use crate::ledger::draws::{Draws, is_within};
use crate::ledger::mix::mix;

/// How many characters the rule asks for.
const MIN_CHARS: usize = 10;

/// One submission in this many says what others say, too.
const COMMON: usize = 16;

/// How many texts of a class are in common.
const TEXTS: usize = 4;

/// What fills a content up. None of these is an ASCII digit; most take more than a byte, and some look like a digit or
/// combine with others.
const FILLERS: [char; 20] = [
    'a', 'z', 'M', ' ', 'ä', 'ß', 'é', '中', '✓', '😀', '٣', '７', '²', '\u{301}', '\u{200d}', '\u{202e}', '"', '\\',
    '<', '&',
];

/// The first of the 4,096 characters that stand for a number where there is room for few.
const GLYPHS: u32 = 0x4e00;
const BITS_OF_GLYPH: u32 = 12;
const GLYPHS_OF_NUMBER: u32 = 3;

/// The letters that stand for a number elsewhere, each for half a byte.
const LETTERS: [char; 16] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p'];
const LETTERS_OF_NUMBER: u32 = 8;

/// What must become of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// PASSED.
    Passing,
    /// FAILED, because it has too few characters.
    Short,
    /// FAILED, because it has no digit.
    WithoutDigit,
    /// FAILED for both reasons.
    ShortWithoutDigit,
    /// Rejected, because it is blank.
    Blank,
}

/// The contents of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contents {
    /// What they follow from.
    pub(crate) seed: u64,
    /// The share of those that must be rejected.
    pub(crate) invalid_share: f64,
}

/// A content, and what must become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedContent {
    pub(crate) class: Class,
    pub(crate) content: String,
}

impl Contents {
    /// The most numbers that contents can carry.
    pub(crate) const MOST: u64 = 1 << 32;

    /// What submission n says. `n` is less than [`Self::MOST`].
    pub(crate) fn planned(&self, n: u64) -> PlannedContent {
        let mut draws = Draws::new(mix(self.seed) ^ n);
        if self.is_invalid(n) {
            return PlannedContent {
                class: Class::Blank,
                content: draws.one_of(&["", " ", "\t\n", "\u{3000} "]).to_owned(),
            };
        }
        let class = match draws.below(10) {
            0..=5 => Class::Passing,
            6 | 7 => Class::WithoutDigit,
            8 => Class::Short,
            _ => Class::ShortWithoutDigit,
        };
        let content =
            if draws.one_in(COMMON) { in_common(class, draws.below(TEXTS)) } else { numbered(class, n, &mut draws) };
        PlannedContent { class, content }
    }

    /// Whether submission n must be rejected.
    pub(crate) fn is_invalid(&self, n: u64) -> bool {
        is_within(mix(mix(!self.seed) ^ n), self.invalid_share)
    }

    /// The number of the submission that says this, if it is one whose content carries its number.
    pub(crate) fn number(&self, content: &str) -> Option<u64> {
        let n = number_of_letters(content).or_else(|| number_of_glyphs(content))?;
        (self.planned(n).content == content).then_some(n)
    }
}

fn in_common(class: Class, text: usize) -> String {
    let letter = LETTERS[text];
    match class {
        Class::Passing => format!("often submitted: {text}"),
        Class::WithoutDigit => format!("often submitted: {letter}"),
        Class::Short => format!("often {text}"),
        Class::ShortWithoutDigit => format!("often {letter}"),
        Class::Blank => String::new(),
    }
}

fn numbered(class: Class, n: u64, draws: &mut Draws) -> String {
    let has_digit = matches!(class, Class::Passing | Class::Short);
    let digits = usize::from(has_digit);
    let is_short = matches!(class, Class::Short | Class::ShortWithoutDigit);
    let glyphs = GLYPHS_OF_NUMBER as usize;
    // One in four is as short as it can be without being too short.
    let (mut content, fillers) = if is_short {
        (glyphs_of(n), draws.between(0, MIN_CHARS - 1 - glyphs - digits))
    } else if draws.one_in(4) {
        (glyphs_of(n), MIN_CHARS - glyphs - digits)
    } else {
        (letters_of(n), draws.between(MIN_CHARS, 200))
    };
    let place = draws.between(0, fillers);
    for filler in 0..=fillers {
        if has_digit && filler == place {
            content.push(draws.one_of(&['0', '1', '5', '9']));
        }
        if filler < fillers {
            content.push(draws.one_of(&FILLERS));
        }
    }
    content
}

fn letters_of(n: u64) -> String {
    let nibble = |place: u32| LETTERS[usize::try_from(n >> (4 * place) & 15).expect("less than 16")];
    (0..LETTERS_OF_NUMBER).map(nibble).collect()
}

fn number_of_letters(content: &str) -> Option<u64> {
    let mut chars = content.chars();
    (0..LETTERS_OF_NUMBER).try_fold(0, |n, place| {
        let letter = chars.next()?;
        let nibble = LETTERS.iter().position(|other| *other == letter)? as u64;
        Some(n | nibble << (4 * place))
    })
}

fn glyphs_of(n: u64) -> String {
    let glyph = |place: u32| {
        let bits = n >> (BITS_OF_GLYPH * place) & ((1 << BITS_OF_GLYPH) - 1);
        char::from_u32(GLYPHS + u32::try_from(bits).expect("12 bits")).expect("a CJK ideograph")
    };
    (0..GLYPHS_OF_NUMBER).map(glyph).collect()
}

fn number_of_glyphs(content: &str) -> Option<u64> {
    let mut chars = content.chars();
    (0..GLYPHS_OF_NUMBER).try_fold(0, |n, place| {
        let bits = u32::from(chars.next()?).checked_sub(GLYPHS).filter(|bits| *bits < 1 << BITS_OF_GLYPH)?;
        Some(n | u64::from(bits) << (BITS_OF_GLYPH * place))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_content_is_as_its_class_says(seed: u64, n in 0..Contents::MOST) {
            let PlannedContent { class, content } = Contents { seed, invalid_share: 0.1 }.planned(n);
            let is_long = content.chars().count() >= 10;
            let has_digit = content.contains(|letter: char| letter.is_ascii_digit());
            let expected = match class {
                Class::Blank => {
                    prop_assert!(content.trim().is_empty());
                    return Ok(());
                }
                Class::Passing => (true, true),
                Class::Short => (false, true),
                Class::WithoutDigit => (true, false),
                Class::ShortWithoutDigit => (false, false),
            };
            prop_assert_eq!((is_long, has_digit), expected, "{:?}", content);
            prop_assert!(!content.trim().is_empty());
        }

        #[test]
        fn a_content_that_carries_its_number_is_recognised_and_no_other(seed: u64, n in 0..Contents::MOST) {
            let contents = Contents { seed, invalid_share: 0.01 };
            let planned = contents.planned(n);
            let is_numbered = planned.class != Class::Blank && !planned.content.starts_with("often");
            prop_assert_eq!(contents.number(&planned.content), is_numbered.then_some(n));
            prop_assert_eq!(contents.number(&format!("{}x", planned.content)), None);
        }
    }

    #[test]
    fn there_are_some_of_each_class_and_some_in_common() {
        let contents = Contents { seed: 7, invalid_share: 0.02 };
        let (mut classes, mut texts, mut wide) = (BTreeMap::<Class, u32>::new(), BTreeMap::<String, u32>::new(), 0);
        for n in 0..2_000 {
            let PlannedContent { class, content } = contents.planned(n);
            *classes.entry(class).or_default() += 1;
            wide += u32::from(!content.is_ascii());
            *texts.entry(content).or_default() += 1;
        }
        assert!(classes.len() == 5 && classes.values().all(|count| *count > 20), "{classes:?}");
        assert!(wide > 1_000, "{wide} are not ASCII");
        let repeated = texts.iter().filter(|(text, count)| **count > 1 && text.starts_with("often")).count();
        assert!(repeated > 8, "{repeated} texts are sent again and again");
    }
}
