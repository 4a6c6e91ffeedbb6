//! A directory with a configuration and the files it names, and what is said of them.

use std::path::Path;

use beckn_bpp::app::config::{self, Config, Fault, Faults, Place};
use tempfile::TempDir;

/// Base64 of 32 times the byte 7.
pub const SEED: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// Base64 of the bytes 0 to 31, which everybody has.
pub const PUBLISHED_SEED: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789a";

pub const NETWORK: &str = r#"
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
pub struct Desk(pub TempDir);

/// What the provider's systems are signed to with.
pub const PROVIDER_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

impl Desk {
    pub fn with(toml: &str) -> Self {
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

    pub fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("written");
        set_mode(&path, 0o600);
    }

    pub fn load(&self, variables: &[(&str, &str)]) -> Result<Config, Faults> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<_> = variables.iter().map(owned).collect();
        config::load(Some(&self.0.path().join("bpp.toml")), variables.into_iter())
    }

    pub fn config(&self, variables: &[(&str, &str)]) -> Config {
        match self.load(variables) {
            Ok(config) => config,
            Err(faults) => panic!("{faults}"),
        }
    }

    pub fn faults(&self, variables: &[(&str, &str)]) -> Vec<Fault> {
        match self.load(variables) {
            Ok(_) => panic!("no faults"),
            Err(faults) => faults.0,
        }
    }

    /// The report with the directory left out.
    pub fn report(&self, variables: &[(&str, &str)]) -> String {
        let directory = format!("{}/", self.0.path().display());
        let report = Faults(self.faults(variables)).to_string();
        report.replace(&directory, "")
    }
}

#[cfg(unix)]
pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("allowed");
}

#[cfg(not(unix))]
pub fn set_mode(_path: &Path, _mode: u32) {}

pub fn development(rest: &str) -> String {
    format!("environment = \"development\"\n{rest}")
}

pub fn production(rest: &str) -> String {
    format!("[http]\nadmin_token_file = \"admin.token\"\n{rest}")
}

pub fn line(fault: &Fault) -> usize {
    match fault.place {
        Place::Line { line, .. } => line,
        _ => 0,
    }
}

/// Line, key and a part of the sentence of every fault expected, and no other.
pub fn assert_faults(toml: &str, expected: &[(usize, &str, &str)]) {
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

pub fn assert_holds(report: &str, parts: &[&str]) {
    for part in parts {
        assert!(report.contains(part), "{part:?} is not in:\n{report}");
    }
}

pub const HEALTH: &str = r#"
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

pub const DOOR: &str = r#"
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
