//! A small picture of the last minute: an area under one line, as SVG that stands in the page.

use super::figures::rate;
use super::throughput::{SECONDS, highest, mean, now};
use crate::html::Html;

/// The picture's height in its own units; a second is one unit wide. The page stretches it.
const HEIGHT: f64 = 24.0;

/// Draws the rates, the latest at the right edge; seconds that are not known yet stay empty.
pub(super) fn draw(html: &mut Html, what: &str, rates: &[f64]) {
    let top = highest(rates).max(1.0);
    let first = SECONDS.saturating_sub(rates.len());
    let line: Vec<(f64, f64)> = (first..).zip(rates).map(|(x, rate)| (x as f64, HEIGHT * (1.0 - rate / top))).collect();
    html.markup(r#"<svg role="img" viewBox="0 -1 59 26" preserveAspectRatio="none"><title>"#);
    html.text(what).markup(" in the last minute: ").text(rate(now(rates))).markup(" now, ");
    html.text(rate(mean(rates))).markup(" on average, ").text(rate(highest(rates))).markup(" at most</title>");
    if let (Some((left, _)), Some((right, _))) = (line.first(), line.last()) {
        html.markup(r#"<path class="area" d="M"#).text(left).markup(" ").text(HEIGHT);
        points(html, &line);
        html.markup("L").text(right).markup(" ").text(HEIGHT).markup(r#"Z"/>"#);
        html.markup(r#"<path class="line" vector-effect="non-scaling-stroke" d="M"#)
            .text(left)
            .markup(" ")
            .text(format_args!("{:.2}", line[0].1));
        points(html, &line);
        html.markup(r#""/>"#);
    }
    html.markup("</svg>");
}

fn points(html: &mut Html, line: &[(f64, f64)]) {
    for (x, y) in line {
        html.markup("L").text(x).markup(" ").text(format_args!("{y:.2}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(rates: &[f64]) -> String {
        let mut html = Html::default();
        draw(&mut html, "Posts", rates);
        html.into_string()
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
    fn nothing_is_drawn_of_what_is_not_known() {
        assert!(!drawn(&[]).contains("path"));
        assert!(drawn(&[0.0; SECONDS]).contains("M0 24"));
    }
}
