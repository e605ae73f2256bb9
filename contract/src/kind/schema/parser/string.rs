//! Strings of JSON: as they stand in the body if nothing in them is escaped.

use std::borrow::Cow;

use super::{Reader, Unread};

impl<'a> Reader<'a> {
    /// The text of a string that starts here with its quote; in place of a text with a lone surrogate, one that has
    /// U+FFFD there.
    pub(super) fn string(&mut self) -> Result<Result<Cow<'a, str>, String>, Unread> {
        self.position += 1;
        let start = self.position;
        self.skip_plain();
        if self.peek() == Some(b'"') {
            let text = &self.text[start..self.position];
            self.position += 1;
            return Ok(Ok(Cow::Borrowed(text)));
        }
        let mut text = self.text[start..self.position].to_owned();
        let mut is_broken = false;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    return Ok(if is_broken { Err(text) } else { Ok(Cow::Owned(text)) });
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    is_broken |= character.is_none();
                    text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                _ => return Err(self.expected("the end of a string, in which control characters are escaped")),
            }
            let start = self.position;
            self.skip_plain();
            text.push_str(&self.text[start..self.position]);
        }
    }

    /// Up to a quote, a backslash, a control character or the end.
    fn skip_plain(&mut self) {
        let rest = &self.text.as_bytes()[self.position..];
        let is_plain = |byte: &&u8| !matches!(**byte, b'"' | b'\\' | 0..=0x1f);
        self.position += rest.iter().take_while(is_plain).count();
    }

    /// The character that an escape stands for; `None` for a lone surrogate.
    fn escape(&mut self) -> Result<Option<char>, Unread> {
        self.position += 1;
        let character = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.position += 1;
                let first = self.hex()?;
                return if (0xd800..0xdc00).contains(&first) { self.pair(first) } else { Ok(char::from_u32(first)) };
            }
            _ => return Err(self.expected("an escape of JSON")),
        };
        self.position += 1;
        Ok(Some(character))
    }

    /// The character of a high surrogate and the low one that must follow it.
    fn pair(&mut self, high: u32) -> Result<Option<char>, Unread> {
        if !self.text[self.position..].starts_with("\\u") {
            return Ok(None);
        }
        let after_high = self.position;
        self.position += 2;
        let low = self.hex()?;
        if !(0xdc00..0xe000).contains(&low) {
            // It stands for itself and is read again.
            self.position = after_high;
            return Ok(None);
        }
        Ok(char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)))
    }

    fn hex(&mut self) -> Result<u32, Unread> {
        let digits = self.text.as_bytes().get(self.position..self.position + 4);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let Some(digits) = digits else { return Err(self.expected("four hexadecimal digits")) };
        self.position += 4;
        let value = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or_default();
        Ok(digits.iter().fold(0, |number, digit| number * 16 + value(digit)))
    }
}
