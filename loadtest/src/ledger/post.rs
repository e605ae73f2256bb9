//! The posts that the lab sends. The title of a run's n-th post carries the run's id and n, so a stored document or a
//! dead letter can be distinguished from all others and compared with what the client got. [`bodies`] makes the rest of
//! the post.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) mod bodies;

const TITLE_START: &str = "load ";
const EXTRA_START: &str = "extra ";
const RUN_ID_LENGTH: usize = 8;

/// The id of a run: eight random hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
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

    /// What the titles of the posts start with that the lab sends past the producer.
    pub(crate) fn extra_prefix(self) -> String {
        format!("{EXTRA_START}{self} ")
    }

    /// The number in a title of this run; `None` for any other title.
    pub(crate) fn number_in(self, title: &str) -> Option<u64> {
        let (run, n) = parse_title(title)?;
        (run == self).then_some(n)
    }

    /// The number of the post in a record's value, if it is a post of this run.
    pub(crate) fn number_in_record(self, value: &[u8]) -> Option<u64> {
        #[derive(Deserialize)]
        struct Titled<'a> {
            #[serde(borrow)]
            title: Cow<'a, str>,
        }

        let titled: Titled<'_> = serde_json::from_slice(value).ok()?;
        self.number_in(&titled.title)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != RUN_ID_LENGTH || !text.bytes().all(is_hex) {
            return Err("must be eight hexadecimal digits in lower case, such as 00ab12cd".to_owned());
        }
        Ok(Self(u32::from_str_radix(text, 16).expect("eight hexadecimal digits are 32 bits")))
    }
}

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> String {
        run.to_string()
    }
}

/// The run and the number in a title, if it starts exactly as the lab writes it. A hostile title has a space and more
/// text after the number; whether that text is right is not judged here. No title is shorter than prefix and number.
pub(crate) fn parse_title(title: &str) -> Option<(RunId, u64)> {
    let rest = title.strip_prefix(TITLE_START)?;
    let (run, rest) = rest.split_once(' ')?;
    let n = rest.split_once(' ').map_or(rest, |(n, _)| n);
    let is_canonical = |n: &str| n.bytes().all(|byte| byte.is_ascii_digit()) && (n == "0" || !n.starts_with('0'));
    if !is_canonical(n) {
        return None;
    }
    Some((run.parse().ok()?, n.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_titles_that_the_lab_writes_are_read() {
        for rest in ["", " ", "  ", " 8", " \u{301}\u{202e}\0\n", " load 00ab12cd 9"] {
            assert_eq!(parse_title(&format!("load 00ab12cd 7{rest}")), Some((RunId(0x00ab_12cd), 7)), "{rest:?}");
        }
        for title in [
            "",
            "load",
            "load 00ab12cd",
            "load 00ab12cd ",
            "load 00ab12cd  7",
            "load 00ab12cd 07",
            "load 00ab12cd 07 x",
            "load 00ab12cd -7 x",
            "load 00ab12cd 7x y",
            "load 00ab12cd 7\u{a0}x",
            "load 00ab12cd 7\0",
            "load 00ab12cd \u{667}",
            "load 00ab12cd +7",
            "load 00AB12CD 7",
            "load +0ab12cd 7",
            "load 0ab12cd 7",
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
    fn only_a_post_of_the_run_has_a_number() {
        let run = RunId::fresh();
        let value = format!(r#"{{"content":"","title":"{}17"}}"#, run.title_prefix());
        assert_eq!(run.number_in_record(value.as_bytes()), Some(17));
        let value = format!(r#"{{"title":"{}17 \u00e9\u0000","content":""}}"#, run.title_prefix());
        assert_eq!(run.number_in_record(value.as_bytes()), Some(17));
        for other in [&br#"{"title":"Hello"}"#[..], br#"{"title":7}"#, b"", b"\xff", b"{}", b"[]"] {
            assert_eq!(run.number_in_record(other), None);
        }
    }
}
