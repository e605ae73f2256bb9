//! Limits the records of callers in time.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::rate::addresses::Addresses;
use crate::rate::gcra::Whole;
use crate::rate::held::Held;
use crate::rate::limited::{Limited, RateState};
use crate::rate::quota::Rate;
use crate::rate::standing::Standing;

/// Limits the records of callers, of each kind by itself.
pub struct Limiter {
    kinds: Vec<&'static str>,
    /// For callers without a rate of their own.
    by_default: Option<Rate>,
    addresses: Mutex<Addresses>,
    started: Instant,
}

/// Whose quota counts.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    /// That of a known caller.
    Known(&'a Standing),
    /// That of an address, where nobody is asked who he is.
    Address(IpAddr),
}

impl Limiter {
    /// For records of these kinds.
    pub fn new(kinds: Vec<&'static str>, by_default: Option<Rate>) -> Self {
        Self { kinds, by_default, addresses: Mutex::default(), started: Instant::now() }
    }

    /// How a caller stands who has this rate of its own, before it sends anything.
    pub fn standing(&self, own: Option<Rate>) -> Standing {
        Standing::new(own.or(self.by_default), self.kinds.len())
    }

    /// What a known caller holds of the records of this kind that are in flight.
    pub fn held<'s>(&self, standing: &'s Standing, kind: &str) -> Option<&'s Arc<Held>> {
        standing.held(self.index(kind)?)
    }

    /// A request comes, with at least one record.
    ///
    /// # Errors
    /// When nothing is left of the quota. Then nothing is taken of it.
    pub fn take(&self, who: Who<'_>, kind: &str) -> Result<(), Limited> {
        self.change(who, kind, |rate, whole, now| rate.take(whole, now, 1))
    }

    /// The request has this many more records.
    ///
    /// # Errors
    /// When others have used up the quota meanwhile. Then nothing more is taken of it.
    pub fn take_rest(&self, who: Who<'_>, kind: &str, records: usize) -> Result<(), Limited> {
        self.change(who, kind, |rate, whole, now| rate.take_rest(whole, now, records as u64))
    }

    /// How the caller stands now, if it is limited.
    pub fn state(&self, who: Who<'_>, kind: &str) -> Option<RateState> {
        let (index, rate) = (self.index(kind)?, self.rate(who)?);
        Some(self.state_at(rate, index, self.whole(who, index), self.now()))
    }

    fn change(
        &self,
        who: Who<'_>,
        kind: &str,
        change: impl Fn(Rate, Whole, u64) -> Result<Whole, u64>,
    ) -> Result<(), Limited> {
        let (Some(rate), Some(index)) = (self.rate(who), self.index(kind)) else { return Ok(()) };
        let now = self.now();
        let changed = match who {
            Who::Known(standing) => standing.change(index, |whole| change(rate, whole, now)),
            Who::Address(address) => {
                let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
                let whole = change(rate, addresses.whole(address, index), now);
                whole.map(|whole| addresses.set(address, index, whole))
            }
        };
        changed.map_err(|wait| Limited { state: self.state_at(rate, index, self.whole(who, index), now), wait })
    }

    fn rate(&self, who: Who<'_>) -> Option<Rate> {
        match who {
            Who::Known(standing) => standing.rate(),
            Who::Address(_) => self.by_default,
        }
    }

    fn whole(&self, who: Who<'_>, index: usize) -> Whole {
        match who {
            Who::Known(standing) => standing.whole(index),
            Who::Address(address) => {
                self.addresses.lock().unwrap_or_else(PoisonError::into_inner).whole(address, index)
            }
        }
    }

    fn state_at(&self, rate: Rate, index: usize, whole: Whole, now: u64) -> RateState {
        let (left, whole_in) = rate.left(whole, now);
        RateState { kind: self.kinds[index], rate, left, whole_in }
    }

    fn index(&self, kind: &str) -> Option<usize> {
        self.kinds.iter().position(|own| *own == kind)
    }

    /// Nanoseconds since the start: enough for centuries.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(by_default: Option<&str>) -> Limiter {
        Limiter::new(vec!["post", "order"], by_default.map(|rate| rate.parse().unwrap()))
    }

    fn left(limiter: &Limiter, who: Who<'_>, kind: &str) -> Option<u64> {
        limiter.state(who, kind).map(|state| state.left)
    }

    #[test]
    fn each_caller_has_a_quota_of_each_kind() {
        let limiter = limiter(Some("2/h"));
        let (one, other, own) =
            (limiter.standing(None), limiter.standing(None), limiter.standing(Some("3/h".parse().unwrap())));
        let address = |last: u8| Who::Address([10, 0, 0, last].into());
        for (who, quota) in
            [(Who::Known(&one), 2), (Who::Known(&other), 2), (Who::Known(&own), 3), (address(1), 2), (address(2), 2)]
        {
            for kind in ["post", "order"] {
                for taken in 0..quota {
                    assert_eq!(left(&limiter, who, kind), Some(quota - taken));
                    assert_eq!(limiter.take(who, kind), Ok(()));
                }
                let limited = limiter.take(who, kind).unwrap_err();
                assert_eq!((limited.state.kind, limited.state.left), (kind, 0));
            }
        }
    }

    #[test]
    fn who_has_no_limit_is_not_limited() {
        let limiter = limiter(None);
        let standing = limiter.standing(None);
        for who in [Who::Known(&standing), Who::Address([10, 0, 0, 1].into())] {
            assert!((0..10).all(|_| limiter.take(who, "post").is_ok()) && limiter.state(who, "post").is_none());
        }
        assert!(limiter.held(&standing, "order").is_some() && limiter.held(&standing, "reading").is_none());
    }
}
