//! The model as text for a screen of any size: what matters most comes first, what does not fit is left out, and the
//! remaining space goes to the strip of latencies and to the messages.

use std::iter::once;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use service::status::figures::grouped;

use super::model::{ShownLatencies, ViewModel};
use crate::base::text::milliseconds;
use row::{BOLD, NAME_WIDTH, NAMED, QUIET, TROUBLE, fitting, with_right};

mod row;
mod strip;

/// The fewest rows of a useful strip, with its heading and its time.
const SHORTEST_STRIP: u16 = 5;
const MOST_MESSAGES: u16 = 8;

/// Draws everything.
pub(crate) fn draw(buffer: &mut Buffer, model: &ViewModel) {
    let area = buffer.area;
    let width = area.width;
    let mut lines = vec![title(model, width), progress(model, width), rates(model, width), last(model, width)];
    lines.push(ledger(model, width));
    lines.push(pipeline(model, width));
    if !model.faults.is_empty() {
        lines.push(faults(model, width));
    }
    if area.height >= 16 {
        lines.insert(4, whole(model, width));
    }
    if area.height >= 20 {
        lines.insert(2, Line::default());
    }
    let used = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    for (line, y) in lines.iter().zip(0..area.height) {
        buffer.set_line(area.x, area.y + y, line, width);
    }
    let left = area.height.saturating_sub(used);
    let said = u16::try_from(model.messages().count()).unwrap_or(u16::MAX);
    let of_messages = if left >= SHORTEST_STRIP + 3 { (left / 4).min(MOST_MESSAGES) } else { left.min(1) };
    let of_messages = of_messages.min(said);
    let strip = Rect { y: area.y + used, height: left - of_messages, ..area };
    if strip.height >= SHORTEST_STRIP {
        strip::draw(buffer, strip, model);
    }
    let first = usize::from(said - of_messages);
    for (message, y) in model.messages().skip(first).zip(area.bottom() - of_messages..) {
        buffer.set_stringn(area.x, y, message, usize::from(width), Style::new());
    }
}

fn title(model: &ViewModel, width: u16) -> Line<'static> {
    let headline = &model.headline;
    let hint = if model.status.is_some() { "" } else { "q stops" };
    let what = fitting([(headline.name.clone(), BOLD), (headline.load.clone(), Style::new())], usize::from(width));
    with_right(what, Span::styled(hint, QUIET), width)
}

/// The progress of the load, or the work after it.
fn progress(model: &ViewModel, width: u16) -> Line<'static> {
    let elapsed = model.elapsed.as_secs();
    match (&model.status, model.headline.seconds) {
        (None, Some(seconds)) => {
            let text = format!("{elapsed} of {} s", seconds.round());
            bar(model.elapsed.as_secs_f64() / seconds, &text, width)
        }
        (None, None) => Line::from(format!("load for {elapsed} s")),
        (Some(status), _) => match (model.stored, model.outcomes().accepted) {
            (Some(stored), accepted) if accepted > 0 => bar(stored as f64 / accepted as f64, status, width),
            _ => Line::from(status.clone()),
        },
    }
}

/// A bar followed by its text.
fn bar(share: f64, text: &str, width: u16) -> Line<'static> {
    let cells = usize::from(width).saturating_sub(text.chars().count() + 1);
    let full = (share.clamp(0.0, 1.0) * cells as f64).round() as usize;
    Line::from(vec![
        Span::styled("█".repeat(full), Style::new().fg(Color::Indexed(31))),
        Span::styled("░".repeat(cells - full), QUIET),
        Span::raw(format!(" {text}")),
    ])
}

fn rates(model: &ViewModel, width: u16) -> Line<'static> {
    let rate = |name: &str, rate: f64| format!("{name} {:>7}/s", grouped(rate.round() as u64));
    let rates = model.rates;
    let stored = rates.stored.map_or(format!("stored {:>7}/s", "–"), |stored| rate("stored", stored));
    let items =
        [(rate("accepted", rates.accepted), BOLD), (stored, Style::new()), (rate("sent", rates.sent), Style::new())];
    row("rates", items, width)
}

/// Latencies of the last second.
fn last(model: &ViewModel, width: u16) -> Line<'static> {
    latencies("latency", model.last, width)
}

/// Latencies of all posts accepted so far.
fn whole(model: &ViewModel, width: u16) -> Line<'static> {
    latencies("  so far", ShownLatencies::of(&model.total.latencies), width)
}

fn latencies(name: &'static str, latencies: ShownLatencies, width: u16) -> Line<'static> {
    let named = ["p50", "p95", "p99", "max"].into_iter().zip(latencies.0);
    row(name, named.map(|(name, latency)| (format!("{name} {:>8}", milliseconds(latency)), Style::new())), width)
}

/// What the clients got.
fn ledger(model: &ViewModel, width: u16) -> Line<'static> {
    let outcomes = model.outcomes();
    let count = |name: &str, count: u64, is_fault: bool| match (count, is_fault) {
        (1.., true) => (format!("! {name} {}", grouped(count)), TROUBLE),
        _ => (format!("{name} {}", grouped(count)), Style::new()),
    };
    let mut items = vec![
        count("accepted", outcomes.accepted, false),
        count("unknown", outcomes.unknown(), true),
        count("rejected", outcomes.rejected, true),
        count("not connected", outcomes.not_connected, true),
    ];
    if outcomes.invalid_rejected > 0 {
        items.push(count("invalid rejected", outcomes.invalid_rejected, false));
    }
    // What went wrong comes first, where there is certainly room.
    items[1..].sort_by_key(|(text, _)| !text.starts_with('!'));
    row("ledger", items, width)
}

/// What the consumer reports.
fn pipeline(model: &ViewModel, width: u16) -> Line<'static> {
    let number = |number: Option<u64>| number.map_or("not known".to_owned(), grouped);
    let items = [
        (format!("stored {}", number(model.stored)), Style::new()),
        (format!("lag {}", number(model.lag)), Style::new()),
        ("as the consumer reports".to_owned(), QUIET),
    ];
    row("pipeline", items, width)
}

fn faults(model: &ViewModel, width: u16) -> Line<'static> {
    let named = model.faults.iter().map(|(name, hold)| (format!("▼ {name} for {:.1} s", hold.as_secs_f64()), TROUBLE));
    row("faults on", named, width)
}

/// All items that fit, after the row's name if there is room for it.
fn row(name: &'static str, items: impl IntoIterator<Item = (String, Style)>, width: u16) -> Line<'static> {
    if width < NAMED {
        return fitting(items, usize::from(width));
    }
    let name = Span::styled(format!("{name:<NAME_WIDTH$}"), QUIET);
    Line::from_iter(once(name).chain(fitting(items, usize::from(width) - NAME_WIDTH).spans))
}

#[cfg(test)]
mod tests;
