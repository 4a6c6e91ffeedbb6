//! What cancelling a booking does, and when it does nothing.

use beckn_bpp::mock::orders::{O1, TRIP_1};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Door, SENTENCE, booking, is_time, told};

fn ill() -> Value {
    json!({"reason": "Guest is ill", "cancelled_by": "customer"})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_pair_half_of_the_price_for_a_late_cancel() {
    let door = Door::open().await;
    let start = TimeDelta::hours(10);
    door.hand_over(&booking("bkg_7f1a9c3b8d4e4f21", start))
        .await;
    let answer = door.cancel("bkg_7f1a9c3b8d4e4f21", &ill()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let data = &answer.body["data"];
    assert_eq!(data["id"], "bkg_7f1a9c3b8d4e4f21");
    assert_eq!(data["status"], "cancelled");
    let cancellation = &data["cancellation"];
    let fee = json!({"amount": 60.0, "currency": "EUR"});
    assert_eq!(cancellation["fee"], fee);
    assert!(answer.text.contains(r#""amount":60.00"#), "{}", answer.text);
    assert_eq!(cancellation["policy"], SENTENCE);
    let cancelled_at = is_time(&cancellation["cancelled_at"]);
    let ago = Utc::now() - cancelled_at;
    assert!(ago >= TimeDelta::zero() && ago < TimeDelta::seconds(30));
    assert_eq!(is_time(&data["start_at"]), {
        let order = door.app.get("/orders/bkg_7f1a9c3b8d4e4f21").await.body;
        is_time(&order["booking"]["starts_at"])
    });
    let shown = door.show("bkg_7f1a9c3b8d4e4f21").await;
    assert_eq!((shown.status, &shown.body), (200, &answer.body));
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reason_caller_and_key_are_kept_and_the_provider_hears_of_it() {
    let door = Door::open().await;
    door.hand_over(&booking("bkg_1", TimeDelta::hours(48)))
        .await;
    let answer = door
        .cancel("bkg_1", &json!({"reason": "  Guest is ill  "}))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["data"]["cancellation"]["fee"]["amount"], 0.0);
    let order = door.app.get("/orders/bkg_1").await.body;
    let cancellation = &order["cancellation"];
    assert_eq!(order["state"], "Cancelled");
    assert_eq!(cancellation["by"], "partner");
    assert_eq!(cancellation["reason"], json!({"text": "Guest is ill"}));
    let token = cancellation["token"].as_str().expect("a name");
    let id = door
        .key
        .strip_prefix("sk_live_")
        .and_then(|rest| rest.split_once('_'));
    assert_eq!(token, format!("api-key:{}", id.expect("a key").0));
    let events = door.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["type"], "order.cancelled");
    assert_eq!(events[0]["external_id"], "ours-bkg_1");
    assert_eq!(
        (&events[0]["by"], &events[0]["token"]),
        (&json!("partner"), &json!(token))
    );
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partner_and_customer_have_terms_of_their_own() {
    let policy = r#"
[policy.own]
[[policy.own.rule]]
by = ["customer"]
amount = "10"
currency = "EUR"
[[policy.own.rule]]
by = ["partner"]
amount = "20"
currency = "EUR"
"#;
    let door = Door::open_with("", policy).await;
    for (id, by, fee) in [("bkg_1", "customer", 10.0), ("bkg_2", "partner", 20.0)] {
        let mut document = booking(id, TimeDelta::hours(1));
        document["booking"]["policy"] = json!("own");
        door.hand_over(&document).await;
        let answer = door
            .cancel(id, &json!({"reason": "x", "cancelled_by": by}))
            .await;
        let amount = &answer.body["data"]["cancellation"]["fee"]["amount"];
        assert_eq!(amount, fee, "{}", answer.text);
    }
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_confirmed_yet_is_free_and_what_is_over_is_refused() {
    let door = Door::open().await;
    let states = [
        ("Pending", "pending", Ok(0.0)),
        ("AwaitingProvider", "awaiting_therapist", Ok(0.0)),
        ("Confirmed", "confirmed", Ok(60.0)),
        ("InProgress", "in_progress", Err("BOOKING_NOT_CANCELLABLE")),
        ("Completed", "completed", Err("BOOKING_ALREADY_CANCELLED")),
        ("NoShow", "no_show", Err("BOOKING_ALREADY_CANCELLED")),
        ("Failed", "failed", Err("BOOKING_NOT_CANCELLABLE")),
    ];
    for (state, word, expected) in states {
        let id = format!("bkg_{state}");
        let mut document = booking(&id, TimeDelta::hours(1));
        document["booking"]["status"] = json!(state);
        door.hand_over(&document).await;
        assert_eq!(door.show(&id).await.body["data"]["status"], word);
        match expected {
            Ok(fee) => {
                let answer = door.cancel(&id, &ill()).await;
                assert_eq!(answer.status, 200, "{}", answer.text);
                let amount = &answer.body["data"]["cancellation"]["fee"]["amount"];
                assert_eq!(amount, fee, "{state}");
            }
            Err(code) => {
                let answer = door.fails(&id, &ill(), 422, code).await;
                assert_eq!(answer.body["error"]["details"], json!({"status": word}));
            }
        }
    }
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_failure_a_second_cancel_is_refused() {
    let door = Door::open().await;
    door.hand_over(&booking("bkg_1", TimeDelta::hours(1))).await;
    assert_eq!(door.cancel("bkg_1", &ill()).await.status, 200);
    let answer = door
        .fails("bkg_1", &ill(), 422, "BOOKING_ALREADY_CANCELLED")
        .await;
    let published = json!({"error": {
        "code": "BOOKING_ALREADY_CANCELLED",
        "message": "This booking is already cancelled, completed or a no-show.",
        "details": {"status": "cancelled"}
    }});
    assert_eq!(answer.body, published);
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_forbid_are_told_in_their_own_sentence() {
    let policy = r#"
[policy.never]
[[policy.never.rule]]
allowed = false
text = "A voucher cannot be cancelled"
"#;
    let door = Door::open_with("", policy).await;
    let mut document = booking("bkg_1", TimeDelta::hours(1));
    document["booking"]["policy"] = json!("never");
    door.hand_over(&document).await;
    let answer = door
        .fails("bkg_1", &ill(), 422, "BOOKING_NOT_CANCELLABLE")
        .await;
    assert_eq!(told(&answer), "A voucher cannot be cancelled");
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_cancels_and_the_others_are_told_so() {
    let door = Door::open().await;
    door.hand_over(&booking("bkg_1", TimeDelta::hours(1))).await;
    let body = ill();
    let many = (0..16).map(|_| door.cancel("bkg_1", &body));
    let answers = futures_util::future::join_all(many).await;
    let cancelled = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 422).count();
    assert_eq!((cancelled, refused), (1, 15));
    assert_eq!(door.events().await.len(), 1);
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_body_get_the_first_answer_and_others_are_refused() {
    let mut door = Door::open().await;
    for id in ["bkg_1", "bkg_2"] {
        door.hand_over(&booking(id, TimeDelta::hours(1))).await;
    }
    let again = door.headers().with("Idempotency-Key", "3f0c:1");
    let first = door.cancel_as("bkg_1", &again, &ill()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let second = door.cancel_as("bkg_1", &again, &ill()).await;
    assert_eq!((second.status, &second.text), (200, &first.text));
    let by_reference = door.cancel_as("ext:staycation.bkg_1", &again, &ill()).await;
    assert_eq!(
        (by_reference.status, &by_reference.text),
        (200, &first.text)
    );
    let reused = (409, "IDEMPOTENCY_KEY_REUSED");
    let other_body = json!({"reason": "Another"}).to_string();
    door.fails_as("bkg_1", &again, &other_body, reused).await;
    door.fails_as("bkg_2", &again, &ill().to_string(), reused)
        .await;
    let other_key = door.headers().with("Idempotency-Key", "3f0c:2");
    let over = (422, "BOOKING_ALREADY_CANCELLED");
    door.fails_as("bkg_1", &other_key, &ill().to_string(), over)
        .await;
    door.app.restart().await;
    let later = door.cancel_as("bkg_1", &again, &ill()).await;
    assert_eq!(
        (later.status, &later.text),
        (200, &first.text),
        "after a restart"
    );
    assert_eq!(door.events().await.len(), 1);
    for wrong in ["", " ", "a b", "\u{e4}"] {
        let headers = door.headers().with("Idempotency-Key", wrong);
        let refused = (400, "VALIDATION_ERROR");
        door.fails_as("bkg_2", &headers, &ill().to_string(), refused)
            .await;
    }
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_another_client_are_another_clients() {
    let door = Door::open().await;
    door.hand_over(&booking("bkg_1", TimeDelta::hours(1))).await;
    let other = door
        .let_in(&beckn_bpp::http::bookings::keys::Scope::ALL, &[], |_| {})
        .await;
    let ours = door.headers().with("Idempotency-Key", "same");
    let theirs = ours
        .clone()
        .with("Authorization", &format!("Bearer {other}"));
    assert_eq!(door.cancel_as("bkg_1", &ours, &ill()).await.status, 200);
    assert_eq!(door.cancel_as("bkg_1", &theirs, &ill()).await.status, 422);
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bap_that_placed_the_booking_hears_of_it_unasked() {
    let door = Door::open().await;
    door.app.hand_over(O1).await;
    let answer = door.cancel(O1.id, &ill()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    door.app.settled().await;
    let received = door.app.bap.all().pop().expect("an on_cancel");
    assert_eq!(received.verdict, Ok(()));
    let body = received.json();
    assert_eq!(body["context"]["action"], "on_cancel");
    let session = O1.transaction().expect("a sample");
    assert_eq!(body["context"]["transaction_id"], session);
    assert_eq!(body["message"]["order"]["status"], "CANCELLED");
    let timeline = door.app.get(&format!("/transactions/{session}")).await.body;
    assert!(timeline.to_string().contains("on_cancel"), "{timeline}");
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_the_admin_and_this_door_leave_the_same_state_fee_and_refund() {
    let door = Door::open().await;
    let mut left = Vec::new();
    for way in ["network", "admin", "door"] {
        let id = format!("ride-{way}");
        let placed = TRIP_1.placed_by(
            ("bap.example.org", door.app.bap.url.as_str()),
            (crate::app::BPP, "http://bpp.example.org"),
        );
        let mut document: Value = serde_json::from_str(&placed.expect("a sample")).expect("JSON");
        document["message"]["order"]["id"] = json!(id);
        document["message"]["order"]["payment"]["status"] = json!("PAID");
        document["booking"] = json!({"policy": "spa"});
        let path = format!("/orders/{id}");
        assert_eq!(
            door.app.admin("PUT", &path, Some(&document)).await.status,
            201
        );
        match way {
            "network" => {
                let mut message = door.app.cancel_of(TRIP_1);
                message.order = id.clone();
                let reply = door.app.send(&message).await;
                assert_eq!(reply.json()["message"]["ack"]["status"], "ACK");
            }
            "admin" => {
                let body = json!({"by": "customer", "reason": "001"});
                let cancel = format!("{path}/cancel");
                assert_eq!(
                    door.app.admin("POST", &cancel, Some(&body)).await.status,
                    200
                );
            }
            _ => assert_eq!(door.cancel(&id, &ill()).await.status, 200),
        }
        let order = door.app.get(&path).await.body;
        let cancellation = &order["cancellation"];
        left.push(json!([
            order["state"],
            cancellation["by"],
            cancellation["charge"]
        ]));
    }
    assert_ne!(left[0][2], Value::Null);
    assert_eq!(left[0], left[1]);
    assert_eq!(left[0], left[2]);
    door.app.stop().await;
}
