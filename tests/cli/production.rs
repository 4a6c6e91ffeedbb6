//! Production, the default: what the real binary refuses, all of it at once, and what it then does.
//!
//! Keys here are made for the test, but where a published one is what is tried.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beckn_bpp::mock::orders::TRIP_1;
use beckn_bpp::mock::{bap, registry};
use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use crate::app::{Answer, BPP, WAIT, answer, cancel_by, listener, signer};
use crate::process::{Ended, Running, run};

/// Seeds whose pairs are printed in specifications, vectors and this repository.
const PUBLISHED: [&str; 4] = [
    include_str!("../../keys/bpp.signing"),
    include_str!("../../keys/bap.signing"),
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
];

fn configuration(registry: &str) -> String {
    format!(
        r#"[http]
bind = "127.0.0.1:0"
admin_bind = "127.0.0.1:0"
admin_token_file = "admin.token"
[network.mobility]
kind = "beckn"
domains = ["mobility", "mobility:ondemandride"]
subscriber_id = "{BPP}"
subscriber_url = "https://bpp.example.org"
key_id = "k1"
signing_key_file = "mobility.signing"
encryption_key_file = "mobility.encryption"
registry_encryption_public_key = "a+X8Lh0R2n7VtYQtZjBiVrNcnzwVCs1YGzDy20eaXkI="
registry_url = "{registry}"
"#
    )
}

/// A directory that production has nothing against.
fn directory(text: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| {
        directory
            .path()
            .join(name)
            .to_str()
            .expect("text")
            .to_owned()
    };
    std::fs::write(path("beckn-bpp.toml"), text).expect("written");
    run(&["keys", "new", "--out", &path("mobility.signing")]).expect(0);
    run(&[
        "keys",
        "new",
        "--encryption",
        "--out",
        &path("mobility.encryption"),
    ])
    .expect(0);
    let token = ["admin-token", "new", "any", "--scope", "read", "--out"];
    run(&[&token[..], &[&path("admin.token")]].concat()).expect(0);
    directory
}

fn write_private(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::write(&path, text).expect("written");
    set_mode(&path, 0o600);
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
}

