//! Our keys: for signing, the next one beside it, and for the handshake with a registry.

use beckn_bpp::app::config::render_show;

use crate::desk::{
    Desk, NETWORK, PUBLISHED_SEED, SEED, assert_faults, assert_holds, production, set_mode,
};

/// What makes a network able to answer its registry, with keys that nobody has published.
const HANDSHAKE: &str = r#"encryption_key_file = "mobility.encryption"
registry_encryption_public_key = "a+X8Lh0R2n7VtYQtZjBiVrNcnzwVCs1YGzDy20eaXkI="
registry_signing_public_key = "wcS7INYbLsRdyDwMaqSBEsQ4gHZE9M6OxGAzxzRo8TQ="
site_verification_request_id = "27baa06d-f90a-486c-85e5-cc621b787f04"
"#;

#[test]
fn the_keys_of_a_handshake_come_from_file_or_environment() {
    let toml = production(NETWORK) + HANDSHAKE;
    let config = Desk::with(&toml).config(&[]);
    let handshake = &config.networks[0].handshake;
    assert!(handshake.challenge.get().is_some() && handshake.registry_signing_key.is_some());
    let id = handshake.site_request_id.as_deref();
    assert_eq!(id, Some("27baa06d-f90a-486c-85e5-cc621b787f04"));
    let shown = render_show(&config, false);
    assert!(!shown.contains(SEED) && shown.contains("a+X8Lh0R2n7VtYQtZjBiVrNcnzw"));

    let variable = ("BECKN_BPP__NETWORK__MOBILITY__ENCRYPTION_KEY", SEED);
    let toml = toml.replace("mobility.encryption", "missing.encryption");
    let config = Desk::with(&toml).config(&[variable]);
    assert!(config.networks[0].handshake.challenge.get().is_some());
    assert!(!render_show(&config, false).contains(SEED));
    let plain = Desk::with(&production(NETWORK)).config(&[]);
    assert!(plain.networks[0].handshake.challenge.get().is_none());
}

#[test]
fn half_a_handshake_and_keys_of_the_wrong_kind_are_faults() {
    let toml = |lines: &str| production(NETWORK) + lines;
    let network = |key: &str| format!("network.mobility.{key}");
    let (ours, theirs) = (
        network("encryption_key_file"),
        network("registry_encryption_public_key"),
    );
    let line_of = |number: usize| HANDSHAKE.lines().nth(number).expect("a line").to_owned() + "\n";
    assert_faults(&toml(&line_of(0)), &[(3 + 1, theirs.as_str(), "missing")]);
    assert_faults(&toml(&line_of(1)), &[(3 + 1, ours.as_str(), "missing")]);
    for (key, why) in [
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "is weak"),
        (
            "MCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "signing key",
        ),
        ("AAAA", "3 other bytes"),
        ("%", "standard base64"),
    ] {
        let lines = format!("{}registry_encryption_public_key = \"{key}\"\n", line_of(0));
        assert_faults(&toml(&lines), &[(13, theirs.as_str(), why)]);
    }
    let spaced = "site_verification_request_id = \"two words\"\n";
    let name = network("site_verification_request_id");
    assert_faults(&toml(spaced), &[(12, name.as_str(), "without space")]);
}

#[test]
fn production_refuses_published_keys_of_a_handshake_and_an_open_key_file() {
    let published = HANDSHAKE
        .replace(
            "a+X8Lh0R2n7VtYQtZjBiVrNcnzwVCs1YGzDy20eaXkI=",
            "VdL3JuFjMAl0eKNDC2q8d3vcbN4NnAMpKrvu04nsoGY=",
        )
        .replace(
            "wcS7INYbLsRdyDwMaqSBEsQ4gHZE9M6OxGAzxzRo8TQ=",
            "qrG0vtXJHOoJwI8rdQ41za0LqhBwKzilzU2pLpwAmc8=",
        );
    let desk = Desk::with(&(production(NETWORK) + &published));
    desk.write(
        "mobility.encryption",
        "MC4CAQAwBQYDK2VuBCIEIFVs0yY6hZs0yjmy9StwA/CU4cTYasCAoUtxf7jV8cwl",
    );
    assert_holds(
        &desk.report(&[]),
        &[
            "encryption_key_file = \"mobility.encryption\"\n    refused in production: everybody has",
            "everybody can sign as this registry",
            "3 faults",
        ],
    );
    desk.config(&[("BECKN_BPP__ENVIRONMENT", "development")]);
    let desk = Desk::with(&(production(NETWORK) + HANDSHAKE));
    #[cfg(unix)]
    {
        set_mode(&desk.0.path().join("mobility.encryption"), 0o644);
        assert_holds(
            &desk.report(&[]),
            &["mobility.encryption is open to others"],
        );
    }
    desk.config(&[("BECKN_BPP__ENVIRONMENT", "development")]);
}

/// A seed that nobody has published, and is not the other.
const SECOND_SEED: &str = "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=";

#[test]
fn a_key_file_may_name_its_id_and_the_next_key_lies_beside_it() {
    let ring = |desk: &Desk| desk.config(&[]).networks.remove(0).signer;
    let desk = Desk::with(&production(NETWORK));
    assert_eq!(ring(&desk).active().key_id, "k1");
    assert!(ring(&desk).next().is_none());
    desk.write("mobility.signing", &format!("k7 {SEED}\n"));
    desk.write("mobility.signing.next", &format!("k8 {SECOND_SEED}\n"));
    assert_eq!(ring(&desk).active().key_id, "k7");
    assert_eq!(ring(&desk).next().expect("there").key_id, "k8");

    let elsewhere = "next_signing_key_file = \"soon\"\n";
    let desk = Desk::with(&(production(NETWORK) + elsewhere));
    assert!(ring(&desk).next().is_none(), "it may come later");
    desk.write("soon", &format!("k8 {SECOND_SEED}"));
    assert_eq!(ring(&desk).next().expect("there").key_id, "k8");
    for (text, why) in [
        (SECOND_SEED.to_owned(), "names no id"),
        (format!("k|8 {SECOND_SEED}"), "holds no key"),
        (format!("k8 {SECOND_SEED} more"), "holds no key"),
        (format!("k8 {PUBLISHED_SEED}"), "everybody has"),
        ("k8".to_owned(), "holds no key"),
    ] {
        desk.write("soon", &text);
        let report = desk.report(&[]);
        assert_holds(
            &report,
            &["network.mobility.next_signing_key_file", why, "1 fault"],
        );
        assert!(!report.contains(SECOND_SEED));
    }
    desk.write("soon", &format!("k8 {SECOND_SEED}"));
    set_mode(&desk.0.path().join("soon"), 0o644);
    assert_holds(&desk.report(&[]), &["chmod 600", "1 fault"]);
    let variable = ("BECKN_BPP__NETWORK__MOBILITY__SIGNING_KEY", SEED);
    assert_holds(
        &desk.report(&[variable]),
        &["name a signing_key_file", "1 fault"],
    );
}
