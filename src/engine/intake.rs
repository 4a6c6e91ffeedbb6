//! Orders as the provider's system hands them over.
//!
//! A document is read, placed on its network (`placing`) with its terms frozen (`terms`), and
//! merged with what is known of the order already (`merge`).

mod block;
mod merge;
mod placing;
mod terms;

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use tracing::warn;

pub(super) use self::merge::final_already;

use self::merge::merge;
use self::terms::Offer;
use super::change::not_ahead;
use super::{Engine, Error, MAX_RACES, aim};
use crate::domain::ids::{NetworkName, OrderId, OrderKey};
use crate::domain::order::Order;
use crate::domain::policy::Policy;
use crate::networks::{Kind, Network, Networks, callback_url};
use crate::protocol::intake::{self, Facts, Payments};
use crate::protocol::time::Time;
use crate::protocol::uhi;
use crate::store::{Commit, Committed, OrderWrite, StoredOrder};

/// The largest order document, in bytes: it is part of every callback.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// The network name under which orders that are on no network are kept.
pub const NO_NETWORK: &str = "none";

/// The policies that orders are taken in with.
pub struct Policies {
    /// Those that are configured; `default` applies where nothing else does.
    pub configured: BTreeMap<String, Policy>,
    /// Reads one that an order brings, or says all that is wrong with it.
    pub read: fn(&Map<String, Value>) -> Result<Policy, String>,
}

/// What intake needs to know of the rest of the server.
pub struct Placing<'a> {
    /// The joined networks.
    pub networks: &'a Networks,
    /// The policies.
    pub policies: &'a Policies,
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

/// An order taken in.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Which it is.
    pub key: OrderKey,
    /// What became of it.
    pub result: TakenIn,
    /// What is odd about it, in sentences for people.
    pub remarks: Vec<String>,
}

/// An order as it was handed over, on its network.
struct News<'a> {
    /// What the message says by itself; its terms are not settled yet.
    order: Order,
    payments: Option<Payments>,
    /// The booking block as it is written.
    block: Map<String, Value>,
    terms: Offer<'a>,
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
    ) -> Result<Taken, Error> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            let what = format!("an order has at most {MAX_DOCUMENT_BYTES} bytes");
            return Err(Error::Invalid(what));
        }
        let mut facts = intake::read(bytes)?;
        let document = std::mem::take(&mut facts.document);
        let remarks = std::mem::take(&mut facts.remarks);
        let (news, network) = place(placing, (facts, &document), expected_id, now)?;
        let key = news.order.key.clone();
        for remark in &remarks {
            warn!(order.id = %key.id, remark, "an order has terms that may be meant otherwise");
        }
        let document = Bytes::from(kept(network, document));
        for _ in 0..MAX_RACES {
            let stored = self.store.order(&key).await?;
            let said = (&news.order, &document);
            let (order, document) = aim::with_parts(network, stored.as_ref(), said)?;
            let (order, result) = merge((&news, &order), &document, stored.as_ref())?;
            let commit = write(order, stored.as_ref(), Some(document), now);
            if let Committed::Done { .. } = self.store.commit(commit).await? {
                return Ok(Taken {
                    key,
                    result,
                    remarks,
                });
            }
        }
        Err(Error::changing())
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
    let write = OrderWrite {
        key: order.key.clone(),
        expected_version,
        document: document.filter(|_| changed),
        order: changed.then_some(order),
    };
    Commit::of(write, now)
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

/// The order on its network; version 1.
fn place<'a>(
    placing: &'a Placing<'a>,
    (mut facts, document): (Facts, &str),
    expected_id: Option<&OrderId>,
    now: DateTime<Utc>,
) -> Result<(News<'a>, Option<&'a Network>), Error> {
    let id = agreed_id(expected_id, facts.id.as_ref())?;
    let network = match &facts.placement {
        Some(_) => Some(placing::network_of(placing.networks, &facts)?),
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
    let zone = network.map_or(Tz::UTC, |network| network.settings.time_zone);
    let terms = Offer {
        placing,
        has_charges: network.is_none_or(|network| network.profile().has_charges),
        own: match facts.own_terms.take() {
            Some(_) if zone != Tz::UTC => intake::own_terms(document, zone)?,
            own => own,
        },
        block: facts.booking.policy.clone(),
    };
    let news = News {
        payments: facts.payments.take(),
        block: std::mem::take(&mut facts.block),
        terms,
        order: on_network((name, id), (facts, zone), now),
    };
    not_ahead(
        "message.order.updated_at, or context.timestamp",
        news.order.occurred_at,
        now,
    )?;
    Ok((news, network))
}

fn on_network(
    (network, id): (NetworkName, OrderId),
    (facts, zone): (Facts, Tz),
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
        policy: Policy::default(),
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
