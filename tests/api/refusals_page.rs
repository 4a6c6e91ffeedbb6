//! The page about refusals, `docs/refusals.md`: every word there is, with the status that the server
//! answers, and the programs that sign, run as they stand there against the real server.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use beckn_bpp::domain::refusal::Word;
use beckn_bpp::http::reply;
use beckn_bpp::mock::orders::{Sample, TRIP_1, TRIP_2};

use crate::app::TestApp;

const PAGE: &str = include_str!("../../docs/refusals.md");

/// Where `scripts/test.sh` puts a Python that has `cryptography`.
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/signing-python/bin/python3"
);

/// The cells of each row about a word: `| \`word\` | status | cause | what to do |`.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let row = |line: &'static str| {
        let (word, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        Some((word, rest.trim_end_matches(" |").split(" | ").collect()))
    };
    PAGE.lines().filter_map(row).collect()
}

#[test]
fn the_page_has_every_word_with_its_status_once_and_no_other() {
    let mut told = BTreeMap::new();
    for (word, cells) in rows() {
        let [status, cause, remedy] = cells[..] else {
            panic!("{word} has {} cells", cells.len());
        };
        assert!(
            cause.len() > 10 && remedy.len() > 10,
            "{word} says too little"
        );
        let status: u16 = status.parse().expect("a status");
        assert!(told.insert(word, status).is_none(), "{word} is there twice");
    }
    let known: BTreeMap<&str, u16> = Word::ALL
        .iter()
        .map(|word| (word.as_str(), reply::status(*word)))
        .collect();
    assert_eq!(told, known);
}

/// The one block of code in a language.
fn program(language: &str) -> &'static str {
    let begin = format!("```{language}\n");
    let (_, rest) = PAGE.split_once(&begin).expect("a program");
    let (program, rest) = rest.split_once("```").expect("an end");
    assert!(!rest.contains(&begin), "one program in {language}");
    program
}

/// Says that a proof is not made; in CI that is a failure.
fn skip(why: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "in CI nothing is skipped: {why}"
    );
    // Not through a macro, whose output a passing test keeps to itself.
    let loud = format!("\n*** SKIPPED: {why}\n");
    std::io::stderr()
        .write_all(loud.as_bytes())
        .expect("stderr");
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// Runs the program to its end, while the server goes on answering.
async fn run(interpreter: &str, file: &Path, arguments: [&str; 5]) -> Output {
    let mut command = Command::new(interpreter);
    command.arg(file).args(arguments);
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    let ended = tokio::task::spawn_blocking(move || command.output());
    ended.await.expect("an end").expect("it starts")
}

/// A cancel of the sample in a file of its own, as the BAP's system has it.
fn body_file(app: &TestApp, sample: Sample) -> PathBuf {
    let body = app.cancel_of(sample).to_json().to_string();
    let file = app.directory.path().join(format!("{}.json", sample.id));
    std::fs::write(&file, body).expect("written");
    file
}

/// Signed by the program a cancel is taken and has its effect; under a key id that the registry
/// does not know, the program shows the refusal with its word.
async fn signs(interpreter: &str, file_name: &str, program: &str) {
    let app = TestApp::start().await;
    let file = app.directory.path().join(file_name);
    std::fs::write(&file, program).expect("written");
    let key = app.directory.path().join("bap.signing");
    std::fs::write(&key, include_str!("../../keys/bap.signing")).expect("written");
    let key = key.to_str().expect("text");
    let url = app.url("/cancel").to_string();
    for (sample, key_id, expected) in [
        (
            TRIP_1,
            "k1",
            "200 {\"message\":{\"ack\":{\"status\":\"ACK\"}}}",
        ),
        (TRIP_2, "k9", "401 "),
    ] {
        app.hand_over(sample).await;
        let body = body_file(&app, sample);
        let body = body.to_str().expect("text");
        let output = run(
            interpreter,
            &file,
            [key, "bap.example.org", key_id, body, &url],
        )
        .await;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.starts_with(expected), "{output:?}");
        assert_eq!(
            key_id == "k9",
            printed.contains("unknown_key: "),
            "{printed}"
        );
    }
    let order = app.get("/orders/trip_1").await.body;
    assert_eq!(order["state"], "Cancelled");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_python_program_signs_is_taken() {
    let imports = ["-c", "import cryptography"];
    let mut pythons = [PYTHON, "python3"].into_iter();
    match pythons.find(|python| succeeds(python, &imports)) {
        Some(python) => signs(python, "sign.py", program("python")).await,
        None => skip("no python3 with cryptography, so signing in Python is not proved"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_node_program_signs_is_taken() {
    // Older ones have no fetch.
    match succeeds("node", &["-e", "fetch"]) {
        true => signs("node", "sign.mjs", program("js")).await,
        false => skip("no node of 18 or newer, so signing in Node is not proved"),
    }
}
