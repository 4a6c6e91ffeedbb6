//! The orders that must come back, written out by hand from the ones that were handed over.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::members::Members;
use crate::rides::{Ride, written};

/// What a cancellation of a 1.x order shows besides its price.
pub struct Shown<'a> {
    /// `CONSUMER` or `PROVIDER`.
    pub by: &'a str,
    /// The raw text of the reason; empty for none.
    pub reason: &'a str,
    /// When, as written.
    pub at: &'a str,
}

/// The reason that every sample request gives.
pub const REASON: &str = r#"{"id":"001","descriptor":{"code":"001"}}"#;

/// When an order was cancelled, in the milliseconds of the wire.
pub fn cancelled_at(order: &Value) -> String {
    let at = order["cancellation"]["at"].as_str().expect("a time");
    written(at.parse::<DateTime<Utc>>().expect("RFC 3339"))
}

/// The rest of a body that carries this order.
pub fn message(order: &Members) -> String {
    format!(r#""message":{{"order":{}}}"#, order.compact())
}

/// The 0.9.x order with this state word and, where there is a fee, lines for it.
pub fn order_0_9(ride: &Ride, state: &str, fee: Option<&str>) -> Members {
    let order = ride.order.clone().text("state", state);
    match fee {
        None => order,
        Some(fee) => {
            let lines = r#"{"title":"Fare","price":{"currency":"INR","value":"140"}},{"title":"Toll","price":{"currency":"INR","value":"6"}}"#;
            order.set("quote", &format!("{{{}}}", priced(lines, fee)))
        }
    }
}

/// The 1.x order with this status and a quote that ends at the fee.
pub fn quoted_1(ride: &Ride, status: &str, fee: &str) -> Members {
    let lines = r#"{"title":"BASE_FARE","price":{"currency":"INR","value":"30"}},{"title":"DISTANCE_FARE","price":{"currency":"INR","value":"116"}}"#;
    let quote = format!(r#"{{{},"ttl":"PT200S"}}"#, priced(lines, fee));
    ride.order
        .clone()
        .text("status", status)
        .set("quote", &quote)
}

/// The 1.x order once it is cancelled.
pub fn cancelled_1(ride: &Ride, fee: &str, shown: &Shown<'_>) -> Members {
    let Shown { by, reason, at } = shown;
    let fulfillments = format!(
        r#"[{{"id":"F1","x_speed":12.50,"state":{{"descriptor":{{"code":"RIDE_CANCELLED"}},"updated_at":"{at}"}}}}]"#
    );
    let reason = match *reason {
        "" => String::new(),
        raw => format!(r#","reason":{raw}"#),
    };
    let block = format!(r#"{{"cancelled_by":"{by}","time":"{at}"{reason}}}"#);
    quoted_1(ride, "CANCELLED", fee)
        .set("fulfillments", &fulfillments)
        .text("updated_at", at)
        .set("cancellation", &block)
}

/// The quote's own lines, the charge, their reversal, and the fee as the total.
fn priced(lines: &str, fee: &str) -> String {
    format!(
        r#""price":{{"currency":"INR","value":"{fee}"}},"breakup":[{lines},{{"title":"CANCELLATION_CHARGES","price":{{"currency":"INR","value":"{fee}"}}}},{{"title":"REFUND","price":{{"currency":"INR","value":"-146"}}}}]"#
    )
}
