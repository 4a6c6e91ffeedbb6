//! `serve`: how it starts, refuses to start, and ends.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::app::{configuration, listener};
use crate::process::{Running, run};

fn directory(change: impl Fn(String) -> String) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let registry = "http://127.0.0.1:9".parse().expect("a URL");
    let file = directory.path().join("beckn-bpp.toml");
    std::fs::write(&file, change(configuration(&registry, ""))).expect("written");
    let key = directory.path().join("bpp.signing");
    std::fs::write(&key, include_str!("../../keys/bpp.signing")).expect("written");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&key, private).expect("set");
    (directory, file)
}

#[test]
fn it_says_where_it_listens_and_ends_with_0_at_either_signal() {
    let (directory, file) = directory(|text| text);
    for signal in ["TERM", "INT"] {
        let file = file.to_str().expect("text");
        let mut server = Running::start_logging(&["serve", "--config", file]);
        let ready = server.line_with("the server is ready");
        assert!(ready.contains("INFO"), "{ready}");
        assert!(ready.contains("public=127.0.0.1:"), "{ready}");
        assert!(ready.contains("admin=127.0.0.1:"), "{ready}");
        assert_eq!(server.stop(signal), Some(0), "{}", server.seen);
        assert!(server.seen.contains("the server has stopped"));
        assert!(server.seen.contains("admin.token"), "where to find it");
        let token = std::fs::read_to_string(directory.path().join("admin.token"));
        assert!(!server.seen.contains(token.expect("made").trim()));
        assert!(!server.seen.contains('\u{1b}'), "no colours in a file");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_ends_with_4() {
    run(&["serve", "--config", "/nowhere.toml"]).fails(4, "/nowhere.toml");
    let (_directory, file) = directory(|_| "[http\nbind = 1".to_owned());
    let file = file.to_str().expect("text");
    run(&["serve", "--config", file]).fails(4, "not TOML");
}

#[test]
fn production_lists_everything_that_it_refuses() {
    let (_directory, file) = directory(|text| text.replace("environment = \"development\"", ""));
    let file = file.to_str().expect("text");
    let ended = run(&["serve", "--config", file]).fails(4, "faults in the configuration");
    for expected in [
        "http.admin_token_file",
        "subscriber_url",
        "registry_url",
        "signing_key_file",
        "everybody",
    ] {
        assert!(ended.err.contains(expected), "{expected}: {}", ended.err);
    }
    let key = include_str!("../../keys/bpp.signing").trim();
    assert!(!ended.err.contains(key));
}

#[test]
fn a_taken_port_is_named() {
    let taken = listener();
    let address = taken.local_addr().expect("an address").to_string();
    let (_directory, file) = directory(|text| {
        text.replacen(
            "bind = \"127.0.0.1:0\"",
            &format!("bind = \"{address}\""),
            1,
        )
    });
    let file = file.to_str().expect("text");
    let ended = run(&["serve", "--config", file]).expect(1);
    assert!(ended.err.contains(&address), "{ended:?}");
    assert!(ended.err.contains("another server"), "{ended:?}");
}

#[test]
fn a_store_serves_one_process() {
    let (_directory, file) = directory(|text| text);
    let file = file.to_str().expect("text");
    let mut server = Running::start_logging(&["serve", "--config", file]);
    server.line_with("the server is ready");
    let ended = run(&["serve", "--config", file]).expect(1);
    assert!(ended.err.contains("another process"), "{ended:?}");
    assert_eq!(server.stop("TERM"), Some(0));
}

#[test]
fn a_store_that_cannot_be_read_back_ends_with_3() {
    let (directory, file) = directory(|text| text);
    let store = sled::open(directory.path().join("data")).expect("a store");
    store.insert("mformat", "garbage").expect("written");
    store.flush().expect("flushed");
    drop(store);
    let file = file.to_str().expect("text");
    let ended = run(&["serve", "--config", file]).expect(3);
    assert!(ended.err.contains("corrupt"), "{ended:?}");
}
