//! A small picture of the last minute: a line over a filled area, as SVG within the page.

use maud::{Markup, html};

use super::figures::rate;
use super::throughput::{SECONDS, highest, mean, now};

/// The picture's height in its own units. A second is one unit wide, and the page stretches the picture.
const HEIGHT: f64 = 24.0;

/// Draws the rates, with the latest at the right edge. Seconds that are not known yet stay empty.
pub(super) fn draw(what: &str, rates: &[f64]) -> Markup {
    let top = highest(rates).max(1.0);
    let first = SECONDS.saturating_sub(rates.len());
    let last = first + rates.len().saturating_sub(1);
    let height = |rate: &f64| format!("{:.2}", HEIGHT * (1.0 - rate / top));
    let line: String = (first..).zip(rates).map(|(x, rate)| format!("L{x} {}", height(rate))).collect();
    html! {
        svg role="img" viewBox="0 -1 59 26" preserveAspectRatio="none" {
            title {
                (what) " in the last minute: " (rate(now(rates))) " now, " (rate(mean(rates))) " on average, "
                (rate(highest(rates))) " at most"
            }
            @if let Some(start) = rates.first().map(height) {
                path.area d={ "M" (first) " " (HEIGHT) (line) "L" (last) " " (HEIGHT) "Z" } {}
                path.line vector-effect="non-scaling-stroke" d={ "M" (first) " " (start) (line) } {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(rates: &[f64]) -> String {
        draw("Posts", rates).into_string()
    }

    #[test]
    fn the_latest_is_at_the_right_and_the_highest_at_the_top() {
        let svg = drawn(&[0.0, 10.0, 5.0]);
        assert!(
            svg.contains(r#"class="line" vector-effect="non-scaling-stroke" d="M57 24.00L57 24.00L58 0.00L59 12.00""#),
            "{svg}"
        );
        assert!(svg.contains("<title>Posts in the last minute: 5.0 now, 5.0 on average, 10 at most</title>"), "{svg}");
    }

    #[test]
    fn unknown_seconds_are_not_drawn() {
        assert!(!drawn(&[]).contains("path"));
        assert!(drawn(&[0.0; SECONDS]).contains("M0 24"));
    }
}
