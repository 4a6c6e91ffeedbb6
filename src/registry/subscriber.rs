//! From the registry's rows to the one record that may be believed, or the reason why not.
//!
//! Pure: `lookup` hands in the rows of one key and the present time. Rows with the same key are
//! one record with several addresses; different keys under one key id are refused, because
//! whichever were picked, somebody could have put the other one there. Roles are passed on as
//! written: what they mean differs between networks.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use url::Url;

use super::Error;
use crate::crypto::keys::{self, VerifyingKey};
use crate::domain::ids::{KeyId, SubscriberId};
use crate::protocol::registry::{Bound, Row};

/// The longest foreign word repeated in an error.
const WORD_CHARS: usize = 32;

/// A registered party with one of its keys.
#[derive(Clone)]
pub struct Subscriber {
    /// The party, as it was asked for.
    pub id: SubscriberId,
    /// The key's id.
    pub key_id: KeyId,
    /// The type words of its rows, as the registry writes them.
    pub roles: Vec<String>,
    /// Where it is reached, over all rows of this key.
    pub urls: Vec<Address>,
    /// What verifies its signatures.
    pub verifying_key: VerifyingKey,
    /// Not to be used before this.
    pub valid_from: Option<DateTime<Utc>>,
    /// Not to be used after this.
    pub valid_until: Option<DateTime<Utc>>,
    /// When the registry said so.
    pub vouched_at: DateTime<Utc>,
    /// Whether it should have been asked again by now, and could not be.
    pub is_stale: bool,
}

/// A subscriber whose key the operator knows: the registry may not name another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The party.
    pub subscriber: SubscriberId,
    /// One of its keys; several pins of one subscriber each allow one.
    pub key: VerifyingKey,
}

/// One registered URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The domain it is for; `None` means all.
    pub domain: Option<String>,
    /// Absolute, `http` or `https`.
    pub url: Url,
}

/// Why a listed key must not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The subscriber is not, or no longer, a member.
    #[error("the subscriber's status is {status:?}, expected SUBSCRIBED")]
    NotSubscribed {
        /// The registry's word, cut short.
        status: String,
    },
    /// Its time has not come.
    #[error("it is valid only from {from}, our time is {now}")]
    NotYetValid {
        /// The beginning.
        from: DateTime<Utc>,
        /// Our time.
        now: DateTime<Utc>,
    },
    /// Its time is over.
    #[error("it was valid until {until}, our time is {now}")]
    Expired {
        /// The end.
        until: DateTime<Utc>,
        /// Our time.
        now: DateTime<Utc>,
    },
    /// Its validity cannot be read.
    #[error("its validity is not an RFC 3339 time")]
    UnreadableTime,
    /// The row does not say that the subscriber is a member, where its registry always does.
    #[error("it has no status, expected SUBSCRIBED")]
    NoStatus,
    /// The row has no signing key.
    #[error("it has no public key that verifies signatures")]
    NoKey,
    /// The signing key is weak or no Ed25519 key.
    #[error("its public key is not usable: {0}")]
    Key(#[source] keys::Error),
    /// The operator has pinned other keys.
    #[error("it is {fingerprint}, not a key pinned for this subscriber in the configuration")]
    NotPinned {
        /// Which key it is.
        fingerprint: String,
    },
}

impl Subscriber {
    /// The addresses for a domain: those registered for it, and those registered for all.
    pub fn urls_for<'a>(&'a self, domain: &'a str) -> impl Iterator<Item = &'a Url> {
        self.urls
            .iter()
            .filter(move |address| address.domain.as_deref().is_none_or(|d| d == domain))
            .map(|address| &address.url)
    }

