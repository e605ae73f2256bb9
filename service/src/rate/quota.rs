//! A rate as operators write it: `1000/s`.

use std::fmt;
use std::str::FromStr;

/// The most records of a period: so an interval between two of them has at least three digits in nanoseconds.
const MOST: u32 = 1_000_000;

/// A number of records in a second, a minute or an hour. They may come at once; after that, one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    records: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    const ALL: [(&'static str, Self); 3] = [("s", Self::Second), ("m", Self::Minute), ("h", Self::Hour)];

    fn seconds(self) -> u64 {
        match self {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3600,
        }
    }
}

impl Rate {
    /// The records that may come at once.
    pub(super) fn records(self) -> u64 {
        self.records.into()
    }

    /// The length of its period, in seconds.
    pub(super) fn period_seconds(self) -> u64 {
        self.unit.seconds()
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rate = text.split_once('/').and_then(|(number, unit)| {
            let (_, unit) = *Unit::ALL.iter().find(|(name, _)| *name == unit)?;
            let records = number.parse().ok().filter(|records| (1..=MOST).contains(records))?;
            // A sign is a number to Rust.
            number.bytes().all(|byte| byte.is_ascii_digit()).then_some(Self { records, unit })
        });
        rate.ok_or_else(|| format!("must be a number of records from 1 to {MOST} in a second, minute or hour: 1000/s"))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Unit::ALL.iter().find(|(_, unit)| *unit == self.unit).map_or("", |(name, _)| *name);
        write!(f, "{}/{name}", self.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_back_and_nothing_else_is_one() {
        for text in ["1/s", "1000/s", "1000000/s", "600/m", "10/h"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for wrong in ["", "1", "/s", "0/s", "1000001/s", "+1/s", "-1/s", "1.5/s", "1/d", "1/", "1/s/s", " 1/s"] {
            assert!(wrong.parse::<Rate>().unwrap_err().ends_with("1000/s"), "{wrong}");
        }
    }
}
