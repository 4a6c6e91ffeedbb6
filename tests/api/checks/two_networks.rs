//! One subscriber id on two networks is two parties: each network has its own registry, keys,
//! orders, request keys and callback addresses.

use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::bap;
use beckn_bpp::mock::orders::O1;
use beckn_bpp::mock::registry::{self, row};
use beckn_bpp::protocol::Dialect;
use serde_json::{Value, json};

use super::knock::Knock;
use super::refused::Wanted;
use super::stage::{MANY_LOOKUPS, Stage};
use crate::app::{BPP, WAIT, listener, signer};
use crate::setup;

const NAME: &str = "bap.example.org";

/// The same message as it would be on the other network.
fn on_parcels(message: &Value, bap: &str) -> Value {
    let mut message = message.clone();
    message["context"]["domain"] = json!("parcels");
    message["context"]["bap_uri"] = json!(bap);
    message
}

fn knock(by: &Signer, message: &Value, path: &str) -> Knock {
    Knock::signed(by, message.to_string()).to(path)
}

/// Refused under the other network.
fn parcels(word: &str) -> Wanted<'_> {
    Wanted {
        network: "parcels",
        ..Wanted::word(word).in_dialect(Dialect::V1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_id_on_two_networks_is_two_parties() {
    let other = registry::start(listener(), Vec::new()).expect("a registry");
    let namesake = signer(NAME, include_str!("../../../keys/gateway.signing"));
    let there = bap::start(listener(), namesake, &other.url, "/parcels").expect("a BAP");
    let bpp = signer(BPP, include_str!("../../../keys/bpp.signing"));
    let ours = "http://bpp.example.org/parcels".parse().expect("a URL");
    other.set_rows(vec![
        row(there.signer(), "BAP", &there.url),
        row(&bpp, "BPP", &ours),
    ]);
    let both = [
        MANY_LOOKUPS,
        &setup::parcels(other.url.as_str()),
        MANY_LOOKUPS,
    ]
    .concat();
    let stage = Stage::set_with(&both).await;
    let here = stage.bap().clone();
    let message = stage.cancel(O1);
    let (to_here, to_there) = ("/cancel", "/parcels/cancel");
    let elsewhere = on_parcels(&message, there.url.as_str());

    // The key of one network is not the key of the other, in either direction.
    let forged = knock(&here, &elsewhere, to_there);
    stage.refuses(&forged, &parcels("signature_mismatch")).await;
    let forged = knock(there.signer(), &message, to_here);
    let mismatch = Wanted::word("signature_mismatch").in_dialect(Dialect::V1);
    stage.refuses(&forged, &mismatch).await;
    // Nor is the order, although its id and its BAP's are the same.
    let touched = knock(there.signer(), &elsewhere, to_there);
    let not_there = parcels("order_not_found").at("message.order_id");
    stage.refuses(&touched, &not_there).await;
    // Nor the address: what one registry lists is not called for the other.
    let mut astray = elsewhere.clone();
    astray["context"]["bap_uri"] = json!(stage.app.bap.url.as_str());
    let astray = knock(there.signer(), &astray, to_there);
    let mismatch = parcels("callback_url_mismatch").at("context.bap_uri");
    stage.refuses(&astray, &mismatch).await;

    // Handed over there too, it is another order; the same request ids are another request.
    let placed_by = (NAME, there.url.as_str());
    let text = O1
        .placed_by(placed_by, (BPP, ours.as_str()))
        .expect("a sample");
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    document["context"]["domain"] = json!("parcels");
    document["booking"] = json!({"network": "parcels"});
    let put = stage.app.admin("PUT", "/orders/O1", Some(&document)).await;
    assert_eq!(put.status, 201, "{}", put.text);
    stage
        .takes(&knock(there.signer(), &elsewhere, to_there))
        .await;
    let id = message["context"]["message_id"].as_str().expect("an id");
    assert!(
        there
            .received(id, WAIT)
            .await
            .is_some_and(|one| one.verdict == Ok(()))
    );
    let state = |order: Value| order["state"].clone();
    let mobility = stage.app.get("/orders/O1?network=mobility").await.body;
    assert_eq!(state(mobility), "Confirmed", "ours is as it was");
    stage.takes(&knock(&here, &message, to_here)).await;
    stage.hears(&message).await;
    for network in ["mobility", "parcels"] {
        let order = stage
            .app
            .get(&format!("/orders/O1?network={network}"))
            .await;
        assert_eq!(state(order.body), "Cancelled", "{network}");
    }
    assert_eq!(there.all().len(), 1);
    stage.app.stop().await;
    there.stop().await;
    other.stop().await;
}
