//! A histogram: one bar for each bucket, all of the same width.

use maud::{Markup, html};

use super::chart::{Axis, grid, percent};
use super::scale::Scale;

/// With more bars than this, only every second one has a label.
const MOST_LABELS: usize = 8;

/// The share of its place that a bar fills.
const FILLED: f64 = 0.8;

/// A histogram.
#[derive(Debug)]
pub(crate) struct Bars {
    /// The plot's content in words.
    pub(crate) description: String,
    pub(crate) y: Axis,
    pub(crate) bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    /// The text shown when it is pointed at.
    pub(crate) hint: String,
}

impl Bars {
    /// The picture.
    pub(crate) fn draw(&self) -> Markup {
        let count = self.bars.len().max(1) as f64;
        let middle = |index: usize| index as f64 + 0.5;
        let every = if self.bars.len() > MOST_LABELS { 2 } else { 1 };
        let labelled = self.bars.iter().enumerate().step_by(every);
        let labels = labelled.map(|(index, bar)| (middle(index), bar.label.clone())).collect();
        let x = Axis { scale: Scale::Linear { low: 0.0, high: count }, ticks: labels };
        html! {
            div.plot {
                svg role="img" {
                    title { (self.description) }
                    (grid(&x, &self.y))
                    @for (index, bar) in self.bars.iter().enumerate() {
                        @let left = x.scale.at(middle(index) - FILLED / 2.0);
                        @let height = self.y.scale.at(bar.value);
                        rect.bar x=(percent(left)) width=(percent(FILLED / count))
                            y=(percent(1.0 - height)) height=(percent(height)) { title { (bar.hint) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_the_axis() {
        let bar = |label: &str, value| Bar { label: label.to_owned(), value, hint: format!("{label}: {value}") };
        let y = Axis { scale: Scale::Linear { low: 0.0, high: 100.0 }, ticks: vec![] };
        let bars = Bars { description: "Waits".to_owned(), y, bars: vec![bar("1 s", 25.0), bar("2 s", 75.0)] };
        let svg = bars.draw().into_string();
        assert!(svg.contains(r#"x="5.00%" width="40.00%" y="75.00%" height="25.00%"><title>1 s: 25</title>"#), "{svg}");
        assert!(
            svg.contains(r#"x="55.00%" width="40.00%" y="25.00%" height="75.00%"><title>2 s: 75</title>"#),
            "{svg}"
        );
        assert!(svg.contains(r#"x="75.00%">2 s</text>"#), "{svg}");
    }
}
