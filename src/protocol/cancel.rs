//! The `cancel` message of every dialect: which order, why, and whether for real.

use serde_json::Value;

use super::{Dialect, ondc, uhi};
use crate::domain::decide::{CancelRequest, Intent};
use crate::domain::ids::OrderId;
use crate::domain::order::{Party, Reason};
use crate::domain::policy::Door;
use crate::domain::refusal::{Refusal, Word};

/// The content of a `/cancel`.
#[derive(Debug, Clone)]
pub struct Cancel {
    /// The order meant.
    pub order: OrderId,
    /// What is wished of it.
    pub request: CancelRequest,
    /// The only fulfilment that is meant, where one is named.
    pub part: Option<String>,
}

/// Reads a message that has passed the schema of its version. `text_tag` is where UHI has free
/// text, if anywhere.
///
/// # Errors
/// `schema_mismatch` when the order id is not usable as one, or the tags of UHI are not.
pub fn decode(
    dialect: Dialect,
    message: &Value,
    text_tag: Option<&str>,
) -> Result<Cancel, Refusal> {
    let (id, request) = match dialect {
        Dialect::V0_9 | Dialect::V1 => (&message["message"]["order_id"], request(message)),
        Dialect::OndcRetail | Dialect::OndcB2b | Dialect::OndcMobility => (
            &message["message"]["order_id"],
            ondc::cancel::request(dialect, message),
        ),
        Dialect::Uhi => (
            &message["message"]["order"]["id"],
            uhi::message::decode(message, text_tag)?,
        ),
    };
    let path = dialect.members().order_id;
    let order = OrderId::parse(id.as_str().unwrap_or_default())
        .map_err(|error| Refusal::new(Word::SchemaMismatch, format!("{path}: {error}")).at(path))?;
    Ok(Cancel {
        order,
        request,
        part: ondc::cancel::part(dialect, message),
    })
}

fn request(message: &Value) -> CancelRequest {
    let message = &message["message"];
    let descriptor = &message["descriptor"];
    // Beside a code of the protocol the name is what the call is named, the same for everybody.
    let is_named = INTENTS.iter().any(|code| descriptor["code"] == *code);
    let name = descriptor["name"].as_str().filter(|_| !is_named);
    let text = descriptor["short_desc"].as_str().or(name);
    let reason = Reason {
        id: message["cancellation_reason_id"]
            .as_str()
            .map(str::to_owned),
        text: text.map(str::to_owned),
    };
    let intent = match asks_only(descriptor) {
        true => Intent::Quote,
        false => Intent::Commit,
    };
    CancelRequest {
        by: Party::Customer,
        door: Door::Network,
        reason,
        intent,
    }
}

/// The codes that say how a cancel is meant, in either spelling; they are no reasons.
const INTENTS: [&str; 4] = [
    "SOFT_CANCEL",
    "SOFT-CANCEL",
    "CONFIRM_CANCEL",
    "CONFIRM-CANCEL",
];

/// Whether only the price is asked for, in either spelling.
pub(super) fn asks_only(descriptor: &Value) -> bool {
    matches!(
        descriptor["code"].as_str(),
        Some("SOFT_CANCEL" | "SOFT-CANCEL")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_soft_spellings_ask_without_cancelling() {
        let intent = |code: Value| {
            let message = json!({"message": {"order_id": "O1", "descriptor": {"code": code}}});
            decode(Dialect::V1, &message, None)
                .expect("readable")
                .request
                .intent
        };
        assert_eq!(intent(json!("SOFT_CANCEL")), Intent::Quote);
        assert_eq!(intent(json!("SOFT-CANCEL")), Intent::Quote);
        assert_eq!(intent(json!("CONFIRM_CANCEL")), Intent::Commit);
        assert_eq!(intent(Value::Null), Intent::Commit);
    }

    #[test]
    fn the_name_of_the_call_is_no_reason_and_a_name_alone_is() {
        let text = |descriptor: Value| {
            let message = json!({"message": {"order_id": "O1", "descriptor": descriptor}});
            let cancel = decode(Dialect::V1, &message, None).expect("readable");
            cancel.request.reason.text
        };
        for code in INTENTS {
            let call = json!({"code": code, "name": "Ride Cancellation"});
            assert_eq!(text(call), None, "{code}");
        }
        let why = Some("Plans changed".to_owned());
        assert_eq!(text(json!({"name": "Plans changed"})), why);
        assert_eq!(text(json!({"code": "PLANS", "name": "Plans changed"})), why);
    }

    #[test]
    fn the_reason_is_its_code_and_the_text_for_people() {
        let message = json!({"message": {"order_id": "O1", "cancellation_reason_id": "001",
            "descriptor": {"name": "Ride Cancellation", "short_desc": "Driver is not moving"}}});
        let reason = decode(Dialect::V1, &message, None)
            .expect("readable")
            .request
            .reason;
        assert_eq!(reason.id.as_deref(), Some("001"));
        assert_eq!(reason.text.as_deref(), Some("Driver is not moving"));
    }
}
