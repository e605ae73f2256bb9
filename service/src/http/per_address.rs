//! How many connections each address has, where that is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the connections of each address. It has an entry for each address with a connection and no others, so the
/// bounds of all connections bound it, too.
#[derive(Debug, Clone)]
pub(super) struct PerAddress {
    most: NonZeroUsize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl PerAddress {
    /// No address may have more than this.
    pub(super) fn new(most: NonZeroUsize) -> Self {
        Self { most, counts: Arc::default() }
    }

    /// A place for another connection from this address, until it is dropped; `None` if there is none left.
    pub(super) fn place(&self, peer: SocketAddr) -> Option<Place> {
        let address = counted(peer.ip());
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if *count == self.most.get() {
            return None;
        }
        *count += 1;
        Some(Place { address, all: self.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a connection.
#[derive(Debug)]
pub(super) struct Place {
    address: IpAddr,
    all: PerAddress,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// The address whose connections are counted. One host of IPv6 has a whole /64 to itself. A listener on `::` shows IPv4
/// as IPv6.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peer(address: &str) -> SocketAddr {
        (address.parse::<IpAddr>().unwrap(), 50_000).into()
    }

    #[test]
    fn a_host_is_an_ipv4_address_or_a_network_of_ipv6() {
        let same = |one: &str, other: &str| counted(peer(one).ip()) == counted(peer(other).ip());
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
    }

    proptest! {
        #[test]
        fn no_address_has_more_than_its_places(
            most in 1_usize..4,
            steps in proptest::collection::vec((0_u8..4, any::<bool>()), 0..60),
        ) {
            let all = PerAddress::new(NonZeroUsize::new(most).unwrap());
            let mut open: HashMap<u8, Vec<Place>> = HashMap::new();
            for (host, opens) in steps {
                let places = open.entry(host).or_default();
                if opens {
                    let place = all.place(peer(&format!("192.0.2.{host}")));
                    prop_assert_eq!(place.is_some(), places.len() < most);
                    places.extend(place);
                } else {
                    places.pop();
                }
                let hosts = open.values().filter(|places| !places.is_empty()).count();
                prop_assert_eq!(all.counts().len(), hosts, "nothing is kept of those who have gone");
            }
        }
    }
}
