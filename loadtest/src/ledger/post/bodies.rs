//! The bodies of a run's posts, and how each is sent: a function of the seed and the post's number alone, so a run can
//! be repeated byte by byte. A content is a stretch of a seeded text. A share of the posts may break one of
//! `contract`'s rules on purpose; where such a post has a body to read, its title is readable, so that it is found if
//! it is stored. A share of the valid posts may be [`hostile`], and another share may be sent twice. By default, a body
//! is valid, plain, and has about 300 bytes.

use std::io::Write;

use bytes::{BufMut, Bytes, BytesMut};

use super::{RunId, TITLE_START};
use crate::ledger::draws::{Draws, below, is_within};
use crate::ledger::mix::mix;
use crate::ledger::spelling::{self, FieldText, Style};
use texts::ALLOWED;
pub(crate) use texts::{ContentLength, PostTexts};

pub(crate) mod hostile;
mod texts;

/// Length of the text that contents are cut from, in bytes. Each character is one byte.
const TEXT_LENGTH: usize = 64 * 1024;
/// The number of bodies that one allocation has room for.
const BODIES_PER_BUFFER: usize = 64;
/// The most bytes that a plain body needs around its content.
const BESIDES_CONTENT: usize = 81;

/// Distinguishes this random number from the one that makes the content.
const INVALID_SALT: u64 = 0x1d8e_4e27_c47d_124f;
const RETRY_SALT: u64 = 0xeb44_acca_b455_d165;
const HOSTILE_SALT: u64 = 0x6c8e_9cf5_7093_1d2b;
const SPELLING_SALT: u64 = 0x2545_f491_4f6c_dd1d;

const WORDS: [&str; 32] = [
    "amber", "anchor", "autumn", "basket", "bridge", "candle", "copper", "drift", "ember", "fern", "garden", "harbor",
    "ink", "ivory", "juniper", "kettle", "lantern", "meadow", "north", "orchard", "paper", "quarry", "river", "slate",
    "thistle", "umber", "valley", "willow", "yarrow", "zephyr", "and", "of",
];

/// What the posts of a run are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    /// Lengths of the contents.
    pub(crate) content_length: ContentLength,
    /// The share of valid posts that a careless pipeline alters, cuts or rejects, 0 to 1.
    pub(crate) hostile_share: f64,
    /// The share of posts that break a rule, 0 to 1.
    pub(crate) invalid_share: f64,
    /// The share of posts that are sent twice under one `Idempotency-Key`, 0 to 1.
    pub(crate) retry_share: f64,
    /// Whether they are sent in bulks, where a body that is cut off would break the whole bulk.
    pub(crate) is_bulk: bool,
}

/// A post that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedPost {
    /// The body.
    pub(crate) body: Bytes,
    /// Whether it breaks a rule, so that 4xx is the right answer.
    pub(crate) is_invalid: bool,
    /// Whether it is sent twice.
    pub(crate) is_retried: bool,
}

/// The sorts of posts.
enum Sort {
    Plain,
    /// With the random number that its draws start from.
    Hostile(u64),
    Invalid(Breach),
}

/// The rules that a post can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breach {
    ShortContent,
    LongContent,
    NoContent,
    NumberAsContent,
    CutOff,
}

/// Writes the bodies of one run. Cheap to make; each thread has one.
pub(crate) struct Bodies {
    /// What every plain body starts with, up to the post's number.
    head: String,
    run: RunId,
    seed: u64,
    shape: Shape,
    text: String,
    buffer: BytesMut,
}

