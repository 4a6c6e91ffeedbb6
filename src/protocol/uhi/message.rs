//! UHI 0.7.1: the `cancel` that comes in, and what a cancellation changes in an order.
//!
//! Who cancels and why are tags of the fulfilment. Nobody has said which tag carries the free
//! text of an "other" reason, so its name is the network's setting. The PIN by which a patient
//! checks in is no longer anybody's business once the order is cancelled.

use std::borrow::Cow;

use serde_json::Value;

use crate::domain::decide::{CancelRequest, Intent};
use crate::domain::order::{Cancellation, Party, Reason};
use crate::domain::policy::Door;
use crate::domain::refusal::{Refusal, Word};
use crate::protocol::on_cancel::{Style, rfc3339};
use crate::protocol::raw::{RawObject, quote};

/// Which tag says who cancels.
pub const CANCELLED_BY: &str = "@abdm/gov.in/cancelledby";
/// Which tag says why.
pub const CANCEL_REASON: &str = "@abdm/gov.in/cancel_reason";
/// The same in the reference provider's older schema: read, never written.
const CANCEL_REASON_OLD: &str = "@abdm/gov.in/cancelReason";

/// Where a tag is, as errors write it.
#[must_use]
pub fn tag_path(tag: &str) -> String {
    format!("message.order.fulfillment.tags['{tag}']")
}

/// Reads what a patient's app wishes, from a message that has passed the schema.
///
/// # Errors
/// When the tags do not say that the patient cancels, or say something twice.
pub fn decode(message: &Value, text_tag: Option<&str>) -> Result<CancelRequest, Refusal> {
    let tags = &message["message"]["order"]["fulfillment"]["tags"];
    check_by(tags)?;
    let id = match (text(tags, CANCEL_REASON)?, text(tags, CANCEL_REASON_OLD)?) {
        (Some(new), Some(old)) if new != old => {
            let detail = format!("{CANCEL_REASON} and {CANCEL_REASON_OLD} differ");
            return Err(mismatch(CANCEL_REASON, detail));
        }
        (new, old) => new.or(old),
    };
    let words = text_tag.map(|tag| text(tags, tag)).transpose()?.flatten();
    Ok(CancelRequest {
        by: Party::Customer,
        door: Door::Network,
        reason: Reason {
            id: id.map(str::to_owned),
            text: words.map(str::to_owned),
        },
        intent: Intent::Commit,
    })
}

/// A doctor's cancellation is an `on_cancel` that nobody asked for, never a request to us.
fn check_by(tags: &Value) -> Result<(), Refusal> {
    match text(tags, CANCELLED_BY)? {
        Some(by) if by.eq_ignore_ascii_case("patient") => Ok(()),
        Some(by) => {
            let got: String = by.chars().take(40).collect();
            let detail = format!("{CANCELLED_BY}: expected \"patient\" on this route, got {got:?}");
            Err(mismatch(CANCELLED_BY, detail))
        }
        None => {
            let detail = format!("{CANCELLED_BY}: it is required, with the value \"patient\"");
            Err(mismatch(CANCELLED_BY, detail))
        }
    }
}

/// An empty text counts as none.
fn text<'a>(tags: &'a Value, tag: &str) -> Result<Option<&'a str>, Refusal> {
    match &tags[tag] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        _ => Err(mismatch(tag, format!("{tag}: expected a string"))),
    }
}

fn mismatch(tag: &str, detail: String) -> Refusal {
    Refusal::new(Word::SchemaMismatch, detail).at(tag_path(tag))
}

/// The order as cancelled: state, tags, and `updated_at` where there is one.
pub fn cancelled(order: &mut RawObject<'_>, cancellation: &Cancellation, style: &Style<'_>) {
    order.set("state", quote("CANCELLED"));
    let fulfillment = order.get("fulfillment").unwrap_or("{}").to_owned();
    let mut fulfillment = RawObject::parse(&fulfillment).unwrap_or_default();
    let tags = fulfillment.get("tags").unwrap_or("{}").to_owned();
    let mut tags = RawObject::parse(&tags).unwrap_or_default();
    set_tags(&mut tags, cancellation, style.text_tag);
    fulfillment.set("tags", tags.to_string());
    let fulfillment = fulfillment.to_string();
    order.set("fulfillment", fulfillment);
    if order.get("updated_at").is_some() {
        order.set("updated_at", quote(&rfc3339(cancellation.at)));
    }
    if !style.sends_pin {
        remove_pin(order);
    }
}

fn set_tags(tags: &mut RawObject<'_>, cancellation: &Cancellation, text_tag: Option<&str>) {
    let by = match cancellation.by {
        Party::Customer | Party::Partner => "patient",
        Party::Provider => "doctor",
    };
    tags.set_str(CANCELLED_BY, by);
    if let Some(id) = &cancellation.reason.id {
        tags.set_str(CANCEL_REASON, id);
    }
    if let (Some(tag), Some(text)) = (text_tag, &cancellation.reason.text) {
        tags.set_str(tag, text);
    }
}

