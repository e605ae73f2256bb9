//! Parses a JSON text into a [`Tree`]. serde_json would lose what must be judged here: a number's own text, and members
//! whose name occurs twice. What can be read but not kept is marked in the tree and named with its pointer later.

use std::borrow::Cow;
use std::collections::HashSet;

use super::number::exact_double;
use super::tree::{Member, Tree};

mod string;

/// The deepest nesting of arrays and objects. A document may have 100 levels.
pub(super) const MAX_DEPTH: usize = 64;

/// A JSON text that was read.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) tree: Tree<'a>,
    /// True if it holds something that no document can keep, or a name twice in one object.
    pub(super) is_faulty: bool,
}

/// Why a text cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// In which way it is not JSON.
    Broken(String),
    /// It is nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Reads the whole text as one value.
pub(super) fn parse(body: &[u8]) -> Result<Parsed<'_>, Unread> {
    let text = std::str::from_utf8(body).map_err(|_| Unread::Broken("invalid UTF-8".to_owned()))?;
    let mut reader = Reader { text, position: 0, depth: 0, is_faulty: false };
    let tree = reader.value()?;
    reader.skip_space();
    if reader.position < text.len() {
        return Err(reader.expected("the end"));
    }
    Ok(Parsed { tree, is_faulty: reader.is_faulty })
}

/// A JSON text without the white space around it: what JSON calls so, and nothing else.
pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(*byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

struct Reader<'a> {
    text: &'a str,
    /// Always at the border of a character.
    position: usize,
    depth: usize,
    is_faulty: bool,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Tree<'a>, Unread> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.text_value(),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Tree::Boolean(true)),
            Some(b'f') => self.word("false", Tree::Boolean(false)),
            Some(b'n') => self.word("null", Tree::Null),
            _ => Err(self.expected("a value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Tree<'a>, Unread>) -> Result<Tree<'a>, Unread> {
        if self.depth == MAX_DEPTH {
            return Err(Unread::TooDeep);
        }
        self.depth += 1;
        self.position += 1;
        let tree = read(self)?;
        self.depth -= 1;
        Ok(tree)
    }

    fn array(&mut self) -> Result<Tree<'a>, Unread> {
        let mut elements = Vec::new();
        if self.takes(b']') {
            return Ok(Tree::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            if self.takes(b']') {
                return Ok(Tree::Array(elements));
            }
            self.take(b',', "`,` or `]`")?;
        }
    }

    fn object(&mut self) -> Result<Tree<'a>, Unread> {
        let mut members = Vec::new();
        if self.takes(b'}') {
            return Ok(Tree::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a name in quotes"));
            }
            let (name, has_broken_name) = match self.string()? {
                Ok(name) => (name, false),
                Err(broken) => (Cow::Owned(broken), true),
            };
            self.is_faulty |= has_broken_name || !is_storable(&name);
            self.take(b':', "`:`")?;
            members.push(Member { name, has_broken_name, value: self.value()? });
            if self.takes(b'}') {
                self.is_faulty |= has_repeated(&members);
                return Ok(Tree::Object(members));
            }
            self.take(b',', "`,` or `}`")?;
        }
    }

    fn text_value(&mut self) -> Result<Tree<'a>, Unread> {
        Ok(match self.string()? {
            Ok(text) => Tree::Text(text),
            Err(broken) => {
                self.is_faulty = true;
                Tree::BrokenText(broken)
            }
        })
    }

    fn number(&mut self) -> Result<Tree<'a>, Unread> {
        let start = self.position;
        self.position += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.position += 1;
        } else {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            is_integer = false;
            self.position += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            is_integer = false;
            self.position += 1;
            self.position += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let text = &self.text[start..self.position];
        if is_integer && let Ok(integer) = text.parse() {
            return Ok(Tree::Integer(integer));
        }
        Ok(exact_double(text).map_or_else(
            || {
                self.is_faulty = true;
                Tree::Inexact(text)
            },
            Tree::Double,
        ))
    }

    fn digits(&mut self) -> Result<(), Unread> {
        let rest = &self.text.as_bytes()[self.position..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.position += count;
        if count == 0 { Err(self.expected("a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, tree: Tree<'a>) -> Result<Tree<'a>, Unread> {
        if !self.text[self.position..].starts_with(word) {
            return Err(self.expected("a value"));
        }
        self.position += word.len();
        Ok(tree)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.position += 1;
        }
    }

    /// Whether this byte comes next after white space; then it is taken.
    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.peek() == Some(byte);
        self.position += usize::from(is_next);
        is_next
    }

    fn take(&mut self, byte: u8, name: &str) -> Result<(), Unread> {
        if self.takes(byte) { Ok(()) } else { Err(self.expected(name)) }
    }

    /// The error where something else stands than what must come next.
    fn expected(&self, what: &str) -> Unread {
        if self.position >= self.text.len() {
            return Unread::Broken("it ends too early or is empty".to_owned());
        }
        let before = &self.text[..self.position];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
        Unread::Broken(format!("expected {what} at line {line} column {column}"))
    }
}

/// Whether stores take this as the name of a field. They end a name at NUL, read `$` as an operator and `.` as a path,
/// or refuse all three.
pub(super) fn is_storable(name: &str) -> bool {
    !name.starts_with('$') && !name.bytes().any(|byte| matches!(byte, 0 | b'.'))
}

/// Whether two members have the same name.
fn has_repeated(members: &[Member<'_>]) -> bool {
    const FEW: usize = 16;
    if members.len() <= FEW {
        let repeats =
            |(index, member): (usize, &Member<'_>)| members[..index].iter().any(|earlier| earlier.name == member.name);
        return members.iter().enumerate().any(repeats);
    }
    let mut names = HashSet::with_capacity(members.len());
    !members.iter().all(|member| names.insert(&*member.name))
}

#[cfg(test)]
mod tests;
