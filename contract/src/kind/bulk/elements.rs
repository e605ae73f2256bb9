//! Finds the elements of a bulk within its bytes. It looks only for their borders; what is between them is for the
//! parser to judge, so this need not notice errors inside an element. It can stop and continue anywhere, because an
//! element of megabytes takes milliseconds.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// How a body holds its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkFormat {
    /// As the elements of one JSON array. An element that is not JSON breaks all of it.
    Array,
    /// One per line (NDJSON). A line that is not JSON is that line's error only; empty lines are skipped.
    Lines,
}

/// What comes next in a bulk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// An element, or what stands in its place, perhaps with white space around it.
    Element(Range<usize>),
    /// The end of the bulk.
    End,
    /// The body is not an array.
    NoArray,
    /// The bulk is broken; the message is about the body.
    Broken(&'static str),
}

/// How far a bulk has been searched.
pub(super) struct Elements {
    format: BulkFormat,
    expected: Expected,
    /// Where the element that is searched starts.
    start: usize,
    position: usize,
    /// How many brackets and braces are open at the position, within the element.
    depth: usize,
    is_in_string: bool,
    /// Whether the line has nothing but white space so far.
    is_blank: bool,
    found: Option<Next>,
}

/// What is expected at a position.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Start,
    FirstElement,
    Element,
    End,
}

/// How many bytes are searched at a time: some tenths of a millisecond.
const SEARCH_BYTES: usize = 128 * 1024;

impl Elements {
    pub(super) fn new(format: BulkFormat) -> Self {
        Self {
            format,
            expected: Expected::Start,
            start: 0,
            position: 0,
            depth: 0,
            is_in_string: false,
            is_blank: true,
            found: None,
        }
    }

