//! Plots as SVG that stands in an HTML page: pure functions from numbers to text, without scripts.
//!
//! A [`chart`] is drawn in percentages and stretched by the page to whatever width there is, while its letters and
//! lines keep their size; so the same plot is good on a phone, on a large screen, and on paper. [`scale`] and [`ticks`]
//! are its arithmetic, [`bars`] a histogram.

pub(crate) mod bars;
pub(crate) mod chart;
pub(crate) mod scale;
pub(crate) mod ticks;
