//! What the kind of a network decides: its defaults, its registry, and what it has no use for.

use beckn_bpp::domain::order::Party;
use beckn_bpp::protocol::registry::{Form, Scope as Within};

use crate::desk::{Desk, HEALTH, NETWORK, assert_faults, assert_holds, production};

#[test]
fn a_registry_is_asked_in_the_form_of_its_network_unless_told_otherwise() {
    let form_of = |more: &str| {
        let mut networks = Desk::with(&(production(NETWORK) + more))
            .config(&[])
            .networks;
        let registry = networks.remove(0).registry;
        (registry.form, registry.scope, registry.signer.is_some())
    };
    let scope = |country: Option<&str>, city: Option<&str>| Within {
        domains: vec!["mobility".to_owned()],
        country: country.map(str::to_owned),
        city: city.map(str::to_owned),
    };
    for (more, form, within) in [
        ("", Form::Core, scope(None, None)),
        ("registry_form = \"core\"\n", Form::Core, scope(None, None)),
        (
            "registry_form = \"ondc\"\n",
            Form::Ondc,
            scope(Some("IND"), None),
        ),
        (
            "registry_form = \"uhi\"\n",
            Form::Uhi,
            scope(Some("IND"), Some("std:011")),
        ),
        (
            "registry_form = \"uhi\"\nregistry_city = \"std:080\"\nregistry_country = \"NPL\"\n",
            Form::Uhi,
            scope(Some("NPL"), Some("std:080")),
        ),
    ] {
        assert_eq!(form_of(more), (form, within, true), "{more}");
    }
    let wrong = "registry_form = \"onix\"\nregistry_stale = \"61m\"\n\
                 registry_lookup_url = \"http://registry.example.org\"\n\
                 [[network.mobility.pin]]\nsubscriber_id = \"a b\"\npublic_key = \"AAAA\"\n";
    assert_faults(
        &(production(NETWORK) + wrong),
        &[
            (
                12,
                "network.mobility.registry_form",
                "\"core\" or \"ondc\" or \"uhi\"",
            ),
            (13, "network.mobility.registry_stale", "at most \"1h\""),
            (14, "network.mobility.registry_lookup_url", "allow_http"),
            (16, "network.mobility.pin[1].subscriber_id", "an id"),
            (17, "network.mobility.pin[1].public_key", "3 other bytes"),
        ],
    );
}

#[test]
fn a_health_network_has_the_defaults_of_its_kind() {
    let config = Desk::with(&production(HEALTH)).config(&[]);
    let health = &config.networks[0];
    assert_eq!(health.signer.active().lifetime_seconds, 10);
    assert_eq!(health.time_zone.name(), "Asia/Kolkata");
    assert_eq!(health.default_version, "0.7.1");
    assert!(health.reason_required && !health.sends_pin && health.text_tag.is_none());
    let audit = health.audit.as_ref().expect("copies");
    let expected = "https://gateway.example.org/api/v1/uhi/on_cancel_audit";
    assert_eq!(audit.url.as_str(), expected);
    let by = |party| {
        health
            .reasons
            .iter()
            .filter(|one| one.by == [party])
            .count()
    };
    assert_eq!((by(Party::Customer), by(Party::Provider)), (7, 6));
}

const MARKET: &str = r#"
[network.market]
kind = "ondc"
domains = ["ONDC:RET10"]
subscriber_id = "seller.example.org"
subscriber_url = "https://seller.example.org/ondc"
key_id = "k1"
signing_key_file = "market.signing"
registry_url = "https://registry.example.org"
"#;

#[test]
fn a_market_has_the_defaults_of_its_kind_and_domains() {
    let read = |toml: &str| Desk::with(&production(toml)).config(&[]).networks.remove(0);
    let shops = read(MARKET);
    assert!(shops.restamp && shops.reason_required && shops.reasons.is_empty());
    assert_eq!(shops.registry.form, Form::Ondc);
    assert_eq!(
        (shops.default_version.as_str(), shops.domain_reasons.len()),
        ("1.2.0", 3)
    );
    let rides = MARKET.replace("ONDC:RET10", "ONDC:TRV10") + "restamp = false\n";
    let rides = read(&rides);
    assert!(!rides.restamp && rides.default_version == "2.0.1");

    let foreign = MARKET.replace(r#"["ONDC:RET10"]"#, r#"["ONDC:RET10", "mobility"]"#);
    let foreign = foreign + "default_version = \"1.1.0\"\n";
    let report = Desk::with(&production(&foreign)).report(&[]);
    assert_holds(
        &report,
        &[
            "network.market.domains",
            "begin with \"ONDC:\"",
            "a version 1.2.x, 2.0.x or, for rides and tickets, 2.1.x",
            "2 faults",
        ],
    );
}

#[test]
fn settings_that_a_kind_of_network_has_no_use_for_are_faults() {
    let rides = NETWORK.replace(
        "kind = \"beckn\"",
        "kind = \"beckn\"\ngateway_url = \"https://gateway.example.org\"\naudit_action = \"unchanged\"\n\
         send_pin = false\nreason_text_tag = \"x\"\ntime_zone = \"Mars\"",
    );
    let report = Desk::with(&production(&rides)).report(&[]);
    assert_eq!(
        report
            .matches("only a network of kind \"uhi\" has this")
            .count(),
        4,
        "{report}"
    );
    assert_holds(
        &report,
        &[
            "network.mobility.time_zone",
            "\"Asia/Kolkata\" or \"UTC\"",
            "5 faults",
        ],
    );
    let health = HEALTH.replace(
        "gateway_url = \"https://gateway.example.org/\"",
        "audit_action = \"unchanged\"\ndefault_version = \"1.1.0\"",
    ) + "reason_text_tag = \"@abdm/gov.in/cancel_reason\"\n";
    let report = Desk::with(&production(&health)).report(&[]);
    assert_holds(
        &report,
        &[
            "network.health.audit_action",
            "no copies are made without a gateway_url",
            "a version 0.7.1",
            "no other meaning yet",
            "3 faults",
        ],
    );
    let plain = HEALTH.replace(
        "https://gateway.example.org/\"",
        "http://gateway.example.org/\"",
    );
    let report = Desk::with(&production(&plain)).report(&[]);
    assert_holds(
        &report,
        &["refused in production: patients' data", "1 fault"],
    );
}
