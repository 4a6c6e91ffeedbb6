//! Rows 12 and 14: the schema of the message, and the reason it gives.
//!
//! Each fault is told with the path of the member. Whether the reason's code means anything to
//! the provider is not judged; the table comes from the configuration.

use beckn_bpp::mock::orders::{O1, TRIP_1};
use beckn_bpp::protocol::Dialect;
use serde_json::{Value, json};

use super::refused::Wanted;
use super::stage::{DIALECTS, Stage};

const REASONS: &str = r#"
[[network.mobility.reason]]
id = "001"
text = "Taking too long"
by = ["customer"]
[[network.mobility.reason]]
id = "002"
text = "Plans changed"
[[network.mobility.reason]]
id = "901"
text = "The driver had an accident"
by = ["provider"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_breaks_its_schema_is_told_where() {
    let stage = Stage::set().await;
    let long = "x".repeat(256);
    for (dialect, sample) in DIALECTS {
        let id = json!(sample.id);
        for (message, path) in [
            (json!({}), "message.order_id"),
            (json!([]), "message"),
            (json!("cancel"), "message"),
            (json!(null), "message"),
            (json!({"order_id": null}), "message.order_id"),
            (json!({"order_id": 1}), "message.order_id"),
            (json!({"order_id": [id]}), "message.order_id"),
            (json!({"order_id": ""}), "message.order_id"),
            (json!({"order_id": "a b"}), "message.order_id"),
            (json!({"order_id": "a|b"}), "message.order_id"),
            (json!({"order_id": "caf\u{e9}"}), "message.order_id"),
            (json!({"order_id": "\u{202e}1O"}), "message.order_id"),
            (json!({"order_id": long}), "message.order_id"),
            (
                json!({"order_id": id, "cancellation_reason_id": 1}),
                "message.cancellation_reason_id",
            ),
            (
                json!({"order_id": id, "cancellation_reason_id": ""}),
                "message.cancellation_reason_id",
            ),
            (
                json!({"order_id": id, "cancellation_reason_id": null}),
                "message.cancellation_reason_id",
            ),
            (
                json!({"order_id": id, "descriptor": "SOFT_CANCEL"}),
                "message.descriptor",
            ),
            (
                json!({"order_id": id, "descriptor": {"code": 1}}),
                "message.descriptor.code",
            ),
            (
                json!({"order_id": id, "descriptor": {"short_desc": ["x"]}}),
                "message.descriptor.short_desc",
            ),
        ] {
            let mut whole = stage.cancel(sample);
            whole["message"] = message;
            let wanted = Wanted::word("schema_mismatch").in_dialect(dialect).at(path);
            let answer = stage.refuses(&stage.signed(&whole), &wanted).await;
            assert!(answer.text.len() < 600, "{}", answer.text);
        }
        let mut without = stage.cancel(sample);
        without
            .as_object_mut()
            .expect("an object")
            .remove("message");
        let wanted = Wanted::word("schema_mismatch").in_dialect(dialect);
        stage
            .refuses(&stage.signed(&without), &wanted.at("message"))
            .await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_echo_of_the_context_has_to_fit_its_schema_too() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        for (member, value) in [
            ("ttl", json!(30)),
            ("bpp_uri", json!(["http://bpp.example.org"])),
            ("location", json!("Bengaluru")),
            ("city", json!({"code": "std:080"})),
            ("country", json!(91)),
        ] {
            let path = format!("context.{member}");
            let wanted = Wanted::word("schema_mismatch")
                .in_dialect(dialect)
                .at(&path);
            let knock = stage.signed(&stage.cancel_but(sample, member, value));
            stage.refuses(&knock, &wanted).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_nobody_knows_are_welcome() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        let mut message = stage.probe(sample);
        message["context"]["key"] = json!("x");
        message["context"]["max_callbacks"] = json!(1);
        message["message"]["tags"] = json!([{"code": "x", "list": []}]);
        message["extra"] = json!({"deep": [1, 2.5, null]});
        stage.passes(&stage.signed(&message), dialect).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_table_only_its_reasons_for_customers_are_taken() {
    let stage = Stage::set_with(REASONS).await;
    for (dialect, sample) in DIALECTS {
        for reason in ["901", "003", "1", "01", "001 ", "Taking too long"] {
            let mut message = stage.cancel(sample);
            message["message"]["cancellation_reason_id"] = json!(reason);
            let wanted = Wanted::word("invalid_reason").in_dialect(dialect);
            let wanted = wanted.at("message.cancellation_reason_id");
            stage.refuses(&stage.signed(&message), &wanted).await;
        }
    }
    // One that everybody may use, then the customer's own.
    let mut message = stage.cancel(TRIP_1);
    message["message"]["cancellation_reason_id"] = json!("002");
    stage.takes(&stage.signed(&message)).await;
    stage.hears(&message).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_table_any_reason_is_taken() {
    let stage = Stage::set().await;
    let mut message = stage.cancel(O1);
    message["message"]["cancellation_reason_id"] = json!("anything-at-all");
    stage.takes(&stage.signed(&message)).await;
    stage.hears(&message).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_needed_where_the_terms_want_one_and_only_there() {
    for more in ["", REASONS] {
        let stage = Stage::set_with(more).await;
        let without_reason = |mut message: Value| {
            let inner = message["message"].as_object_mut().expect("an object");
            inner.remove("cancellation_reason_id");
            message
        };
        let of_terms = without_reason(stage.cancel(O1));
        let wanted = Wanted::word("reason_required").in_dialect(Dialect::V1);
        let wanted = wanted.at("message.cancellation_reason_id");
        stage.refuses(&stage.signed(&of_terms), &wanted).await;
        // A sentence for people is no code.
        let mut in_words = of_terms.clone();
        in_words["message"]["descriptor"] = json!({"short_desc": "Taking too long"});
        stage.refuses(&stage.signed(&in_words), &wanted).await;
        // The other order has no terms.
        let free = without_reason(stage.cancel(TRIP_1));
        stage.takes(&stage.signed(&free)).await;
        stage.hears(&free).await;
        stage.ends_well().await;
    }
}
