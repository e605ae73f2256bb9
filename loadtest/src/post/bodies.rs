//! The bodies of a run's posts, and how each is sent: a function of the seed and the post's number alone, so that a run can
//! be repeated byte by byte. A content is a stretch of a seeded text. A share of the posts may break one of `contract`'s
//! rules on purpose, always with a readable title where there is a body to read, so that one which is stored is found; and a
//! share may be sent twice. Unless it is told otherwise, a body has about 300 bytes and is valid.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use super::{RunId, TITLE_START};
use crate::mix::mix;

/// Length of the text that contents are cut from, in bytes, which are characters here.
const TEXT_LENGTH: usize = 64 * 1024;
/// Room for this many bodies is allocated at once.
const BODIES_PER_BUFFER: usize = 64;
/// What stands around the content is no longer, in bytes.
const BESIDES_CONTENT: usize = 81;

/// The lengths that `contract` allows.
const ALLOWED: ContentLength = ContentLength { shortest: 10, longest: 1000 };

/// Told apart from the number that makes the content.
const INVALID_SALT: u64 = 0x1d8e_4e27_c47d_124f;
const RETRY_SALT: u64 = 0xeb44_acca_b455_d165;

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
    /// The share of posts that break a rule, 0 to 1.
    pub(crate) invalid_share: f64,
    /// The share of posts that are sent twice under one `Idempotency-Key`, 0 to 1.
    pub(crate) retry_share: f64,
}

/// Lengths of contents in characters, each as likely as the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ContentLength {
    shortest: usize,
    longest: usize,
}

/// A post, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    /// The body.
    pub(crate) body: Bytes,
    /// Whether it breaks a rule, so that 4xx is the right answer.
    pub(crate) is_invalid: bool,
    /// Whether it is sent twice.
    pub(crate) is_retried: bool,
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

/// Writes the bodies of one run. Cheap to make, one for each thread.
pub(crate) struct Bodies {
    run: RunId,
    seed: u64,
    shape: Shape,
    text: String,
    buffer: BytesMut,
}

impl Bodies {
    /// The bodies of this run, seed and shape.
    pub(crate) fn new(run: RunId, seed: u64, shape: Shape) -> Self {
        let mut text = String::with_capacity(TEXT_LENGTH + 16);
        let mut word = mix(seed);
        while text.len() < TEXT_LENGTH {
            word = mix(word);
            let index = usize::try_from(word % WORDS.len() as u64).expect("less than the number of words");
            text.push_str(WORDS[index]);
            text.push(' ');
        }
        Self { run, seed, shape, text, buffer: BytesMut::new() }
    }

    /// Post `n`.
    pub(crate) fn post(&mut self, n: u64) -> Planned {
        let random = mix(self.seed ^ mix(n));
        let breach = breach(mix(random ^ INVALID_SALT), self.shape.invalid_share);
        let is_retried = is_within(mix(random ^ RETRY_SALT), self.shape.retry_share);
        Planned { body: self.body(n, random, breach), is_invalid: breach.is_some(), is_retried }
    }

    /// As JSON, unless that is the rule which it breaks.
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
            // Takes the memory of bodies that were sent and dropped, if those were all.
            self.buffer.reserve(BODIES_PER_BUFFER * room);
        }
        // Words without quotes or backslashes: nothing needs escaping.
        let (run, content) = (self.run, content(&self.text, lengths, random));
        let mut out = (&mut self.buffer).writer();
        let written = match breach {
            Some(Breach::NoContent) => write!(out, r#"{{"title":"{TITLE_START}{run} {n}"}}"#),
            Some(Breach::NumberAsContent) => write!(out, r#"{{"title":"{TITLE_START}{run} {n}","content":{n}}}"#),
            Some(Breach::CutOff) => write!(out, r#"{{"title":"{TITLE_START}{run} {n}","content":"{content}"#),
            Some(Breach::ShortContent | Breach::LongContent) | None => {
                write!(out, r#"{{"title":"{TITLE_START}{run} {n}","content":"{content}"}}"#)
            }
        };
        written.expect("writing into memory cannot fail");
        self.buffer.split().freeze()
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self { content_length: ContentLength::default(), invalid_share: 0.0, retry_share: 0.0 }
    }
}

impl fmt::Display for ContentLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.shortest, self.longest)
    }
}

impl Default for ContentLength {
    fn default() -> Self {
        Self { shortest: 190, longest: 319 }
    }
}

impl FromStr for ContentLength {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (shortest, longest) = text.split_once('-').unwrap_or((text, text));
        let length =
            |text: &str| text.parse().ok().filter(|length| (ALLOWED.shortest..=ALLOWED.longest).contains(length));
        match (length(shortest), length(longest)) {
            (Some(shortest), Some(longest)) if shortest <= longest => Ok(Self { shortest, longest }),
            _ => Err(format!(
                "must be a number of characters from {} to {}, or two of them, such as 250 or 100-900",
                ALLOWED.shortest, ALLOWED.longest
            )),
        }
    }
}

/// The rule that a post breaks, if it is one of the share that does.
fn breach(random: u64, share: f64) -> Option<Breach> {
    let breaches =
        [Breach::ShortContent, Breach::LongContent, Breach::NoContent, Breach::NumberAsContent, Breach::CutOff];
    is_within(random, share).then(|| breaches[below(breaches.len(), mix(random))])
}

/// True for this share of all random numbers.
fn is_within(random: u64, share: f64) -> bool {
    // The upper 53 bits are what a fraction can hold exactly.
    ((random >> 11) as f64 / (1_u64 << 53) as f64) < share
}