/// The order document (`{"context", "order"}`) without the check-in PIN; the same text where
/// there is none.
#[must_use]
pub fn without_pin(document: &str) -> Cow<'_, str> {
    let Ok(mut whole) = RawObject::parse(document) else {
        return Cow::Borrowed(document);
    };
    let order = whole.get("order").unwrap_or("{}").to_owned();
    let Ok(mut order) = RawObject::parse(&order) else {
        return Cow::Borrowed(document);
    };
    if !remove_pin(&mut order) {
        return Cow::Borrowed(document);
    }
    whole.set("order", order.to_string());
    Cow::Owned(whole.to_string())
}

/// The rest of the block says how the patient would have checked in, and stays.
fn remove_pin(order: &mut RawObject<'_>) -> bool {
    let Some(block) = order.get("authorization").map(str::to_owned) else {
        return false;
    };
    let Ok(mut block) = RawObject::parse(&block) else {
        order.remove("authorization");
        return true;
    };
    let had_one = block.remove("token").is_some();
    if had_one {
        order.set("authorization", block.to_string());
    }
    had_one
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::kind::Kind;

    const WORDS: &str = "@abdm/gov.in/cancel_reason_text";

    fn asked(tags: Value) -> Result<CancelRequest, Refusal> {
        let message = json!({"message": {"order": {"fulfillment": {"tags": tags}}}});
        decode(&message, Some(WORDS))
    }

    #[test]
    fn the_tags_say_who_and_why_under_either_name_of_the_reason() {
        for name in [CANCEL_REASON, CANCEL_REASON_OLD] {
            let tags = json!({CANCELLED_BY: "Patient", name: "PATIENT_OTHER", WORDS: "Moved away",
                "@abdm/gov.in/groupConsultation": false});
            let request = asked(tags).expect("readable");
            assert_eq!(request.by, Party::Customer);
            assert_eq!(request.reason.id.as_deref(), Some("PATIENT_OTHER"));
            assert_eq!(request.reason.text.as_deref(), Some("Moved away"));
        }
        let none = asked(json!({CANCELLED_BY: "patient", CANCEL_REASON: ""})).expect("readable");
        assert_eq!(none.reason, Reason::default());
    }

    #[test]
    fn whoever_is_no_patient_is_refused_with_the_path_of_the_tag() {
        for by in [
            json!(null),
            json!(""),
            json!("doctor"),
            json!("nobody"),
            json!(7),
        ] {
            let refusal = asked(json!({CANCELLED_BY: by})).expect_err("refused");
            assert_eq!(refusal.word, Word::SchemaMismatch);
            assert_eq!(
                refusal.path.as_deref(),
                Some("message.order.fulfillment.tags['@abdm/gov.in/cancelledby']")
            );
        }
        let twice = json!({CANCELLED_BY: "patient", CANCEL_REASON: "A", CANCEL_REASON_OLD: "B"});
        assert!(asked(twice).is_err());
    }

    #[test]
    fn a_cancelled_order_has_state_and_tags_and_no_pin_and_is_otherwise_as_it_was() {
        let style = |sends_pin| Style {
            kind: Kind::Uhi,
            bpp_id: "hspa.example.org",
            cancelled_word: "",
            text_tag: Some(WORDS),
            sends_pin,
        };
        let cancellation = Cancellation {
            by: Party::Provider,
            reason: Reason {
                id: Some("DOCTOR_OTHER".to_owned()),
                text: Some("Flood".to_owned()),
            },
            charge: None,
            at: "2026-03-02T06:11:25Z".parse().expect("a time"),
            token: None,
            terms: None,
            portion: None,
            rto: None,
        };
        let text = r#"{"id":"1","state":"CONFIRMED","n":1.50,"fulfillment":{"id":"s","tags":{"x":"y"}},"authorization":{"type":"PIN","token":"4821","status":"GENERATED"}}"#;
        let mut order = RawObject::parse(text).expect("JSON");
        cancelled(&mut order, &cancellation, &style(false));
        assert_eq!(
            order.to_string(),
            r#"{"id":"1","state":"CANCELLED","n":1.50,"fulfillment":{"id":"s","tags":{"x":"y","@abdm/gov.in/cancelledby":"doctor","@abdm/gov.in/cancel_reason":"DOCTOR_OTHER","@abdm/gov.in/cancel_reason_text":"Flood"}},"authorization":{"type":"PIN","status":"GENERATED"}}"#
        );
        let mut order = RawObject::parse(text).expect("JSON");
        cancelled(&mut order, &cancellation, &style(true));
        assert!(order.to_string().contains(r#""token":"4821""#));
    }

    #[test]
    fn a_document_loses_its_pin_and_nothing_else() {
        let with = r#"{"context":{"a":1.0},"order":{"id":"1","authorization":{"token":"4821","type":"PIN"},"z":[]}}"#;
        let without =
            r#"{"context":{"a":1.0},"order":{"id":"1","authorization":{"type":"PIN"},"z":[]}}"#;
        assert_eq!(without_pin(with), without);
        assert!(matches!(without_pin(without), Cow::Borrowed(text) if text == without));
        let odd = r#"{"order":{"authorization":"4821"}}"#;
        assert_eq!(without_pin(odd), r#"{"order":{}}"#);
    }
}