    /// Whether the record may be used at `now`; a kept record is asked this at every use.
    ///
    /// # Errors
    /// Says which end of its validity was missed.
    pub fn in_force(&self, now: DateTime<Utc>) -> Result<(), Unusable> {
        match (self.valid_from, self.valid_until) {
            (Some(from), _) if now < from => Err(Unusable::NotYetValid { from, now }),
            (_, Some(until)) if now > until => Err(Unusable::Expired { until, now }),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("id", &self.id)
            .field("key_id", &self.key_id)
            .field("roles", &self.roles)
            .field("urls", &self.urls)
            .field("fingerprint", &self.verifying_key.fingerprint())
            .field("valid_from", &self.valid_from)
            .field("valid_until", &self.valid_until)
            .field("vouched_at", &self.vouched_at)
            .field("is_stale", &self.is_stale)
            .finish()
    }
}

/// The record that the rows of one key add up to at `now`.
pub(super) fn from_rows(
    rows: &[Row],
    (id, key_id): (&SubscriberId, &KeyId),
    pins: &[Pin],
    now: DateTime<Utc>,
) -> Result<Subscriber, Error> {
    let (usable, faults) = sort(rows, now);
    if usable.is_empty() {
        return Err(faults
            .into_iter()
            .next()
            .map_or(Error::Unknown, Error::NotUsable));
    }
    let verifying_key = the_one_key(&usable)?;
    check_pinned(pins, id, &verifying_key).map_err(Error::NotUsable)?;
    Ok(Subscriber {
        id: id.clone(),
        key_id: key_id.clone(),
        roles: distinct(usable.iter().filter_map(|row| row.role.clone())),
        urls: distinct(usable.iter().flat_map(|row| addresses(row, id))),
        verifying_key,
        // The narrowest window: when the first row drops out, the record is made anew.
        valid_from: usable.iter().filter_map(|row| time(row.valid_from)).max(),
        valid_until: usable.iter().filter_map(|row| time(row.valid_until)).min(),
        vouched_at: now,
        is_stale: false,
    })
}

fn check_pinned(pins: &[Pin], id: &SubscriberId, key: &VerifyingKey) -> Result<(), Unusable> {
    let mut of_subscriber = pins.iter().filter(|pin| pin.subscriber.is(id)).peekable();
    match of_subscriber.peek().is_none() || of_subscriber.any(|pin| pin.key == *key) {
        true => Ok(()),
        false => Err(Unusable::NotPinned {
            fingerprint: key.fingerprint(),
        }),
    }
}

/// Where a subscriber may be reached at `now`, by any of its rows.
pub(super) fn urls_of(rows: &[Row], id: &SubscriberId, now: DateTime<Utc>) -> Vec<Url> {
    let (usable, _) = sort(rows, now);
    let addresses = usable.iter().flat_map(|row| addresses(row, id));
    distinct(addresses.map(|address| address.url))
}

fn sort(rows: &[Row], now: DateTime<Utc>) -> (Vec<&Row>, Vec<Unusable>) {
    let (mut usable, mut faults) = (Vec::new(), Vec::new());
    for row in rows {
        match check(row, now) {
            Ok(()) => usable.push(row),
            Err(fault) => faults.push(fault),
        }
    }
    (usable, faults)
}

fn check(row: &Row, now: DateTime<Utc>) -> Result<(), Unusable> {
    if row.needs_status && row.status.is_none() {
        return Err(Unusable::NoStatus);
    }
    if let Some(status) = &row.status
        && !status.eq_ignore_ascii_case("SUBSCRIBED")
    {
        let status = status.chars().take(WORD_CHARS).collect();
        return Err(Unusable::NotSubscribed { status });
    }
    match (row.valid_from, row.valid_until) {
        (Bound::Unreadable, _) | (_, Bound::Unreadable) => Err(Unusable::UnreadableTime),
        (Bound::At(from), _) if now < from => Err(Unusable::NotYetValid { from, now }),
        (_, Bound::At(until)) if now > until => Err(Unusable::Expired { until, now }),
        _ => Ok(()),
    }
}

/// A key that cannot be read differs from every other: it cannot be ruled out that it is meant.
fn the_one_key(rows: &[&Row]) -> Result<VerifyingKey, Error> {
    let mut keys = rows.iter().map(|row| key_of(row));
    let first = keys.next().unwrap_or(Err(Unusable::NoKey));
    if keys.any(|key| key != first) {
        return Err(Error::Ambiguous);
    }
    first.map_err(Error::NotUsable)
}

/// The first of a row's texts that is a key; when none is, what is wrong with the first.
fn key_of(row: &Row) -> Result<VerifyingKey, Unusable> {
    let mut wrong = None;
    for text in &row.verifying_keys {
        match VerifyingKey::parse(text) {
            Ok(key) => return Ok(key),
            Err(error) => wrong = wrong.or(Some(error)),
        }
    }
    Err(wrong.map_or(Unusable::NoKey, Unusable::Key))
}

fn addresses(row: &Row, id: &SubscriberId) -> Vec<Address> {
    let Some(url) = row.url.as_deref().and_then(|text| absolute(text, id)) else {
        return Vec::new();
    };
    let at = |domain| Address {
        domain,
        url: url.clone(),
    };
    if row.domains.is_empty() {
        return vec![at(None)];
    }
    row.domains.iter().cloned().map(Some).map(at).collect()
}

/// Some networks register a path alone: it is below the host that is the subscriber's id.
fn absolute(text: &str, id: &SubscriberId) -> Option<Url> {
    let url = match Url::parse(text) {
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let base = Url::parse(&format!("https://{}", id.comparable())).ok()?;
            base.join(text).ok()?
        }
        parsed => parsed.ok()?,
    };
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

fn time(bound: Bound) -> Option<DateTime<Utc>> {
    match bound {
        Bound::At(time) => Some(time),
        Bound::Open | Bound::Unreadable => None,
    }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_url_is_below_the_subscribers_host_and_other_schemes_are_dropped() {
        for (id, text, expected) in [
            ("a.example", "/ondc/bap", Some("https://a.example/ondc/bap")),
            ("https://a.example/", "bap", Some("https://a.example/bap")),
            (
                "a.example",
                "http://b.example/x",
                Some("http://b.example/x"),
            ),
            ("a.example", "ftp://b.example/x", None),
            ("a.example", "javascript:alert(1)", None),
            ("a.example", "https://", None),
        ] {
            let id = SubscriberId::parse(id).expect("valid");
            let url = absolute(text, &id);
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{text}");
        }
    }
}
