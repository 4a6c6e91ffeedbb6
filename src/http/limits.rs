//! What is let in at once and how often: in-flight requests, addresses, subscribers.
//!
//! Two numbers bound what is in hand. A request has a place from its head on, so that bodies that
//! are slow to come cannot fill the memory; once its body is there it is at work, and of those
//! there are only as many as can be served in a fraction of a second. A request too many is told
//! so before any of it is parsed or verified: under overload that is most of them. Of a
//! crowd a few begin at a time ([`Turnstile`]), so that a refusal never waits behind much work.
//!
//! The counters of addresses are forgotten once they are full again, so that a stranger with
//! many addresses cannot fill the memory; an IPv6 network of 64 bits, the least that anybody
//! gets, counts as one address.

mod client;
mod crowds;
mod once;
mod rates;
mod room;
mod turnstile;

use std::net::IpAddr;
use std::num::NonZeroU32;

use actix_web::HttpRequest;
use actix_web::web::Data;
use governor::Quota;

use self::client::{Proxies, network_of};
use self::crowds::{Crowds, Member};
use self::once::OncePerSecond;
use self::rates::Rates;
pub use self::room::Place;
use self::room::Room;
pub use self::turnstile::Turnstile;
use super::Settings;
use crate::domain::ids::SubscriberId;
use crate::domain::refusal::{Refusal, Word};

/// The limits of the public listener, shared by all its workers.
pub struct Limits {
    connections: Room,
    connections_per_address: Crowds,
    in_flight: Room,
    at_work: Room,
    warned: OncePerSecond,
    addresses: Option<Rates<IpAddr>>,
    subscribers: Option<Rates<String>>,
    not_found: Option<Rates<String>>,
    proxies: Proxies,
}

/// What is wrong with who is over a rate.
const TOO_MANY: &str = "sends too many requests";

/// From so many requests at work on, those who come begin in turn. Below it nobody is about to be
/// refused, and another round through the worker would cost more than it gives.
const IN_TURN_FROM: usize = 64;

/// A connection's places, given back when it ends.
pub struct Connected {
    _place: Place,
    _member: Member,
}

impl Limits {
    /// Limits as configured.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            connections: Room::with(settings.connections),
            connections_per_address: Crowds::of(settings.connections_per_address),
            in_flight: Room::with(settings.in_flight),
            at_work: Room::with(settings.at_work),
            warned: OncePerSecond::default(),
            addresses: quota(settings.per_address_per_second).map(Rates::new),
            subscribers: quota(settings.per_subscriber_per_second).map(Rates::new),
            not_found: NonZeroU32::new(settings.not_found_per_minute)
                .map(|each| Rates::new(Quota::per_minute(each))),
            proxies: Proxies(settings.trusted_proxies.clone()),
        }
    }

    /// Takes a place for a connection from this address. Of a trusted proxy's it is not known
    /// whose they are, so only their sum is bounded.
    ///
    /// # Errors
    /// 503 when there are too many, 429 when too many are of this address.
    pub fn connect(&self, peer: Option<IpAddr>) -> Result<Connected, Refusal> {
        let peer = peer.map(|ip| ip.to_canonical());
        let counted = peer
            .filter(|ip| !self.proxies.are_trusted(ip))
            .map(network_of);
        let too_many = |word: Word, whose: &str| {
            let detail = format!("too many connections{whose} are open");
            Refusal::new(word, detail).retry_after(1)
        };
        let place = self.connections.enter();
        let member = self.connections_per_address.enter(counted);
        Ok(Connected {
            _place: place.ok_or_else(|| too_many(Word::Overloaded, ""))?,
            _member: member.ok_or_else(|| too_many(Word::RateLimited, " of this address"))?,
        })
    }

    /// Takes a place for a request from this address.
    ///
    /// # Errors
    /// 503 when all places are taken, 429 when this address is too fast.
    pub fn admit(&self, request: &HttpRequest) -> Result<Place, Refusal> {
        let place = self.in_flight.enter().ok_or_else(|| self.overloaded())?;
        if let (Some(rates), Some(address)) = (&self.addresses, self.counted_address(request)) {
            rates.check(&address, "this address", TOO_MANY)?;
        }
        Ok(place)
    }

    /// Puts a request to work whose body is there; in a crowd, once it is its turn at its worker.
    ///
    /// # Errors
    /// 503, at once, when as many are at work as may be.
    pub async fn begin(&self, request: &HttpRequest) -> Result<Place, Refusal> {
        let place = self.at_work.enter().ok_or_else(|| self.overloaded())?;
        let is_crowded = self.at_work.taken() > IN_TURN_FROM;
        if let Some(turnstile) = request.app_data::<Data<Turnstile>>().filter(|_| is_crowded) {
            turnstile.pass().await;
        }
        Ok(place)
    }

    fn overloaded(&self) -> Refusal {
        if self.warned.now() {
            tracing::warn!(
                in_flight = self.in_hand(),
                at_work = self.at_work.taken(),
                "too many requests at once: some are told to come again"
            );
        }
        Refusal::new(Word::Overloaded, "too many requests are in hand").retry_after(1)
    }

    /// Counts a proven request of this subscriber.
    ///
    /// # Errors
    /// 429 when it is too fast.
    pub fn count(&self, subscriber: &SubscriberId) -> Result<(), Refusal> {
        match &self.subscribers {
            Some(rates) => {
                let key = subscriber.comparable().to_owned();
                rates.check(&key, "this subscriber", TOO_MANY)
            }
            None => Ok(()),
        }
    }

    /// Counts an order that this subscriber asked for and that is not there for it. Its other
    /// requests are not slowed, so that a provider's late intake does not stop its good ones.
    ///
    /// # Errors
    /// 429 when there are too many to be mistakes.
    pub fn count_not_found(&self, subscriber: &SubscriberId) -> Result<(), Refusal> {
        match &self.not_found {
            Some(rates) => {
                let key = subscriber.comparable().to_owned();
                let what = "asks for too many orders that are not there for it";
                rates.check(&key, "this subscriber", what)
            }
            None => Ok(()),
        }
    }

    /// Requests in hand now.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.in_flight.taken()
    }

    /// What counts as the address of a request.
    pub(super) fn counted_address(&self, request: &HttpRequest) -> Option<IpAddr> {
        self.proxies.client_of(request).map(network_of)
    }
}

