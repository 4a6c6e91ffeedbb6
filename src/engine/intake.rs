//! Orders as the provider's system hands them over, and what changes about them later.
//!
//! An order that is final stays final; news older than what is known is ignored; the terms are
//! frozen when the order is first taken in, until the provider sends others. A message without
//! a booking block leaves the block as it is.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{Engine, Error, MAX_RACES, aim};
use crate::domain::ids::{NetworkName, OrderId, OrderKey};
use crate::domain::money::Money;
use crate::domain::order::{Booking, Order, State};
use crate::domain::policy::{OWN, Policy};
use crate::networks::{Kind, Network, Networks, callback_url};
use crate::protocol::intake::{self, Facts};
use crate::protocol::time::Time;
use crate::protocol::uhi;
use crate::store::{Commit, Committed, OrderWrite, StoredOrder};

/// The largest order document, in bytes: it is part of every callback.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// The network name under which orders that are on no network are kept.
pub const NO_NETWORK: &str = "none";

/// What intake needs to know of the rest of the server.
pub struct Placing<'a> {
    /// The joined networks.
    pub networks: &'a Networks,
    /// The configured policies; `default` applies where nothing else does.
    pub policies: &'a BTreeMap<String, Policy>,
}

/// What became of an order handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenIn {
    /// It is new.
    Created,
    /// It replaced what was known.
    Updated,
    /// It is what was known, or older than that, or its order was erased.
    Unchanged,
}

impl TakenIn {
    /// The word used in answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            TakenIn::Created => "created",
            TakenIn::Updated => "updated",
            TakenIn::Unchanged => "unchanged",
        }
    }
}

impl Engine {
    /// Takes an order in; returns when it is on stable storage.
    ///
    /// # Errors
    /// When it cannot be read or placed, or contradicts an order that is final.
    pub async fn take_in(
        &self,
        placing: &Placing<'_>,
        bytes: &[u8],
        expected_id: Option<&OrderId>,
        now: DateTime<Utc>,
    ) -> Result<(OrderKey, TakenIn), Error> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            let what = format!("an order has at most {MAX_DOCUMENT_BYTES} bytes");
            return Err(Error::Invalid(what));
        }
        let mut facts = intake::read(bytes)?;
        let document = std::mem::take(&mut facts.document);
        let (order, network) = place(placing, facts, expected_id, now)?;
        let document = Bytes::from(kept(network, document));
        for _ in 0..MAX_RACES {
            let stored = self.store.order(&order.key).await?;
            let (order, document) = aim::with_parts(network, stored.as_ref(), (&order, &document))?;
            let (order, result) = merge(&order, &document, stored.as_ref())?;
            let key = order.key.clone();
            let commit = write(order, stored.as_ref(), Some(document), now);
            if let Committed::Done { .. } = self.store.commit(commit).await? {
                return Ok((key, result));
            }
        }
        Err(changing())
    }
}

fn changing() -> Error {
    let what = "the order keeps changing; try again".to_owned();
    Error::Conflict {
        what,
        cancellation: None,
    }
}

/// The commit that makes `order` the stored one; an equal version leaves it as it is.
pub(super) fn write(
    order: Order,
    stored: Option<&StoredOrder>,
    document: Option<Bytes>,
    now: DateTime<Utc>,
) -> Commit {
    let expected_version = stored.map_or(0, |stored| stored.order.version);
    let changed = order.version != expected_version;
    Commit {
        order: OrderWrite {
            key: order.key.clone(),
            expected_version,
            document: document.filter(|_| changed),
            order: changed.then_some(order),
        },
        request: None,
        callback: None,
        webhook: None,
        answers: Vec::new(),
        event: None,
        now,
    }
}

/// What is kept of a document: where a PIN must not be sent on, it is not even stored.
fn kept(network: Option<&Network>, document: String) -> String {
    match network {
        Some(network) if network.settings.kind == Kind::Uhi && !network.settings.sends_pin => {
            uhi::message::without_pin(&document).into_owned()
        }
        _ => document,
    }
}

