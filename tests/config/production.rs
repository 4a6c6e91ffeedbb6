//! What production refuses: http, addresses that nobody reaches, published keys, open files.

use crate::desk::{
    Desk, NETWORK, PUBLISHED_SEED, assert_faults, assert_holds, production, set_mode,
};

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
