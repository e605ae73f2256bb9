//! The posts that the lab sends: the n-th one of a run. Its title carries the run's id and n, so that a stored document
//! or a dead letter can be told apart from everybody else's and laid beside what the client was told. Its content is a
//! stretch of a seeded text, a function of the seed and n alone, so that a run can be repeated byte by byte. A body has
//! about 300 bytes and is always valid by the rules of `contract`.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::mix::mix;

const TITLE_START: &str = "load ";
const RUN_ID_LENGTH: usize = 8;

/// Content lengths, in bytes, which are characters here.
const CONTENT_LENGTHS: std::ops::Range<usize> = 190..320;
/// Length of the text that contents are cut from, in bytes.
const TEXT_LENGTH: usize = 64 * 1024;
/// Room for this many bodies is allocated at once.
const BODIES_PER_BUFFER: usize = 64;
/// No body is longer, in bytes.
const LONGEST_BODY: usize = 400;

const WORDS: [&str; 32] = [
    "amber", "anchor", "autumn", "basket", "bridge", "candle", "copper", "drift", "ember", "fern", "garden", "harbor",
    "ink", "ivory", "juniper", "kettle", "lantern", "meadow", "north", "orchard", "paper", "quarry", "river", "slate",
    "thistle", "umber", "valley", "willow", "yarrow", "zephyr", "and", "of",
];

/// The id of a run: eight hexadecimal digits, random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunId(u32);

impl RunId {
    /// A fresh id.
    pub(crate) fn fresh() -> Self {
        // The last four bytes of a UUIDv7 are random.
        let [.., a, b, c, d] = *Uuid::now_v7().as_bytes();
        Self(u32::from_be_bytes([a, b, c, d]))
    }

    /// What all titles of this run start with, and no other title.
    pub(crate) fn title_prefix(self) -> String {
        format!("{TITLE_START}{self} ")
    }

    /// The number that a title of this run carries; `None` for any other title.
    pub(crate) fn number_in(self, title: &str) -> Option<u64> {
        let (run, n) = parse_title(title)?;
        (run == self).then_some(n)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The run and the number that a title carries, if it is exactly one that the lab writes.
pub(crate) fn parse_title(title: &str) -> Option<(RunId, u64)> {
    let rest = title.strip_prefix(TITLE_START)?;
    let (run, n) = rest.split_once(' ')?;
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_canonical = |n: &str| n.bytes().all(|byte| byte.is_ascii_digit()) && (n == "0" || !n.starts_with('0'));
    if run.len() != RUN_ID_LENGTH || !run.bytes().all(is_hex) || !is_canonical(n) {
        return None;
    }
    Some((RunId(u32::from_str_radix(run, 16).ok()?), n.parse().ok()?))
}

/// Writes the bodies of one run. Cheap to make, one for each thread.
pub(crate) struct Bodies {
    run: RunId,
    seed: u64,
    text: String,
    buffer: BytesMut,
}

impl Bodies {
    /// The bodies of this run and seed.
    pub(crate) fn new(run: RunId, seed: u64) -> Self {
        let mut text = String::with_capacity(TEXT_LENGTH + 16);
        let mut word = mix(seed);
        while text.len() < TEXT_LENGTH {
            word = mix(word);
            let index = usize::try_from(word % WORDS.len() as u64).expect("less than the number of words");
            text.push_str(WORDS[index]);
            text.push(' ');
        }
        Self { run, seed, text, buffer: BytesMut::new() }
    }

    /// The body of post `n`, as JSON.
    pub(crate) fn body(&mut self, n: u64) -> Bytes {
        if self.buffer.capacity() < LONGEST_BODY {
            // Takes the memory of bodies that were sent and dropped, if those were all.
            self.buffer.reserve(BODIES_PER_BUFFER * LONGEST_BODY);
        }
        // Words without quotes or backslashes: nothing needs escaping.
        let (run, content) = (self.run, content(&self.text, self.seed, n));
        let body = format_args!(r#"{{"title":"{TITLE_START}{run} {n}","content":"{content}"}}"#);
        std::io::Write::write_fmt(&mut (&mut self.buffer).writer(), body).expect("writing into memory cannot fail");
        self.buffer.split().freeze()
    }
}

fn content(text: &str, seed: u64, n: u64) -> &str {
    let random = mix(seed ^ mix(n));
    let below = |bound: usize, random: u64| usize::try_from(random % bound as u64).expect("less than a usize");
    let length = CONTENT_LENGTHS.start + below(CONTENT_LENGTHS.len(), random);
    let start = below(text.len() - length, random >> 32);
    &text[start..start + length]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_the_lab_writes_is_a_title_of_the_lab() {
        assert_eq!(parse_title("load 00ab12cd 7"), Some((RunId(0x00ab_12cd), 7)));
        for title in [
            "",
            "load",
            "load 00ab12cd",
            "load 00ab12cd ",
            "load 00ab12cd 07",
            "load 00ab12cd +7",
            "load 00AB12CD 7",
            "load +0ab12cd 7",
            "load 0ab12cd 7",
            "load 00ab12cd 7 ",
            "Load 00ab12cd 7",
            "load 00ab12cd 18446744073709551616",
        ] {
            assert_eq!(parse_title(title), None, "{title}");
        }
    }

    #[test]
    fn a_title_of_another_run_carries_no_number() {
        assert_eq!(RunId(1).number_in("load 00000001 5"), Some(5));
        assert_eq!(RunId(2).number_in("load 00000001 5"), None);
    }

    #[test]
    fn bodies_have_300_bytes_on_average() {
        let mut bodies = Bodies::new(RunId::fresh(), 1);
        let total: usize = (0..10_000).map(|n| bodies.body(n).len()).sum();
        assert!((295..305).contains(&(total / 10_000)), "{}", total / 10_000);
    }

    proptest! {
        #[test]
        fn a_body_is_a_valid_post_whose_title_reads_back(run: u32, seed: u64, n: u64) {
            let run = RunId(run);
            let body = Bodies::new(run, seed).body(n);
            prop_assert!(body.len() <= LONGEST_BODY);
            prop_assert_eq!(&body, &Bodies::new(run, seed).body(n), "the same every time");
            let mut body = body.to_vec();
            let mut parser = contract::Parser::default();
            let post = parser.parse(&mut body).unwrap();
            prop_assert_eq!(parse_title(post.title()), Some((run, n)));
            prop_assert!(post.title().starts_with(&run.title_prefix()));
        }
    }
}
