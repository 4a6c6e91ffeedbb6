//! State words of the Beckn networks, to and from ours: one table.

use crate::domain::order::State;

/// The states of a ride, in the order they are passed through (mobility layer 2).
pub const RIDE_STATES: [&str; 6] = [
    "RIDE_CONFIRMED",
    "RIDE_ASSIGNED",
    "RIDE_ENROUTE_PICKUP",
    "RIDE_ARRIVED_PICKUP",
    "RIDE_STARTED",
    "RIDE_ENDED",
];

/// The states of a delivery, in the order they are passed through (ONDC retail and B2B).
pub const DELIVERY_STATES: [&str; 6] = [
    "Pending",
    "Packed",
    "Agent-assigned",
    "Order-picked-up",
    "Out-for-delivery",
    "Order-delivered",
];

/// The states that come after this one, where it is one of a ride or a delivery; else none.
#[must_use]
pub fn later_states(code: &str) -> &'static [&'static str] {
    [&RIDE_STATES, &DELIVERY_STATES]
        .into_iter()
        .find_map(|states| {
            let at = states.iter().position(|known| *known == code)?;
            Some(&states[at + 1..])
        })
        .unwrap_or_default()
}

/// The order word of `state` (0.9.x) or `status` (1.x), compared without case and punctuation.
const ORDER_WORDS: [(&str, State); 22] = [
    ("created", State::Pending),
    ("draft", State::Pending),
    ("pending", State::Pending),
    ("awaitingprovider", State::AwaitingProvider),
    ("accepted", State::Confirmed),
    ("active", State::Confirmed),
    ("booked", State::Confirmed),
    ("confirmed", State::Confirmed),
    // ONDC's tickets, while the provider looks into it: that is a marker beside the state.
    ("cancelinitiated", State::Confirmed),
    ("cancellationinitiated", State::Confirmed),
    ("ongoing", State::InProgress),
    ("inprogress", State::InProgress),
    ("started", State::InProgress),
    ("complete", State::Completed),
    ("completed", State::Completed),
    ("ended", State::Completed),
    ("noshow", State::NoShow),
    ("failed", State::Failed),
    ("rejected", State::Failed),
    ("canceled", State::Cancelled),
    ("cancelled", State::Cancelled),
    ("ridecancelled", State::Cancelled),
];

/// The state that an order word means; `None` for a word that is not in the table.
#[must_use]
pub fn state_of_order_word(word: &str) -> Option<State> {
    let letters = word.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    ORDER_WORDS
        .iter()
        .find(|(known, _)| *known == plain)
        .map(|(_, state)| *state)
}

/// The state that the codes of an order's fulfilments imply for it, where they imply one: it
/// has begun with the first, and is completed with the last. Those that are cancelled or come
/// back say nothing of the others.
#[must_use]
pub fn state_of_fulfillments<'a>(codes: impl Iterator<Item = Option<&'a str>>) -> Option<State> {
    let codes = codes.filter(|code| !code.is_some_and(is_gone));
    let states = codes.map(|code| code.and_then(state_of_fulfillment_code));
    let has_begun = |state| !matches!(state, None | Some(State::Confirmed));
    states.reduce(|all, one| match (all, one) {
        (all, one) if all == one => all,
        (all, one) if has_begun(all) || has_begun(one) => Some(State::InProgress),
        // Nothing has begun, and one of the two says so.
        (all, one) => all.or(one),
    })?
}

/// Rides (mobility layer 2, TRV10) and deliveries (ONDC retail). A shop's order is `In-progress`
/// from the moment it is packed, but what has not left the shop can be cancelled.
fn state_of_fulfillment_code(code: &str) -> Option<State> {
    match code {
        "Packed" | "Agent-assigned" => Some(State::Confirmed),
        "RIDE_STARTED" | "Order-picked-up" | "Out-for-delivery" => Some(State::InProgress),
        "RIDE_ENDED" | "RIDE_COMPLETED" | "Order-delivered" => Some(State::Completed),
        _ => None,
    }
}

/// The code of goods that are on their way back.
pub const RTO_INITIATED: &str = "RTO-Initiated";

/// The codes with which their way ends.
pub const RTO_ENDS: [&str; 2] = ["RTO-Delivered", "RTO-Disposed"];

/// Whether a fulfilment with this code is cancelled, or brings goods back.
#[must_use]
pub fn is_gone(code: &str) -> bool {
    matches!(code, "Cancelled" | "CANCELLED" | "RIDE_CANCELLED") || is_return(code)
}

