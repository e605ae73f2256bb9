//! Plots as SVG inside an HTML page: pure functions from numbers to text, without scripts.
//!
//! A [`chart`] is drawn in percentages and stretched by the page to the available width, while its letters and lines
//! keep their size; so the same plot works on a phone, on a large screen, and on paper. [`scale`] and [`ticks`] are its
//! arithmetic, [`bars`] a histogram.

pub(crate) mod bars;
pub(crate) mod chart;
pub(crate) mod scale;
pub(crate) mod ticks;
