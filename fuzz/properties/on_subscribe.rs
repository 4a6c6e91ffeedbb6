//! What a registry posts to `/on_subscribe`: what is acted upon is what it says, in words that
//! can stand in a log line, and the rest changes nothing.

use beckn_bpp::protocol::strict;
use beckn_bpp::protocol::subscription::OnSubscribe;
use serde_json::{Value, json};

/// Holds for every body.
pub fn holds(data: &[u8]) {
    let Ok(message) = strict::parse(data) else {
        return;
    };
    let read = OnSubscribe::read(&message);
    assert_eq!(read.is_some(), is_asked_of_us(&message), "{message}");
    let Some(read) = read else {
        return;
    };
    assert_eq!(read.subscriber_id, message["subscriber_id"].as_str());
    assert_eq!(read.status, message["status"].as_str());
    assert_eq!(read.challenge, message["challenge"].as_str());
    let alone = json!({"subscriber_id": read.subscriber_id, "status": read.status,
        "challenge": read.challenge});
    assert_eq!(OnSubscribe::read(&alone), Some(read.clone()));
}

fn is_asked_of_us(message: &Value) -> bool {
    let text_or_absent = |name: &str| message[name].is_null() || message[name].is_string();
    let is_word = |status: &str| {
        let letters = status.bytes().all(|b| b == b'_' || b.is_ascii_uppercase());
        !status.is_empty() && status.len() <= 32 && letters
    };
    message.is_object()
        && ["subscriber_id", "status", "challenge"]
            .into_iter()
            .all(text_or_absent)
        && (message["status"].is_string() || message["challenge"].is_string())
        && message["status"].as_str().is_none_or(is_word)
}