/// Whether a fulfilment with this code brings goods back.
#[must_use]
pub fn is_return(code: &str) -> bool {
    code == RTO_INITIATED || RTO_ENDS.contains(&code)
}

/// The state of one fulfilment by itself, where its code implies one.
#[must_use]
pub fn state_of_fulfillment(code: &str) -> Option<State> {
    match code {
        RTO_INITIATED => Some(State::InProgress),
        code if RTO_ENDS.contains(&code) => Some(State::Completed),
        code if is_gone(code) => Some(State::Cancelled),
        code => state_of_fulfillment_code(code),
    }
}

/// The code of a cancelled fulfilment, in the family of the code it had.
#[must_use]
pub fn cancelled_fulfillment_code(before: Option<&str>) -> &'static str {
    match before {
        Some(code) if code.starts_with("RIDE_") => "RIDE_CANCELLED",
        _ => "CANCELLED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_punctuation() {
        assert_eq!(state_of_order_word("Cancelled"), Some(State::Cancelled));
        assert_eq!(state_of_order_word("In-progress"), Some(State::InProgress));
        assert_eq!(state_of_order_word("NO_SHOW"), Some(State::NoShow));
        assert_eq!(state_of_order_word("ACTIVE"), Some(State::Confirmed));
        for waiting in ["CANCELLATION_INITIATED", "CANCEL_INITIATED"] {
            assert_eq!(state_of_order_word(waiting), Some(State::Confirmed));
        }
        assert_eq!(state_of_order_word("TRIP_PAUSED"), None);
    }

    #[test]
    fn an_order_of_several_rides_begins_with_the_first_and_ends_with_the_last() {
        let implied = |codes: &[&str]| state_of_fulfillments(codes.iter().copied().map(Some));
        assert_eq!(implied(&[]), None);
        assert_eq!(implied(&["RIDE_ASSIGNED", "RIDE_CONFIRMED"]), None);
        for begun in [
            ["RIDE_ENDED", "RIDE_ASSIGNED"],
            ["RIDE_ASSIGNED", "RIDE_STARTED"],
            ["RIDE_ENDED", "RIDE_STARTED"],
        ] {
            assert_eq!(implied(&begun), Some(State::InProgress), "{begun:?}");
        }
        assert_eq!(
            implied(&["RIDE_ENDED", "RIDE_COMPLETED"]),
            Some(State::Completed)
        );
        assert_eq!(
            state_of_fulfillments([None, Some("RIDE_ENDED")].into_iter()),
            Some(State::InProgress)
        );
    }

    #[test]
    fn what_is_packed_has_not_begun_and_what_is_picked_up_has() {
        let implied = |codes: &[&str]| state_of_fulfillments(codes.iter().copied().map(Some));
        assert_eq!(implied(&["Packed"]), Some(State::Confirmed));
        assert_eq!(
            implied(&["Pending", "Agent-assigned"]),
            Some(State::Confirmed)
        );
        assert_eq!(
            implied(&["Packed", "Order-picked-up"]),
            Some(State::InProgress)
        );
        assert_eq!(
            implied(&["Pending", "Order-delivered"]),
            Some(State::InProgress)
        );
        assert_eq!(implied(&["Order-delivered"]), Some(State::Completed));
    }

    #[test]
    fn what_is_cancelled_or_comes_back_says_nothing_of_the_rest() {
        let implied = |codes: &[&str]| state_of_fulfillments(codes.iter().copied().map(Some));
        let delivered = ["Cancelled", "Order-delivered", "RTO-Initiated"];
        assert_eq!(implied(&delivered), Some(State::Completed));
        assert_eq!(implied(&["Cancelled", "Pending", "RTO-Delivered"]), None);
        assert_eq!(implied(&["Cancelled", "RTO-Disposed"]), None);
        assert_eq!(
            implied(&["RIDE_STARTED", "RIDE_CANCELLED"]),
            Some(State::InProgress)
        );
    }

    #[test]
    fn a_ride_is_cancelled_in_the_words_of_rides() {
        assert_eq!(
            cancelled_fulfillment_code(Some("RIDE_ASSIGNED")),
            "RIDE_CANCELLED"
        );
        assert_eq!(cancelled_fulfillment_code(Some("Pending")), "CANCELLED");
        assert_eq!(cancelled_fulfillment_code(None), "CANCELLED");
    }
}
