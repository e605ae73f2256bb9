//! Texts of a regular expression, for the part of the language that schemas usually need: characters, classes, groups
//! with alternatives, and repetitions.

use std::iter::Peekable;
use std::str::Chars;

use crate::ledger::draws::Draws;

/// How often something is repeated, beyond the least, where there is no limit.
const USUAL_MORE: usize = 8;
/// The most repetitions of one part.
const MOST_REPEATED: usize = 1_000;
/// The characters that a class can have: what can be seen of ASCII, and the space.
const ALL: (char, char) = (' ', '~');
const DIGITS: &[(char, char)] = &[('0', '9')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
const SPACE: &[(char, char)] = &[(' ', ' ')];
/// A character that breaks most patterns.
const UNUSUAL: char = '!';

/// A pattern whose texts can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    alternatives: Vec<Vec<Part>>,
    /// Whether it is about the whole of a text.
    is_whole: bool,
}

/// Something, repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    what: What,
    least: usize,
    most: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// Characters in these ranges; never empty.
    One(Vec<(char, char)>),
    Group(Vec<Vec<Part>>),
}

impl Pattern {
    /// Reads a regular expression; `None` if it has something else than what is known here.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (text, is_start) = text.strip_prefix('^').map_or((text, false), |text| (text, true));
        let ends = text.ends_with('$') && !text.ends_with("\\$");
        let text = if ends { &text[..text.len() - 1] } else { text };
        let mut left = text.chars().peekable();
        let alternatives = alternatives(&mut left)?;
        // In `^a|b$` each anchor is that of one alternative.
        let is_usual = left.next().is_none() && (alternatives.len() == 1 || !(is_start || ends));
        is_usual.then_some(Self { alternatives, is_whole: is_start && ends })
    }

    /// The shortest and the longest text, in characters.
    pub(super) fn lengths(&self) -> (usize, usize) {
        lengths(&self.alternatives)
    }

    /// A text; a hostile one is often as short or as long as it can be.
    pub(super) fn text(&self, is_hostile: bool, draws: &mut Draws) -> String {
        let mut text = String::new();
        write(&self.alternatives, is_hostile, draws, &mut text);
        text
    }

    /// A text that does not match, if one is known.
    pub(super) fn broken(&self) -> Option<String> {
        (self.is_whole && !has_unusual(&self.alternatives)).then(|| UNUSUAL.to_string())
    }
}

fn alternatives(left: &mut Peekable<Chars<'_>>) -> Option<Vec<Vec<Part>>> {
    let mut alternatives = vec![Vec::new()];
    while let Some(next) = left.next_if(|next| *next != ')') {
        let what = match next {
            '|' => {
                alternatives.push(Vec::new());
                continue;
            }
            '(' => {
                if left.next_if_eq(&'?').is_some() && left.next() != Some(':') {
                    return None;
                }
                let inner = self::alternatives(left)?;
                left.next_if_eq(&')')?;
                What::Group(inner)
            }
            '[' => What::One(class(left)?),
            '.' => What::One(vec![ALL]),
            '\\' => What::One(escape(left.next()?)?),
            '^' | '$' | '*' | '+' | '?' | '{' | '}' | ']' => return None,
            other => What::One(vec![(other, other)]),
        };
        let (least, most) = repetition(left)?;
        alternatives.last_mut().expect("there is one").push(Part { what, least, most });
    }
    Some(alternatives)
}

fn repetition(left: &mut Peekable<Chars<'_>>) -> Option<(usize, usize)> {
    let (least, most) = match left.peek() {
        Some('?') => (0, 1),
        Some('*') => (0, USUAL_MORE),
        Some('+') => (1, 1 + USUAL_MORE),
        Some('{') => {
            let inner: String = left.by_ref().skip(1).take_while(|next| *next != '}').collect();
            let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
            let least: usize = least.parse().ok()?;
            let most = if most.is_empty() { least + USUAL_MORE } else { most.parse().ok()? };
            return (least <= most && most <= MOST_REPEATED && left.peek() != Some(&'?')).then_some((least, most));
        }
        _ => return Some((1, 1)),
    };
    left.next();
    // A repetition that is lazy or possessive.
    if matches!(left.peek(), Some('?' | '+' | '*' | '{')) { None } else { Some((least, most)) }
}