    /// The next element of these bytes. Those before it may have been rewritten since the last call.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Next {
        loop {
            self.search(bytes);
            if let Some(found) = self.found.take() {
                return found;
            }
        }
    }

    /// Searches for the next element for a moment. Returns whether it is found, or that there is none.
    pub(super) fn search(&mut self, bytes: &[u8]) -> bool {
        self.search_in(bytes, SEARCH_BYTES)
    }

    /// How many bytes have been searched so far.
    pub(super) fn searched(&self) -> usize {
        self.position
    }

    fn search_in(&mut self, bytes: &[u8], most: usize) -> bool {
        if self.found.is_none() {
            let end = bytes.len().min(self.position + most);
            self.found = match self.format {
                BulkFormat::Array => self.search_array(bytes, end),
                BulkFormat::Lines => self.search_lines(bytes, end),
            };
        }
        self.found.is_some()
    }

    fn search_lines(&mut self, bytes: &[u8], end: usize) -> Option<Next> {
        while self.position < end {
            let rest = &bytes[self.position..end];
            let feed = memchr(b'\n', rest);
            let part = &rest[..feed.unwrap_or(rest.len())];
            self.is_blank = self.is_blank && part.iter().all(|byte| is_space(*byte));
            self.position += part.len();
            if feed.is_none() && end < bytes.len() {
                break;
            }
            let line = self.start..self.position;
            self.position += 1;
            self.start = self.position;
            if !std::mem::replace(&mut self.is_blank, true) {
                return Some(Next::Element(line));
            }
        }
        (self.position >= bytes.len()).then_some(Next::End)
    }

    fn search_array(&mut self, bytes: &[u8], end: usize) -> Option<Next> {
        if self.expected != Expected::Element && !self.skip_space(bytes, end) {
            return None;
        }
        match self.expected {
            Expected::Start if bytes.get(self.position) != Some(&b'[') => return Some(Next::NoArray),
            Expected::Start => {
                self.position += 1;
                self.expected = Expected::FirstElement;
                return None;
            }
            Expected::FirstElement if bytes.get(self.position) == Some(&b']') => {
                self.position += 1;
                self.expected = Expected::End;
                return None;
            }
            Expected::FirstElement => {
                self.start = self.position;
                self.expected = Expected::Element;
            }
            Expected::Element => {}
            Expected::End if self.position == bytes.len() => return Some(Next::End),
            Expected::End => return Some(Next::Broken("is not valid JSON: something follows the array")),
        }
        if !self.skip_element(bytes, end) {
            let is_end = self.position >= bytes.len();
            return is_end.then_some(Next::Broken("is not valid JSON: the array does not end"));
        }
        let element = self.start..self.position;
        if bytes[self.position] == b']' {
            self.expected = Expected::End;
        }
        self.position += 1;
        self.start = self.position;
        Some(Next::Element(element))
    }

    /// Whether something else, or the end of all bytes, comes before `end`.
    fn skip_space(&mut self, bytes: &[u8], end: usize) -> bool {
        let space = bytes[self.position..end].iter().take_while(|byte| is_space(**byte));
        self.position += space.count();
        self.position < end || end == bytes.len()
    }

    /// Moves to the comma or bracket that ends the element. Returns whether it comes before `end`.
    fn skip_element(&mut self, bytes: &[u8], end: usize) -> bool {
        let (mut position, mut depth, mut is_in_string) = (self.position, self.depth, self.is_in_string);
        let mut is_ended = false;
        while position < end {
            if is_in_string {
                match memchr2(b'"', b'\\', &bytes[position..end]) {
                    None => position = end,
                    // What is escaped cannot end the string.
                    Some(length) if bytes[position + length] == b'\\' => position += length + 2,
                    Some(length) => {
                        position += length + 1;
                        is_in_string = false;
                    }
                }
                continue;
            }
            match bytes[position] {
                b'"' => is_in_string = true,
                b'{' | b'[' => depth += 1,
                b',' | b']' if depth == 0 => {
                    is_ended = true;
                    break;
                }
                // An extra brace stays within the element, where the parser finds it.
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            position += 1;
        }
        (self.position, self.depth, self.is_in_string) = (position, depth, is_in_string);
        is_ended
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements as text, and what follows them, however much is searched at a time.
    fn all(format: BulkFormat, text: &str) -> (Vec<&str>, Next) {
        let searched = |most: usize| {
            let (mut elements, mut found) = (Elements::new(format), Vec::new());
            loop {
                while !elements.search_in(text.as_bytes(), most) {}
                match elements.next(text.as_bytes()) {
                    Next::Element(range) => found.push(&text[range]),
                    last => return (found, last),
                }
            }
        };
        let whole = searched(text.len() + 1);
        for most in 1..=text.len() {
            assert_eq!(searched(most), whole, "{most}");
        }
        whole
    }

    #[test]
    fn an_array_is_split_at_its_own_commas() {
        for (text, elements) in [
            ("[]", &[][..]),
            (" [ ]\n", &[]),
            ("[1]", &["1"]),
            ("[ 1 ,\n2]", &["1 ", "\n2"]),
            (r#"[{"a":[1,{"b":2}]},"x,]\"[\\",[3,4]]"#, &[r#"{"a":[1,{"b":2}]}"#, r#""x,]\"[\\""#, "[3,4]"]),
            // None of these is JSON; that is for the parser to notice.
            ("[1,]", &["1", ""]),
            ("[,]", &["", ""]),
            ("[{}}]", &["{}}"]),
            (r#"[{"a":1]]"#, &[r#"{"a":1]"#]),
        ] {
            assert_eq!(all(BulkFormat::Array, text), (elements.to_vec(), Next::End), "{text}");
        }
    }

    #[test]
    fn a_search_takes_a_moment_whatever_it_meets() {
        let megabytes = 10 * SEARCH_BYTES;
        for text in ["1", " ", "\n", "\"", "[", "\\"].map(|byte| byte.repeat(megabytes)) {
            for (format, text) in [(BulkFormat::Lines, text.clone()), (BulkFormat::Array, format!("[{text}"))] {
                let (mut elements, mut searches) = (Elements::new(format), 1);
                while !elements.search(text.as_bytes()) {
                    searches += 1;
                }
                assert!(searches >= 10, "{format:?} {}", &text[..5]);
            }
        }
    }

    #[test]
    fn what_is_not_an_array_is_an_error() {
        for text in ["", "{}", "\u{feff}[]"] {
            assert_eq!(all(BulkFormat::Array, text), (vec![], Next::NoArray), "{text}");
        }
        for (text, message) in [
            ("[", "is not valid JSON: the array does not end"),
            ("[1,2", "is not valid JSON: the array does not end"),
            (r#"["x]"#, "is not valid JSON: the array does not end"),
            (r#"["x\"#, "is not valid JSON: the array does not end"),
            ("[[1]", "is not valid JSON: the array does not end"),
            ("[1] 2", "is not valid JSON: something follows the array"),
            ("[]]", "is not valid JSON: something follows the array"),
        ] {
            let (_, last) = all(BulkFormat::Array, text);
            assert!(matches!(last, Next::Broken(broken) if broken.starts_with(message)), "{text}: {last:?}");
        }
    }

    #[test]
    fn lines_are_split_at_every_line_feed() {
        for (text, lines) in [
            ("", &[][..]),
            ("\n \r\n\t", &[]),
            ("1", &["1"]),
            ("1\n", &["1"]),
            ("1\r\n\n{\"a\":2}\n", &["1\r", "{\"a\":2}"]),
            ("\"\n\"", &["\"", "\""]),
        ] {
            assert_eq!(all(BulkFormat::Lines, text), (lines.to_vec(), Next::End), "{text:?}");
        }
    }
}
