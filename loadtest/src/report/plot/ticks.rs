//! Round values for an axis, and how they are written.

/// About `count` multiples of 1, 2, 2.5 or 5 times a power of ten, from zero to the first that is not below `high`.
pub(crate) fn linear(high: f64, count: u32) -> Vec<f64> {
    let high = if high.is_finite() && high > 0.0 { high } else { 1.0 };
    let rough = high / f64::from(count.max(1));
    let power = 10_f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|round| round * power >= rough * 0.999).unwrap_or(10.0);
    multiples(round * power, high)
}

/// The same in whole numbers, for counts.
pub(crate) fn whole(high: f64, count: u32) -> Vec<f64> {
    let ticks = linear(high, count);
    if ticks.iter().all(|tick| tick.fract() == 0.0) { ticks } else { multiples(1.0, high.max(1.0)) }
}

/// Seconds since a start: in steps that clocks have, none beyond `high`.
pub(crate) fn seconds(high: f64, count: u32) -> Vec<f64> {
    const STEPS: [f64; 16] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0,
        43_200.0,
    ];
    let fits = |step: &f64| high / step <= f64::from(count.max(1));
    let step =
        STEPS.into_iter().find(fits).unwrap_or_else(|| 86_400.0 * (high / 86_400.0 / f64::from(count.max(1))).ceil());
    (0..).map(|n: u32| f64::from(n) * step).take_while(|tick| *tick <= high).collect()
}

/// Powers of ten around values from `low` to `high`, at least two.
pub(crate) fn powers_of_ten(low: f64, high: f64) -> Vec<f64> {
    let low = if low.is_finite() && low > 0.0 { low } else { 1.0 };
    let high = if high.is_finite() { high.max(low) } else { low };
    let first = low.log10().floor() as i32;
    let last = (high.log10().ceil() as i32).max(first + 1);
    (first..=last).map(|power| 10_f64.powi(power)).collect()
}

/// A number in few characters: `950`, `1.5k`, `20M`.
pub(crate) fn short(value: f64) -> String {
    for (unit, letter) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if value >= unit {
            return format!("{}{letter}", plain(value / unit));
        }
    }
    plain(value)
}

/// A time since the start: in seconds up to two minutes, then in minutes, then in hours, depending on the largest tick.
pub(crate) fn time(seconds: f64, largest: f64) -> String {
    let (unit, name) = match largest {
        ..=120.0 => (1.0, "s"),
        ..=7_200.0 => (60.0, "min"),
        _ => (3_600.0, "h"),
    };
    if seconds == 0.0 { "0".to_owned() } else { format!("{} {name}", plain(seconds / unit)) }
}

fn multiples(step: f64, high: f64) -> Vec<f64> {
    // Multiplied instead of added up, to avoid 0.30000000000000004.
    let last = (high / step - 1e-9).ceil().max(1.0) as u32;
    (0..=last).map(|n| f64::from(n) * step).collect()
}

/// At most three decimals, without trailing zeros.
fn plain(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(linear(299.0, 4), [0.0, 100.0, 200.0, 300.0]);
        assert_eq!(linear(0.9, 4), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(linear(0.0, 4), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(whole(2.0, 4), [0.0, 1.0, 2.0]);
        assert_eq!(seconds(35.2, 8), [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0]);
        assert_eq!(seconds(250.0, 8), [0.0, 60.0, 120.0, 180.0, 240.0]);
        assert_eq!(powers_of_ten(3.0, 46.0), [1.0, 10.0, 100.0]);
        assert_eq!(powers_of_ten(1.0, 1.0), [1.0, 10.0]);
        assert_eq!(powers_of_ten(0.0, f64::NAN), [1.0, 10.0]);
    }

    #[test]
    fn labels_are_short() {
        assert_eq!([0.0, 0.25, 950.0, 1_500.0, 2e7].map(short), ["0", "0.25", "950", "1.5k", "20M"]);
        assert_eq!([0.0, 30.0].map(|tick| time(tick, 60.0)), ["0", "30 s"]);
        assert_eq!([90.0, 240.0].map(|tick| time(tick, 240.0)), ["1.5 min", "4 min"]);
        assert_eq!(time(7_200.0, 28_800.0), "2 h");
    }

    proptest! {
        #[test]
        fn ticks_reach_around_the_values(high in 1e-3_f64..1e9, count in 2_u32..10) {
            for ticks in [linear(high, count), whole(high, count)] {
                prop_assert!(ticks.is_sorted_by(|one, other| one < other) && ticks[0] == 0.0);
                let last = *ticks.last().unwrap();
                prop_assert!(last >= high * 0.999_999 && (2..=count as usize + 2).contains(&ticks.len()) , "{ticks:?}");
            }
            let ticks = seconds(high, count);
            prop_assert!(*ticks.last().unwrap() <= high && ticks.len() <= count as usize + 1, "{ticks:?}");
        }

        #[test]
        fn powers_reach_around_the_values(low in 1e-3_f64..1e6, factor in 1.0_f64..1e5) {
            let ticks = powers_of_ten(low, low * factor);
            prop_assert!(ticks.len() >= 2 && ticks[0] <= low * 1.000_001);
            prop_assert!(*ticks.last().unwrap() >= low * factor * 0.999_999);
        }
    }
}
