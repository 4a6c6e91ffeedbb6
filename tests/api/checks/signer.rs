//! Row 6: the signer is the party that the context names as the caller.
//!
//! Ids are compared as written, apart from a scheme in front and slashes at the end. This is
//! decided before anybody is looked up.

use beckn_bpp::mock::orders::{O1, TRIP_1};
use serde_json::{Value, json};

use super::knock::Knock;
use super::refused::Wanted;
use super::stage::{DIALECTS, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_for_another() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        let wanted = Wanted::word("signer_is_not_caller").in_dialect(dialect);
        let wanted = wanted.at("context.bap_id");
        for named in [
            "other-bap.example.org",
            "BAP.example.org",
            "bap.example.org.",
            "bap.example.org:443",
            "bap.example.org/beckn",
            "ftp://bap.example.org",
            "example.org",
        ] {
            let knock = stage.signed(&stage.cancel_but(sample, "bap_id", json!(named)));
            stage.refuses(&knock, &wanted).await;
        }
        // The other way round: a registered stranger signs the rightful BAP's message.
        let body = stage.cancel(sample).to_string();
        let stranger = Knock::signed(stage.app.other_bap.signer(), body);
        stage.refuses(&stranger, &wanted).await;
    }
    assert_eq!(stage.app.registry.asked(), 0, "it costs no lookup");
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_names_nobody_is_refused_not_skipped() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        let mut absent = stage.cancel(sample);
        let context = absent["context"].as_object_mut().expect("an object");
        context.remove("bap_id");
        let null = stage.cancel_but(sample, "bap_id", Value::Null);
        for message in [absent, null] {
            let wanted = Wanted::word("signer_is_not_caller").in_dialect(dialect);
            let wanted = wanted.at("context.bap_id");
            stage.refuses(&stage.signed(&message), &wanted).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_no_text_is_refused() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        for value in [
            json!(1),
            json!(true),
            json!(["bap.example.org"]),
            json!({"id": "bap.example.org"}),
        ] {
            let knock = stage.signed(&stage.cancel_but(sample, "bap_id", value));
            let wanted = Wanted::word("context_invalid").in_dialect(dialect);
            stage.refuses(&knock, &wanted.at("context.bap_id")).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_may_be_spelled_as_a_url_and_its_orders_stay_its_own() {
    let stage = Stage::set().await;
    for (sample, spelled) in [
        (TRIP_1, "https://bap.example.org/"),
        (O1, "http://bap.example.org"),
    ] {
        let message = stage.cancel_but(sample, "bap_id", json!(spelled));
        stage.takes(&stage.signed(&message)).await;
        stage.hears(&message).await;
    }
    stage.ends_well().await;
}
