//! The strip of latencies: one column per second, the newest at the right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::row::{QUIET, TROUBLE, fitting};
use crate::report::view::heat::{Column, SHADES, bound, groups};
use crate::report::view::model::ViewModel;

/// The bounds' names, and a line.
const AXIS: u16 = 8;

/// The name of a row of marks, the mark, and which seconds have it.
type StripMark = (&'static str, &'static str, fn(&Column) -> bool);

const MARKS: [StripMark; 2] = [("failed", "×", |column| column.has_failed), ("fault", "▼", |column| column.has_fault)];

/// Draws it into an area that has room for it.
pub(crate) fn draw(buffer: &mut Buffer, area: Rect, model: &ViewModel) {
    let width = area.width.saturating_sub(AXIS);
    let hidden = model.columns.len().saturating_sub(usize::from(width));
    let columns = model.columns.iter().skip(hidden);
    let marks: Vec<&StripMark> = MARKS.iter().filter(|(.., has)| columns.clone().any(has)).collect();

    buffer.set_line(area.x, area.y, &legend(area.width), area.width);
    let lines = usize::from(area.height).saturating_sub(2 + marks.len());
    let mut y = area.y + 1;
    for rows in groups(columns.clone(), lines) {
        axis(buffer, area.x, y, &bound(rows.end - 1));
        for (column, x) in columns.clone().zip(area.x + AXIS..) {
            if let Some(shade) = column.shade(rows.clone()) {
                buffer.set_string(x, y, shade.symbol, Style::new().fg(shade.color));
            }
        }
        y += 1;
    }
    for (name, symbol, has) in marks {
        axis(buffer, area.x, y, name);
        for (_, x) in columns.clone().zip(area.x + AXIS..).filter(|(column, _)| has(column)) {
            buffer.set_string(x, y, symbol, TROUBLE);
        }
        y += 1;
    }
    let shown = columns.len();
    if shown > 0 {
        let time = format!("the last {shown} s");
        buffer.set_stringn(area.x + AXIS, y, time, usize::from(width), QUIET);
    }
}

fn axis(buffer: &mut Buffer, x: u16, y: u16, name: &str) {
    buffer.set_stringn(x, y, format!("{name:>6} │"), usize::from(AXIS), QUIET);
}

/// The meaning of the shades, as far as there is room for it.
fn legend(width: u16) -> Line<'static> {
    let mut line = fitting([("latency: posts from".to_owned(), QUIET)], usize::from(width));
    for (_, shade, words) in SHADES.iter().rev() {
        let words = format!(" {words}");
        if line.width() + 2 + words.chars().count() > usize::from(width) {
            break;
        }
        line.push_span(Span::raw(" "));
        line.push_span(Span::styled(shade.symbol, Style::new().fg(shade.color)));
        line.push_span(Span::styled(words, QUIET));
    }
    line
}
