//! Faults: all at once, each with its line and what was expected, and none that is no fault.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use beckn_bpp::app::config::{self, Faults};

use crate::desk::{
    DOOR, Desk, HEALTH, NETWORK, assert_faults, assert_holds, development, line, production,
};

#[test]
fn all_faults_of_a_file_are_reported_at_once_with_their_lines() {
    let toml = r#"environment = "staging"
colour = "blue"
[http]
bind = "localhost"
admin_bind = "127.0.0.1:8080"
admin_token_file = "missing.token"
trusted_proxies = [
  "10.0.0.0/8",
  "10.0.0.0/33",
  12,
]
[limits]
body_size = 256
in_flight = -1
connections = 0
per_address_per_second = "5"
[delivery]
schedule = []
timeout = "30"
connect_timeout = "20s"
[log]
level = "loud"
format = "xml"
[network.none]
kind = "becknn"
domains = []
subscriber_id = "two words"
subscriber_url = "ftp://bpp.example.org"
signing_key_file = "missing.signing"
registry_url = "https://registry.example.org"
registry_cache_ttl = "1h"
[[network.none.reason]]
id = "1"
by = ["driver"]
"#;
    assert_faults(
        toml,
        &[
            (1, "environment", "\"production\" or \"development\""),
            (2, "colour", "unknown key: known here are environment"),
            (4, "http.bind", "an IP address with a port"),
            (5, "http.admin_bind", "own port"),
            (6, "http.admin_token_file", "missing.token cannot be read"),
            (9, "http.trusted_proxies[2]", "10.0.0.0/8"),
            (10, "http.trusted_proxies[3]", "10.0.0.0/8"),
            (13, "limits.body_size", "a size with its unit"),
            (14, "limits.in_flight", "a whole number from 0"),
            (15, "limits.connections", "more than 0"),
            (16, "limits.per_address_per_second", "without quotes"),
            (18, "delivery.schedule", "at least one waiting time"),
            (19, "delivery.timeout", "a duration with its unit"),
            (20, "delivery.connect_timeout", "cannot be longer"),
            (22, "log.level", "a level"),
            (23, "log.format", "\"text\" or \"json\""),
            (24, "network.none", "another name than `none`"),
            (
                24,
                "network.none.key_id",
                "BECKN_BPP__NETWORK__NONE__KEY_ID",
            ),
            (25, "network.none.kind", "expected \"beckn\""),
            (26, "network.none.domains", "at least one"),
            (27, "network.none.subscriber_id", "got ' ' at byte 3"),
            (28, "network.none.subscriber_url", "a URL such as"),
            (
                29,
                "network.none.signing_key_file",
                "missing.signing cannot be read",
            ),
            (31, "network.none.registry_cache_ttl", "at most \"10m\""),
            (32, "network.none.reason[1].text", "missing"),
            (
                34,
                "network.none.reason[1].by[1]",
                "\"customer\" or \"partner\"",
            ),
        ],
    );
}

#[test]
fn a_report_reads_like_this() {
    let toml = r#"[htpp]
bind = "0.0.0.0:80"

[http]
bind = "0.0.0.0"
admin_token_file = "admin.token"

[network.mobility]
kind = "onbc"
domain = ["mobility"]
subscriber_id = "bpp.example.org"
subscriber_url = "http://bpp.example.org"
key_id = "k1"
signing_key_file = "empty.signing"
registry_url = "https://user:s3cret@registry.example.org"
"#;
    let desk = Desk::with(toml);
    desk.write("empty.signing", " \n");
    let expected = r#"bpp.toml:1: htpp
    unknown key: did you mean `http`?
bpp.toml:5: http.bind = "0.0.0.0"
    expected an IP address with a port such as "127.0.0.1:8080" or "[::]:8080"
bpp.toml:8: network.mobility.domains
    missing: expected a list such as ["a", "b"], here or in BECKN_BPP__NETWORK__MOBILITY__DOMAINS
bpp.toml:9: network.mobility.kind = "onbc"
    expected "beckn" or "ondc" or "uhi"
bpp.toml:10: network.mobility.domain
    unknown key: did you mean `domains`?
bpp.toml:12: network.mobility.subscriber_url = "http://bpp.example.org"
    refused in production: the network has to reach us over https
bpp.toml:14: network.mobility.signing_key_file = "empty.signing"
    the file empty.signing is empty
bpp.toml:15: network.mobility.registry_url = "https://***@registry.example.org"
    expected a URL such as "https://bpp.example.org/path", without user, query or fragment
env BECKN_BPP__LIMITS__IN_FLIGHT: limits.in_flight = "many"
    expected a whole number from 0 to 1000000
9 faults in the configuration"#;
    let variables = [("BECKN_BPP__LIMITS__IN_FLIGHT", "many")];
    assert_eq!(desk.report(&variables), expected);
}

