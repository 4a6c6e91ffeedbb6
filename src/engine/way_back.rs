//! News of fulfilments that are cancelled: of goods on their way back, and of no others.
//!
//! Where goods that come back are is told also of an order that is over; that brings nothing else
//! of it back to life. What is cancelled is told of in vain: dispatch learns that it lost the race.

use super::Error;
use super::change::{Change, FulfillmentChange};
use crate::domain::order::{Fulfillment, Order};
use crate::domain::portion::Part;
use crate::protocol::words::{RTO_ENDS, is_gone, is_return};

/// Whether a change is about goods that come back and nothing else.
pub(super) fn is_all(known: &Order, change: &Change) -> bool {
    let is_same = change.status.is_none_or(|status| status == known.state);
    let mut about = change.fulfillments.iter();
    let is_return = |news: &FulfillmentChange| present(known, news).is_some_and(is_return);
    !change.fulfillments.is_empty() && is_same && known.erased_at.is_none() && about.all(is_return)
}

/// Whether all of it is known.
pub(super) fn is_old(known: &Order, change: &Change) -> bool {
    let mut about = change.fulfillments.iter();
    about.all(|news| present(known, news) == Some(news.state.as_str()))
}

/// Refuses news of what is cancelled, and of a way back that is over.
pub(super) fn check(known: &Order, change: &Change) -> Result<(), Error> {
    for news in &change.fulfillments {
        let state = present(known, news);
        match state {
            Some(state) if is_return(state) => check_return(news, state)?,
            _ => check_part(known, news)?,
        }
    }
    Ok(())
}

/// Keeps where goods that come back are also with their cancellation.
pub(super) fn note(order: &mut Order, news: &FulfillmentChange) {
    let parts = order.parts.iter_mut().map(|part| &mut part.cancellation);
    let all = parts.chain(order.cancellation.as_mut());
    let ways = all.filter_map(|cancellation| cancellation.rto.as_mut());
    for rto in ways.filter(|rto| news.id.as_ref() == Some(&rto.id)) {
        rto.state.clone_from(&news.state);
    }
}

fn present<'a>(known: &'a Order, news: &FulfillmentChange) -> Option<&'a str> {
    let is_meant = |one: &&Fulfillment| one.id == news.id && news.id.is_some();
    known.fulfillments.iter().find(is_meant)?.state.as_deref()
}

fn check_return(news: &FulfillmentChange, present: &str) -> Result<(), Error> {
    let id = news.id.as_deref().unwrap_or_default();
    if !is_return(&news.state) {
        let ends = RTO_ENDS.join(" or ");
        return Err(Error::Invalid(format!(
            "fulfillments: {id} comes back: expected {ends}"
        )));
    }
    match RTO_ENDS.contains(&present) && news.state != present {
        true => Err(Error::Conflict {
            what: format!("the way back of {id} is over: {present}"),
            cancellation: None,
        }),
        false => Ok(()),
    }
}

fn check_part(known: &Order, news: &FulfillmentChange) -> Result<(), Error> {
    let part: Option<&Part> = news.id.as_deref().and_then(|id| known.part(id));
    match part {
        Some(part) if !is_gone(&news.state) => Err(Error::Conflict {
            what: format!("the fulfilment {} is cancelled", part.id()),
            cancellation: Some(Box::new(part.cancellation.clone())),
        }),
        _ => Ok(()),
    }
}
