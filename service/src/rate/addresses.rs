//! The quotas of callers who are known by their address alone, of which there may be any number: a table of one size.
//! It is a count-min sketch: each address has a place in each of a few rows, by hashes that nobody outside knows, and
//! shares each place with others. The least used of its places counts, so an address is limited for others only if it
//! shares all of them with busy ones.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use crate::rate::gcra::Whole;

const ROWS: usize = 4;
const COLUMN_BITS: u32 = 14;
const COLUMNS: usize = 1 << COLUMN_BITS;

/// The quotas: half a mebibyte, however many addresses there are.
pub(super) struct Addresses {
    hasher: RandomState,
    places: Box<[Whole]>,
}

impl Default for Addresses {
    fn default() -> Self {
        Self { hasher: RandomState::new(), places: vec![0; ROWS * COLUMNS].into() }
    }
}

impl Addresses {
    /// When the quota of this address for this kind is whole.
    pub(super) fn whole(&self, address: IpAddr, kind: usize) -> Whole {
        self.places(address, kind).into_iter().map(|place| self.places[place]).min().unwrap_or_default()
    }

    /// Changes that.
    pub(super) fn set(&mut self, address: IpAddr, kind: usize, whole: Whole) {
        for place in self.places(address, kind) {
            self.places[place] = self.places[place].max(whole);
        }
    }

    fn places(&self, address: IpAddr, kind: usize) -> [usize; ROWS] {
        let hash = self.hasher.hash_one((network(address), kind));
        std::array::from_fn(|row| row * COLUMNS + (hash >> (row as u32 * COLUMN_BITS)) as usize % COLUMNS)
    }
}

/// Whom an address stands for. Who has one of IPv6 usually has 2^64 of them.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => u128::from(address) >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn an_address_has_at_least_what_it_used_and_others_do_not_count() {
        let mut addresses = Addresses::default();
        let address = |number: u32| IpAddr::V4(Ipv4Addr::from(number));
        for number in 0..3_000 {
            addresses.set(address(number), 0, 1_000 + Whole::from(number));
        }
        for number in 0..3_000 {
            assert!(addresses.whole(address(number), 0) >= 1_000 + Whole::from(number), "never less");
        }
        // Each place of an address is used with a probability of a fifth: all four with one of a thousandth.
        let fresh = (10_000..20_000).filter(|number| addresses.whole(address(*number), 0) > 0).count();
        assert!(fresh < 100, "{fresh}");
        assert!((0..3_000).filter(|number| addresses.whole(address(*number), 1) > 0).count() < 100, "another kind");
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller_and_an_address_has_one_form() {
        let v6 = |text: &str| IpAddr::V6(text.parse::<Ipv6Addr>().unwrap());
        assert_eq!(network(v6("2001:db8::1")), network(v6("2001:db8::ffff:1")));
        assert_ne!(network(v6("2001:db8::1")), network(v6("2001:db8:0:1::1")));
        assert_eq!(network(v6("::ffff:10.0.0.1")), network("10.0.0.1".parse().unwrap()));
    }
}