impl Bodies {
    /// Writes bodies for this run, with this seed and shape.
    pub(crate) fn new(run: RunId, seed: u64, shape: Shape) -> Self {
        let mut text = String::with_capacity(TEXT_LENGTH + 16);
        let mut word = mix(seed);
        while text.len() < TEXT_LENGTH {
            word = mix(word);
            let index = usize::try_from(word % WORDS.len() as u64).expect("less than the number of words");
            text.push_str(WORDS[index]);
            text.push(' ');
        }
        let head = format!(r#"{{"title":"{TITLE_START}{run} "#);
        Self { head, run, seed, shape, text, buffer: BytesMut::new() }
    }

    /// Post `n`.
    pub(crate) fn post(&mut self, n: u64) -> PlannedPost {
        let random = mix(self.seed ^ mix(n));
        let is_retried = is_within(mix(random ^ RETRY_SALT), self.shape.retry_share);
        let sort = self.sort(random);
        let body = match sort {
            Sort::Plain => self.body(n, random, None),
            Sort::Invalid(breach) => self.body(n, random, Some(breach)),
            Sort::Hostile(first) => {
                let texts = self.hostile_texts(n, first);
                spelled(&texts, &mut Draws::new(first ^ SPELLING_SALT))
            }
        };
        PlannedPost { body, is_invalid: matches!(sort, Sort::Invalid(_)), is_retried }
    }

    /// What post `n` says; `None` if it breaks a rule, so that it must not be stored.
    pub(crate) fn texts(&self, n: u64) -> Option<PostTexts> {
        let random = mix(self.seed ^ mix(n));
        match self.sort(random) {
            Sort::Plain => {
                let content = content(&self.text, self.shape.content_length, random).to_owned();
                Some(PostTexts { title: self.plain_title(n), content })
            }
            Sort::Hostile(first) => Some(self.hostile_texts(n, first)),
            Sort::Invalid(_) => None,
        }
    }

    /// What sort of post this random number makes.
    fn sort(&self, random: u64) -> Sort {
        if let Some(breach) = breach(mix(random ^ INVALID_SALT), &self.shape) {
            return Sort::Invalid(breach);
        }
        let first = mix(random ^ HOSTILE_SALT);
        if is_within(first, self.shape.hostile_share) { Sort::Hostile(first) } else { Sort::Plain }
    }

    fn hostile_texts(&self, n: u64, first: u64) -> PostTexts {
        hostile::texts(self.plain_title(n), self.shape.content_length, &mut Draws::new(first))
    }

    fn plain_title(&self, n: u64) -> String {
        format!("{}{n}", self.run.title_prefix())
    }

    /// A plain body: JSON, unless that is the rule to break.
    fn body(&mut self, n: u64, random: u64, breach: Option<Breach>) -> Bytes {
        let lengths = match breach {
            Some(Breach::ShortContent) => ContentLength { shortest: 0, longest: ALLOWED.shortest - 1 },
            Some(Breach::LongContent) => {
                ContentLength { shortest: ALLOWED.longest + 1, longest: ALLOWED.longest + 100 }
            }
            _ => self.shape.content_length,
        };
        let room = lengths.longest + BESIDES_CONTENT;
        if self.buffer.capacity() < room {
            // Reuses the memory of earlier bodies if all of them were sent and dropped.
            self.buffer.reserve(BODIES_PER_BUFFER * room);
        }
        let buffer = &mut self.buffer;
        buffer.put_slice(self.head.as_bytes());
        write_number(buffer, n);
        match breach {
            Some(Breach::NoContent) => buffer.put_slice(br#""}"#),
            Some(Breach::NumberAsContent) => {
                buffer.put_slice(br#"","content":"#);
                write_number(buffer, n);
                buffer.put_slice(b"}");
            }
            Some(Breach::CutOff | Breach::ShortContent | Breach::LongContent) | None => {
                buffer.put_slice(br#"","content":""#);
                // Words without quotes or backslashes: nothing needs escaping.
                buffer.put_slice(content(&self.text, lengths, random).as_bytes());
                if breach != Some(Breach::CutOff) {
                    buffer.put_slice(br#""}"#);
                }
            }
        }
        self.buffer.split().freeze()
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            content_length: ContentLength::default(),
            hostile_share: 0.0,
            invalid_share: 0.0,
            retry_share: 0.0,
            is_bulk: false,
        }
    }
}

/// A body that reads as these texts.
fn spelled(texts: &PostTexts, draws: &mut Draws) -> Bytes {
    let style = Style::draw(draws);
    let is_content_first = draws.one_in(2);
    let (title, content) = (("title", FieldText::String(&texts.title)), ("content", FieldText::String(&texts.content)));
    spelling::object(if is_content_first { [content, title] } else { [title, content] }, style, draws)
}

/// The rule that a post breaks, if it is among the share that breaks one.
fn breach(random: u64, shape: &Shape) -> Option<Breach> {
    const BREACHES: [Breach; 5] =
        [Breach::ShortContent, Breach::LongContent, Breach::NoContent, Breach::NumberAsContent, Breach::CutOff];
    let breaches = &BREACHES[..BREACHES.len() - usize::from(shape.is_bulk)];
    is_within(random, shape.invalid_share).then(|| breaches[below(breaches.len(), mix(random))])
}

fn content(text: &str, lengths: ContentLength, random: u64) -> &str {
    let ContentLength { shortest, longest } = lengths;
    let length = shortest + below(longest + 1 - shortest, random);
    let start = below(text.len() - length, random >> 32);
    &text[start..start + length]
}

fn write_number(buffer: &mut BytesMut, n: u64) {
    write!(buffer.writer(), "{n}").expect("writing into memory cannot fail");
}

#[cfg(test)]
mod tests;
