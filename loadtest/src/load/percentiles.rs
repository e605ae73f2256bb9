//! The whole distribution of the latencies: every value that the histogram distinguishes, with the number of posts that
//! took at most that long. The text is the percentile format of HdrHistogram's own tools, so its plotter can read it,
//! and since no value is left out, the histogram can be rebuilt from it.

use std::fmt::Write;

use hdrhistogram::Histogram;

/// The distribution as text, in milliseconds. The histogram's values are microseconds.
pub(crate) fn text(latencies_us: &Histogram<u64>) -> String {
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let total = latencies_us.len();
    let mut until = 0;
    for step in latencies_us.iter_recorded() {
        until += step.count_at_value();
        let share = until as f64 / total as f64;
        let milliseconds = step.value_iterated_to() as f64 / 1e3;
        // The last line has no fourth column: nothing is above it.
        let inverse = if until < total { format!(" {:>14.2}", 1.0 / (1.0 - share)) } else { String::new() };
        writeln!(text, "{milliseconds:>12.3} {share:>14.12} {until:>10}{inverse}").expect("memory takes everything");
    }
    let (mean, deviation) = (latencies_us.mean() / 1e3, latencies_us.stdev() / 1e3);
    let max = latencies_us.max() as f64 / 1e3;
    write!(
        text,
        "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]\n\
         #[Max     = {max:>12.3}, Total count    = {total:>12}]\n"
    )
    .expect("memory takes everything");
    text
}

/// Latencies in milliseconds at shares from none to nearly all, evenly spaced in the number of nines: each share with
/// the latency that it did not exceed. They end where a single post decides.
pub(crate) fn by_nines(latencies_us: &Histogram<u64>) -> Vec<(f64, f64)> {
    const OF_EACH_NINE: u32 = 40;
    let nines = (latencies_us.len() as f64).log10();
    let steps = (0..).map(|step: u32| f64::from(step) / f64::from(OF_EACH_NINE)).take_while(|step| *step < nines);
    let last = (nines > 0.0).then_some(nines);
    let share = |nines: f64| 1.0 - 10_f64.powf(-nines);
    let at = |nines: f64| (nines, latencies_us.value_at_quantile(share(nines)) as f64 / 1e3);
    steps.chain(last).map(at).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::sparse;

    fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = sparse::empty();
        values.into_iter().for_each(|value| histogram.saturating_record(value));
        histogram
    }

    #[test]
    fn the_text_is_that_of_hdr_histogram() {
        let text = text(&histogram([1_000, 1_000, 2_000, 5_000]));
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]);
        assert_eq!(lines[2], ["1.000", "0.500000000000", "2", "2.00"]);
        assert_eq!(lines[3], ["2.000", "0.750000000000", "3", "4.00"]);
        assert_eq!(lines[4], ["5.003", "1.000000000000", "4"]);
        assert!(text.contains("#[Max     =        5.003, Total count    =            4]"), "{text}");
    }

    #[test]
    fn without_any_post_there_is_nothing_to_show() {
        assert_eq!(text(&histogram([])).lines().filter(|line| !line.starts_with('#')).count(), 2);
        assert_eq!(by_nines(&histogram([])), []);
    }

    proptest! {
        #[test]
        fn the_histogram_can_be_rebuilt(values in proptest::collection::vec(1_u64..300_000_000, 1..300)) {
            let whole = histogram(values);
            let mut again = histogram([]);
            let mut before = 0;
            for line in text(&whole).lines().skip(2).filter(|line| !line.starts_with('#')) {
                let columns: Vec<f64> = line.split_whitespace().map(|column| column.parse().unwrap()).collect();
                let until = columns[2] as u64;
                again.record_n((columns[0] * 1e3).round() as u64, until - before).unwrap();
                before = until;
            }
            prop_assert_eq!(&again, &whole);
        }

        #[test]
        fn more_nines_are_never_faster(values in proptest::collection::vec(1_u64..300_000_000, 2..300)) {
            let points = by_nines(&histogram(values));
            prop_assert!(points.is_sorted_by(|one, other| one.0 < other.0 && one.1 <= other.1));
        }
    }
}
