//! `policy check|preview`: terms as people read them.

use serde_json::json;

use crate::admin::by_hand;
use crate::app::TestApp;
use crate::process::run;

const POLICIES: &str = r#"# Only policies, and in a configuration they would do as well.
[policy.default]
[[policy.default.rule]]
by = ["customer"]
fulfillment_states = ["RIDE_ASSIGNED"]
before_start = "2h"
percent = "12.5"
floor = "20"
cap = "100"
currency = "INR"
reason_required = true
[[policy.default.rule]]
percent = "50"
text = "Half of the fare"
[[policy.default.rule]]
since_booking = "5m"
percent = "0"

[policy.never]
[[policy.never.rule]]
allowed = false
order_states = ["Pending"]
"#;

/// Runs `policy check` on a file with this text; the text of its path is `FILE` in what it says.
fn check(text: &str, more: &[&str]) -> crate::process::Ended {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("terms.toml");
    std::fs::write(&file, text).expect("written");
    let path = file.to_str().expect("text");
    let mut ended = run(&[&["policy", "check", path], more].concat());
    (ended.out, ended.err) = (
        ended.out.replace(path, "FILE"),
        ended.err.replace(path, "FILE"),
    );
    ended
}

#[test]
fn good_policies_are_explained_and_a_rule_without_a_turn_is_pointed_out() {
    let told = check(POLICIES, &[]).expect(0).out;
    // Kept on orders: another release must not give the same rules another version.
    assert_eq!(
        told.lines().next(),
        Some("policy default, version 8a9196b97d95"),
        "{told}"
    );
    for line in [
        "RULE  WHO                WHEN                                              WHAT                                                                              REASON",
        "1     customer           in state RIDE_ASSIGNED, until 2 h before the start  Cancelling costs 12.5 % of the price, at least 20.00 INR, at most 100.00 INR  required",
        "rule 2 is told as: Half of the fare",
        "rule 3 never gets its turn: rule 2 fits whenever it does",
        "1     customer, partner  while the order is Pending  Cancelling is not allowed  -",
    ] {
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            told.lines().any(|one| plain(one) == plain(line)),
            "{line}\n{told}"
        );
    }
    let json = check(POLICIES, &["--json"]).expect(0).json();
    assert_eq!(json["ok"], true);
    assert_eq!(json["policies"][0]["rules"][2]["never_because_of"], 2);
    assert_eq!(
        json["policies"][0]["rules"][1]["never_because_of"],
        json!(null)
    );
    assert_eq!(json["policies"][1]["name"], "never");
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_line() {
    let wrong = r#"[http]
bnid = "not looked at"
[policy.default]
[[policy.default.rule]]
percent = "101"
befor_start = "2h"
[[policy.default.rule]]
amount = "30"
order_states = ["Started", "Completed"]
doors = ["window"]
[polcy.gold]
"#;
    let ended = check(wrong, &[]);
    for line in [
        "FILE:5: policy.default.rule[1].percent",
        "FILE:6: policy.default.rule[1].befor_start",
        "unknown key: did you mean `before_start`?",
        "FILE:8: policy.default.rule[2].amount",
        "FILE:9: policy.default.rule[2].order_states[1]",
        "cannot be cancelled whatever a rule says",
        "FILE:10: policy.default.rule[2].doors[1]",
        "FILE:11: polcy",
        "did you mean `policy`?",
        "7 faults in the configuration",
    ] {
        assert!(ended.err.contains(line), "{line}\n{}", ended.err);
    }
    ended.fails(4, "");
    let json = check(wrong, &["--json"]).expect(4).json();
    assert_eq!(json["faults"].as_array().map(Vec::len), Some(7));
    check("[http]\n", &[]).fails(4, "at least one [policy.NAME]");
    check("x = ", &[]).fails(4, "FILE:1");
    run(&["policy", "check", "/nowhere/terms.toml"]).fails(4, "cannot be read");
}