/// The order on its network, with its terms frozen; version 1.
fn place<'a>(
    placing: &Placing<'a>,
    facts: Facts,
    expected_id: Option<&OrderId>,
    now: DateTime<Utc>,
) -> Result<(Order, Option<&'a Network>), Error> {
    let id = agreed_id(expected_id, facts.id.as_ref())?;
    let network = match &facts.placement {
        Some(_) => Some(network_of(placing.networks, &facts)?),
        None => None,
    };
    let name = match network {
        Some(network) => network.name().clone(),
        None => NetworkName::parse(NO_NETWORK).map_err(|e| Error::Invalid(e.to_string()))?,
    };
    if let (Some(placement), Some(dialect)) = (&facts.placement, facts.dialect) {
        let member = dialect.members().bap_uri;
        callback_url::callable(&placement.bap_uri)
            .map_err(|error| Error::Invalid(format!("context.{member}: {error}")))?;
    }
    let has_charges = network.is_none_or(|network| network.profile().has_charges);
    let policy = policy(placing, has_charges, &facts)?;
    let zone = network.map_or(Tz::UTC, |network| network.settings.time_zone);
    let order = on_network((name, id), (facts, zone), policy, now);
    Ok((order, network))
}

fn on_network(
    (network, id): (NetworkName, OrderId),
    (facts, zone): (Facts, Tz),
    policy: Policy,
    now: DateTime<Utc>,
) -> Order {
    let instant = |time: Option<Time>| time.and_then(|time| time.in_zone(zone));
    let (booked_at, occurred_at) = (instant(facts.booked_at), instant(facts.occurred_at));
    let mut fulfillments = facts.fulfillments;
    for (fulfillment, starts_at) in fulfillments.iter_mut().zip(facts.starts_at) {
        fulfillment.starts_at = instant(starts_at);
    }
    Order {
        key: OrderKey { network, id },
        version: 1,
        placement: facts.placement,
        state: facts.state,
        fulfillments,
        price: facts.price,
        paid: facts.paid,
        policy,
        booked_at: booked_at.or(occurred_at).unwrap_or(now),
        occurred_at: occurred_at.unwrap_or(now),
        booking: facts.booking,
        cancellation: None,
        undecided: None,
        pending: None,
        parts: Vec::new(),
        erased_at: None,
    }
}

fn agreed_id(expected: Option<&OrderId>, found: Option<&OrderId>) -> Result<OrderId, Error> {
    match (expected, found) {
        (Some(expected), Some(found)) if expected != found => Err(Error::Invalid(format!(
            "the path names order {expected}, the document order {found}"
        ))),
        (Some(id), _) | (None, Some(id)) => Ok(id.clone()),
        (None, None) => Err(Error::Invalid("the order has no id".to_owned())),
    }
}

/// The network that an order is on, which must speak its dialect.
fn network_of<'a>(networks: &'a Networks, facts: &Facts) -> Result<&'a Network, Error> {
    let network = named_or_serving(networks, facts)?;
    let profile = network.profile();
    match facts
        .dialect
        .is_some_and(|dialect| profile.dialects.contains(&dialect))
    {
        true => Ok(network),
        false => Err(Error::Invalid(format!(
            "context.version: expected {} on network {}",
            profile.versions,
            network.name()
        ))),
    }
}

/// The network named by the booking block, else the one that serves the domain as `bpp_id`.
fn named_or_serving<'a>(networks: &'a Networks, facts: &Facts) -> Result<&'a Network, Error> {
    if let Some(name) = &facts.booking.network {
        let network = networks
            .iter()
            .find(|network| network.name().as_str() == name);
        return network.ok_or_else(|| {
            Error::Invalid(format!("booking.network: {name:?} is not a joined network"))
        });
    }
    let domain = facts.domain.as_deref();
    let serving: Vec<_> = networks
        .iter()
        .filter(|network| network.serves(domain))
        .collect();
    let named_us = |network: &&&Network| {
        facts
            .bpp_id
            .as_ref()
            .is_some_and(|id| id.is(&network.settings.subscriber_id))
    };
    match (serving.as_slice(), serving.iter().find(named_us)) {
        ([one], _) | (_, Some(one)) => Ok(one),
        ([], _) => Err(Error::Invalid(format!(
            "context.domain: {:?} is served by no joined network",
            domain.unwrap_or_default()
        ))),
        _ => Err(Error::Invalid(
            "several networks serve this domain: say which in booking.network".to_owned(),
        )),
    }
}

