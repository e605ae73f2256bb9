//! The settings that are searched, and the values to choose among.

use crate::pipeline::settings::Variables;

/// A setting of a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Knob {
    /// Its environment variable.
    pub(crate) variable: &'static str,
    /// What is tried, the most promising first.
    values: &'static [&'static str],
}

/// All of them.
pub(crate) const KNOBS: [Knob; 7] = [
    Knob { variable: "PRODUCER_LINGER", values: &["5ms", "1ms", "0ms", "2ms", "10ms"] },
    // Beyond 7,700 bytes the producer sends smaller ones.
    Knob { variable: "PRODUCER_BATCH_BYTES", values: &["1000000", "4000", "2000"] },
    Knob { variable: "PRODUCER_COMPRESSION", values: &["lz4", "none", "snappy", "zstd", "gzip"] },
    Knob { variable: "CONSUMER_BATCH_MESSAGES", values: &["500", "100", "1000", "200", "50"] },
    Knob { variable: "CONSUMER_BATCH_INTERVAL", values: &["1s", "5s", "200ms"] },
    Knob { variable: "CONSUMER_CONCURRENT_FLUSHES", values: &["1", "4", "2", "8"] },
    Knob { variable: "KAFKA_PARTITIONS", values: &["4", "1", "2", "8"] },
];

/// A choice for each knob: the index of its value in the [`Space`].
pub(crate) type KnobSetting = Vec<usize>;

/// The values of each knob, in the order of [`KNOBS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Space {
    values: Vec<Vec<String>>,
}

impl Space {
    /// The space that also contains the values of a start and of the defaults, and both of these settings. A knob in
    /// `keep` has one value, that of the start.
    pub(crate) fn around(start: &Variables, defaults: &Variables, keep: &[&str]) -> (Self, KnobSetting, KnobSetting) {
        let value = |variables: &Variables, knob: &Knob| variables.get(knob.variable).cloned().unwrap_or_default();
        let (mut space, mut from, mut shipped) = (Self { values: Vec::new() }, Vec::new(), Vec::new());
        for knob in &KNOBS {
            let (first, second) = (value(start, knob), value(defaults, knob));
            let mut values: Vec<String> = Vec::new();
            let is_kept = keep.contains(&knob.variable);
            let tried = knob.values.iter().filter(|_| !is_kept).map(|value| (*value).to_owned());
            for value in tried.chain([first.clone()]).chain((!is_kept).then(|| second.clone())) {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            let index = |value: &String| values.iter().position(|known| known == value).unwrap_or_default();
            from.push(index(&first));
            shipped.push(index(&second));
            space.values.push(values);
        }
        (space, from, shipped)
    }

    /// How many values each knob has.
    pub(crate) fn choices(&self) -> Vec<usize> {
        self.values.iter().map(Vec::len).collect()
    }

    /// The value of one knob.
    pub(crate) fn value(&self, knob: usize, setting: &[usize]) -> &str {
        &self.values[knob][setting[knob]]
    }

    /// A setting as environment variables.
    pub(crate) fn variables(&self, setting: &[usize]) -> Vec<(&'static str, String)> {
        KNOBS
            .iter()
            .enumerate()
            .map(|(knob, Knob { variable, .. })| (*variable, self.value(knob, setting).to_owned()))
            .collect()
    }

    /// How a setting differs from another one, as `NAME=value` with spaces in between.
    pub(crate) fn difference(&self, setting: &[usize], from: &[usize]) -> String {
        let differing = KNOBS.iter().enumerate().filter(|(knob, _)| setting[*knob] != from[*knob]);
        let differences: Vec<String> = differing
            .map(|(knob, Knob { variable, .. })| format!("{variable}={}", self.value(knob, setting)))
            .collect();
        differences.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(linger: &str, flushes: &str) -> Variables {
        let mut variables: Variables = KNOBS.iter().map(|knob| (knob.variable, knob.values[0].to_owned())).collect();
        variables.insert("PRODUCER_LINGER", linger.to_owned());
        variables.insert("CONSUMER_CONCURRENT_FLUSHES", flushes.to_owned());
        variables
    }

    #[test]
    fn the_values_in_force_are_among_those_that_are_tried() {
        let (start, defaults) = (variables("200ms", "1"), variables("2ms", "4"));
        let (space, from, shipped) =
            Space::around(&start, &defaults, &["CONSUMER_CONCURRENT_FLUSHES", "KAFKA_PARTITIONS"]);
        assert_eq!(space.value(0, &from), "200ms");
        assert_eq!(space.value(0, &shipped), "2ms");
        assert_eq!(space.choices(), [6, 3, 5, 5, 3, 1, 1], "what is kept has no choice");
        assert_eq!(space.difference(&shipped, &from), "PRODUCER_LINGER=2ms");
        assert_eq!(space.difference(&from, &from), "");
        assert_eq!(space.variables(&from)[5], ("CONSUMER_CONCURRENT_FLUSHES", "1".to_owned()));
    }

    #[test]
    fn every_value_that_is_tried_can_be_used() {
        for knob in &KNOBS {
            for value in knob.values {
                let lookup = |name: &str| (name == knob.variable).then(|| (*value).to_owned());
                let settings = crate::pipeline::settings::PipelineSettings::read(&lookup);
                assert!(settings.is_ok(), "{}={value}", knob.variable);
            }
        }
    }
}