fn class(left: &mut Peekable<Chars<'_>>) -> Option<Vec<(char, char)>> {
    let is_negated = left.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let first = match left.next()? {
            ']' if !ranges.is_empty() => break,
            // Nested classes, and operations on them.
            '[' | ']' | '&' | '~' => return None,
            '\\' => {
                let ranges_of = escape(left.next()?)?;
                let [(first, last)] = ranges_of[..] else {
                    ranges.extend(ranges_of);
                    continue;
                };
                if first != last {
                    ranges.push((first, last));
                    continue;
                }
                first
            }
            other => other,
        };
        let mut ahead = left.clone();
        let last = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(']')) | (None, _) => first,
            (Some('-'), Some('\\' | '-' | '[')) => return None,
            (Some('-'), Some(last)) => {
                *left = ahead;
                last
            }
            _ => first,
        };
        if first > last {
            return None;
        }
        ranges.push((first, last));
    }
    let is_in = |letter: char| ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter));
    let ranges = if is_negated {
        (ALL.0..=ALL.1).filter(|letter| !is_in(*letter)).map(|letter| (letter, letter)).collect()
    } else {
        ranges
    };
    (!ranges.is_empty()).then_some(ranges)
}

fn escape(letter: char) -> Option<Vec<(char, char)>> {
    match letter {
        'd' => Some(DIGITS.to_vec()),
        'w' => Some(WORD.to_vec()),
        's' => Some(SPACE.to_vec()),
        letter if letter.is_ascii_punctuation() => Some(vec![(letter, letter)]),
        _ => None,
    }
}

fn lengths(alternatives: &[Vec<Part>]) -> (usize, usize) {
    let of_part = |part: &Part| {
        let (shortest, longest) = match &part.what {
            What::One(_) => (1, 1),
            What::Group(inner) => lengths(inner),
        };
        (shortest * part.least, longest.saturating_mul(part.most))
    };
    let of_parts = |parts: &Vec<Part>| {
        parts.iter().map(of_part).fold((0, 0_usize), |(shortest, longest), (more_least, more_most)| {
            (shortest + more_least, longest.saturating_add(more_most))
        })
    };
    let of_each = alternatives.iter().map(of_parts);
    of_each.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))).unwrap_or((0, 0))
}

fn write(alternatives: &[Vec<Part>], is_hostile: bool, draws: &mut Draws, text: &mut String) {
    for Part { what, least, most } in &alternatives[draws.below(alternatives.len())] {
        let count = match draws.below(4) {
            0 if is_hostile => *least,
            1 if is_hostile => *most,
            _ => draws.between(*least, *most),
        };
        for _ in 0..count {
            match what {
                What::One(ranges) => {
                    let (first, last) = draws.one_of(ranges);
                    let among = u32::from(last) - u32::from(first);
                    let letter = u32::from(first) + u32::try_from(draws.below(among as usize + 1)).unwrap_or(0);
                    // What is no character in between, a half of a pair, is left out.
                    text.push(char::from_u32(letter).unwrap_or(first));
                }
                What::Group(inner) => write(inner, is_hostile, draws, text),
            }
        }
    }
}

fn has_unusual(alternatives: &[Vec<Part>]) -> bool {
    alternatives.iter().flatten().any(|part| match &part.what {
        What::One(ranges) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&UNUSUAL)),
        What::Group(inner) => has_unusual(inner),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_text_matches_and_a_broken_one_does_not() {
        for pattern in [
            "^[0-9]+\\.[0-9]+\\.[0-9]+$",
            "^[A-Z]{3}-\\d{2,4}$",
            "^(?:red|green|(blue)+)$",
            "^a?b*[^a-z]\\w\\s.$",
            "^[\\w.+-]+@[a-z\\d-]{1,20}\\.(com|org)$",
            "^$",
            "",
            "^[-a]{2}$",
            "^\\$\\{x\\}$",
            "a|b",
            "^ü[ä-ö]{3,}",
        ] {
            let read = Pattern::read(pattern).unwrap_or_else(|| panic!("{pattern}"));
            let validator = jsonschema::validator_for(&json!({"pattern": pattern})).unwrap();
            let (shortest, longest) = read.lengths();
            for seed in 0..500 {
                let text = read.text(seed % 2 == 0, &mut Draws::new(seed));
                assert!(validator.is_valid(&json!(text)), "{pattern}: {text}");
                assert!((shortest..=longest).contains(&text.chars().count()), "{pattern}: {text}");
            }
            if let Some(broken) = read.broken() {
                assert!(!validator.is_valid(&json!(broken)), "{pattern}: {broken}");
            }
        }
        assert_eq!(Pattern::read("^[a-c]{2}$").unwrap().broken().as_deref(), Some("!"));
        assert_eq!(Pattern::read("^.$").unwrap().broken(), None);
    }

    #[test]
    fn what_is_not_known_is_none() {
        for pattern in [
            "(?=a)",
            "(?i)a",
            "(?P<n>a)",
            "a+?",
            "a**",
            "a{2,1}",
            "a{9999}",
            "\\bword",
            "\\p{L}",
            "\\u0041",
            "[[:alpha:]]",
            "[a&&b]",
            "^a|b$",
            "a^b",
            "(a",
            "a)",
            "[]",
            "[z-a]",
            "a{x}",
            "{2}",
            "\\",
        ] {
            assert_eq!(Pattern::read(pattern), None, "{pattern}");
        }
    }
}
