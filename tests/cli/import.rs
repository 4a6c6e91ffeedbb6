//! `order import`.

use beckn_bpp::mock::orders::TRIP_2;
use serde_json::Value;

use crate::app::{BPP, TestApp};
use crate::process::{Ended, command, run_with};

/// An order on one line, under this id.
fn line(app: &TestApp, id: &str) -> String {
    let bap = ("bap.example.org", app.bap.url.as_str());
    let text = TRIP_2.placed_by(bap, (BPP, "http://bpp.example.org"));
    let text = text
        .expect("a sample")
        .replace("\"trip_2\"", &format!("{id:?}"));
    assert!(text.contains(id) && !text.contains('\n'));
    text
}

fn import(app: &TestApp, bytes: &[u8], more: &[&str]) -> Ended {
    let file = app.directory.path().join("orders.ndjson");
    std::fs::write(&file, bytes).expect("written");
    import_from(app, file.to_str().expect("text"), b"", more)
}

fn import_from(app: &TestApp, file: &str, input: &[u8], more: &[&str]) -> Ended {
    let mut command = command(&[&["order", "import", file], more].concat());
    command
        .env("BECKN_BPP_ADMIN_URL", app.admin_url(""))
        .env("BECKN_BPP_ADMIN_TOKEN", &app.token);
    let ended = run_with(command, input);
    assert!(!ended.out.contains(&app.token) && !ended.err.contains(&app.token));
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_line_of_many_is_reported_by_its_number_and_the_rest_is_imported() {
    let app = TestApp::start().await;
    let bad: [(usize, &[u8]); 5] = [
        (3, b"{"),
        (400, b"[]"),
        (401, b"{\"context\": {}, \"context\": {}}"),
        (777, b"\xff\xfe"),
        (1_200, b"{\"context\": {}}"),
    ];
    let mut bytes = Vec::new();
    for number in 1..=1_200 {
        match bad.iter().find(|(at, _)| *at == number) {
            Some((_, text)) => bytes.extend_from_slice(text),
            None if number % 100 == 0 => {}
            None => bytes.extend_from_slice(line(&app, &format!("ride-{number}")).as_bytes()),
        }
        bytes.push(b'\n');
    }
    assert!(bytes.len() > 1024 * 1024, "more than one request");
    let ended = import(&app, &bytes, &[]).expect(1);
    let reported: Vec<&str> = ended
        .err
        .lines()
        .filter(|l| l.starts_with("line "))
        .collect();
    let numbers: Vec<String> = bad.iter().map(|(at, _)| format!("line {at}: ")).collect();
    assert_eq!(reported.len(), numbers.len(), "{}", ended.err);
    for (reported, number) in reported.iter().zip(&numbers) {
        assert!(reported.starts_with(number.as_str()), "{reported}");
    }
    // Of the 1,200 lines 12 end in 00; two of those are bad, the other ten are empty.
    assert_eq!(
        ended.out,
        "1185 created, 0 updated, 0 unchanged, 5 refused\n"
    );
    assert!(
        ended.err.contains("5 of 1190 orders were refused"),
        "{}",
        ended.err
    );
    assert_eq!(app.get("/orders/ride-1199").await.status, 200);

    let again = import(&app, &bytes, &["--json"]).expect(1);
    let lines: Vec<Value> = again
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("one JSON document a line"))
        .collect();
    let count = |word: &str| lines.iter().filter(|line| line["result"] == word).count();
    assert_eq!((count("unchanged"), count("refused")), (1185, 5));
    assert_eq!(lines[2]["line"], 3);
    assert_eq!(lines.last().expect("lines")["line"], 1_200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_document_may_be_indented_and_come_from_standard_input() {
    let app = TestApp::start().await;
    let document: Value = serde_json::from_str(&line(&app, "ride-1")).expect("JSON");
    let indented = format!("{document:#}\n").replace('\n', "\r\n");
    let created = "1 created, 0 updated, 0 unchanged, 0 refused\n";
    let ended = import_from(&app, "-", indented.as_bytes(), &[]).expect(0);
    assert_eq!((ended.out.as_str(), ended.err.as_str()), (created, ""));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn line_ends_of_windows_and_its_byte_order_mark_make_no_difference() {
    let app = TestApp::start().await;
    let (one, two) = (line(&app, "ride-1"), line(&app, "ride-2"));
    let windows = format!("\u{feff}{one}\r\n\r\n{two}\r\n");
    let ended = import(&app, windows.as_bytes(), &[]).expect(0);
    assert_eq!(ended.out, "2 created, 0 updated, 0 unchanged, 0 refused\n");
    let unix = format!("{one}\n{two}");
    let ended = import(&app, unix.as_bytes(), &[]).expect(0);
    assert_eq!(ended.out, "0 created, 0 updated, 2 unchanged, 0 refused\n");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_line_is_refused_alone() {
    let app = TestApp::start().await;
    let mut bytes = format!("{}\n", line(&app, "ride-1")).into_bytes();
    bytes.extend(std::iter::repeat_n(b' ', 17 * 1024 * 1024));
    bytes.extend(format!("1\n{}\n", line(&app, "ride-3")).bytes());
    let ended = import(&app, &bytes, &[]).expect(1);
    assert_eq!(ended.out, "2 created, 0 updated, 0 unchanged, 1 refused\n");
    assert!(
        ended.err.starts_with("line 2: the line has "),
        "{}",
        ended.err
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_is_said_to_be_empty() {
    let app = TestApp::start().await;
    for bytes in [&b""[..], b"\n \r\n"] {
        let ended = import(&app, bytes, &[]).expect(0);
        assert_eq!(ended.out, "0 created, 0 updated, 0 unchanged, 0 refused\n");
        assert!(ended.err.contains("no orders"), "{ended:?}");
    }
    import_from(&app, "/nowhere", b"", &[]).fails(1, "cannot read /nowhere");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_told_with_the_line_that_was_reached() {
    let mut app = TestApp::start().await;
    let text = line(&app, "ride-1");
    let url = app.admin_url("");
    app.server
        .take()
        .expect("running")
        .stop(std::time::Duration::ZERO)
        .await
        .expect("stopped");
    let mut command = command(&["order", "import", "-", "--admin", &url]);
    command.env("BECKN_BPP_ADMIN_TOKEN", &app.token);
    let ended = run_with(command, text.as_bytes()).fails(1, "stopped at line 1");
    assert!(ended.err.contains("is the server running?"), "{ended:?}");
}
