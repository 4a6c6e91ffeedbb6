//! ONDC's `/cancel`: what its descriptor says beside the reason.
//!
//! In mobility it says whether only the price is asked for; in retail it may name one fulfilment,
//! with its id where other networks have a sentence for people, and say how long the buyer waits
//! for an answer before it insists on one (`ttl_response`, `force`).

use serde_json::Value;

use super::is_told_twice;
use crate::domain::decide::{CancelRequest, Intent};
use crate::domain::order::{Party, Reason};
use crate::domain::policy::Door;
use crate::protocol::Dialect;
use crate::protocol::cancel::asks_only;
use crate::protocol::iso8601::Duration8601;
use crate::protocol::reasons;

/// A machine or a gate failed: the provider looks into it.
const TECHNICAL: &str = "000";

/// What is wished, by a message that has passed the schema.
#[must_use]
pub fn request(dialect: Dialect, message: &Value) -> CancelRequest {
    let content = &message["message"];
    let owned = |value: &Value| value.as_str().map(str::to_owned);
    let is_mobility = dialect == Dialect::OndcMobility;
    let is_ticket = is_told_twice(dialect, message["context"]["domain"].as_str());
    let id = owned(&content["cancellation_reason_id"]);
    let text = owned(&content["descriptor"]["short_desc"]).filter(|_| is_mobility);
    let is_technical = id.as_deref().is_some_and(|id| reasons::same(id, TECHNICAL));
    let intent = match asks_only(&content["descriptor"]) {
        true => Intent::Quote,
        false if is_ticket && is_technical => Intent::Ask,
        false => Intent::Commit,
    };
    CancelRequest {
        by: Party::Customer,
        door: Door::Network,
        reason: Reason { id, text },
        intent,
    }
}

/// The only fulfilment that a shop's customer means, where one is named.
#[must_use]
pub fn part(dialect: Dialect, message: &Value) -> Option<String> {
    let descriptor = &message["message"]["descriptor"];
    let names_one = matches!(dialect, Dialect::OndcRetail | Dialect::OndcB2b)
        && descriptor["name"] == "fulfillment";
    let id = descriptor["short_desc"].as_str().filter(|_| names_one);
    id.map(str::to_owned)
}

/// How urgent a shop's customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Urgency {
    /// Whether an answer is insisted on, because there was none to an earlier request in time.
    pub force: bool,
    /// How long an answer may take.
    pub within: Option<Duration8601>,
}

/// What the tags `params` of the descriptor say.
#[must_use]
pub fn urgency(message: &Value) -> Urgency {
    let tags = message["message"]["descriptor"]["tags"].as_array();
    let tags = tags.into_iter().flatten();
    let params = tags.filter(|tag| tag["code"] == "params");
    let params = params.filter_map(|tag| tag["list"].as_array()).flatten();
    let value = |code: &str| {
        let mut said = params.clone().filter(|param| param["code"] == code);
        said.find_map(|param| param["value"].as_str())
    };
    Urgency {
        force: value("force").is_some_and(|word| word.eq_ignore_ascii_case("yes")),
        within: value("ttl_response").and_then(Duration8601::parse),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::TICKETS;
    use super::*;

    fn message(domain: &str, reason: &str, code: &str) -> Value {
        json!({"context": {"domain": domain}, "message": {"order_id": "O1",
            "cancellation_reason_id": reason,
            "descriptor": {"name": "fulfillment", "short_desc": "F1", "code": code}}})
    }

    #[test]
    fn only_a_ticket_that_a_machine_refused_is_for_the_provider_to_decide() {
        let intent = |domain, reason, code| {
            request(Dialect::OndcMobility, &message(domain, reason, code)).intent
        };
        for technical in ["0", "000"] {
            let confirmed = intent(TICKETS, technical, "CONFIRM_CANCEL");
            assert_eq!(confirmed, Intent::Ask);
            assert_eq!(intent(TICKETS, technical, "SOFT-CANCEL"), Intent::Quote);
            let ride = intent("ONDC:TRV10", technical, "CONFIRM_CANCEL");
            assert_eq!(ride, Intent::Commit);
        }
        assert_eq!(intent(TICKETS, "005", "CONFIRM-CANCEL"), Intent::Commit);
    }

    #[test]
    fn a_descriptor_is_a_fulfilment_in_shops_and_a_sentence_in_rides() {
        let message = message("ONDC:RET10", "006", "");
        for shops in [Dialect::OndcRetail, Dialect::OndcB2b] {
            assert_eq!(part(shops, &message).as_deref(), Some("F1"));
            assert_eq!(request(shops, &message).reason.text, None);
        }
        assert_eq!(part(Dialect::OndcMobility, &message), None);
        let ride = request(Dialect::OndcMobility, &message);
        assert_eq!(ride.reason.text.as_deref(), Some("F1"));
        assert_eq!(part(Dialect::V1, &message), None);
    }

    #[test]
    fn force_and_the_time_for_an_answer_are_read_from_the_params() {
        let with = |force: &str, within: &str| {
            let mut message = message("ONDC:RET10", "006", "");
            message["message"]["descriptor"]["tags"] = json!([{"code": "other"},
                {"code": "params", "list": [{"code": "force", "value": force},
                    {"code": "ttl_response", "value": within}]}]);
            urgency(&message)
        };
        assert!(with("yes", "PT1H").force && !with("no", "PT1H").force);
        assert_eq!(with("no", "PT1H").within, Duration8601::parse("PT1H"));
        assert_eq!(with("no", "soon").within, None);
        let plain = message("ONDC:RET10", "006", "");
        assert_eq!(urgency(&plain), Urgency::default());
    }
}
