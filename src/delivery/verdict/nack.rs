//! Where an answer in JSON says that it is a NACK, and what it complains of.

use serde_json::Value;

use super::Verdict;
use super::shown::printable;

/// Every place where some version of the protocol writes its ACK or NACK.
const STATUS_PATHS: [&str; 4] = [
    "/message/ack/status",
    "/message/status",
    "/status",
    "/ack_status",
];

pub(super) fn is(json: &Value) -> bool {
    STATUS_PATHS.iter().any(|path| {
        let status = json.pointer(path).and_then(Value::as_str);
        status.is_some_and(|word| word.eq_ignore_ascii_case("NACK"))
    })
}

/// What a NACK means where `passing` asks for another try.
pub(super) fn verdict(json: &Value, passing: Option<&str>) -> Verdict {
    let code = error(json).map(|error| match &error["code"] {
        Value::String(code) => code.clone(),
        code => code.to_string(),
    });
    match passing {
        None => Verdict::Nack,
        passing if code.as_deref() == passing => Verdict::NackForNow,
        Some(_) => Verdict::NackForGood,
    }
}

/// The error of a NACK, which stands beside `message` or inside it.
fn error(json: &Value) -> Option<&Value> {
    let places = ["/error", "/message/error"];
    let error = |path: &&str| json.pointer(path).filter(|error| !error.is_null());
    places.iter().find_map(error)
}

/// That error, or else the whole answer.
pub(super) fn complaint(json: &Value) -> String {
    printable(&error(json).unwrap_or(json).to_string())
}
