//! What is let in at once and how often: in-flight requests, addresses, subscribers.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpRequest;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use super::Settings;
use crate::domain::ids::SubscriberId;
use crate::domain::refusal::{Refusal, Word};

/// The limits of the public listener, shared by all its workers.
pub struct Limits {
    in_flight: Arc<AtomicUsize>,
    max_in_flight: usize,
    addresses: Option<DefaultKeyedRateLimiter<IpAddr>>,
    subscribers: Option<DefaultKeyedRateLimiter<String>>,
    trusted_proxies: Vec<IpNet>,
}

/// A place among the requests in hand; given back when dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Limits {
    /// Limits as configured.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            in_flight: Arc::default(),
            max_in_flight: settings.in_flight,
            addresses: quota(settings.per_address_per_second).map(RateLimiter::keyed),
            subscribers: quota(settings.per_subscriber_per_second).map(RateLimiter::keyed),
            trusted_proxies: settings.trusted_proxies.clone(),
        }
    }

    /// Takes a place for a request from this address.
    ///
    /// # Errors
    /// 503 when all places are taken, 429 when this address is too fast.
    pub fn admit(&self, request: &HttpRequest) -> Result<Place, Refusal> {
        let place = Place(self.in_flight.clone());
        if self.in_flight.fetch_add(1, Ordering::Relaxed) >= self.max_in_flight {
            let detail = "too many requests are in hand";
            return Err(Refusal::new(Word::Overloaded, detail).retry_after(1));
        }
        if let (Some(limiter), Some(address)) = (&self.addresses, self.address(request)) {
            check(limiter, &address, "this address")?;
        }
        Ok(place)
    }

    /// Counts a proven request of this subscriber.
    ///
    /// # Errors
    /// 429 when it is too fast.
    pub fn count(&self, subscriber: &SubscriberId) -> Result<(), Refusal> {
        match &self.subscribers {
            Some(limiter) => check(
                limiter,
                &subscriber.comparable().to_owned(),
                "this subscriber",
            ),
            None => Ok(()),
        }
    }

    /// Requests in hand now.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The peer, or behind trusted proxies the right-most address they do not vouch for.
    fn address(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip();
        let trusted = |ip: &IpAddr| self.trusted_proxies.iter().any(|net| net.contains(ip));
        if !trusted(&peer) {
            return Some(peer);
        }
        let forwarded = request.headers().get_all("x-forwarded-for");
        let listed: Vec<&str> = forwarded
            .filter_map(|value| value.to_str().ok())
            .flat_map(|v| v.split(','))
            .collect();
        let claimed = listed
            .iter()
            .rev()
            .map_while(|text| text.trim().parse::<IpAddr>().ok());
        let mut last = peer;
        for ip in claimed {
            last = ip;
            if !trusted(&ip) {
                break;
            }
        }
        Some(last)
    }
}

fn quota(per_second: u32) -> Option<Quota> {
    NonZeroU32::new(per_second).map(Quota::per_second)
}

fn check<K: std::hash::Hash + Eq + Clone>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
    who: &str,
) -> Result<(), Refusal> {
    limiter.check_key(key).map_err(|until| {
        let wait = until.wait_time_from(DefaultClock::default().now());
        let detail = format!("{who} sends too many requests");
        Refusal::new(Word::RateLimited, detail).retry_after(wait.as_secs().max(1))
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use actix_web::test::TestRequest;

    use super::*;

    fn limits(trusted: &[&str]) -> Limits {
        Limits {
            in_flight: Arc::default(),
            max_in_flight: 1,
            addresses: None,
            subscribers: None,
            trusted_proxies: trusted
                .iter()
                .map(|net| net.parse().expect("a net"))
                .collect(),
        }
    }

    fn address(limits: &Limits, peer: &str, forwarded: &str) -> String {
        let peer: SocketAddr = format!("{peer}:1").parse().expect("an address");
        let request = TestRequest::default()
            .peer_addr(peer)
            .insert_header(("x-forwarded-for", forwarded))
            .to_http_request();
        limits.address(&request).expect("a peer").to_string()
    }

    #[test]
    fn a_forwarded_address_is_believed_from_trusted_proxies_only() {
        assert_eq!(address(&limits(&[]), "10.0.0.1", "1.2.3.4"), "10.0.0.1");
        let trusting = limits(&["10.0.0.0/8"]);
        assert_eq!(address(&trusting, "10.0.0.1", "1.2.3.4"), "1.2.3.4");
        assert_eq!(
            address(&trusting, "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2"),
            "1.2.3.4"
        );
        assert_eq!(address(&trusting, "9.9.9.9", "1.2.3.4"), "9.9.9.9");
        assert_eq!(address(&trusting, "10.0.0.1", "nonsense"), "10.0.0.1");
    }

    #[test]
    fn a_place_is_given_back_when_the_request_ends() {
        let limits = limits(&[]);
        let request = TestRequest::default().to_http_request();
        let place = limits.admit(&request).expect("the first has a place");
        assert_eq!(
            limits.admit(&request).err().map(|r| r.word),
            Some(Word::Overloaded)
        );
        drop(place);
        assert!(limits.admit(&request).is_ok());
        assert_eq!(limits.in_hand(), 0);
    }
}
