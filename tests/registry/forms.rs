//! The forms in which families of registries are asked, and what each answers.

use beckn_bpp::crypto::signature::{Scheme, Signer};
use beckn_bpp::mock::registry as mock;
use beckn_bpp::mock::registry::Behaviour;
use beckn_bpp::protocol::registry::{Form, Role, Scope};
use beckn_bpp::registry::{Asked, Error, Outage};
use chrono::Utc;
use serde_json::{Value, json};

use crate::network::{Network, bap, bap_id, public_key, row, row_with, signing_key, urls};

/// The registry as it is asked in another form, with our own row in it, by a network that is
/// for several domains. Questions are signed, so they are asked at the present time.
fn asked_as(form: Form, domains: &[&str]) -> Network {
    let ours = Signer {
        scheme: Scheme::Beckn,
        subscriber_id: "bpp.example".to_owned(),
        key_id: "k9".to_owned(),
        key: signing_key(9),
        lifetime_seconds: 30,
    };
    let mut own = mock::row(&ours, "BPP", &"https://bpp.example".parse().expect("a URL"));
    own["domain"] = json!("mobility");
    Network::set_up(vec![row(), own], |settings| {
        settings.form = form;
        settings.signer = Some(ours.into());
        settings.scope = Scope {
            domains: domains.iter().map(|&domain| domain.to_owned()).collect(),
            country: Some("IND".to_owned()),
            city: Some("std:011".to_owned()),
        };
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_family_of_registries_is_asked_in_its_own_form() {
    for (form, word) in [
        (Form::Core, "BAP"),
        (Form::Ondc, "BAP"),
        (Form::Uhi, "consumer"),
    ] {
        let network = asked_as(form, &["mobility"]);
        for (behaviour, is_listed) in [
            (Behaviour::Filtered, true),
            (Behaviour::Wrapped, true),
            (Behaviour::Single, true),
            (Behaviour::Unfiltered, true),
            (Behaviour::Status(404), false),
        ] {
            network.mock.behave(behaviour.clone());
            network.registry.purge(&bap_id(), None).await;
            match network.ask(Utc::now()).await {
                Ok(found) => {
                    assert_eq!(found.roles, [word], "{form:?} {behaviour:?}");
                    assert_eq!(found.verifying_key.to_base64(), public_key(1));
                    assert_eq!(urls(&found), ["https://bap.example/beckn"]);
                    assert!(is_listed, "{form:?} {behaviour:?}");
                }
                Err(Error::Unknown) => assert!(!is_listed, "{form:?} {behaviour:?}"),
                Err(error) => panic!("{form:?} {behaviour:?}: {error:?}"),
            }
        }
        network.mock.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_does_not_take_our_signature_says_nothing_about_the_subscriber() {
    for (form, seed, wanted) in [
        (Form::Core, 8, Ok(())),
        (Form::Ondc, 9, Ok(())),
        (Form::Ondc, 8, Err(401)),
        (Form::Uhi, 9, Ok(())),
        (Form::Uhi, 8, Err(401)),
    ] {
        let network = asked_as(form, &["mobility"]);
        // Listed with one key, signing with another unless it is the same.
        for row in network.mock.rows.lock().expect("no panic").iter_mut() {
            if row["subscriber_id"] == "bpp.example" {
                row["signing_public_key"] = json!(public_key(seed));
            }
        }
        let answer = network.ask(Utc::now()).await;
        match (&answer, wanted) {
            (Ok(_), Ok(())) => {}
            (Err(Error::Unavailable(Outage::Status(status))), Err(wanted)) => {
                assert_eq!(*status, wanted);
            }
            _ => panic!("{form:?}: {answer:?}"),
        }
        network.mock.set_rows(vec![row()]);
        network.registry.purge(&bap_id(), None).await;
        let unlisted = network.ask(Utc::now()).await;
        assert_eq!(
            unlisted.is_ok(),
            form == Form::Core,
            "{form:?}: {unlisted:?}"
        );
        network.mock.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uhis_registry_is_asked_in_every_domain_and_in_the_callers_role() {
    let network = asked_as(Form::Uhi, &["mobility", "nic2004:85111"]);
    let elsewhere = json!({"domain": "nic2004:85111", "type": "BG",
        "url": "https://bap.example/health"});
    let mut rows = network.mock.rows.lock().expect("no panic").clone();
    rows.push(row_with(&elsewhere));
    network.mock.set_rows(rows);
    let buyer = network.ask(Utc::now()).await.expect("a buyer");
    assert_eq!(urls(&buyer), ["https://bap.example/beckn"]);
    assert_eq!(network.mock.asked(), 2, "one question a domain");
    let gateway = Asked {
        role: Role::Gateway,
        ..bap()
    };
    let gateway = network.registry.subscriber(&gateway, Utc::now()).await;
    let gateway = gateway.expect("a gateway");
    assert_eq!(gateway.roles, ["gateway"]);
    assert_eq!(urls(&gateway), ["https://bap.example/health"]);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_uhis_form_the_key_is_where_that_registry_has_it_and_a_row_must_have_a_status() {
    let network = asked_as(Form::Uhi, &["mobility"]);
    let spki = |seed| signing_key(seed).verifying_key().to_spki_base64();
    let own = network.mock.rows.lock().expect("no panic")[1].clone();
    let zoneless = |seconds| {
        let time = Utc::now() + chrono::TimeDelta::seconds(seconds);
        time.format("%Y-%m-%dT%H:%M:%S").to_string()
    };
    let listed = |changes: &Value| {
        let mut row = json!({"subscriber_id": "bap.example", "pub_key_id": "k1",
            "type": "EUA", "domain": "mobility", "subscriber_url": "https://bap.example/beckn",
            "status": "SUBSCRIBED", "encr_public_key": spki(1)});
        for (name, value) in changes.as_object().expect("an object") {
            row[name] = value.clone();
        }
        row
    };
    for (changes, wanted) in [
        (json!({}), Ok(public_key(1))),
        (json!({"encr_public_key": public_key(2)}), Ok(public_key(2))),
        (json!({"signing_public_key": spki(3)}), Ok(public_key(1))),
        (
            json!({"encr_public_key": null, "signing_public_key": spki(3)}),
            Ok(public_key(3)),
        ),
        // As the reference registry's test data have it: a private key in the wrong member.
        (
            json!({"signing_public_key": signing_key(4).to_pkcs8_base64().as_str()}),
            Ok(public_key(1)),
        ),
        (
            json!({"encr_public_key": null,
                "signing_public_key": signing_key(4).to_pkcs8_base64().as_str()}),
            Err("expected a public key"),
        ),
        (
            json!({"encr_public_key": "x", "signing_public_key": spki(3)}),
            Ok(public_key(3)),
        ),
        (json!({"encr_public_key": null}), Err("no public key")),
        (json!({"status": null}), Err("no status")),
        (json!({"status": "INITIATED"}), Err("INITIATED")),
        (
            json!({"valid_until": zoneless(60), "valid_from": zoneless(-60)}),
            Ok(public_key(1)),
        ),
        (json!({"valid_until": zoneless(-60)}), Err("valid until")),
    ] {
        network.mock.set_rows(vec![listed(&changes), own.clone()]);
        network.registry.purge(&bap_id(), None).await;
        let answer = network.ask(Utc::now()).await;
        match (&answer, &wanted) {
            (Ok(found), Ok(key)) => assert_eq!(&found.verifying_key.to_base64(), key),
            (Err(error), Err(part)) => {
                let text = error.to_string();
                assert!(text.contains(part), "{changes}: {text}");
            }
            _ => panic!("{changes}: {answer:?}"),
        }
    }
    network.mock.stop().await;
}
