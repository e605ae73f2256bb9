//! Builds HTML. Markup can only be literal text of this program; all other text is escaped, so nothing from outside can
//! break out of its place.

use std::fmt::{self, Display, Write};

/// A document, or a part of one.
#[derive(Debug, Default)]
pub struct Html(String);

impl Html {
    /// Adds markup as it is.
    pub fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, as content or within a quoted attribute.
    pub fn text(&mut self, text: impl Display) -> &mut Self {
        write!(Escaped(&mut self.0), "{text}").expect("writing into memory cannot fail");
        self
    }

    /// The whole document as text.
    pub fn into_string(self) -> String {
        self.0
    }
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ if is_unfit(character) => self.0.push(char::REPLACEMENT_CHARACTER),
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

/// The document, with a replacement for every character that no document should have.
pub fn without_unfit(document: &str) -> String {
    document.chars().map(|c| if is_unfit(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// True for what HTML forbids, and for what would change the direction of the text around it.
fn is_unfit(character: char) -> bool {
    let is_noncharacter =
        matches!(u32::from(character), code if code & 0xFFFE == 0xFFFE || (0xFDD0..=0xFDEF).contains(&code));
    let is_turning = matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    (character.is_control() && !matches!(character, '\n' | '\t')) || is_noncharacter || is_turning
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut html = Html::default();
        html.text(text);
        html.into_string()
    }

    #[test]
    fn text_is_shown_as_it_is() {
        assert_eq!(escaped("<script>alert('1')</script>"), "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
        assert_eq!(escaped(r#"" onload="x"#), "&quot; onload=&quot;x");
        assert_eq!(escaped("&lt; ü 日本 🙂\n"), "&amp;lt; ü 日本 🙂\n");
        assert_eq!(escaped("a\0b\u{1b}[31m\u{202e}\u{ffff}\r"), "a\u{fffd}b\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}");
    }

    proptest! {
        #[test]
        fn no_text_can_break_out(text in any::<String>()) {
            let escaped = escaped(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            // Each & starts an escape of ours; read back, they give the text.
            let read_back = escaped
                .replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'")
                .replace("&amp;", "&");
            prop_assert_eq!(read_back, without_unfit(&text));
        }
    }
}
