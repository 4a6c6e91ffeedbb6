//! `keys new|show`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::process::run;

fn repository(file: &str) -> String {
    format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("readable")
}

#[test]
fn a_new_key_is_for_its_owner_only_and_never_printed() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("bpp.signing");
    let path = file.to_str().expect("text");
    let made = run(&["keys", "new", "--out", path]).expect(0);
    let private = text(&file);
    assert!(!made.out.contains(private.trim()) && !made.err.contains(private.trim()));
    let mode = file.metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let shown = run(&["keys", "show", path]).expect(0);
    assert_eq!(shown.out, made.out);
    let json = run(&["keys", "show", path, "--json"]).expect(0);
    assert!(!json.out.contains(private.trim()));
    let json = json.json();
    assert_eq!(json["published"], false);
    for member in ["fingerprint", "public_base64", "public_spki_base64"] {
        assert!(made.out.contains(json[member].as_str().expect(member)));
    }
}

#[test]
fn every_kind_in_every_encoding_reads_back_and_says_what_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    for (number, (kind, encoding, bytes)) in [
        ("signing", "raw", 32),
        ("signing", "pair", 64),
        ("signing", "pkcs8", 48),
        ("encryption", "raw", 32),
        ("encryption", "pkcs8", 48),
    ]
    .into_iter()
    .enumerate()
    {
        let file = directory.path().join(format!("key-{number}"));
        let path = file.to_str().expect("text");
        let which: &[&str] = match kind {
            "encryption" => &["--encryption"],
            _ => &[],
        };
        let new = [
            "keys",
            "new",
            "--out",
            path,
            "--encoding",
            encoding,
            "--json",
        ];
        let made = run(&[&new, which].concat()).expect(0).json();
        assert_eq!(made["kind"], kind);
        let private = STANDARD.decode(text(&file).trim()).expect("base64");
        assert_eq!(private.len(), bytes);
        // PKCS#8 says itself what it is.
        let which = if encoding == "pkcs8" { &[] } else { which };
        let shown = run(&[&["keys", "show", path, "--json"], which].concat());
        assert_eq!(shown.expect(0).json(), made);
        let head = match kind {
            "encryption" => "MCowBQYDK2VuAyEA",
            _ => "MCowBQYDK2VwAyEA",
        };
        let spki = made["public_spki_base64"].as_str().expect("text");
        assert!(spki.starts_with(head), "{spki}");
    }
    let out = directory.path().join("pair");
    let out = out.to_str().expect("text");
    let pair = [
        "keys",
        "new",
        "--encryption",
        "--encoding",
        "pair",
        "--out",
        out,
    ];
    run(&pair).fails(1, "--encoding raw or pkcs8");
    assert!(!Path::new(out).exists());
    let published = repository("keys/bpp.encryption");
    let shown = run(&["keys", "show", "--encryption", &published]).expect(0);
    assert!(shown.out.contains("production refuses it"), "{shown:?}");
}

#[test]
fn a_key_that_is_there_is_never_overwritten() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("bpp.signing");
    std::fs::write(&file, "precious").expect("written");
    let path = file.to_str().expect("text");
    run(&["keys", "new", "--out", path]).fails(1, "never overwritten");
    assert_eq!(text(&file), "precious");
    run(&["keys", "new", "--out", "/nowhere/at/all"]).fails(1, "No such file");
}

#[test]
fn a_published_key_is_called_so() {
    let shown = run(&["keys", "show", &repository("keys/bpp.signing")]).expect(0);
    assert!(shown.out.contains("production refuses it"), "{shown:?}");
    let public = text(Path::new(&repository("keys/bpp.public")));
    assert!(shown.out.contains(public.trim()));
    let shown = run(&["keys", "show", &repository("keys/bpp.signing"), "--json"]).expect(0);
    assert_eq!(shown.json()["published"], true);
}

#[test]
fn what_is_no_key_is_refused_without_repeating_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secret");
    std::fs::write(&file, "not-base64-but-secret").expect("written");
    let ended = run(&["keys", "show", file.to_str().expect("text")]).fails(1, "is no signing key");
    assert!(!ended.err.contains("but-secret"));
    run(&["keys", "show", "/nowhere"]).fails(1, "cannot read /nowhere");
}
