//! What a valid post says, and how long that may be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest title that `contract` allows, in characters.
pub(super) const LONGEST_TITLE: usize = 100;

/// The content lengths that `contract` allows.
pub(super) const ALLOWED: ContentLength = ContentLength { shortest: 10, longest: 1000 };

/// What a valid post says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PostTexts {
    pub(crate) title: String,
    pub(crate) content: String,
}

/// Content lengths in characters, all equally likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContentLength {
    pub(super) shortest: usize,
    pub(super) longest: usize,
}

impl fmt::Display for ContentLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.shortest, self.longest)
    }
}

impl Default for ContentLength {
    fn default() -> Self {
        Self { shortest: 190, longest: 319 }
    }
}

impl FromStr for ContentLength {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (shortest, longest) = text.split_once('-').unwrap_or((text, text));
        let length =
            |text: &str| text.parse().ok().filter(|length| (ALLOWED.shortest..=ALLOWED.longest).contains(length));
        match (length(shortest), length(longest)) {
            (Some(shortest), Some(longest)) if shortest <= longest => Ok(Self { shortest, longest }),
            _ => Err(format!(
                "must be a number of characters from {} to {}, or two of them, such as 250 or 100-900",
                ALLOWED.shortest, ALLOWED.longest
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_is_as_long_as_it_says() {
        assert_eq!("250".parse(), Ok(ContentLength { shortest: 250, longest: 250 }));
        assert_eq!("10-1000".parse(), Ok(ALLOWED));
        for wrong in ["", "9", "1001", "900-100", "10-", "-10", "10-20-30", "a", "250 "] {
            let error = wrong.parse::<ContentLength>().unwrap_err();
            assert!(error.contains("from 10 to 1000"), "{wrong}: {error}");
        }
    }
}