fn serve(directory: &Path) -> Ended {
    let file = directory.join("beckn-bpp.toml");
    run(&["serve", "--config", file.to_str().expect("text")])
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_nothing_is_made() {
    let text = configuration("http://registry.example.org")
        .replace("https://bpp.example.org", "http://127.0.0.1")
        .replace("admin_token_file", "metrics_bind = \"203.0.113.7:9090\"\n#")
        .replace(
            "a+X8Lh0R2n7VtYQtZjBiVrNcnzwVCs1YGzDy20eaXkI=",
            include_str!("../../keys/registry.encryption-public").trim(),
        )
        + &format!(
            "registry_signing_public_key = {:?}\n",
            include_str!("../../keys/registry.public").trim()
        );
    let directory = directory(&text);
    write_private(directory.path(), "mobility.signing", PUBLISHED[0]);
    set_mode(&directory.path().join("mobility.encryption"), 0o644);
    for environment in ["", "environment = \"production\"\n"] {
        write_private(
            directory.path(),
            "beckn-bpp.toml",
            &format!("{environment}{text}"),
        );
        let refused = serve(directory.path()).fails(4, "7 faults in the configuration");
        for expected in [
            "http.metrics_bind",
            "http.admin_token_file\n    missing",
            "over https",
            "set allow_http = true",
            "signing_key_file = \"mobility.signing\"\n    refused in production: everybody has",
            "mobility.encryption is open to others than its owner: chmod 600",
            "everybody can sign as this registry",
        ] {
            assert!(
                refused.err.contains(expected),
                "{expected}: {}",
                refused.err
            );
        }
        assert!(!refused.err.contains(PUBLISHED[0].trim()));
    }
    assert!(!directory.path().join("data").exists());
}

#[test]
fn a_published_pair_is_known_by_its_fingerprint_however_it_is_written() {
    let directory = directory(&configuration("https://registry.example.org"));
    for seed in PUBLISHED {
        let seed = STANDARD.decode(seed.trim()).expect("base64");
        let head = STANDARD.decode("MC4CAQAwBQYDK2VwBCIEIA==").expect("base64");
        let pkcs8 = STANDARD.encode([head, seed.clone()].concat());
        for written in [STANDARD.encode(&seed), pkcs8] {
            write_private(directory.path(), "mobility.signing", &written);
            let key = directory.path().join("mobility.signing");
            let shown = run(&["keys", "show", key.to_str().expect("text"), "--json"]).expect(0);
            let shown = shown.json();
            let fingerprint = shown["fingerprint"].as_str().expect("text");
            let refused = serve(directory.path()).fails(4, "everybody has this key pair");
            assert!(refused.err.contains(fingerprint), "{}", refused.err);
            assert!(!refused.err.contains(&written));
        }
    }
}

#[test]
fn a_file_that_others_can_read_is_refused_whatever_it_holds() {
    let directory = directory(&configuration("https://registry.example.org"));
    for name in ["mobility.signing", "mobility.encryption", "admin.token"] {
        let file = directory.path().join(name);
        for mode in [0o644, 0o640, 0o604, 0o602] {
            set_mode(&file, mode);
            serve(directory.path()).fails(4, &format!("{name} is open to others than its owner"));
        }
        set_mode(&file, 0o600);
    }
}

/// The two addresses that the line names.
fn addresses(line: &str) -> [SocketAddr; 2] {
    ["public=", "admin="].map(|name| {
        let (_, rest) = line.split_once(name).expect("an address");
        let end = rest.find(' ').unwrap_or(rest.len());
        rest[..end].parse().expect("an address")
    })
}

/// The registry and the BAP are on loopback: the operator wrote the one address, a stranger the
/// other.
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_to_http_or_a_private_address_never_leaves() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registry = registry::start(listener(), Vec::new()).expect("a registry");
    let directory = directory(&(configuration(registry.url.as_str()) + "allow_http = true\n"));
    let path = |name: &str| directory.path().join(name);
    let bap_key = path("bap.signing");
    run(&["keys", "new", "--out", bap_key.to_str().expect("text")]).expect(0);
    let bap_key = std::fs::read_to_string(bap_key).expect("made");
    let bap_signer = signer("bap.example.org", &bap_key);
    let bap = bap::start(listener(), bap_signer, &registry.url, "/beckn").expect("a BAP");
    registry.set_rows(vec![registry::row(bap.signer(), "BAP", &bap.url)]);

    let file = path("beckn-bpp.toml");
    let mut server = Running::start_logging(&["serve", "--config", file.to_str().expect("text")]);
    let [public, admin] = addresses(&server.line_with("the server is ready"));
    let token = std::fs::read_to_string(path("admin.token")).expect("made");
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let admin = async |method: &str, path: &str, body: String| -> Answer {
        let method = method.parse().expect("a method");
        let request = http.request(method, format!("http://{admin}{path}"));
        answer(request.bearer_auth(token.trim()).body(body)).await
    };
    let order = TRIP_1.placed_by(
        ("bap.example.org", bap.url.as_str()),
        (BPP, "https://bpp.example.org"),
    );
    let placed = admin("PUT", "/orders/trip_1", order.expect("a sample")).await;
    assert_eq!(placed.status, 201, "{}", placed.text);
    let url: Url = format!("http://{public}/cancel").parse().expect("a URL");
    let cancel = cancel_by(&bap, TRIP_1).to_json().to_string();
    let taken = bap.sign_and_post(&url, cancel).await.expect("an answer");
    assert_eq!(taken.status, 200, "{:?}", taken.body);

    let attempted = async {
        loop {
            let shown = admin("GET", "/callbacks/1", String::new()).await.body;
            if shown["attempts"][0]["outcome"] != Value::Null {
                return shown;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let shown = tokio::time::timeout(WAIT, attempted)
        .await
        .expect("an attempt");
    assert_eq!(
        shown["attempts"][0]["outcome"], "blocked_address",
        "{shown}"
    );
    assert_eq!(shown["attempts"][0]["status"], Value::Null);
    assert!(bap.all().is_empty(), "nothing was sent");
    assert_eq!(server.stop("TERM"), Some(0), "{}", server.seen);
    bap.stop().await;
    registry.stop().await;
}
