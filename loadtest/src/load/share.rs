//! A share of a run: one of several generators, on one host or on many, that send the posts of one run together. Pure.
//!
//! Every generator gets the whole load and takes its own part of it: every m-th virtual user, who is due when it would
//! be due in the whole, and every m-th number. So the shares need not communicate, and together they are the whole
//! load.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The largest number of shares.
const MOST: u32 = 1_000;

/// Number `index` (from zero) of `of` shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct RunShare {
    index: u32,
    of: u32,
}

impl RunShare {
    /// The whole run.
    pub(crate) const WHOLE: Self = Self { index: 0, of: 1 };

    /// Its place among the shares, from zero.
    pub(crate) fn index(self) -> u32 {
        self.index
    }

    /// The number of shares.
    pub(crate) fn of(self) -> u32 {
        self.of
    }

    /// The number, in the run, of this share's post number `own` (from zero).
    pub(crate) fn number(self, own: u64) -> u64 {
        own * u64::from(self.of) + u64::from(self.index)
    }

    /// The virtual users of this share, out of `vus` in the run.
    pub(crate) fn users(self, vus: u32) -> impl ExactSizeIterator<Item = u32> {
        (self.index..vus.max(self.index)).step_by(usize::try_from(self.of).unwrap_or(usize::MAX))
    }
}

impl FromStr for RunShare {
    type Err = String;

    /// Reads `2/3`: the second of three.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("must name a share and the number of shares, such as 2/3, with at most {MOST} shares");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let (number, of): (u32, u32) = (number.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
        if (1..=of).contains(&number) && of <= MOST { Ok(Self { index: number - 1, of }) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for RunShare {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RunShare> for String {
    fn from(share: RunShare) -> String {
        share.to_string()
    }
}

impl fmt::Display for RunShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_is_written_as_it_is_read() {
        for text in ["1/1", "2/3", "1000/1000"] {
            assert_eq!(text.parse::<RunShare>().unwrap().to_string(), text);
        }
        assert_eq!("1/1".parse::<RunShare>(), Ok(RunShare::WHOLE));
        for wrong in ["", "1", "0/2", "3/2", "1/0", "a/b", "1/1001", "1/2/3", "-1/2"] {
            assert!(wrong.parse::<RunShare>().unwrap_err().contains("such as 2/3"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn shares_together_are_the_whole(of in 1_u32..20, vus in 0_u32..100, each in 0_u64..50) {
            let shares = (0..of).map(|index| RunShare { index, of });
            let mut users: Vec<u32> = shares.clone().flat_map(|share| share.users(vus)).collect();
            users.sort_unstable();
            prop_assert!(users.into_iter().eq(0..vus));
            let mut numbers: Vec<u64> = shares.flat_map(|share| (0..each).map(move |own| share.number(own))).collect();
            numbers.sort_unstable();
            prop_assert!(numbers.into_iter().eq(0..each * u64::from(of)));
        }
    }
}
