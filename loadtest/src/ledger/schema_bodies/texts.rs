//! Texts of a length in characters, plain or made of the pieces of hostile posts.

use super::formats::Format;
use super::json::Json;
use super::patterns::Pattern;
use super::words::{fill, words};
use crate::ledger::draws::Draws;

/// The most characters of a plain text, and of a hostile one, beyond the fewest that it may have.
const USUAL_MORE: usize = 24;
const HOSTILE_MORE: usize = 400;
/// A text that breaks its length is at most this long.
const LONGEST_BROKEN: usize = 10_000;

/// What a text must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts {
    /// Characters.
    pub(super) shortest: usize,
    pub(super) longest: Option<usize>,
    pub(super) format: Option<Format>,
    pub(super) pattern: Option<Pattern>,
}

/// A text that the ledger gives, in place of one that is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) text: &'a str,
    /// Whether a space and more text may follow.
    pub(super) may_grow: bool,
}

impl Texts {
    /// A text without any difficulty.
    pub(super) fn plain(&self, draws: &mut Draws) -> Json {
        match (self.format, &self.pattern) {
            (Some(format), _) => format.plain(self.shortest, self.longest, draws),
            (None, Some(pattern)) => Json::Text(pattern.text(false, draws)),
            (None, None) => Json::Text(words(self.length(USUAL_MORE, draws), draws)),
        }
    }

    /// The shortest text.
    pub(super) fn smallest(&self, draws: &mut Draws) -> Json {
        match (self.format, &self.pattern) {
            (Some(format), _) => format.plain(self.shortest, Some(self.shortest), draws),
            (None, Some(pattern)) => Json::Text(pattern.text(false, draws)),
            (None, None) => Json::Text(words(self.shortest, draws)),
        }
    }

    /// A text that a careless pipeline alters or cuts.
    pub(super) fn hostile(&self, draws: &mut Draws) -> Json {
        if let Some(format) = self.format {
            return format.hostile(self.shortest, self.longest, draws);
        }
        if let Some(pattern) = &self.pattern {
            return Json::Text(pattern.text(true, draws));
        }
        let most = self.most(HOSTILE_MORE);
        let length = match draws.below(6) {
            0 => self.shortest,
            1 => most,
            _ => self.length(USUAL_MORE, draws),
        };
        let mut text = String::new();
        fill(&mut text, length, draws);
        Json::Text(text)
    }

    /// The ledger's text, as long as it must be at least, and longer in a hostile body.
    pub(super) fn given(&self, given: Given<'_>, is_hostile: bool, draws: &mut Draws) -> Json {
        let mut text = given.text.to_owned();
        let length = text.chars().count();
        let room = self.most(HOSTILE_MORE).saturating_sub(length + 1);
        if is_hostile && given.may_grow && room > 0 && !draws.one_in(8) {
            let more = if draws.one_in(8) { room } else { draws.between(1, room.min(USUAL_MORE)) };
            let more = more.max(self.shortest.saturating_sub(length + 1));
            text.push(' ');
            fill(&mut text, more, draws);
        } else if length < self.shortest {
            text.push(' ');
            text.push_str(&words(self.shortest - length - 1, draws));
        }
        Json::Text(text)
    }

    /// A text that breaks the length, the format or the pattern; `None` if none is known.
    pub(super) fn broken(&self, draws: &mut Draws) -> Option<Json> {
        if let Some(format) = self.format {
            let text = if format == Format::DateTime { "2026-02-30T12:00:00Z" } else { "!" };
            return Some(Json::Text(text.to_owned()));
        }
        if let Some(pattern) = &self.pattern {
            return pattern.broken().map(Json::Text);
        }
        let too_long = self.longest.filter(|longest| *longest < LONGEST_BROKEN).map(|longest| longest + 1);
        let too_short = self.shortest.checked_sub(1);
        let length = match (too_long, too_short) {
            (Some(long), Some(short)) => draws.one_of(&[long, short]),
            (one, other) => one.or(other)?,
        };
        Some(Json::Text(words(length, draws)))
    }

    /// Whether they become dates.
    pub(super) fn is_time(&self) -> bool {
        self.format == Some(Format::DateTime)
    }

    fn length(&self, more: usize, draws: &mut Draws) -> usize {
        draws.between(self.shortest, self.most(more))
    }

    /// The longest length, or this many more than the shortest.
    fn most(&self, more: usize) -> usize {
        let most = self.shortest + more;
        self.longest.map_or(most, |longest| longest.min(most))
    }
}
