//! The configuration from outside: files and variables in, settings or a report of faults out.
//!
//! Each test writes its own directory and removes it. Keys here are made of one repeated byte.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use beckn_bpp::app::config::{
    self, AdminToken, Config, DEFAULTS, Environment, Fault, Faults, Place, render_check,
    render_show,
};
use beckn_bpp::domain::order::Party;
use beckn_bpp::http::admin::access::Scope;
use beckn_bpp::networks::CallbackRule;
use beckn_bpp::protocol::registry::{Form, Scope as Within};
use beckn_bpp::store;
use tempfile::TempDir;

/// Base64 of 32 times the byte 7.
const SEED: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// Base64 of the bytes 0 to 31, which everybody has.
const PUBLISHED_SEED: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789a";

const NETWORK: &str = r#"
[network.mobility]
kind = "beckn"
domains = ["mobility"]
subscriber_id = "bpp.example.org"
subscriber_url = "https://bpp.example.org"
key_id = "k1"
signing_key_file = "mobility.signing"
registry_url = "https://registry.example.org"
"#;

/// A directory with a configuration and the files it names.
struct Desk(TempDir);

/// What the provider's systems are signed to with.
const PROVIDER_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

impl Desk {
    fn with(toml: &str) -> Self {
        let desk = Self(TempDir::new().expect("a directory"));
        desk.write("bpp.toml", toml);
        desk.write("mobility.signing", SEED);
        desk.write("mobility.encryption", SEED);
        desk.write("health.signing", SEED);
        desk.write("market.signing", SEED);
        desk.write("partners.secret", TOKEN);
        desk.write("partner.webhook", TOKEN);
        desk.write("provider.secret", PROVIDER_SECRET);
        desk.write("admin.token", TOKEN);
        desk
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("written");
        set_mode(&path, 0o600);
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Config, Faults> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<_> = variables.iter().map(owned).collect();
        config::load(Some(&self.0.path().join("bpp.toml")), variables.into_iter())
    }

    fn config(&self, variables: &[(&str, &str)]) -> Config {
        match self.load(variables) {
            Ok(config) => config,
            Err(faults) => panic!("{faults}"),
        }
    }

    fn faults(&self, variables: &[(&str, &str)]) -> Vec<Fault> {
        match self.load(variables) {
            Ok(_) => panic!("no faults"),
            Err(faults) => faults.0,
        }
    }