#[test]
fn a_limit_without_a_fee_and_a_currency_without_an_amount_are_mistakes() {
    let rule = |keys: &str| format!("[policy.default]\n[[policy.default.rule]]\n{keys}\n");
    for (keys, fault) in [
        ("cap = \"50\"\ncurrency = \"INR\"", "rule[1].cap"),
        ("floor = \"50\"\ncurrency = \"INR\"", "rule[1].floor"),
        ("percent = \"10\"\ncurrency = \"INR\"", "rule[1].currency"),
        ("currency = \"INR\"", "rule[1].currency"),
    ] {
        let ended = check(&rule(keys), &[]);
        assert!(ended.err.contains("1 fault"), "{keys}\n{}", ended.err);
        ended.fails(4, fault);
    }
    let both = "percent = \"10\"\nfloor = \"5\"\ncap = \"50\"\ncurrency = \"INR\"";
    for good in [
        both,
        "percent = \"0\"",
        "amount = \"5\"\ncurrency = \"INR\"",
        "text = \"Free\"",
    ] {
        check(&rule(good), &[]).expect(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_why_an_order_has_no_terms() {
    let app = TestApp::start().await;
    let order = json!({"booking": {"price": {"value": "146.00", "currency": "INR"}}});
    let answer = app.admin("PUT", "/orders/B-1", Some(&order)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let told = by_hand(&app, &["policy", "preview", "--order", "B-1"])
        .expect(0)
        .out;
    let why = "terms   none were agreed: the order brought none, and no policy was there";
    assert!(told.lines().any(|line| line == why), "{told}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_a_table_of_steps() {
    let app = TestApp::start_with(POLICIES).await;
    let order = json!({"booking": {"starts_at": "2036-03-02T10:00:00Z",
        "price": {"value": "146.00", "currency": "INR"}}});
    let answer = app.admin("PUT", "/orders/B-1", Some(&order)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let preview = [
        "policy",
        "preview",
        "--order",
        "B-1",
        "--at",
        "2036-03-01T00:00:00+05:30",
    ];
    let told = by_hand(&app, &preview).expect(0).out;
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines[0], "order   B-1 on none, Confirmed");
    assert_eq!(lines[1], "price   146.00 INR, paid -");
    assert!(lines[2].starts_with("terms   default, version "), "{told}");
    assert_eq!(
        lines[3],
        "by      customer, through admin, from 2036-02-29T18:30:00.000Z"
    );
    assert_eq!(
        lines[5..],
        [
            "STATE      UNTIL  FEE        REFUND    DUE        REASON  TERMS",
            "Confirmed  -      73.00 INR  0.00 INR  73.00 INR  -       Half of the fare",
        ]
    );
    let own = json!({"booking": {"policy": {"rule": [{"percent": "10", "text": "A tenth"}]},
        "price": {"value": "146.00", "currency": "INR"}}});
    let answer = app.admin("PUT", "/orders/B-2", Some(&own)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let of_order = by_hand(&app, &["policy", "preview", "--order", "B-2"]);
    let of_order = of_order.expect(0).out;
    let terms = "\nterms   booking.policy, version ";
    assert!(of_order.contains(terms), "{of_order}");
    assert!(of_order.contains("14.60 INR"), "{of_order}");
    let by_provider = [&preview[..], &["--by", "provider", "--json"]].concat();
    let json = by_hand(&app, &by_provider).expect(0).json();
    assert_eq!(json["steps"][0]["fee"]["value"], "0.00");
    by_hand(&app, &["policy", "preview", "--order", "nope"]).fails(1, "404");
    by_hand(
        &app,
        &["policy", "preview", "--order", "B-1", "--at", "soon"],
    )
    .fails(2, "such as 2026-03-02 or 2026-03-02T06:00:00Z");
    let date = ["policy", "preview", "--order", "B-1", "--at", "2036-03-01"];
    let told = by_hand(&app, &date).expect(0).out;
    assert!(told.contains("from 2036-03-01T00:00:00.000Z"), "{told}");
    by_hand(&app, &["order", "cancel", "B-1", "--by", "customer"]).expect(0);
    let over = by_hand(&app, &preview).expect(0).out;
    assert!(over.contains("it was cancelled at"), "{over}");
    app.stop().await;
}