/// The order's own terms, else the named policy, else the default one, else free. Own terms that
/// leave a price open have the policy that would hold without them to stand in. What the default
/// one costs is not for networks without charges: nobody there would see it.
fn policy(placing: &Placing<'_>, has_charges: bool, facts: &Facts) -> Result<Policy, Error> {
    let named = facts.booking.policy.as_ref();
    let configured = || {
        let policy = configured(placing, named);
        match named.is_none() && !has_charges {
            true => policy.map(Policy::without_fees),
            false => policy,
        }
    };
    let policy = match &facts.own_terms {
        Some(own) if own.leaves_price_open() => Policy {
            otherwise: Some(Box::new(configured()?)),
            ..own.clone()
        },
        Some(own) => own.clone(),
        None => configured()?,
    };
    check_currency(&policy, facts.price.as_ref())?;
    Ok(policy)
}

fn configured(placing: &Placing<'_>, named: Option<&String>) -> Result<Policy, Error> {
    let policies = placing.policies;
    match named {
        Some(name) => policies
            .get(name)
            .cloned()
            .ok_or_else(|| Error::Invalid(format!("booking.policy: {name:?} is not configured"))),
        None => Ok(policies
            .get("default")
            .cloned()
            .unwrap_or_else(Policy::free)),
    }
}

/// What is stored after `new` arrives, and what that means.
fn merge(
    new: &Order,
    document: &Bytes,
    stored: Option<&StoredOrder>,
) -> Result<(Order, TakenIn), Error> {
    let Some(StoredOrder {
        order: known,
        document: known_document,
    }) = stored
    else {
        return Ok((new.clone(), TakenIn::Created));
    };
    // There is nothing left to compare with, and nothing may come back.
    if known.erased_at.is_some() {
        return Ok((known.clone(), TakenIn::Unchanged));
    }
    let same_booking = new.booking == Booking::default() || new.booking == known.booking;
    let same = known_document == document && same_booking;
    if same || new.occurred_at < known.occurred_at {
        return Ok((known.clone(), TakenIn::Unchanged));
    }
    if known.state.is_final() {
        return Err(final_already(known));
    }
    if new.state == State::Cancelled {
        let what = "cancel it with POST /orders/{id}/cancel, so that everybody hears of it";
        return Err(Error::Invalid(what.to_owned()));
    }
    Ok((updated(known, new)?, TakenIn::Updated))
}

/// The newer order, with what only the older one says.
fn updated(known: &Order, new: &Order) -> Result<Order, Error> {
    let mut order = Order {
        version: known.version + 1,
        booked_at: known.booked_at,
        undecided: known.undecided.clone(),
        pending: known.pending.clone(),
        ..new.clone()
    };
    order.policy = match brings_terms(known, new) {
        true => renewed(&known.policy, new),
        false => known.policy.clone(),
    };
    if new.booking == Booking::default() {
        // The status was that of another message.
        order.booking = Booking {
            status: None,
            ..known.booking.clone()
        };
    }
    // A message that does not repeat the price must not make a cancellation free.
    if new.price.is_none() {
        (order.price, order.paid) = (known.price, known.paid);
    }
    check_currency(&order.policy, order.price.as_ref())?;
    Ok(order)
}

/// Whether a message says which terms hold. One that says nothing must not turn terms that
/// were agreed into the present default, or into none.
fn brings_terms(known: &Order, new: &Order) -> bool {
    let named = new.booking.policy.as_ref();
    new.policy.name == OWN || named.is_some_and(|name| *name != known.policy.name)
}

/// The new terms. What stands in for them stays the policy that was agreed before, unless the
/// message names another.
fn renewed(known: &Policy, new: &Order) -> Policy {
    let agreed = match known.name.as_str() {
        OWN => known.otherwise.as_deref(),
        _ => Some(known),
    };
    let named = new.booking.policy.as_ref();
    let same_named = |agreed: &&Policy| named.is_none_or(|name| *name == agreed.name);
    match (agreed.filter(same_named), &new.policy.otherwise) {
        (Some(agreed), Some(_)) => Policy {
            otherwise: Some(Box::new(agreed.clone())),
            ..new.policy.clone()
        },
        _ => new.policy.clone(),
    }
}

fn check_currency(policy: &Policy, price: Option<&Money>) -> Result<(), Error> {
    let checked = price.map_or(Ok(()), |price| policy.check_currency(price));
    checked.map_err(|error| Error::Invalid(error.to_string()))
}

pub(super) fn final_already(known: &Order) -> Error {
    let what = match known.state {
        State::Cancelled => "the order is cancelled".to_owned(),
        state => format!("the order is final: {}", state.word()),
    };
    Error::Conflict {
        what,
        cancellation: known.cancellation.clone().map(Box::new),
    }
}
