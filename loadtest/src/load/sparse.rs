//! A histogram as pairs of a value and its count, for a file. Nothing is lost: every pair is a bucket of the histogram,
//! and goes into the same bucket again.

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serializer};

/// A bucket's largest value, and its count.
pub(crate) type Pair = (u64, u64);

/// The pairs of a histogram.
pub(crate) fn pairs(histogram: &Histogram<u64>) -> impl Iterator<Item = Pair> {
    histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()))
}

/// Adds pairs to a histogram.
pub(crate) fn record(histogram: &mut Histogram<u64>, pairs: impl IntoIterator<Item = Pair>) {
    pairs.into_iter().for_each(|(value, count)| histogram.saturating_record_n(value, count));
}

/// For `#[serde(with = "sparse")]`.
pub(crate) fn serialize<S: Serializer>(histogram: &Histogram<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(pairs(histogram))
}

/// For `#[serde(with = "sparse")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Histogram<u64>, D::Error> {
    let mut histogram = empty();
    record(&mut histogram, Vec::<Pair>::deserialize(deserializer)?);
    Ok(histogram)
}

/// An empty histogram with the bounds of all the lab's histograms: from a microsecond to five minutes, with three
/// digits.
pub(crate) fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 300_000_000, 3).expect("these bounds are valid")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct File(#[serde(with = "super")] Histogram<u64>);

    proptest! {
        #[test]
        fn merged_histograms_equal_one_histogram(
            values in proptest::collection::vec((0_usize..3, 0_u64..400_000_000), 0..200),
        ) {
            let (mut whole, mut parts) = (empty(), [empty(), empty(), empty()]);
            for (part, value) in values {
                whole.saturating_record(value);
                parts[part].saturating_record(value);
            }
            let mut merged = empty();
            for part in parts {
                let file = serde_json::to_string(&File(part)).unwrap();
                merged.add(&serde_json::from_str::<File>(&file).unwrap().0).unwrap();
            }
            prop_assert_eq!(merged, whole);
        }
    }
}
