//! What a registry answers: every family of rows, and those that must not be believed.

use beckn_bpp::mock::registry::Behaviour;
use beckn_bpp::registry::{Error, Outage};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use url::Url;

use crate::network::{Network, at, bap_id, k1, public_key, row, row_with, urls};

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_key_comes_with_roles_urls_and_key() {
    let network = Network::with(vec![row()]);
    let subscriber = network.ask(at(0)).await.expect("registered");
    assert_eq!(subscriber.id, bap_id());
    assert_eq!(subscriber.roles, ["BAP"]);
    assert_eq!(urls(&subscriber), ["https://bap.example/beckn"]);
    assert_eq!(subscriber.verifying_key.to_base64(), public_key(1));
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_every_registry_family_are_understood() {
    let key = public_key(1);
    let rows = [
        json!({"subscriber_id": "bap.example", "key_id": "k1", "url": "https://bap.example/b",
            "signing_public_key": key, "valid_until": "2027-01-01T00:00:00Z", "type": "BAP",
            "status": "SUBSCRIBED"}),
        json!({"subscriber_id": "bap.example", "ukId": "k1", "subscriber_url": "/b",
            "signing_public_key": key, "valid_until": "2027-01-01T00:00:00.000Z",
            "type": "BAP", "status": "subscribed"}),
        json!({"subscriber_id": "bap.example", "unique_key_id": "k1", "pub_key_id": "k1",
            "subscriber_url": "https://bap.example/b", "signing_public_key": key,
            "valid_until": "2027-01-01T05:30:00+05:30", "type": "BAP", "status": "SUBSCRIBED"}),
        json!({"subscriber_id": "https://bap.example/", "ukid": "k1", "cb_url":
            "https://bap.example/b", "signing_public_key": key, "expires":
            "2027-01-01T00:00:00Z", "type": "BAP"}),
        json!({"subscriberId": "bap.example", "keyId": "k1", "subscriberUrl":
            "https://bap.example/b", "signingPublicKey": key, "validUntil":
            "2027-01-01T00:00:00Z", "role": "BAP", "status": "SUBSCRIBED"}),
    ];
    let network = Network::with(vec![]);
    for row in rows {
        for answer in [json!([row]), json!({"message": [row]}), row.clone()] {
            let body = answer.to_string().into();
            network.mock.behave(Behaviour::Body(body));
            network.registry.purge(&bap_id(), Some(&k1())).await;
            let subscriber = network.ask(at(0)).await.expect("registered");
            assert_eq!(urls(&subscriber), ["https://bap.example/b"], "{answer}");
            assert_eq!(subscriber.roles, ["BAP"], "{answer}");
            let until = subscriber.valid_until.expect("given");
            assert_eq!(
                until,
                "2027-01-01T00:00:00Z"
                    .parse::<DateTime<Utc>>()
                    .expect("a time")
            );
        }
    }
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_must_not_be_believed_are_not() {
    type Expected = fn(&Error) -> bool;
    let not_usable: Expected = |error| matches!(error, Error::NotUsable(_));
    let unknown: Expected = |error| matches!(error, Error::Unknown);
    let ambiguous: Expected = |error| matches!(error, Error::Ambiguous);
    let changed = |changes: Value| vec![row_with(&changes)];
    let other_key = row_with(&json!({"signing_public_key": public_key(2)}));
    let no_key = row_with(&json!({"signing_public_key": "not a key"}));
    let past = at(-1).to_rfc3339();
    let cases: Vec<(Vec<Value>, Expected)> = vec![
        (vec![], unknown),
        (changed(json!({"subscriber_id": "other.example"})), unknown),
        (changed(json!({"key_id": "k2"})), unknown),
        (changed(json!({"status": "UNSUBSCRIBED"})), not_usable),
        (changed(json!({"status": "INITIATED"})), not_usable),
        (changed(json!({"status": "EXPIRED"})), not_usable),
        (changed(json!({"status": ""})), not_usable),
        (changed(json!({"valid_until": past})), not_usable),
        (changed(json!({"valid_until": "soon"})), not_usable),
        (
            changed(json!({"valid_from": at(1).to_rfc3339()})),
            not_usable,
        ),
        (changed(json!({"valid_from": 7})), not_usable),
        (changed(json!({"signing_public_key": null})), not_usable),
        (changed(json!({"signing_public_key": "AAAA"})), not_usable),
        // The neutral element of the curve: everybody's signature would verify.
        (
            changed(json!({"signing_public_key": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})),
            not_usable,
        ),
        (vec![row(), other_key.clone()], ambiguous),
        (vec![other_key, row()], ambiguous),
        (vec![row(), no_key.clone()], ambiguous),
        (vec![no_key, row()], ambiguous),
    ];
    let network = Network::with(vec![]);
    network.mock.behave(Behaviour::Unfiltered);
    for (rows, expected) in cases {
        network.mock.set_rows(rows.clone());
        network.registry.purge(&bap_id(), Some(&k1())).await;
        let error = network.ask(at(0)).await.expect_err("not to be believed");
        assert!(expected(&error), "{rows:?} gave {error:?}");
    }
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_rows_do_not_hide_the_right_one() {
    let revoked = json!({"status": "UNSUBSCRIBED", "signing_public_key": public_key(2)});
    let network = Network::with(vec![
        row_with(&json!({"subscriber_id": "other.example", "signing_public_key": public_key(3)})),
        row_with(&json!({"key_id": "k2", "signing_public_key": public_key(4)})),
        row_with(&revoked),
        json!({}),
        row(),
    ]);
    network.mock.behave(Behaviour::Unfiltered);
    let subscriber = network.ask(at(0)).await.expect("registered");
    assert_eq!(subscriber.verifying_key.to_base64(), public_key(1));
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_the_same_key_are_one_record_with_all_their_urls() {
    let network = Network::with(vec![
        row_with(&json!({"valid_until": at(100).to_rfc3339()})),
        row_with(&json!({"domain": "retail", "url": "/retail", "type": "bap"})),
        row_with(&json!({"domain": null, "url": "https://any.example"})),
        row(),
    ]);
    let subscriber = network.ask(at(0)).await.expect("registered");
    assert_eq!(subscriber.roles, ["BAP", "bap"]);
    assert_eq!(subscriber.valid_until, Some(at(100)));
    let for_domain =
        |domain| -> Vec<&str> { subscriber.urls_for(domain).map(Url::as_str).collect() };
    assert_eq!(
        for_domain("mobility"),
        ["https://any.example/", "https://bap.example/beckn"]
    );
    assert_eq!(
        for_domain("retail"),
        ["https://any.example/", "https://bap.example/retail"]
    );
    assert_eq!(for_domain("other"), ["https://any.example/"]);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_no_answer_say_nothing_about_the_subscriber() {
    let network = Network::with(vec![row()]);
    let too_long = format!("[{}]", " ".repeat(1024 * 1024));
    for behaviour in [
        Behaviour::Status(500),
        Behaviour::Status(302),
        Behaviour::Status(401),
        Behaviour::Body("<html>".into()),
        Behaviour::Body(r#"{"error": "try later"}"#.into()),
        Behaviour::Body(too_long.into()),
    ] {
        network.mock.behave(behaviour.clone());
        let answer = network.ask(at(0)).await;
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
        network.mock.behave(Behaviour::Filtered);
        assert!(network.ask(at(0)).await.is_ok(), "kept a failure");
        network.registry.purge(&bap_id(), Some(&k1())).await;
    }
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_one_mebibyte_is_read_and_one_byte_more_is_not() {
    let network = Network::with(vec![]);
    let row = row().to_string();
    let padded = |bytes: usize| format!("[{row}{}]", " ".repeat(bytes - row.len() - 2));
    network
        .mock
        .behave(Behaviour::Body(padded(1024 * 1024).into()));
    assert!(network.ask(at(0)).await.is_ok());
    network.registry.purge(&bap_id(), Some(&k1())).await;
    network
        .mock
        .behave(Behaviour::Body(padded(1024 * 1024 + 1).into()));
    let answer = network.ask(at(0)).await;
    assert!(
        matches!(answer, Err(Error::Unavailable(Outage::TooLong { .. }))),
        "{answer:?}"
    );
    network.mock.stop().await;
}
