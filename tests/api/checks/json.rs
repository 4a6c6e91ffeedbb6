//! Row 4, within a message (`tests/corpus` has the texts): JSON that two readers could read differently, or that costs more than it is worth.
//!
//! Every body here is signed by the rightful BAP: only the text is at fault. Its version is
//! not known when it is refused, so the network's default shapes the answer.

use beckn_bpp::mock::orders::{O1, TRIP_1};
use beckn_bpp::protocol::Dialect;
use serde_json::{Value, json};

use super::knock::Knock;
use super::refused::Wanted;
use super::stage::{DIALECTS, Stage};

/// Replaces one place in the text of a message, which must be there.
fn replaced(message: &Value, part: &str, by: &str) -> String {
    let text = message.to_string();
    assert!(text.contains(part), "{part} in {text}");
    text.replacen(part, by, 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_there_twice_is_refused_in_whatever_spelling() {
    let stage = Stage::set().await;
    for (_, sample) in DIALECTS {
        let message = stage.cancel(sample);
        for (part, by) in [
            ("\"order_id\":", "\"order_id\":\"other\",\"order_id\":"),
            (
                "\"order_id\":",
                "\"order_\\u0069d\":\"other\",\"order_id\":",
            ),
            (
                "\"bap_id\":",
                "\"bap_id\":\"other-bap.example.org\",\"bap_id\":",
            ),
            (
                "\"bap_id\":",
                "\"\\u0062ap_id\":\"bap.example.org\",\"bap_id\":",
            ),
            ("\"message\":{", "\"message\":{},\"message\":{"),
            ("\"order_id\":", "\"x\":[{\"a\":1,\"a\":1}],\"order_id\":"),
        ] {
            let knock = Knock::signed(stage.bap(), replaced(&message, part, by));
            stage.refuses(&knock, &Wanted::word("duplicate_key")).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_levels_are_taken_and_one_more_is_not() {
    let stage = Stage::set().await;
    let nested = |levels: usize| {
        // The message and its object are two levels already.
        let extra = format!(
            "\"x\":{}{},",
            "[".repeat(levels - 2),
            "]".repeat(levels - 2)
        );
        replaced(
            &stage.probe(O1),
            "\"order_id\":",
            &format!("{extra}\"order_id\":"),
        )
    };
    stage
        .passes(&Knock::signed(stage.bap(), nested(64)), Dialect::V1)
        .await;
    for levels in [65, 129, 60_000] {
        let knock = Knock::signed(stage.bap(), nested(levels));
        stage.refuses(&knock, &Wanted::word("too_deep")).await;
    }
    stage.ends_well().await;
}

/// Containers and scalars; keys do not count.
fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum::<usize>(),
        _ => 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_values_are_taken_and_one_more_is_not() {
    let stage = Stage::set().await;
    let mut message = stage.probe(TRIP_1);
    let room = 10_000 - nodes(&message) - 1;
    message["message"]["x"] = json!(vec![0; room]);
    stage.passes(&stage.signed(&message), Dialect::V0_9).await;
    message["message"]["x"] = json!(vec![0; room + 1]);
    let knock = stage.signed(&message);
    stage.refuses(&knock, &Wanted::word("too_many_nodes")).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_no_message_is_refused_at_its_context() {
    let stage = Stage::set().await;
    for body in ["[]", "null", "1", "\"cancel\"", "{}", "{\"message\":{}}"] {
        let knock = Knock::signed(stage.bap(), body);
        let wanted = Wanted::word("context_invalid").at("context");
        stage.refuses(&knock, &wanted).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_spellings_of_the_same_json_are_taken_when_they_are_what_was_signed() {
    let stage = Stage::set().await;
    let message = stage.probe(O1);
    let pretty = serde_json::to_string_pretty(&message).expect("JSON");
    let windows = pretty.replace('\n', "\r\n");
    let escaped = replaced(&message, "\"order_id\"", "\"\\u006frder_id\"");
    let padded = format!("\n\t {message} \r\n");
    for body in [pretty, windows, escaped, padded] {
        stage
            .passes(&Knock::signed(stage.bap(), body), Dialect::V1)
            .await;
    }
    stage.ends_well().await;
}
