//! The tags that a cancelled fulfilment of a shop's order gets: who asked and why, what it was
//! before, and by how much each line of the quote changed.

use super::lines::Change;
use crate::domain::order::Cancellation;
use crate::protocol::raw::{RawObject, quote};
use crate::protocol::v1;

/// What a fulfilment was before, and since when.
pub(super) struct Before {
    code: String,
    since: Option<String>,
}

/// The same of one that is still as the stored document has it.
pub(super) fn before(fulfillment: &RawObject<'_>, order_since: Option<String>) -> Option<Before> {
    let state = fulfillment.object("state");
    let own = state.and_then(|state| state.get_str("updated_at").map(Into::into));
    Some(Before {
        code: v1::fulfillment_code(fulfillment)?,
        since: own.or(order_since),
    })
}

/// Who cancelled and why, and what is told of tries to deliver.
pub(super) fn request_tag(
    cancellation: &Cancellation,
    tries: Option<Vec<(&str, String)>>,
    by: &str,
) -> String {
    let reason = cancellation.reason.id.clone();
    let reason = reason.map(|id| ("reason_id", id));
    let tries = tries.into_iter().flatten();
    let by = [("cancelled_by", by.to_owned())];
    let list: Vec<_> = tries.chain(reason).chain(by).collect();
    let list: Vec<_> = list
        .iter()
        .map(|(code, value)| (*code, value.as_str()))
        .collect();
    tag("cancel_request", &list)
}

/// The state that it left.
pub(super) fn before_tag(before: Before) -> String {
    let since = before.since.as_deref().map(|at| ("updated_at", at));
    let list = [("fulfillment_state", &*before.code)];
    let list: Vec<_> = list.into_iter().chain(since).collect();
    tag("precancel_state", &list)
}

/// By how much a line changed.
pub(super) fn trail_tag(change: &Change) -> String {
    let about = change.about.as_deref().map(|id| ("id", id));
    let mut list = vec![("type", &*change.kind)];
    list.extend(about);
    list.push(("currency", change.amount.currency.code()));
    list.push(("value", &*change.value));
    tag("quote_trail", &list)
}

fn tag(code: &str, list: &[(&str, &str)]) -> String {
    let entry = |(code, value): &(&str, &str)| {
        format!(r#"{{"code":{},"value":{}}}"#, quote(code), quote(value))
    };
    let list: Vec<String> = list.iter().map(entry).collect();
    format!(r#"{{"code":{},"list":[{}]}}"#, quote(code), list.join(","))
}

/// Puts these behind the tags that are there.
pub(super) fn add_tags(fulfillment: &mut RawObject<'_>, tags: &[String]) {
    let mut all = fulfillment.array("tags").unwrap_or_default();
    for tag in tags {
        all.push(tag.as_str());
    }
    let all = all.to_string();
    fulfillment.set("tags", all);
}
