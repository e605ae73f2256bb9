//! The little Markdown that descriptions use: paragraphs, lists, and `code`.

use maud::{Markup, html};

/// A description with several paragraphs.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for block in text.split("\n\n").filter(|block| !block.is_empty()) {
            @if block.starts_with("- ") {
                ul { @for item in block.split('\n') { li { (line(item.trim_start_matches("- "))) } } }
            } @else {
                p { (line(block)) }
            }
        }
    }
}

/// A description of one line.
pub(super) fn line(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_become_html() {
        assert_eq!(
            prose("One `a<b`.\n\n- First\n- `Second` one").into_string(),
            "<p>One <code>a&lt;b</code>.</p><ul><li>First</li><li><code>Second</code> one</li></ul>"
        );
        assert_eq!(prose("").into_string(), "");
    }
}
