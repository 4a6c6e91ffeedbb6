//! `order show|cancel`, `callback ...`, `transaction show`: the admin API by hand.

use beckn_bpp::mock::bap::Answer as BapAnswer;
use beckn_bpp::mock::orders::{O1, O2, TRIP_1, TRIP_2};
use beckn_bpp::store::MAX_PREVIEWS_WAITING;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::process::{Ended, command, run_with};

/// Runs a command against the server; whatever it prints, the token is not in it.
pub fn by_hand(app: &TestApp, arguments: &[&str]) -> Ended {
    let token_file = app.directory.path().join("admin.token");
    let mut command = command(arguments);
    command.args(["--admin", &app.admin_url("")]);
    command.arg("--token-file").arg(token_file);
    let ended = run_with(command, b"");
    assert!(!ended.out.contains(&app.token) && !ended.err.contains(&app.token));
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_shown_and_cancelled_and_stays_cancelled() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    let shown = by_hand(&app, &["order", "show", "trip_1"]).expect(0).out;
    assert!(
        shown.contains("trip_1 on mobility") && shown.contains("Confirmed"),
        "{shown}"
    );
    let cancel = ["order", "cancel", "trip_1", "--note", "No driver"];
    let first = by_hand(&app, &cancel).expect(0).out;
    assert!(first.starts_with("order trip_1 is cancelled\n"), "{first}");
    assert!(
        first.contains("by provider") && first.contains("No driver"),
        "{first}"
    );
    let second = by_hand(&app, &cancel).expect(0).out;
    assert!(second.contains("was cancelled before"), "{second}");
    let json = by_hand(&app, &["order", "cancel", "trip_1", "--json"])
        .expect(0)
        .json();
    assert_eq!(json["already_cancelled"], true);
    let json = by_hand(&app, &["order", "show", "trip_1", "--json"])
        .expect(0)
        .json();
    assert_eq!(json["state"], "Cancelled");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_a_sentence_and_exit_code_1() {
    let app = TestApp::start().await;
    app.hand_over(O2).await;
    by_hand(&app, &["order", "cancel", "O2"]).fails(1, "started");
    by_hand(&app, &["order", "show", "nope"]).fails(1, "404");
    by_hand(&app, &["order", "show", "O2", "--network", "elsewhere"]).fails(1, "404");
    by_hand(&app, &["callback", "show", "99"]).fails(1, "404");
    by_hand(&app, &["callback", "redrive", "99"]).fails(1, "404");
    by_hand(&app, &["transaction", "show", "nope"]).fails(1, "nope");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_or_its_token_the_way_out_is_named() {
    let app = TestApp::start().await;
    let show = |token: Option<&str>, more: &[&str]| {
        let mut command = command(&[&["order", "show", "x"], more].concat());
        command.envs(token.map(|token| ("BECKN_BPP_ADMIN_TOKEN", token)));
        command.current_dir(app.directory.path());
        run_with(command, b"")
    };
    let here = app.admin_url("");
    show(None, &["--token-file", "none"]).fails(1, "--token-file");
    show(Some("two words"), &["--admin", &here]).fails(1, "is no token");
    let ended = show(Some("wrong-secret"), &["--admin", &here]).fails(1, "--token-file");
    assert!(!ended.err.contains("wrong-secret"), "{ended:?}");
    show(Some("x"), &["--admin", "http://127.0.0.1:1"]).fails(1, "is the server running?");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_listed_and_shown_with_their_attempts() {
    let app = TestApp::start().await;
    let message = app.cancelled(TRIP_1).await;
    let list = by_hand(&app, &["callback", "list"]).expect(0).out;
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert!(lines[0].starts_with("number  kind   state"), "{list}");
    assert!(lines[1].contains("delivered  trip_1"), "{list}");
    let json = by_hand(
        &app,
        &["callback", "list", "--json", "--state", "delivered"],
    );
    let id = json.expect(0).json()["callbacks"][0]["id"].to_string();
    let shown = by_hand(&app, &["callback", "show", &id]).expect(0).out;
    assert!(shown.contains("\"action\": \"on_cancel\""), "{shown}");
    let json = by_hand(&app, &["callback", "show", &id, "--json"])
        .expect(0)
        .json();
    assert_eq!(json["attempts"][0]["outcome"], "delivered");
    for filter in [
        ["--state", "dead"],
        ["--subscriber", "nobody.example"],
        ["--after", "99"],
    ] {
        let list = by_hand(&app, &[&["callback", "list"], &filter[..]].concat())
            .expect(0)
            .out;
        assert_eq!(list.lines().count(), 1, "{list}");
    }

    let timeline = by_hand(&app, &["transaction", "show", &message.transaction])
        .expect(0)
        .out;
    for what in ["request acknowledged", "callback decided", "delivered 200"] {
        assert!(timeline.contains(what), "{timeline}");
    }
    let json = by_hand(
        &app,
        &["transaction", "show", &message.transaction, "--json"],
    );
    assert!(json.expect(0).json()["timeline"].is_array());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_callback_is_redriven_by_number_or_filter() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    app.hand_over(TRIP_2).await;
    app.bap.answer(BapAnswer::Nack(
        json!({"code": "40000", "message": "not now"}),
    ));
    for sample in [TRIP_1, TRIP_2] {
        app.send(&app.cancel_of(sample)).await;
    }
    app.settled().await;
    let dead = by_hand(&app, &["callback", "list", "--state", "dead", "--json"])
        .expect(0)
        .json();
    let numbers: Vec<String> = dead["callbacks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|callback| callback["id"].to_string())
        .collect();
    assert_eq!(numbers.len(), 2, "{dead}");

    app.bap.answer(BapAnswer::Ack);
    let dry = by_hand(&app, &["callback", "redrive", "--all", "--dry-run"])
        .expect(0)
        .out;
    assert_eq!(
        dry,
        format!("2 would be redriven: {}\n", numbers.join(", "))
    );
    let one = by_hand(&app, &["callback", "redrive", &numbers[0]])
        .expect(0)
        .out;
    assert_eq!(one, format!("1 redriven: {}\n", numbers[0]));
    app.settled().await;
    let filter = [
        "callback",
        "redrive",
        "--subscriber",
        "bap.example.org",
        "--json",
    ];
    let rest = by_hand(&app, &filter).expect(0).json();
    assert_eq!(rest["redriven"].as_array().map(Vec::len), Some(1), "{rest}");
    app.settled().await;
    by_hand(&app, &["callback", "redrive", &numbers[0]]).fails(1, "not dead");
    let none = by_hand(&app, &["callback", "redrive", "--all"])
        .expect(0)
        .out;
    assert_eq!(none, "0 redriven\n");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_of_all_goes_on_past_those_that_may_not_be_sent_again() {
    let app = TestApp::start().await;
    // More orders than the server is asked for at once.
    let ids: Vec<String> = (0..105).map(|number| format!("B-{number:03}")).collect();
    let bap = ("bap.example.org", app.bap.url.as_str());
    let placed = TRIP_1.placed_by(bap, ("bpp.example.org", "http://bpp.example.org"));
    let placed: Value = serde_json::from_str(&placed.expect("a sample")).expect("JSON");
    app.bap.answer(BapAnswer::Nack(
        json!({"code": "40000", "message": "not now"}),
    ));
    for id in &ids {
        let mut order = placed.clone();
        order["message"]["order"]["id"] = json!(id);
        let path = format!("/orders/{id}");
        app.admin("PUT", &path, Some(&order)).await;
        let cancel = json!({"by": "provider"});
        let answer = app
            .admin("POST", &format!("{path}/cancel"), Some(&cancel))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    app.settled().await;
    for id in &ids[..104] {
        let answer = app
            .admin("POST", &format!("/orders/{id}/erase"), None)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    app.bap.answer(BapAnswer::Ack);
    let redrive = ["callback", "redrive", "--all"];
    let dry = [&redrive[..], &["--dry-run"]].concat();
    for (arguments, done) in [(&dry[..], "would be redriven"), (&redrive, "redriven")] {
        let out = by_hand(&app, arguments).expect(0).out;
        assert!(out.starts_with(&format!("1 {done}: 105\n")), "{out}");
        assert!(out.contains("\n104 left as they are, because"), "{out}");
    }
    app.settled().await;
    let json = by_hand(&app, &["callback", "redrive", "--all", "--json"]);
    let json = json.expect(0).json();
    assert_eq!(json["redriven"], json!([]));
    assert_eq!(json["skipped"].as_array().map(Vec::len), Some(104));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_promises_no_more_previews_of_an_order_than_are_redriven() {
    let mut app = TestApp::start().await;
    // Each is given up on at once.
    let section = "[delivery]\nnack_retries = 0\nbreaker_failures = 1000000\n";
    app.reconfigure(|text| text.replace("[delivery]\n", section))
        .await;
    app.hand_over(O1).await;
    app.bap.answer(BapAnswer::Nack(
        json!({"code": "40000", "message": "not now"}),
    ));
    // More than are redriven at once, and twice as many as may wait.
    for _ in 0..2 {
        for _ in 0..MAX_PREVIEWS_WAITING {
            let mut soft = app.cancel_of(O1);
            soft.intent = Some("SOFT_CANCEL".to_owned());
            app.send(&soft).await;
        }
        app.settled().await;
    }
    by_hand(&app, &["callback", "hold"]).expect(0);
    let redrive = ["callback", "redrive", "--all", "--json"];
    let dry = [&redrive[..], &["--dry-run"]].concat();
    for (arguments, name) in [(&dry[..], "would_redrive"), (&redrive, "redriven")] {
        let said = by_hand(&app, arguments).expect(0).json();
        for list in [&said[name], &said["skipped"]] {
            let count = list.as_array().map(Vec::len);
            assert_eq!(count, Some(MAX_PREVIEWS_WAITING), "{said}");
        }
    }
    app.bap.answer(BapAnswer::Ack);
    by_hand(&app, &["callback", "release"]).expect(0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_held_and_released() {
    let app = TestApp::start().await;
    let say = |arguments: &[&str]| by_hand(&app, arguments).expect(0).out;
    let other = ["--subscriber", "other-bap.example.org"];
    let held = say(&[&["callback", "hold"], &other[..]].concat());
    assert_eq!(held, "held: callbacks to other-bap.example.org\n");
    let both = "held: all callbacks, and by name those to other-bap.example.org\n";
    assert_eq!(say(&["callback", "hold"]), both);
    let released = say(&[&["callback", "release"], &other[..]].concat());
    assert_eq!(released, "held: all callbacks\n");
    say(&[&["callback", "hold"], &other[..]].concat());
    assert_eq!(say(&["callback", "release"]), "nothing is held\n");
    let json = by_hand(&app, &["callback", "hold", "--json"])
        .expect(0)
        .json();
    assert_eq!(json, json!({"holds": ["*"]}));
    app.stop().await;
}
