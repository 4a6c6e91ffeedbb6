//! The doors of partners and booking apps, and the line to the provider.

use std::time::Duration;

use crate::desk::{DOOR, Desk, HEALTH, NETWORK, assert_faults, assert_holds, production, set_mode};

#[test]
fn a_booking_has_one_webhook_and_a_client_id_is_usable_as_an_id() {
    let second = |more: &str| {
        let two = "[consultations.partner.two]\nclient_id = \"client-2\"\n\
            hip_ids = [\"IN0000000009\", \"IN0000000000\"]\n";
        Desk::with(&production(&format!("{HEALTH}{DOOR}{two}{more}")))
    };
    assert!(second("").config(&[]).consultations.is_some());
    let report = second("webhook_url = \"https://two.example.org/\"").report(&[]);
    let expected = [
        "consultations.partner.two.hip_ids",
        "client client-1 has",
        "1 fault",
    ];
    assert_holds(&report, &expected);
    for unusable in ["auth0|65f1", "a b", "", &"x".repeat(249)] {
        let text = DOOR.replace("client-1", unusable);
        let report = Desk::with(&production(&format!("{HEALTH}{text}"))).report(&[]);
        assert_holds(&report, &["consultations.partner.one.client_id", "1 fault"]);
    }
    let longest = DOOR.replace("client-1", &"x".repeat(248));
    let config = Desk::with(&production(&format!("{HEALTH}{longest}"))).config(&[]);
    assert_eq!(config.networks[0].webhooks.len(), 1);
}

#[test]
fn the_door_of_partners_is_there_with_its_section() {
    let text = production(&format!("{HEALTH}{DOOR}"));
    let config = Desk::with(&text).config(&[]);
    let door = config.consultations.expect("a door");
    assert_eq!(door.default_reason, "PATIENT_UNABLE_TO_VISIT_PHYSICALLY");
    assert_eq!(door.partners["client-1"].hip_ids, ["IN0000000000"]);
    assert_eq!(config.networks[0].webhooks.len(), 1);
    assert!(
        Desk::with(&production(HEALTH))
            .config(&[])
            .consultations
            .is_none()
    );
}

#[test]
fn every_fault_of_the_door_is_found() {
    let text = DOOR
        .replace("network = \"health\"", "network = \"elsewhere\"")
        .replace("HS256", "none")
        .replace("issuer = \"https://login.example.org\"\n", "")
        .replace("https://partner.", "http://partner.")
        + "[consultations.partner.two]\nclient_id = \"client-1\"\nhip_ids = []\n";
    let report = Desk::with(&production(&format!("{HEALTH}{text}"))).report(&[]);
    assert_holds(
        &report,
        &[
            "consultations.network",
            "\"HS256\" or \"RS256\" or \"EdDSA\"",
            "consultations.issuer",
            "consultations.partner.one.webhook_url",
            "consultations.partner.two.client_id",
            "5 faults",
        ],
    );
    let short = Desk::with(&production(&format!("{HEALTH}{DOOR}")));
    short.write("partners.secret", "too short");
    assert_holds(
        &short.report(&[]),
        &["partners.secret", "at least 32 bytes"],
    );
    let reason = DOOR.replace("audience", "default_reason = \"PATIENT_OTHER\"\naudience");
    let report = Desk::with(&production(&format!("{HEALTH}{reason}"))).report(&[]);
    assert_holds(&report, &["consultations.default_reason", "without words"]);
}

#[test]
fn the_provider_is_told_and_asked_over_a_private_line_with_a_secret() {
    let section = |lines: &str| production(NETWORK) + "[provider]\n" + lines;
    let told = Desk::with(&section(
        "events_url = \"https://example.org/events\"\nsecret_file = \"provider.secret\"\n",
    ));
    let provider = told.config(&[]).provider;
    let events = provider.events.expect("an endpoint");
    assert_eq!(events.url.as_str(), "https://example.org/events");
    assert!(provider.hook.is_none());
    let open = "hook_url = \"http://10.0.0.1/decide\"\nsecret_file = \"provider.secret\"\n";
    assert_faults(
        &section(open),
        &[(13, "provider.hook_url", "allow_http = true")],
    );
    let allowed = Desk::with(&section(&format!(
        "allow_http = true\nhook_wait = \"5s\"\n{open}"
    )));
    let (_, asking) = allowed.config(&[]).provider.hook.expect("a hook");
    assert_eq!(asking.wait, Duration::from_secs(5));
    let unsigned = "events_url = \"https://example.org/events\"\n";
    assert_faults(
        &section(unsigned),
        &[(12, "provider.secret_file", "is signed")],
    );
    let weak = Desk::with(&section(
        "secret_file = \"provider.secret\"\nhook_wait = \"3m\"\n",
    ));
    weak.write("provider.secret", "not-a-secret-at-all");
    let report = weak.report(&[]);
    assert_holds(&report, &["whsec_", "hook_wait"]);
    assert!(!report.contains("not-a-secret-at-all"), "{report}");
}

#[test]
fn the_file_of_api_keys_may_be_absent_and_must_be_one() {
    let desk = Desk::with(&(production(NETWORK) + "[bookings]\n"));
    let bookings = desk.config(&[]).bookings.expect("the door is open");
    assert!(bookings.keys_file.ends_with("api-keys.toml"));
    desk.write("api-keys.toml", "[[key]]\nid = 7\n");
    assert_holds(
        &desk.report(&[]),
        &["bookings.keys_file", "no file of API keys"],
    );
    desk.write("api-keys.toml", "");
    set_mode(&desk.0.path().join("api-keys.toml"), 0o644);
    assert_holds(&desk.report(&[]), &["chmod 600"]);
    let plain = Desk::with(&production(NETWORK)).config(&[]);
    assert!(plain.bookings.is_none());
}