    /// The report with the directory left out.
    fn report(&self, variables: &[(&str, &str)]) -> String {
        let directory = format!("{}/", self.0.path().display());
        let report = Faults(self.faults(variables)).to_string();
        report.replace(&directory, "")
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("allowed");
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) {}

fn development(rest: &str) -> String {
    format!("environment = \"development\"\n{rest}")
}

fn production(rest: &str) -> String {
    format!("[http]\nadmin_token_file = \"admin.token\"\n{rest}")
}

fn line(fault: &Fault) -> usize {
    match fault.place {
        Place::Line { line, .. } => line,
        _ => 0,
    }
}

/// Line, key and a part of the sentence of every fault expected, and no other.
fn assert_faults(toml: &str, expected: &[(usize, &str, &str)]) {
    let faults = Desk::with(toml).faults(&[]);
    let report = Faults(faults.clone()).to_string();
    for (at, key, part) in expected {
        let found = faults.iter().any(|fault| {
            line(fault) == *at && fault.key == *key && fault.problem.to_string().contains(part)
        });
        assert!(found, "{at} {key} {part:?} is not in:\n{report}");
    }
    assert_eq!(faults.len(), expected.len(), "{report}");
}

fn assert_holds(report: &str, parts: &[&str]) {
    for part in parts {
        assert!(report.contains(part), "{part:?} is not in:\n{report}");
    }
}

#[test]
fn a_small_configuration_gets_the_documented_defaults() {
    let config = Desk::with(&production(NETWORK)).config(&[]);
    assert_eq!(config.environment, Environment::Production);
    assert_eq!(config.http.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.http.admin_bind.to_string(), "127.0.0.1:8081");
    assert_eq!(config.http.body_bytes, 256 * 1024);
    assert_eq!(config.http.per_subscriber_per_second, 200);
    assert_eq!(config.delivery.schedule.len(), 11);
    let [network] = &config.networks[..] else {
        panic!("one network")
    };
    assert_eq!(network.name.as_str(), "mobility");
    assert_eq!(network.callback_rule, CallbackRule::Registry);
    assert_eq!(network.signer.active().subscriber_id, "bpp.example.org");
    assert_eq!(network.signer.active().key_id, "k1");
    assert_eq!(network.signer.active().lifetime_seconds, 300);
    assert_eq!(network.registry.cache_ttl, Duration::from_secs(300));
    assert!(!network.allow_http_callbacks && !network.restamp);
    assert!(config.policies.is_empty());
}

#[test]
fn development_allows_http_and_published_keys_and_limits_no_rates() {
    let toml = development(NETWORK)
        .replace("https://bpp.example.org", "http://127.0.0.1:8080")
        .replace("https://registry.example.org", "http://localhost:9000");
    let desk = Desk::with(&toml);
    desk.write("mobility.signing", PUBLISHED_SEED);
    let config = desk.config(&[]);
    assert!(config.networks[0].allow_http_callbacks);
    assert_eq!(config.http.per_address_per_second, 0);
    assert_eq!(config.http.per_subscriber_per_second, 0);
}

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
fn production_refuses_http_and_a_missing_token() {
    let toml = NETWORK
        .replace("https://bpp.example.org", "http://bpp.example.org")
        .replace("https://registry", "http://registry");
    assert_faults(
        &toml,
        &[
            (0, "http.admin_token_file", "missing"),
            (6, "network.mobility.subscriber_url", "over https"),
            (9, "network.mobility.registry_url", "allow_http = true"),
        ],
    );
    let sandbox = production(&NETWORK.replace("https://registry.", "http://registry."))
        + "allow_http = true\nallow_http_callbacks = true\n";
    assert!(Desk::with(&sandbox).config(&[]).networks[0].allow_http_callbacks);
}

#[test]
fn production_refuses_addresses_that_no_network_can_reach() {
    for private in [
        "localhost",
        "a.localhost",
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "2130706433",
        "[::1]",
        "[fd00::1]",
        "[fe80::1]",
        "[::ffff:10.0.0.1]",
    ] {
        let toml = NETWORK.replace("//bpp.example.org", &format!("//{private}"));
        let expected = (
            8,
            "network.mobility.subscriber_url",
            "private or loopback address",
        );
        assert_faults(&production(&toml), &[expected]);
    }
}

#[test]
fn production_refuses_published_keys_and_short_tokens() {
    let desk = Desk::with(&production(NETWORK));
    desk.write("mobility.signing", PUBLISHED_SEED);
    desk.write("admin.token", "too short");
    let report = desk.report(&[]);
    assert_holds(
        &report,
        &[
            "signing_key_file = \"mobility.signing\"\n    refused in production: everybody has",
            "an admin token of at least 43 characters",
            "2 faults",
        ],
    );
}

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

#[cfg(unix)]
#[test]
fn production_refuses_secrets_that_others_can_read() {
    let desk = Desk::with(&production(NETWORK));
    for name in ["admin.token", "mobility.signing"] {
        set_mode(&desk.0.path().join(name), 0o640);
    }
    assert_holds(
        &desk.report(&[]),
        &[
            "admin.token is open to others than its owner: chmod 600",
            "mobility.signing is open to others",
        ],
    );
    desk.config(&[("BECKN_BPP__ENVIRONMENT", "development")]);
}

#[test]
fn secrets_are_never_printed() {
    let desk = Desk::with(&(production(NETWORK) + &format!("signing_key = \"{SEED}\"\n")));
    let in_file = desk.report(&[]);
    let parts = [
        "signing_key = ***",
        "BECKN_BPP__NETWORK__MOBILITY__SIGNING_KEY",
    ];
    assert_holds(&in_file, &parts);
    let misspelt = Desk::with("[http]\nadmin_tokens = \"s3cret\"\n").report(&[]);
    assert_holds(
        &misspelt,
        &["known here are bind, admin_bind, metrics_bind, admin_token_file,"],
    );
    let pasted = production(&NETWORK.replace("mobility.signing", SEED));
    let pasted = Desk::with(&pasted).report(&[]);
    assert_holds(&pasted, &["looks like the secret itself"]);
    let desk = Desk::with(NETWORK);
    desk.write("mobility.signing", "s3cret-but-no-key");
    let broken = desk.report(&[("BECKN_BPP__HTTP__ADMIN_TOKEN", "s3cret")]);
    assert_holds(&broken, &["holds no key", "43 characters"]);
    let config = Desk::with(NETWORK).config(&[
        ("BECKN_BPP__HTTP__ADMIN_TOKEN", TOKEN),
        ("BECKN_BPP__NETWORK__MOBILITY__SIGNING_KEY", SEED),
    ]);
    let shown = render_show(&config, false) + &render_show(&config, true);
    assert_holds(&shown, &["***"]);
    for text in [in_file, misspelt, pasted, broken, shown] {
        for secret in [SEED, TOKEN, "s3cret"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn secrets_from_the_environment_go_before_their_files() {
    let toml = production(&NETWORK.replace("mobility.signing", "missing.signing"));
    let config = Desk::with(&toml).config(&[
        ("BECKN_BPP__HTTP__ADMIN_TOKEN", TOKEN),
        ("BECKN_BPP__NETWORK__MOBILITY__SIGNING_KEY", SEED),
    ]);
    let variable = "BECKN_BPP__HTTP__ADMIN_TOKEN".to_owned();
    let hash = config::sha256(TOKEN);
    let main = config.admin_tokens.main.clone();
    assert_eq!(main, Some(AdminToken::Variable(variable, hash)));
    let desk = Desk::with(&production(NETWORK));
    let from_file = desk.config(&[]);
    let held = |config: &Config| config.admin_tokens.ready().expect("readable");
    assert_eq!(held(&config), held(&from_file), "the same token");
    assert_eq!(held(&config)[0].sha256, hash);
    let key = |config: &Config| {
        config.networks[0]
            .signer
            .active()
            .key
            .verifying_key()
            .to_base64()
    };
    assert_eq!(key(&config), key(&from_file), "the same key");
}

#[test]
fn a_development_server_makes_its_own_admin_token_once() {
    let toml = development(NETWORK) + "[store]\npath = \"var/data\"\n";
    let desk = Desk::with(&toml);
    let config = desk.config(&[]);
    let path = desk.0.path().join("var/admin.token");
    let main = config.admin_tokens.main.clone();
    assert_eq!(main, Some(AdminToken::Own(path.clone())));
    assert!(!path.exists(), "loading writes nothing");
    let first = config.admin_tokens.ready().expect("made");
    assert_eq!(config.admin_tokens.ready().expect("read"), first);
    let text = config.admin_tokens.text().expect("there");
    assert_eq!(text.len(), 64);
    assert_eq!(first[0].sha256, config::sha256(&text));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let found = std::fs::metadata(&path).expect("there");
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
    }
}

/// A token that may see and nothing else.
fn reader(hash: &str) -> String {
    format!("[admin_token.reader]\nsha256 = {hash:?}\nscopes = [\"read\", \"metrics\"]\n")
}

#[test]
fn named_tokens_have_scopes_and_may_be_all_that_production_has() {
    let hash = config::hex(&config::sha256(TOKEN));
    let expires = "expires = 2036-01-31T00:00:00+05:30\n";
    let config = Desk::with(&(reader(&hash) + expires + NETWORK)).config(&[]);
    assert_eq!(config.admin_tokens.main, None);
    let held = config.admin_tokens.ready().expect("readable");
    let [token] = &held[..] else {
        panic!("{held:?}");
    };
    assert_eq!(&*token.name, "reader");
    assert_eq!(token.scopes, [Scope::Read, Scope::Metrics]);
    assert_eq!(token.sha256, config::sha256(TOKEN));
    let ends = token.expires_at.expect("an end").to_rfc3339();
    assert_eq!(ends, "2036-01-30T18:30:00+00:00");

    let toml = production(NETWORK) + &reader(&hash).replace("sha256 =", "sha256_file =");
    let desk = Desk::with(&toml.replace(&hash, "reader.sha256"));
    desk.write("reader.sha256", &format!("{hash}\n"));
    let held = desk.config(&[]).admin_tokens.ready().expect("readable");
    assert_eq!(held.len(), 2);
    assert_eq!(held[1].sha256, config::sha256(TOKEN));
    assert_eq!(held[0].scopes, Scope::ALL);
}

#[test]
fn named_tokens_that_cannot_be_meant_are_faults() {
    let hash = config::hex(&config::sha256("another token"));
    let toml = |section: &str| production(NETWORK) + section;
    let scopes = "scopes = [\"read\"]\n";
    let with = |lines: &str| toml(&format!("[admin_token.reader]\n{lines}"));
    for (toml, line, key, told) in [
        (with(scopes), 12, "admin_token.reader.sha256", "missing"),
        (
            with(&format!("sha256 = \"{hash}\"\n")),
            12,
            "admin_token.reader.scopes",
            "missing",
        ),
        (
            with(&format!("sha256 = \"{hash}\"\nscopes = []\n")),
            14,
            "admin_token.reader.scopes",
            "at least one of orders, read, operate, metrics",
        ),
        (
            with(&format!("sha256 = \"{hash}\"\nscopes = [\"write\"]\n")),
            14,
            "admin_token.reader.scopes[1]",
            "\"orders\" or \"read\" or \"operate\" or \"metrics\"",
        ),
        (
            with(&format!("{scopes}sha256 = \"{}\"\n", &hash[1..])),
            14,
            "admin_token.reader.sha256",
            "64 hexadecimal digits",
        ),
        (
            with(&format!(
                "{scopes}sha256 = \"{hash}\"\nexpires = \"soon\"\n"
            )),
            15,
            "admin_token.reader.expires",
            "2027-01-31T00:00:00Z",
        ),
        (
            with(&format!(
                "{scopes}sha256 = \"{hash}\"\nsha256_file = \"x\"\n"
            )),
            15,
            "admin_token.reader.sha256_file",
            "one of them is enough",
        ),
        (
            toml(&reader(&hash).replace("reader", "admin")),
            12,
            "admin_token.admin",
            "another name than `admin`",
        ),
        (
            toml(&(reader(&hash) + &reader(&hash).replace("reader", "second"))),
            15,
            "admin_token.second",
            "admin_token.reader is the same token",
        ),
    ] {
        assert_faults(&toml, &[(line, key, told)]);
    }
    let desk = Desk::with(&toml(&format!(
        "[admin_token.reader]\n{scopes}sha256_file = \"reader.sha256\"\n"
    )));
    desk.write("reader.sha256", TOKEN);
    let report = desk.report(&[]);
    assert_holds(&report, &["reader.sha256 is not a SHA-256 in 64"]);
    assert!(!report.contains(TOKEN));
    set_mode(&desk.0.path().join("reader.sha256"), 0o640);
    assert_holds(&desk.report(&[]), &["is open to others than its owner"]);
}

#[test]
fn metrics_without_a_token_are_never_for_the_internet() {
    let desk = Desk::with(&production(NETWORK));
    let variable = |value| [("BECKN_BPP__HTTP__METRICS_BIND", value)];
    for private in [
        "127.0.0.1:9090",
        "10.0.0.7:9090",
        "0.0.0.0:9090",
        "[::]:9090",
        "[fd00::7]:9090",
    ] {
        assert!(desk.config(&variable(private)).http.metrics_bind.is_some());
    }
    for public in [
        "203.0.113.7:9090",
        "[2001:db9::7]:9090",
        "[::ffff:203.0.113.7]:9090",
    ] {
        assert_holds(
            &desk.report(&variable(public)),
            &["metrics_bind asks for no token"],
        );
    }
    let twice = desk.report(&variable("127.0.0.1:8081"));
    assert_holds(
        &twice,
        &[
            "http.metrics_bind",
            "http.admin_bind listens on 127.0.0.1:8081",
        ],
    );
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
fn policies_become_ordered_rules() {
    let toml = development(NETWORK)
        + r#"
[[policy.default.rule]]
since_booking = "5m"

[[policy.default.rule]]
by = ["customer"]
before_start = "2h"
percent = 50
floor = "20"
cap = 100.00
currency = "INR"
reason_required = true
text = "half"

[[policy.default.rule]]
fulfillment_states = ["RIDE_STARTED"]
allowed = false
"#;
    let config = Desk::with(&toml).config(&[]);
    let policy = &config.policies["default"];
    assert_eq!(policy.name, "default");
    let [grace, half, never] = &policy.rules[..] else {
        panic!("three rules")
    };
    assert_eq!(grace.by, [Party::Customer, Party::Partner]);
    assert_eq!(grace.since_booking_seconds, Some(300));
    assert_eq!(half.by, [Party::Customer]);
    assert_eq!(half.before_start_seconds, Some(7_200));
    assert_eq!(half.fee.floor.map(|money| money.minor), Some(2_000));
    assert_eq!(half.fee.cap.map(|money| money.minor), Some(10_000));
    assert!(half.fee.percentage.is_some() && half.reason_required);
    assert_eq!(never.fulfillment_states, ["RIDE_STARTED"]);
    assert!(grace.allowed && !never.allowed);
}

#[test]
fn rules_that_cannot_be_meant_are_faults() {
    let toml = development(NETWORK)
        + r#"[policy.free]
[[policy.night.rule]]
amount = "30"
percent = "101"
before_start = "99999999d"
[[policy.night.rule]]
by = []
amount = "1.005"
floor = "-1"
currency = "INR"
[[policy.night.rule]]
allowed = false
percent = "5"
floor = "9"
cap = "8"
currency = "rupees"
after = "2h"
[[policy.night.rule]]
percent = "5"
floor = "9"
cap = "8"
currency = "INR"
[[policy.night.rule]]
cap = "8"
currency = "INR"
[[policy.night.rule]]
percent = "5"
currency = "INR"
"#;
    let rule = |number: u8, key: &str| format!("policy.night.rule[{number}].{key}");
    let expected = [
        (11, "policy.free".to_owned(), "another name than `free`"),
        (11, "policy.free.rule".to_owned(), "missing"),
        (13, rule(1, "amount"), "needs `currency`"),
        (14, rule(1, "percent"), "a share from 0 to 100"),
        (14, rule(1, "percent"), "one or the other"),
        (15, rule(1, "before_start"), "3650d"),
        (17, rule(2, "by"), "at least one of"),
        (18, rule(2, "amount"), "finer than INR allows"),
        (19, rule(2, "floor"), "not negative"),
        (23, rule(3, "percent"), "has no fee"),
        (24, rule(3, "floor"), "has no fee"),
        (25, rule(3, "cap"), "has no fee"),
        (26, rule(3, "currency"), "ISO 4217"),
        (27, rule(3, "after"), "unknown key"),
        (30, rule(4, "floor"), "above the cap"),
        (34, rule(5, "cap"), "needs the fee that it limits"),
        (38, rule(6, "currency"), "no amount"),
    ];
    let expected = expected
        .each_ref()
        .map(|(at, key, part)| (*at, key.as_str(), *part));
    assert_faults(&toml, &expected);
}

#[test]
fn show_lists_every_setting_with_its_origin() {
    let desk = Desk::with(&production(NETWORK));
    let config = desk.config(&[("BECKN_BPP__LOG__LEVEL", "warn")]);
    let table = render_show(&config, false);
    let row = |key: &str| {
        let mut rows = table.lines().map(str::split_whitespace);
        let found = rows.find_map(|mut row| (row.next() == Some(key)).then_some(row));
        found.expect("a row").collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("log.level"), "\"warn\" env BECKN_BPP__LOG__LEVEL");
    assert_eq!(row("limits.body_timeout"), "\"10s\" default");
    assert_eq!(row("http.trusted_proxies"), "[] default");
    assert_eq!(row("network.mobility.signing_key"), "(not set) default");
    assert!(row("network.mobility.key_id").ends_with("bpp.toml:9"));
    let json: serde_json::Value = serde_json::from_str(&render_show(&config, true)).expect("JSON");
    let settings = json["settings"].as_array().expect("an array");
    assert_eq!(settings.len(), table.lines().count());
    assert!(settings.contains(&serde_json::json!({
        "key": "http.bind", "value": "127.0.0.1:8080", "origin": "default",
    })));
    let check = render_check(&config);
    assert!(
        check.starts_with("ok: production with 1 network (mobility), 0 policies\n"),
        "{check}"
    );
}

/// The documented settings, all switched on.
fn documented() -> String {
    let switched_on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<_> = DEFAULTS.lines().map(switched_on).collect();
    lines.join("\n")
}

/// `network.mobility.reason[1].id` without the counter.
fn uncounted(key: &str) -> String {
    let parts = key
        .split('.')
        .map(|part| part.split('[').next().unwrap_or(part));
    parts.collect::<Vec<_>>().join(".")
}

#[test]
fn the_documented_settings_are_exactly_those_that_are_known() {
    let config = Desk::with(&documented()).config(&[("BECKN_BPP__ENVIRONMENT", "development")]);
    let in_file = |shown: &&config::Shown| matches!(shown.origin, Place::Line { .. });
    let written = config.shown.iter().filter(in_file);
    let written: BTreeSet<_> = written.map(|shown| uncounted(&shown.key)).collect();
    for shown in &config.shown {
        // What all kinds of network have is told of one of them.
        let key = shown.key.replace("network.health.", "network.mobility.");
        let key = key.replace("network.market.", "network.mobility.");
        let name = key.to_ascii_uppercase().replace('.', "__");
        let is_documented = written.contains(&uncounted(&shown.key))
            || written.contains(&uncounted(&key))
            || DEFAULTS.contains(&format!("BECKN_BPP__{name}"))
            || shown.key == "environment";
        assert!(is_documented, "{} is not documented", shown.key);
    }
    assert!(DEFAULTS.contains("#environment = \"production\""));
}

#[test]
fn the_documented_defaults_are_the_real_ones() {
    let plain = Desk::with(&production(NETWORK)).config(&[]);
    let full = Desk::with(&documented()).config(&[]);
    let written = |key: &str| full.shown.iter().find(|shown| shown.key == key);
    let mut compared = 0;
    for shown in &plain.shown {
        if shown.origin != Place::Default || shown.value.is_null() {
            continue;
        }
        let value = written(&shown.key).map(|written| &written.value);
        assert_eq!(value, Some(&shown.value), "{}", shown.key);
        compared += 1;
    }
    assert!(compared > 30, "only {compared} defaults were compared");
}

#[test]
fn the_file_as_printed_sets_nothing_and_asks_for_a_network() {
    let report = Desk::with(DEFAULTS).report(&[("BECKN_BPP__ENVIRONMENT", "development")]);
    assert_eq!(
        report,
        "bpp.toml: network\n    missing: expected at least one section [network.NAME]\n\
         1 fault in the configuration"
    );
}

#[test]
fn paths_begin_at_the_directory_of_the_file() {
    let desk = Desk::with(&production(NETWORK));
    let store::Settings::Sled {
        path, cache_bytes, ..
    } = desk.config(&[]).store;
    assert_eq!(path, desk.0.path().join("data"));
    assert_eq!(cache_bytes, 20_000_000);
}

#[test]
fn a_stop_has_a_grace_in_production_alone_and_never_a_long_one() {
    let production = Desk::with(&production(NETWORK));
    let grace = |variables| production.config(variables).http.stop_grace;
    assert_eq!(grace(&[]), Duration::from_secs(5));
    let variable = |value| [("BECKN_BPP__HTTP__STOP_GRACE", value)];
    assert_eq!(grace(&variable("20s")), Duration::from_secs(20));
    let report = production.report(&variable("2m"));
    assert_holds(&report, &["http.stop_grace", "at most 1m"]);
    let development = Desk::with(&development(NETWORK)).config(&[]);
    assert_eq!(development.http.stop_grace, Duration::ZERO);
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

const HEALTH: &str = r#"
[network.health]
kind = "uhi"
domains = ["nic2004:85111"]
subscriber_id = "hspa.example.org"
subscriber_url = "https://hspa.example.org/uhi"
key_id = "k1"
signing_key_file = "health.signing"
registry_url = "https://gateway.example.org"
gateway_url = "https://gateway.example.org/"
"#;

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

const DOOR: &str = r#"
[consultations]
network = "health"
algorithm = "HS256"
issuer = "https://login.example.org"
audience = "hspa"
token_key_file = "partners.secret"
[consultations.partner.one]
client_id = "client-1"
hip_ids = ["IN0000000000"]
webhook_url = "https://partner.example.org/hook"
"#;

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
