//! Our schemas beside the official files and the published examples.
//!
//! Two promises: we refuse no `/cancel` that the official file of its version accepts, save for
//! the named demands below, and what we call a good `on_cancel` the official files do too.
//! Without `shared/protocol` beside the checkout the tests say so and pass.

#[path = "../common/official.rs"]
mod official;

mod callbacks;
mod cancels;
mod published;

use beckn_bpp::protocol::Dialect;
use serde_json::{Value, json};

fn dialect(version: &str) -> Dialect {
    match version.starts_with("0.9") {
        true => Dialect::V0_9,
        false => Dialect::V1,
    }
}

fn context(version: &str, action: &str) -> Value {
    let ids = json!({
        "domain": "mobility", "action": action,
        "bap_id": "https://mock_bap.com/", "bap_uri": "https://mock_bap.com/beckn/",
        "bpp_id": "https://mock_bpp.com/", "bpp_uri": "https://mock_bpp.com/beckn/",
        "transaction_id": "0f4f9d3e-5a9a-4b76-9d66-0f6f1f2f7a10",
        "message_id": "22222222-2222-4222-8222-222222222222",
        "timestamp": "2026-03-02T06:11:24.000Z",
    });
    let place = match dialect(version) {
        Dialect::V0_9 => json!({"core_version": version, "country": "IND", "city": "std:080"}),
        Dialect::V1 => json!({"version": version,
            "location": {"country": {"code": "IND"}, "city": {"code": "std:080"}}}),
        _ => unreachable!("no version of Beckn"),
    };
    merged(ids, &place)
}

fn merged(mut base: Value, more: &Value) -> Value {
    let members = base.as_object_mut().expect("an object");
    for (key, value) in more.as_object().expect("an object") {
        members.insert(key.clone(), value.clone());
    }
    base
}