fn quota(per_second: u32) -> Option<Quota> {
    NonZeroU32::new(per_second).map(Quota::per_second)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn limits(trusted: &[&str]) -> Limits {
        Limits {
            connections: Room::with(2),
            connections_per_address: Crowds::of(1),
            in_flight: Room::with(1),
            at_work: Room::with(1),
            warned: OncePerSecond::default(),
            addresses: None,
            subscribers: None,
            not_found: None,
            proxies: Proxies::of(trusted),
        }
    }

    #[test]
    fn connections_are_counted_together_and_by_address_but_not_by_a_proxys() {
        let limits = limits(&["10.0.0.0/8"]);
        let connect = |peer: &str| limits.connect(peer.parse().ok()).map_err(|r| r.word);
        let first = connect("1.2.3.4").expect("room");
        assert_eq!(connect("1.2.3.4").err(), Some(Word::RateLimited));
        assert_eq!(connect("::ffff:1.2.3.4").err(), Some(Word::RateLimited));
        let other = connect("1.2.3.5").expect("room");
        assert_eq!(connect("1.2.3.6").err(), Some(Word::Overloaded));
        drop((first, other));
        let proxys = (connect("10.0.0.1"), connect("10.0.0.1"));
        assert!(proxys.0.is_ok() && proxys.1.is_ok());
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

    #[tokio::test]
    async fn a_request_too_many_at_work_is_refused_until_another_ends() {
        let limits = limits(&[]);
        let turnstile = Data::new(Turnstile::default());
        let request = TestRequest::default().app_data(turnstile).to_http_request();
        let first = limits.begin(&request).await.expect("there is room");
        let refused = limits.begin(&request).await.err().expect("no room");
        assert_eq!(refused.word, Word::Overloaded);
        assert_eq!(refused.retry_after_seconds, Some(1));
        drop(first);
        assert!(limits.begin(&request).await.is_ok());
    }

    #[tokio::test]
    async fn requests_that_are_ready_together_begin_in_their_order_after_all_were_looked_at() {
        let turnstile = Turnstile::default();
        let seen = std::cell::RefCell::new(Vec::new());
        let request = |number: usize| {
            let (turnstile, seen) = (&turnstile, &seen);
            async move {
                seen.borrow_mut().push(("came", number));
                turnstile.pass().await;
                seen.borrow_mut().push(("begins", number));
            }
        };
        let count = 3 * turnstile::BEGIN_AT_ONCE;
        futures_util::future::join_all((0..count).map(request)).await;
        let all = |what| (0..count).map(move |number| (what, number));
        let expected: Vec<_> = all("came").chain(all("begins")).collect();
        assert_eq!(seen.into_inner(), expected);
    }
}
