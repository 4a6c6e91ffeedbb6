//! The environment: it goes before the file, may stand for it, and its mistakes are faults.

use std::time::Duration;

use beckn_bpp::app::config;

use crate::desk::{Desk, NETWORK, assert_holds, development, production};

#[test]
fn the_environment_goes_before_the_file_and_is_shown_as_origin() {
    let toml = production(NETWORK) + "\n[log]\nlevel = \"warn\"\nformat = \"json\"\n";
    let config = Desk::with(&toml).config(&[
        ("BECKN_BPP__LOG__LEVEL", "debug"),
        (
            "beckn_bpp__network__Mobility__domains",
            "mobility, logistics",
        ),
        (
            "BECKN_BPP__NETWORK__MOBILITY__REASON",
            r#"[{id = "1", text = "late"}]"#,
        ),
        ("BECKN_BPP__NETWORK__MOBILITY__RESTAMP", "true"),
        ("BECKN_BPP__DELIVERY__SCHEDULE", r#"["0s", "5s"]"#),
        ("BECKN_BPP__LIMITS__IN_FLIGHT", "7"),
        ("BECKN_BPP_CONFIG", "not ours: one underscore"),
        ("PATH", "/bin"),
    ]);
    assert_eq!(config.log.level, "debug");
    assert_eq!(config.networks[0].domains, ["mobility", "logistics"]);
    assert_eq!(config.networks[0].reasons[0].text, "late");
    assert!(config.networks[0].restamp);
    assert_eq!(config.delivery.schedule, [0, 5].map(Duration::from_secs));
    assert_eq!(config.http.in_flight, 7);
    let origin = |key: &str| {
        let shown = config.shown.iter().find(|shown| shown.key == key);
        shown.expect("a setting").origin.to_string()
    };
    assert_eq!(origin("log.level"), "env BECKN_BPP__LOG__LEVEL");
    assert_eq!(
        origin("network.mobility.domains"),
        "env beckn_bpp__network__Mobility__domains"
    );
    assert!(origin("log.format").ends_with("/bpp.toml:15"));
    assert_eq!(origin("http.bind"), "default");
}

#[test]
fn a_configuration_can_come_from_the_environment_alone() {
    let desk = Desk::with("");
    let file = desk.0.path().join("mobility.signing").display().to_string();
    let set = |key: &str, value: &str| (format!("BECKN_BPP__{key}"), value.to_owned());
    let variables = [
        set("ENVIRONMENT", "development"),
        set("NETWORK__A_B__KIND", "beckn"),
        set("NETWORK__A_B__DOMAINS", "mobility"),
        set("NETWORK__A_B__SUBSCRIBER_ID", "bpp.example.org"),
        set("NETWORK__A_B__SUBSCRIBER_URL", "http://localhost"),
        set("NETWORK__A_B__KEY_ID", "k1"),
        set("NETWORK__A_B__SIGNING_KEY_FILE", &file),
        set("NETWORK__A_B__REGISTRY_URL", "http://localhost:9000"),
    ];
    match config::load(None, variables.into_iter()) {
        Ok(config) => assert_eq!(config.networks[0].name.as_str(), "a_b"),
        Err(faults) => panic!("{faults}"),
    }
    let Err(faults) = config::load(None, std::iter::empty()) else {
        panic!("no faults")
    };
    assert_holds(
        &faults.to_string(),
        &[
            "configuration: network\n    missing: expected at least one section",
            "here or in BECKN_BPP__HTTP__ADMIN_TOKEN_FILE",
        ],
    );
}

#[test]
fn variables_that_fit_nothing_are_faults() {
    let report = Desk::with(&development(NETWORK)).report(&[
        ("BECKN_BPP__HTTP__BINDD", "x"),
        ("BECKN_BPP__HTTP____BIND", "x"),
        ("BECKN_BPP__ENVIRONMENT__X", "x"),
        ("BECKN_BPP__LOG", "debug"),
        ("BECKN_BPP__LIMITS__IN_FLIGHT", "1"),
        ("beckn_bpp__limits__in_flight", "2"),
    ]);
    assert_holds(
        &report,
        &[
            "env BECKN_BPP__HTTP__BINDD: http.bindd\n    unknown key: did you mean `bind`?",
            "expected a name of the form BECKN_BPP__SECTION__KEY",
            "`environment` is set as a value at bpp.toml:1, it has no keys of its own",
            "expected a section with keys, such as [log]",
            "env beckn_bpp__limits__in_flight: limits.in_flight\n    \
             BECKN_BPP__LIMITS__IN_FLIGHT sets the same key",
            "5 faults",
        ],
    );
}