fn content(text: &str, lengths: ContentLength, random: u64) -> &str {
    let ContentLength { shortest, longest } = lengths;
    let length = shortest + below(longest + 1 - shortest, random);
    let start = below(text.len() - length, random >> 32);
    &text[start..start + length]
}

fn below(bound: usize, random: u64) -> usize {
    usize::try_from(random % bound as u64).expect("less than a usize")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::post::parse_title;

    fn shape(content_length: ContentLength, invalid_share: f64, retry_share: f64) -> Shape {
        Shape { content_length, invalid_share, retry_share }
    }

    fn any_length() -> impl Strategy<Value = ContentLength> {
        let allowed = ALLOWED.shortest..=ALLOWED.longest;
        (allowed.clone(), allowed)
            .prop_map(|(one, other)| ContentLength { shortest: one.min(other), longest: one.max(other) })
    }

    /// Content length in characters, or what is wrong, as the service will find.
    fn judged(body: &Bytes) -> Result<usize, String> {
        let mut body = body.to_vec();
        let mut parser = contract::Parser::default();
        match parser.parse(&mut body) {
            Ok(post) => Ok(post.content().chars().count()),
            Err(faults) => Err(faults.iter().map(|fault| format!("{fault:?}")).collect()),
        }
    }

    #[test]
    fn bodies_have_300_bytes_on_average() {
        let mut bodies = Bodies::new(RunId::fresh(), 1, Shape::default());
        let total: usize = (0..10_000).map(|n| bodies.post(n).body.len()).sum();
        assert!((295..305).contains(&(total / 10_000)), "{}", total / 10_000);
    }

    #[test]
    fn a_seed_makes_the_same_contents_for_ever() {
        let planned = Bodies::new(RunId(7), 1, Shape::default()).post(0);
        let expected = r#"{"title":"load 00000007 0","content":"ern fern ember quarry valley juniper amber ivory "#;
        assert!(planned.body.starts_with(expected.as_bytes()), "{:?}", planned.body);
    }

    #[test]
    fn each_length_is_as_long_as_it_says() {
        assert_eq!("250".parse(), Ok(ContentLength { shortest: 250, longest: 250 }));
        assert_eq!("10-1000".parse(), Ok(ALLOWED));
        for wrong in ["", "9", "1001", "900-100", "10-", "-10", "10-20-30", "a", "250 "] {
            let error = wrong.parse::<ContentLength>().unwrap_err();
            assert!(error.contains("from 10 to 1000"), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_shares_are_kept_and_independent() {
        let mut bodies = Bodies::new(RunId::fresh(), 7, shape(ContentLength::default(), 0.1, 0.5));
        let posts: Vec<Planned> = (0..20_000).map(|n| bodies.post(n)).collect();
        let count = |matches: fn(&Planned) -> bool| posts.iter().filter(|post| matches(post)).count();
        assert!((1_900..2_100).contains(&count(|post| post.is_invalid)), "{}", count(|post| post.is_invalid));
        assert!((9_800..10_200).contains(&count(|post| post.is_retried)), "{}", count(|post| post.is_retried));
        let both = count(|post| post.is_invalid && post.is_retried);
        assert!((930..1_070).contains(&both), "{both}");
    }

    #[test]
    fn every_rule_is_broken() {
        let mut bodies = Bodies::new(RunId::fresh(), 1, shape(ContentLength::default(), 1.0, 0.0));
        let faults: std::collections::BTreeSet<String> =
            (0..200).map(|n| judged(&bodies.post(n).body).unwrap_err()).collect();
        assert!(faults.len() >= 5, "{faults:?}");
    }

    proptest! {
        #[test]
        fn a_post_is_a_function_of_seed_and_number(
            run: u32, seed: u64, n: u64, length in any_length(), invalid in 0.0_f64..=1.0, retry in 0.0_f64..=1.0,
        ) {
            let (run, shape) = (RunId(run), shape(length, invalid, retry));
            let mut bodies = Bodies::new(run, seed, shape);
            bodies.post(n.wrapping_add(1));
            let planned = bodies.post(n);
            prop_assert_eq!(&planned, &Bodies::new(run, seed, shape).post(n), "whatever came before it");
            match judged(&planned.body) {
                Ok(found) => prop_assert!(!planned.is_invalid && (length.shortest..=length.longest).contains(&found)),
                Err(_) => prop_assert!(planned.is_invalid),
            }
        }

        #[test]
        fn a_valid_body_fits_its_room_and_its_title_reads_back(run: u32, seed: u64, n: u64, length in any_length()) {
            let run = RunId(run);
            let planned = Bodies::new(run, seed, shape(length, 0.0, 0.0)).post(n);
            prop_assert!(!planned.is_invalid && !planned.is_retried);
            prop_assert!(planned.body.len() <= length.longest + BESIDES_CONTENT);
            let mut body = planned.body.to_vec();
            let mut parser = contract::Parser::default();
            let post = parser.parse(&mut body).unwrap();
            prop_assert_eq!(parse_title(post.title()), Some((run, n)));
            prop_assert!(post.title().starts_with(&run.title_prefix()));
        }

        #[test]
        fn an_invalid_body_still_tells_its_title(run: u32, seed: u64, n: u64) {
            let run = RunId(run);
            let planned = Bodies::new(run, seed, shape(ContentLength::default(), 1.0, 0.0)).post(n);
            let title = format!(r#"{{"title":"{}{n}""#, run.title_prefix());
            prop_assert!(planned.is_invalid && planned.body.starts_with(title.as_bytes()), "{:?}", planned.body);
        }
    }
}
