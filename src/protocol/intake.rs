//! Reads an order as the provider hands it over: the `on_confirm` it is about to send, with an
//! optional `booking` block beside it, or the block alone for an order on no network.
//!
//! The facts a decision needs are read once, here; the document itself is kept as text. Money
//! and terms that cannot be read are refused: they must not become free by mistake. Any other
//! fault in the provider's document is the provider's and passes through.

mod fulfillments;
mod money;
mod placement;
mod state;

use chrono_tz::Tz;
use serde_json::{Map, Value};

pub use self::money::Payments;

use super::quote;
use super::raw::{self, RawObject};
use super::time::Time;
use super::{Dialect, strict, terms};
use crate::domain::ids::{self, OrderId, SubscriberId};
use crate::domain::money::{Error as MoneyError, Money};
use crate::domain::order::{Booking, Fulfillment, Placement, State};
use crate::domain::policy::Policy;

/// Why an order cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or JSON with a key twice.
    #[error(transparent)]
    Json(#[from] strict::Error),
    /// A member has another shape than expected.
    #[error("the document cannot be read: {0}")]
    Shape(#[from] raw::Error),
    /// A member is missing or not usable.
    #[error("{path}: {what}")]
    Member {
        /// Which member.
        path: String,
        /// What was expected.
        what: String,
    },
    /// The quote cannot be calculated with.
    #[error("message.order.{0}")]
    Quote(#[from] quote::Error),
    /// The order's own terms cannot be read.
    #[error("message.order.{0}")]
    Terms(#[from] terms::Error),
    /// An amount paid cannot be read.
    #[error("{path}: {source}")]
    Paid {
        /// Which payment.
        path: String,
        /// What is wrong.
        source: MoneyError,
    },
}

/// What an order document says, before it is placed on a network here.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The order's id, where the document has one.
    pub id: Option<OrderId>,
    /// The dialect it is written in, for an order on a network.
    pub dialect: Option<Dialect>,
    /// `context.domain`, for an order on a network.
    pub domain: Option<String>,
    /// `context.bpp_id`, for an order on a network.
    pub bpp_id: Option<SubscriberId>,
    /// Who placed it, for an order on a network.
    pub placement: Option<Placement>,
    /// The state, by booking block, order word and fulfilment state in this order.
    pub state: State,
    /// Its fulfilments; when they begin is in [`Facts::starts_at`].
    pub fulfillments: Vec<Fulfillment>,
    /// When each of them begins, where the document tells.
    pub starts_at: Vec<Option<Time>>,
    /// The price.
    pub price: Option<Money>,
    /// What is paid of it, by this document alone.
    pub paid: Option<Money>,
    /// The payments it lists, where it lists any.
    pub payments: Option<Payments>,
    /// The order's own terms.
    pub own_terms: Option<Policy>,
    /// When it was booked, where the document says so.
    pub booked_at: Option<Time>,
    /// When the document was made, where it says so.
    pub occurred_at: Option<Time>,
    /// The block beside the document.
    pub booking: Booking,
    /// The same as it is written: a `null` in it is told from a member that is not there.
    pub block: Map<String, Value>,
    /// What can be used and is odd, in sentences for people.
    pub remarks: Vec<String>,
    /// What is kept: `{"context": ..., "order": ...}` with both texts as they came.
    pub document: String,
}

/// Reads one order.
///
/// # Errors
/// Names the member that cannot be used, and why.
pub fn read(bytes: &[u8]) -> Result<Facts, Error> {
    let value = strict::parse_within(bytes, strict::Limits::document())?;
    let text = std::str::from_utf8(bytes).expect("strict JSON is UTF-8");
    let whole = RawObject::parse(text)?;
    let booking = booking(&value["booking"])?;
    if value.get("message").is_none() {
        return booking_only(&value, booking);
    }
    let order = &value["message"]["order"];
    if !order.is_object() {
        return Err(member("message.order", "expected an object"));
    }
    let message = RawObject::parse(whole.get("message").unwrap_or("{}"))?;
    let order_text = message.get("order").unwrap_or("{}");
    let context = whole.get("context").unwrap_or("{}");
    let dialect = placement::dialect(&value["context"])?;
    let (fulfillments, starts_at) = fulfillments::read(dialect, order);
    let price = money::price(order_text, &booking)?;
    let payments = Payments::read(order, order_text)?;
    let paid = match &payments {
        Some(payments) => payments.sum(price)?,
        None => price.map(|price| price.with_minor(0)),
    };
    Ok(Facts {
        id: Some(id("message.order.id", &order["id"], OrderId::parse)?),
        dialect: Some(dialect),
        domain: value["context"]["domain"].as_str().map(str::to_owned),
        bpp_id: value["context"][dialect.members().bpp_id]
            .as_str()
            .and_then(|id| SubscriberId::parse(id).ok()),
        placement: Some(placement::read(dialect, &value["context"])?),
        state: state::read(dialect, order, &fulfillments, &booking)?,
        fulfillments,
        starts_at,
        price,
        paid,
        payments,
        own_terms: terms::read(order)?,
        booked_at: time(&order["created_at"]),
        occurred_at: time(&order["updated_at"]).or_else(|| time(&value["context"]["timestamp"])),
        booking,
        block: block(&value),
        remarks: terms::remarks(order),
        document: format!(r#"{{"context":{context},"order":{order_text}}}"#),
    })
}

/// An order on no network: `{"id": ..., "booking": {...}}`.
fn booking_only(value: &Value, booking: Booking) -> Result<Facts, Error> {
    if value.get("booking").is_none() {
        return Err(member(
            "message",
            "expected an on_confirm message or a booking block",
        ));
    }
    let id = match &value["id"] {
        Value::Null => None,
        given => Some(id("id", given, OrderId::parse)?),
    };
    Ok(Facts {
        id,
        dialect: None,
        domain: None,
        bpp_id: None,
        placement: None,
        state: booking.status.unwrap_or(State::Confirmed),
        fulfillments: Vec::new(),
        starts_at: Vec::new(),
        price: booking.price,
        paid: None,
        payments: None,
        own_terms: None,
        booked_at: None,
        occurred_at: None,
        booking,
        block: block(value),
        remarks: Vec::new(),
        document: "{}".to_owned(),
    })
}

/// The order's own terms in a document as it is kept, on a network whose clocks are in this zone.
///
/// # Errors
/// Names the first term that cannot be read.
pub fn own_terms(document: &str, zone: Tz) -> Result<Option<Policy>, Error> {
    let value = strict::parse_within(document.as_bytes(), strict::Limits::document())?;
    Ok(terms::read_in(&value["order"], zone)?)
}

fn block(value: &Value) -> Map<String, Value> {
    value["booking"].as_object().cloned().unwrap_or_default()
}

fn booking(block: &Value) -> Result<Booking, Error> {
    if !matches!(
        block["policy"],
        Value::Null | Value::String(_) | Value::Object(_)
    ) {
        let what = "expected the name of a configured policy, or a policy";
        return Err(member("booking.policy", what));
    }
    match block {
        Value::Null => Ok(Booking::default()),
        block => serde_json::from_value(block.clone())
            .map_err(|error| member("booking", &error.to_string())),
    }
}

fn id<T>(path: &str, value: &Value, parse: fn(&str) -> Result<T, ids::Error>) -> Result<T, Error> {
    let text = value
        .as_str()
        .ok_or_else(|| member(path, "expected a string"))?;
    parse(text).map_err(|error| member(path, &error.to_string()))
}

fn time(value: &Value) -> Option<Time> {
    Time::parse(value.as_str()?)
}

fn member(path: &str, what: &str) -> Error {
    Error::Member {
        path: path.to_owned(),
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message() -> Value {
        json!({
            "context": {"domain": "mobility", "action": "on_confirm", "version": "1.1.0",
                "bap_id": "bap.example.org", "bap_uri": "https://bap.example.org/beckn",
                "bpp_id": "bpp.example.org", "transaction_id": "T1", "message_id": "M1",
                "timestamp": "2026-03-02T06:00:00Z"},
            "message": {"order": {"id": "O1", "status": "ACTIVE",
                "fulfillments": [{"id": "F1", "state": {"descriptor": {"code": "RIDE_ASSIGNED"}}}],
                "quote": {"price": {"currency": "INR", "value": "146"}},
                "payments": [{"status": "PAID", "params": {"amount": "100"}}, {"status": "NOT-PAID"}],
                "created_at": "2026-03-02T05:59:00Z"}}
        })
    }

    fn facts(message: &Value) -> Facts {
        read(message.to_string().as_bytes()).expect("readable")
    }

    fn refused(message: &Value) -> String {
        read(message.to_string().as_bytes())
            .expect_err("unreadable")
            .to_string()
    }

    #[test]
    fn an_on_confirm_is_read_into_facts() {
        let facts = facts(&message());
        assert_eq!(facts.id.as_ref().map(OrderId::as_str), Some("O1"));
        assert_eq!(facts.state, State::Confirmed);
        assert_eq!(facts.price.map(|price| price.minor), Some(14_600));
        assert_eq!(facts.paid.map(|paid| paid.minor), Some(10_000));
        assert_eq!(
            facts.fulfillments[0].state.as_deref(),
            Some("RIDE_ASSIGNED")
        );
        let placement = facts.placement.expect("placed");
        assert_eq!(placement.transaction.as_str(), "T1");
    }

    #[test]
    fn the_document_is_kept_as_it_came() {
        let text = r#"{"context":{"bap_id":"b","bap_uri":"u","transaction_id":"t","core_version":"0.9.1","n":1.10},
            "message":{"order":{"id":"x","price":12.500,"caf\u00e9":1e5}}}"#;
        let facts = read(text.as_bytes()).expect("readable");
        assert!(
            facts
                .document
                .contains(r#""order":{"id":"x","price":12.500,"caf\u00e9":1e5}"#)
        );
        assert!(facts.document.contains(r#""n":1.10"#));
    }

    #[test]
    fn the_state_comes_from_the_block_then_the_word_then_the_fulfilment() {
        let mut message = message();
        message["message"]["order"]["fulfillments"][0]["state"]["descriptor"]["code"] =
            json!("RIDE_STARTED");
        assert_eq!(facts(&message).state, State::InProgress);
        message["message"]["order"]["status"] = json!("CANCELLED");
        assert_eq!(
            facts(&message).state,
            State::Cancelled,
            "a final word stands"
        );
        message["booking"] = json!({"status": "NoShow"});
        assert_eq!(facts(&message).state, State::NoShow);
    }

    #[test]
    fn what_would_be_priced_wrongly_is_refused_by_name() {
        let mut bad = message();
        bad["message"]["order"]["status"] = json!("ON_HOLD");
        assert!(refused(&bad).contains("booking.status"));
        let mut bad = message();
        bad["message"]["order"]["quote"]["price"]["value"] = json!("12.345");
        assert!(refused(&bad).contains("quote.price"));
        let mut bad = message();
        bad["message"]["order"]["payments"][0]["params"]["amount"] = json!("lots");
        assert!(refused(&bad).contains("payments[0]"));
        let mut bad = message();
        bad["context"]["bap_id"] = json!(null);
        assert!(refused(&bad).contains("context.bap_id"));
        let mut bad = message();
        bad["booking"] = json!({"pirce": {}});
        assert!(refused(&bad).contains("pirce"));
        assert!(refused(&json!({})).contains("booking block"));
    }

    #[test]
    fn an_order_on_no_network_is_its_booking_block() {
        let facts = facts(&json!({"id": "bkg_1", "booking": {"status": "Confirmed",
            "price": {"value": "120.00", "currency": "EUR"}}}));
        assert_eq!(facts.price.map(|price| price.minor), Some(12_000));
        assert!(facts.placement.is_none());
    }

    #[test]
    fn a_payment_marked_paid_without_an_amount_is_the_whole_price() {
        let mut message = message();
        message["message"]["order"]["payments"] = json!([{"status": "PAID"}]);
        assert_eq!(facts(&message).paid.map(|paid| paid.minor), Some(14_600));
        message["message"]["order"]["payments"] = json!(null);
        message["message"]["order"]["payment"] =
            json!({"status": "PAID", "params": {"amount": 20}});
        assert_eq!(facts(&message).paid.map(|paid| paid.minor), Some(2_000));
    }
}