#[test]
fn every_syntax_error_has_its_line() {
    let faults = Desk::with("a = 1\nb = \n[http]\nbind = \"x\nc = 1\n").faults(&[]);
    let lines: BTreeSet<_> = faults.iter().map(line).collect();
    assert_eq!(lines, BTreeSet::from([2, 4]), "{}", Faults(faults));
    let faults = Desk::with("[http]\nbind = \"0.0.0.0:1\"\nbind = \"0.0.0.0:2\"\n").faults(&[]);
    assert_eq!(line(&faults[0]), 3);
    assert_holds(&faults[0].to_string(), &["this is not TOML: duplicate key"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let path = Path::new("no/such/bpp.toml");
    let Err(faults) = config::load(Some(path), std::iter::empty()) else {
        panic!("no faults")
    };
    let expected = "no/such/bpp.toml: the file no/such/bpp.toml cannot be read";
    assert_holds(&faults.to_string(), &[expected, "1 fault in"]);
}

#[test]
fn what_later_releases_bring_is_never_ignored() {
    let toml =
        development(NETWORK) + "[store]\nkind = \"postgres\"\nurl = \"postgres://u:s3cret@db\"\n";
    let later = "not available in this release";
    assert_faults(
        &toml,
        &[(12, "store.kind", later), (13, "store.url", later)],
    );
    assert!(!Desk::with(&toml).report(&[]).contains("s3cret"));
}

#[test]
fn nothing_is_forgotten_while_a_signature_can_live() {
    let retention = |lines: &str| development(NETWORK) + "[retention]\n" + lines;
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
    let plain = Desk::with(&development(NETWORK)).config(&[]).retention;
    assert_eq!(
        (plain.evidence, plain.final_orders),
        (hours(90 * 24), hours(180 * 24))
    );
    let set = Desk::with(&retention(
        "evidence = \"2h\"\nfinal_orders = \"forever\"\n",
    ));
    let set = set.config(&[]).retention;
    assert_eq!((set.evidence, set.final_orders), (hours(2), None));
    for (value, told) in [
        ("1h", "at least 3605s: a signature can live 3600 s"),
        ("0s", "at least 3605s"),
        ("90", "or \"forever\""),
        ("never", "or \"forever\""),
        ("40000d", "at most 36500d"),
    ] {
        for name in ["evidence", "final_orders"] {
            let toml = retention(&format!("{name} = \"{value}\"\n"));
            let key = format!("retention.{name}");
            assert_faults(&toml, &[(12, &key, told)]);
        }
    }
}

#[test]
fn networks_do_not_share_a_path_and_names_are_plain() {
    let second = NETWORK.replace("network.mobility", "network.other");
    let toml = development(&format!("{NETWORK}{second}"));
    let expected = (
        16,
        "network.other.subscriber_url",
        "network.mobility has the same path",
    );
    assert_faults(&toml, &[expected]);
    let apart = toml.replacen("bpp.example.org\"\nkey", "bpp.example.org/rides/\"\nkey", 1);
    assert_eq!(Desk::with(&apart).config(&[]).networks.len(), 2);
    let strange = development(&NETWORK.replace("mobility]", "\"a b\"]"));
    assert_faults(&strange, &[(3, "network.\"a b\"", "letters, digits")]);
}

#[test]
fn the_name_of_a_variable_cannot_move_the_cursor_of_who_reads_the_report() {
    let desk = Desk::with(NETWORK);
    let report = desk.report(&[
        ("BECKN_BPP__\u{1b}[2J__X", "1"),
        ("BECKN_BPP__\u{7}__A", "1"),
        ("BECKN_BPP__\u{7}__a", "2"),
        ("BECKN_BPP__\u{7}__", "3"),
        ("BECKN_BPP__\u{7}", "4"),
    ]);
    let is_plain = |line: &str| !line.chars().any(char::is_control);
    assert!(report.lines().all(is_plain), "{report:?}");
    assert!(report.contains("BECKN_BPP__\\u{1b}[2J__X"), "{report}");
}

#[test]
fn settings_that_would_do_nothing_are_faults() {
    let idle = HEALTH.to_owned()
        + "cancelled_word = \"CANCELLED\"\nreasons_in_on_cancel = false\nreason_table = \"ondc-mobility\"\n";
    let report = Desk::with(&production(&idle)).report(&[]);
    assert_holds(
        &report,
        &[
            "network.health.cancelled_word",
            "network.health.reasons_in_on_cancel",
            "network.health.reason_table",
            "a network of kind \"uhi\" has no use for this",
            "3 faults",
        ],
    );
    let words = "reason_table = \"ondc-mobility\"\nreason_in_words = [\"005\", \"011\"]\nkind = ";
    let report = Desk::with(&production(&NETWORK.replace("kind = ", words))).report(&[]);
    assert_holds(
        &report,
        &[
            "network.mobility.reason_in_words",
            "\"011\" is no code here that a customer or partner may use",
            "1 fault",
        ],
    );
    let rides = NETWORK.replace("kind = ", "unknown_reasons = false\nkind = ");
    let report = Desk::with(&production(&rides)).report(&[]);
    assert_holds(
        &report,
        &[
            "network.mobility.unknown_reasons",
            "without a reason_table or reasons of your own",
            "1 fault",
        ],
    );
    let partner = DOOR.replace(
        "webhook_url = \"https://partner.example.org/hook\"",
        "webhook_key_file = \"partner.webhook\"\nbusiness_id = \"b\"\nallow_http = true",
    );
    let report = Desk::with(&production(&format!("{HEALTH}{partner}"))).report(&[]);
    let told = report.matches("no webhook is sent without a webhook_url");
    assert_eq!(told.count(), 3, "{report}");
    let other = DOOR.replace("\"health\"", "\"mobility\"");
    let report = Desk::with(&production(&format!("{NETWORK}{other}"))).report(&[]);
    assert_holds(&report, &["consultations.network", "of kind \"uhi\""]);
}
