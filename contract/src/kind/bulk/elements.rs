//! Finds the elements of a bulk within its bytes. It looks only for their borders; what is between them is for the
//! parser to judge, so this need not notice errors inside an element.

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
    position: usize,
    expected: Expected,
}

/// What is expected at a position.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Start,
    Element,
    End,
}

impl Elements {
    pub(super) fn new(format: BulkFormat) -> Self {
        Self { format, position: 0, expected: Expected::Start }
    }

    /// The next element of these bytes. Those before it may have been rewritten since the last call.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Next {
        match self.format {
            BulkFormat::Array => self.next_of_array(bytes),
            BulkFormat::Lines => self.next_line(bytes),
        }
    }

    fn next_line(&mut self, bytes: &[u8]) -> Next {
        while self.position < bytes.len() {
            let start = self.position;
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            self.position = end + 1;
            if !bytes[start..end].iter().all(|byte| is_space(*byte)) {
                return Next::Element(start..end);
            }
        }
        Next::End
    }

    fn next_of_array(&mut self, bytes: &[u8]) -> Next {
        if self.expected == Expected::Start {
            self.skip_space(bytes);
            if bytes.get(self.position) != Some(&b'[') {
                return Next::NoArray;
            }
            self.position += 1;
            self.skip_space(bytes);
            self.expected = Expected::Element;
            if bytes.get(self.position) == Some(&b']') {
                self.position += 1;
                self.expected = Expected::End;
            }
        }
        if self.expected == Expected::End {
            self.skip_space(bytes);
            let is_end = self.position == bytes.len();
            return if is_end { Next::End } else { Next::Broken("is not valid JSON: something follows the array") };
        }
        let start = self.position;
        let Some(end) = end_of_element(bytes, start) else {
            return Next::Broken("is not valid JSON: the array does not end");
        };
        if bytes[end] == b']' {
            self.expected = Expected::End;
        }
        self.position = end + 1;
        Next::Element(start..end)
    }

    fn skip_space(&mut self, bytes: &[u8]) {
        let space = bytes[self.position..].iter().take_while(|byte| is_space(**byte));
        self.position += space.count();
    }
}

/// The position of the comma or bracket that ends the element which starts at `start`.
fn end_of_element(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut position, mut depth) = (start, 0_usize);
    loop {
        match bytes.get(position)? {
            b'"' => position = end_of_string(bytes, position + 1)?,
            b'{' | b'[' => depth += 1,
            b',' | b']' if depth == 0 => return Some(position),
            // An extra brace stays within the element, where the parser finds it.
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        position += 1;
    }
}

/// The position of the quote that ends the string whose text starts at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut position = start;
    loop {
        position += memchr2(b'"', b'\\', bytes.get(position..)?)?;
        if bytes[position] == b'"' {
            return Some(position);
        }
        position += 2;
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements as text, and what follows them.
    fn all(format: BulkFormat, text: &str) -> (Vec<&str>, Next) {
        let (mut elements, mut found) = (Elements::new(format), Vec::new());
        loop {
            match elements.next(text.as_bytes()) {
                Next::Element(range) => found.push(&text[range]),
                last => return (found, last),
            }
        }
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
