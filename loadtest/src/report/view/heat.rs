//! How long the accepted posts of each second took, as a strip of columns: a row is a range of latencies, and the
//! fuller and warmer a cell, the more of its second's posts lie in it. Shape and colour say the same, so either is
//! enough; the colours go from blue to orange, which people who confuse red and green can distinguish, and each stands
//! out on black and on white.

use hdrhistogram::Histogram;
use ratatui::style::Color;

/// The upper bounds of the rows in milliseconds; one more row is above the last.
const BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
pub(crate) const ROWS: usize = BOUNDS_MS.len() + 1;

/// A second of the strip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Column {
    /// Posts by row, the fastest first.
    counts: [u64; ROWS],
    /// Whether a post did not end as it should.
    pub(crate) has_failed: bool,
    /// Whether a fault was on.
    pub(crate) has_fault: bool,
}

/// What a cell looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shade {
    pub(crate) symbol: &'static str,
    pub(crate) color: Color,
}

/// The share of a second's posts from which on a cell has this shade, the largest first, with its text in the legend.
pub(crate) const SHADES: [(f64, Shade, &str); 5] = [
    (0.60, Shade { symbol: "█", color: Color::Indexed(166) }, "60 %"),
    (0.30, Shade { symbol: "▓", color: Color::Indexed(136) }, "30 %"),
    (0.10, Shade { symbol: "▒", color: Color::Indexed(29) }, "10 %"),
    (0.01, Shade { symbol: "░", color: Color::Indexed(31) }, "1 %"),
    (0.00, Shade { symbol: "·", color: Color::Indexed(61) }, "less"),
];

impl Column {
    /// The second with these latencies.
    pub(crate) fn of(latencies_us: &Histogram<u64>, has_failed: bool, has_fault: bool) -> Self {
        let mut counts = [0; ROWS];
        for step in latencies_us.iter_recorded() {
            let row = BOUNDS_MS.partition_point(|bound| *bound * 1_000 < step.value_iterated_to());
            counts[row] += step.count_at_value();
        }
        Self { counts, has_failed, has_fault }
    }

    /// The shade of some neighbouring rows together; `None` if no post lies in them.
    pub(crate) fn shade(&self, rows: std::ops::Range<usize>) -> Option<Shade> {
        let (here, all) = (self.counts[rows].iter().sum::<u64>(), self.counts.iter().sum::<u64>());
        let share = here as f64 / all.max(1) as f64;
        SHADES.iter().find(|(from, ..)| here > 0 && share >= *from).map(|(_, shade, _)| *shade)
    }
}

/// The rows to show for these columns in at most this many lines: neighbouring rows in groups of the same size, from
/// the slowest to the fastest; none without any post.
pub(crate) fn groups<'a>(
    columns: impl Iterator<Item = &'a Column> + Clone,
    lines: usize,
) -> Vec<std::ops::Range<usize>> {
    let is_used = |row: &usize| columns.clone().any(|column| column.counts[*row] > 0);
    let (Some(first), Some(last)) = ((0..ROWS).find(is_used), (0..ROWS).rfind(is_used)) else { return Vec::new() };
    let of_each = (last + 1 - first).div_ceil(lines.max(1));
    let group = |start: usize| start..(start + of_each).min(last + 1);
    (first..last + 1).step_by(of_each).map(group).rev().collect()
}

/// The upper bound of a row.
pub(crate) fn bound(row: usize) -> String {
    match BOUNDS_MS.get(row) {
        Some(bound) if *bound < 1_000 => format!("{bound} ms"),
        Some(bound) => format!("{} s", bound / 1_000),
        None => "more".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::sparse;

    fn column(latencies_us: &[u64]) -> Column {
        let mut histogram = sparse::empty();
        latencies_us.iter().for_each(|latency| histogram.saturating_record(*latency));
        Column::of(&histogram, false, false)
    }

    #[test]
    fn a_latency_lies_in_the_row_whose_bound_it_does_not_exceed() {
        for (latency_us, expected) in
            [(1, "1 ms"), (1_000, "1 ms"), (1_001, "2 ms"), (900_000, "1 s"), (9_000_000, "more")]
        {
            let row = column(&[latency_us]).counts.iter().position(|count| *count > 0).unwrap();
            assert_eq!(bound(row), expected, "{latency_us} µs");
        }
    }

    #[test]
    fn more_posts_make_a_fuller_cell() {
        let column = column(&[[500; 12].as_slice(), &[1_500; 5], &[4_000; 2], &[40_000]].concat());
        let symbol = |row: usize| column.shade(row..row + 1).map(|shade| shade.symbol);
        assert_eq!([0, 1, 2, 3, 5].map(symbol), [Some("█"), Some("▒"), Some("▒"), None, Some("░")]);
        assert_eq!(column.shade(1..3).map(|shade| shade.symbol), Some("▓"));
    }

    proptest! {
        #[test]
        fn every_post_is_in_one_group(
            latencies in proptest::collection::vec(1_u64..20_000_000, 1..50),
            lines in 1_usize..20,
        ) {
            let column = column(&latencies);
            let groups = groups([column].iter(), lines);
            prop_assert!((1..=lines).contains(&groups.len()));
            let shown: u64 = groups.iter().cloned().map(|rows| column.counts[rows].iter().sum::<u64>()).sum();
            prop_assert_eq!(shown, latencies.len() as u64);
        }
    }
}
