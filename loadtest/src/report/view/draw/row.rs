//! A row of the screen: what fits into it, and how it is marked.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

/// From this width on, rows start with a name.
pub(crate) const NAMED: u16 = 64;
pub(crate) const NAME_WIDTH: usize = 10;
const GAP: &str = "   ";

pub(crate) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
pub(crate) const QUIET: Style = Style::new().add_modifier(Modifier::DIM);
/// Stands out on black and on white; text in this style also has a mark or a word.
pub(crate) const TROUBLE: Style = Style::new().fg(Color::Indexed(166)).add_modifier(Modifier::BOLD);

/// All of the items that fit into the width.
pub(crate) fn fitting(items: impl IntoIterator<Item = (String, Style)>, width: usize) -> Line<'static> {
    let gap = if width < usize::from(NAMED) - NAME_WIDTH { &GAP[..2] } else { GAP };
    let mut line = Line::default();
    for (text, style) in items {
        let before = if line.spans.is_empty() { "" } else { gap };
        if line.width() + before.len() + text.chars().count() > width {
            break;
        }
        line.push_span(Span::raw(before));
        line.push_span(Span::styled(text, style));
    }
    line
}

/// The line, with something at the right edge if there is room for both.
pub(crate) fn with_right(mut line: Line<'static>, right: Span<'static>, width: u16) -> Line<'static> {
    let free = usize::from(width).saturating_sub(line.width() + right.width());
    if free > 0 {
        line.push_span(Span::raw(" ".repeat(free)));
        line.push_span(right);
    }
    line
}
