//! What orders are found by besides their keys: a partner's references, that the provider is
//! asked about them, and until when it has to decide. And what requests are found by that no callback tells of: their orders.
//!
//! Kept by the commit that writes the order or request, so an entry is there exactly as long as
//! what it says is true. Nothing here decides who may find what.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::draft::Draft;
use super::keys::{self, Key};
use super::tables::Tables;
use super::values;
use crate::domain::ids::{OrderKey, RequestKey};
use crate::domain::order::Order;
use crate::store::{Error, ReferenceField, ReferenceFilter, StoredRequest};

/// What is compared of an order, and what it is found by: the rest of it stays unread.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Known {
    /// Its version; 0 when there is none.
    pub version: u64,
    #[serde(default)]
    booking: Called,
    #[serde(default)]
    undecided: Option<IgnoredAny>,
    #[serde(default)]
    pending: Option<Awaited>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Awaited {
    until: Option<DateTime<Utc>>,
}

#[derive(Debug, Default, Deserialize)]
struct Called {
    external_reference: Option<String>,
    external_id: Option<String>,
    tenant: Option<String>,
}

impl Known {
    /// The same of an order as it is.
    pub(super) fn of(order: &Order) -> Self {
        let booking = &order.booking;
        Self {
            version: order.version,
            booking: Called {
                external_reference: booking.external_reference.clone(),
                external_id: booking.external_id.clone(),
                tenant: booking.tenant.clone(),
            },
            undecided: order.undecided.as_ref().map(|_| IgnoredAny),
            pending: order.pending.as_ref().map(|pending| Awaited {
                until: pending.until,
            }),
        }
    }

    /// The entries that there must be for it.
    pub(super) fn keys(&self, order: &OrderKey) -> Vec<Key> {
        let called = &self.booking;
        let tenant = called.tenant.as_deref().unwrap_or_default();
        let fields = [
            (ReferenceField::Reference, &called.external_reference),
            (ReferenceField::Id, &called.external_id),
        ];
        let named = fields.into_iter().filter_map(|(field, text)| {
            let text = text.as_ref()?;
            Some(keys::called(field, text, tenant, order))
        });
        let undecided = self.undecided.map(|_| keys::undecided(order));
        let until = self.pending.and_then(|pending| pending.until);
        let deadline = until.map(|until| keys::deadline(until, order));
        named.chain(undecided).chain(deadline).collect()
    }
}

/// What there is of an order.
pub(super) fn known(draft: &Draft<'_>, order: &OrderKey) -> Result<Known, Error> {
    let known = values::record(draft, &keys::order(order))?;
    Ok(known.unwrap_or_default())
}

/// Makes the entries of an order those of what it is now.
pub(super) fn update(
    draft: &mut Draft<'_>,
    order: &OrderKey,
    (before, after): (&Known, &Known),
) -> Result<(), Error> {
    let (before, after) = (before.keys(order), after.keys(order));
    for gone in before.iter().filter(|key| !after.contains(key)) {
        draft.remove(gone.clone())?;
    }
    for new in after.into_iter().filter(|key| !before.contains(key)) {
        draft.insert_record(new, order)?;
    }
    Ok(())
}

/// The orders that a reference names, for those who may see these tenants or all of them.
pub(super) fn called(tables: &Tables, filter: &ReferenceFilter) -> Result<Vec<OrderKey>, Error> {
    let (field, text) = (filter.field, filter.text.as_str());
    let prefixes = match filter.tenants.is_empty() {
        true => vec![keys::all_called(field, text)],
        false => {
            let of = |tenant: &String| keys::called_at(field, text, tenant);
            filter.tenants.iter().map(of).collect()
        }
    };
    let mut found = Vec::new();
    for prefix in prefixes {
        for entry in tables.entries_after(prefix, None) {
            if found.len() >= filter.limit {
                return Ok(found);
            }
            found.extend(tables.decode::<OrderKey>(entry)?);
        }
    }
    Ok(found)
}

/// The orders that the provider is asked about.
pub(super) fn undecided(tables: &Tables) -> Result<Vec<OrderKey>, Error> {
    let entries = tables.entries_after(vec![keys::UNDECIDED], None);
    entries
        .filter_map(|entry| tables.decode(entry).transpose())
        .collect()
}

/// The orders whose provider should have decided by now, the longest overdue first.
pub(super) fn overdue(tables: &Tables, now: DateTime<Utc>) -> Result<Vec<OrderKey>, Error> {
    let end = keys::deadlines_before(now + TimeDelta::milliseconds(1));
    let entries = tables.entries_after(vec![keys::DEADLINE], None);
    let due = entries.take_while(|entry| !matches!(entry, Ok((key, _)) if **key >= *end));
    due.filter_map(|entry| tables.decode(entry).transpose())
        .collect()
}

/// Notes that a request has no callback that tells of it.
pub(super) fn note_silent(
    draft: &mut Draft<'_>,
    order: &OrderKey,
    request: &RequestKey,
) -> Result<(), Error> {
    draft.insert(keys::request_of_order(order, &keys::request(request)), &[])
}

/// Notes that it has one now.
pub(super) fn note_told(
    draft: &mut Draft<'_>,
    order: &OrderKey,
    request: &StoredRequest,
) -> Result<(), Error> {
    draft.remove(keys::request_of_order(order, &keys::request(&request.key)))
}

/// Where the requests of an order are that no callback tells of.
pub(super) fn silent_requests(tables: &Tables, order: &OrderKey) -> Result<Vec<Key>, Error> {
    let prefix = keys::requests_of_order(order);
    let entries = tables.entries_after(prefix.clone(), None);
    entries
        .map(|entry| Ok(entry?.0[prefix.len()..].to_vec()))
        .collect()
}

/// The same, and what the draft knows of.
pub(super) fn silent_requests_in(draft: &Draft<'_>, order: &OrderKey) -> Result<Vec<Key>, Error> {
    let prefix = keys::requests_of_order(order);
    let entries = draft.all(&prefix)?.into_iter();
    Ok(entries
        .map(|(key, _)| key[prefix.len()..].to_vec())
        .collect())
}
