//! How many of each address are here at once; an address is forgotten when its last one goes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The number of those here, by address.
type Sizes = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// So many at once of each address and no more; 0 is no limit.
pub struct Crowds {
    each: usize,
    sizes: Sizes,
}

/// One of an address's, until dropped.
pub struct Member {
    sizes: Sizes,
    /// Nothing where it was not counted.
    address: Option<IpAddr>,
}

impl Crowds {
    /// Crowds of at most this size.
    pub fn of(each: usize) -> Self {
        let sizes = Arc::default();
        Self { each, sizes }
    }

    /// One more of this address; of none, it is not counted. Nothing when there is no room.
    pub fn enter(&self, address: Option<IpAddr>) -> Option<Member> {
        let address = address.filter(|_| self.each > 0);
        if let Some(address) = address {
            let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
            let size = sizes.entry(address).or_default();
            if *size >= self.each {
                return None;
            }
            *size += 1;
        }
        let sizes = Arc::clone(&self.sizes);
        Some(Member { sizes, address })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut size) = sizes.entry(address) {
            *size.get_mut() -= 1;
            if *size.get() == 0 {
                size.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_number_and_is_forgotten_with_its_last() {
        let crowds = Crowds::of(2);
        let [one, other] = ["1.2.3.4", "1.2.3.5"].map(|ip| ip.parse().ok());
        let first = crowds.enter(one).expect("room");
        let second = crowds.enter(one).expect("room");
        assert!(crowds.enter(one).is_none());
        let third = crowds.enter(other).expect("room");
        drop(first);
        let again = crowds.enter(one).expect("room again");
        assert!(crowds.enter(one).is_none());
        drop((second, third, again));
        assert!(crowds.sizes.lock().expect("no panic").is_empty());
    }

    #[test]
    fn without_a_limit_or_an_address_nobody_is_counted() {
        let crowds = Crowds::of(0);
        let all: Vec<_> = (0..10).map(|_| crowds.enter("::1".parse().ok())).collect();
        assert!(all.iter().all(Option::is_some));
        let crowds = Crowds::of(1);
        let all: Vec<_> = (0..10).map(|_| crowds.enter(None)).collect();
        assert!(all.iter().all(Option::is_some));
        assert!(crowds.sizes.lock().expect("no panic").is_empty());
    }
}
