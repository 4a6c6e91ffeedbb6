//! Row 7, last part: what a gateway signs is proved beside the caller's signature, never instead.
//!
//! A fault in it is answered with `Proxy-Authenticate`, so that the caller can see whose it is.
//! A cancel goes directly from BAP to BPP; a gateway in between is let through, not asked for.

use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::orders::O1;
use beckn_bpp::mock::registry::row;
use beckn_bpp::protocol::Dialect;
use chrono::Utc;

use super::knock::Knock;
use super::refused::Wanted;
use super::stage::{DIALECTS, STRANGERS_KEY, Stage};
use crate::app::signer;

const GATEWAY: &str = "gateway.example.org";
const HEADER: &str = "x-gateway-authorization";

/// A stage whose registry lists a gateway.
async fn stage() -> (Stage, Signer) {
    let stage = Stage::set().await;
    let gateway = signer(GATEWAY, include_str!("../../../keys/gateway.signing"));
    let url = "http://gateway.example.org".parse().expect("a URL");
    stage.change_registry(|rows| rows.push(row(&gateway, "BG", &url)));
    (stage, gateway)
}

/// Signed by the rightful BAP and forwarded with this gateway header.
fn forwarded(right: &Knock, by: &Signer) -> Knock {
    let header = by.authorization(&right.body, Utc::now().timestamp());
    right.clone().with(HEADER, &header)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_cancel_is_taken_when_both_signatures_hold() {
    let (stage, gateway) = stage().await;
    for (dialect, sample) in DIALECTS {
        let probe = stage.signed(&stage.probe(sample));
        stage.passes(&forwarded(&probe, &gateway), dialect).await;
    }
    let message = stage.cancel(O1);
    stage
        .takes(&forwarded(&stage.signed(&message), &gateway))
        .await;
    stage.hears(&message).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_gateway_header_is_the_proxys_fault() {
    let (stage, gateway) = stage().await;
    let stranger = signer(
        "stranger.example.org",
        include_str!("../../../keys/gateway.signing"),
    );
    let forger = signer(GATEWAY, include_str!("../../../keys/bap.signing"));
    for (dialect, sample) in DIALECTS {
        let right = stage.signed(&stage.cancel(sample));
        let good = gateway.authorization(&right.body, Utc::now().timestamp());
        let old = gateway.authorization(&right.body, Utc::now().timestamp() - 301);
        let over_other = gateway.authorization(b"another body", Utc::now().timestamp());
        for (knock, word) in [
            (forwarded(&right, &forger), "signature_mismatch"),
            (forwarded(&right, &stranger), "unknown_key"),
            (forwarded(&right, stage.bap()), "wrong_role"),
            (
                right.clone().with(HEADER, &over_other),
                "signature_mismatch",
            ),
            (right.clone().with(HEADER, &old), "expired"),
            (right.clone().with(HEADER, "Bearer x"), "header_malformed"),
            (right.clone().with(HEADER, ""), "header_malformed"),
            (
                right.clone().with(HEADER, &good).beside(HEADER, &good),
                "header_malformed",
            ),
        ] {
            let wanted = Wanted::word(word).in_dialect(dialect).of_gateway();
            stage.refuses(&knock, &wanted).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_alone_cancels_nothing() {
    let (stage, gateway) = stage().await;
    for (dialect, sample) in DIALECTS {
        let right = stage.signed(&stage.cancel(sample));
        let alone = forwarded(&right, &gateway).without("authorization");
        stage.refuses(&alone, &Wanted::word("header_missing")).await;
        // In the caller's header it is somebody else than the context names.
        let as_caller = Knock::signed(&gateway, right.body.clone());
        let wanted = Wanted::word("signer_is_not_caller").in_dialect(dialect);
        stage
            .refuses(&as_caller, &wanted.at("context.bap_id"))
            .await;
        // And in its own name it has another role.
        let message = stage.cancel_but(sample, "bap_id", GATEWAY.into());
        let in_own_name = Knock::signed(&gateway, message.to_string());
        let wanted = Wanted::word("wrong_role").in_dialect(dialect);
        stage.refuses(&in_own_name, &wanted).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_gateway_does_not_mend_the_callers_signature() {
    let (stage, gateway) = stage().await;
    let mut right = forwarded(&stage.signed(&stage.cancel(O1)), &gateway);
    let other = stage.signed(&stage.cancel(O1));
    right = right.with("authorization", other.authorization());
    let wanted = Wanted::word("signature_mismatch").in_dialect(Dialect::V1);
    stage.refuses(&right, &wanted).await;
    stage.ends_well().await;
}

/// Who may sign, and what becomes of a cancel in the name of `bap.example.org` with that signature
/// in either header: every role in every place.
#[tokio::test(flavor = "multi_thread")]
async fn every_role_in_every_header_has_its_answer() {
    let (stage, gateway) = stage().await;
    let url = "http://seller.example.org".parse().expect("a URL");
    let seller = signer("seller.example.org", STRANGERS_KEY);
    stage.change_registry(|rows| rows.push(row(&seller, "BPP", &url)));
    let stranger = signer("stranger.example.org", STRANGERS_KEY);
    let forger = |name: &str| signer(name, include_str!("../../../keys/bpp.signing"));
    let (posing_bap, posing_gateway) = (forger("bap.example.org"), forger(GATEWAY));
    let other_bap = stage.app.other_bap.signer().clone();
    let bap = stage.bap().clone();
    let callers: [(Option<&Signer>, Option<&str>); 7] = [
        (None, Some("header_missing")),
        (Some(&bap), None),
        (Some(&other_bap), Some("signer_is_not_caller")),
        (Some(&gateway), Some("signer_is_not_caller")),
        (Some(&seller), Some("signer_is_not_caller")),
        (Some(&stranger), Some("signer_is_not_caller")),
        (Some(&posing_bap), Some("signature_mismatch")),
    ];
    let forwarders: [(Option<&Signer>, Option<&str>); 7] = [
        (None, None),
        (Some(&gateway), None),
        (Some(&bap), Some("wrong_role")),
        (Some(&other_bap), Some("wrong_role")),
        (Some(&seller), Some("wrong_role")),
        (Some(&stranger), Some("unknown_key")),
        (Some(&posing_gateway), Some("signature_mismatch")),
    ];
    let body = stage.probe(O1).to_string();
    let sign = |signer: &Signer| signer.authorization(body.as_bytes(), Utc::now().timestamp());
    for (caller, refused) in &callers {
        for (forwarder, refused_there) in &forwarders {
            let mut knock = Knock::unsigned(body.clone());
            if let Some(caller) = caller {
                knock = knock.with("authorization", &sign(caller));
            }
            if let Some(forwarder) = forwarder {
                knock = knock.with(HEADER, &sign(forwarder));
            }
            // The caller is proved first: a good gateway mends nothing.
            let wanted = match (refused, refused_there) {
                (Some(word @ "signer_is_not_caller"), _) => Wanted::word(word)
                    .in_dialect(Dialect::V1)
                    .at("context.bap_id"),
                (Some(word), _) => Wanted::word(word).in_dialect(Dialect::V1),
                (None, Some(word)) => Wanted::word(word).in_dialect(Dialect::V1).of_gateway(),
                (None, None) => Wanted::word("order_not_found")
                    .in_dialect(Dialect::V1)
                    .at("message.order_id"),
            };
            stage.refuses(&knock, &wanted).await;
        }
    }
    stage.ends_well().await;
}
