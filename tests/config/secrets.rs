//! Secrets and tokens: from files or the environment, never printed.

use beckn_bpp::app::config::{self, AdminToken, Config, render_show};
use beckn_bpp::http::admin::access::Scope;

use crate::desk::{
    Desk, NETWORK, SEED, TOKEN, assert_faults, assert_holds, development, production, set_mode,
};

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
