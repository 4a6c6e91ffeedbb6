//! `POST /orders/{id}/erase`: what goes, what stays, and that it stays gone.

use beckn_bpp::mock::bap::Answer as BapAnswer;
use beckn_bpp::mock::orders::{TRIP_1, TRIP_2};
use serde_json::{Value, json};

use super::{callbacks, check_problem, document, events, patch, put};
use crate::app::{Answer, TestApp};

async fn erase(app: &TestApp, id: &str) -> Answer {
    app.admin("POST", &format!("/orders/{id}/erase"), Some(&json!({})))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_order_has_no_document_and_no_messages_and_keeps_its_amounts() {
    let app = TestApp::start().await;
    let message = app.cancelled(TRIP_1).await;
    let before = app.get("/orders/trip_1").await.body;
    assert_eq!(before["erased_at"], Value::Null);

    let erased = erase(&app, "trip_1").await;
    assert_eq!(
        (erased.status, &erased.body["requests"]),
        (200, &json!(1)),
        "{}",
        erased.text
    );
    let after = app.get("/orders/trip_1").await.body;
    assert_eq!(after["document"], Value::Null);
    assert_eq!(after["erased_at"], erased.body["erased_at"]);
    for kept in [
        "id",
        "state",
        "price",
        "paid",
        "policy",
        "placed_by",
        "booked_at",
    ] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert_eq!(
        after["cancellation"]["charge"],
        before["cancellation"]["charge"]
    );
    let shown = app.get("/callbacks/1").await.body;
    assert_eq!(
        (&shown["erased"], &shown["body"]),
        (&json!(true), &Value::Null)
    );
    let timeline = app
        .get(&format!("/transactions/{}", message.transaction))
        .await
        .text;
    assert!(timeline.contains("request acknowledged") && timeline.contains("delivered"));

    let again = erase(&app, "trip_1").await;
    assert_eq!(
        (again.status, &again.body["requests"]),
        (200, &json!(0)),
        "{}",
        again.text
    );
    assert_eq!(again.body["erased_at"], erased.body["erased_at"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_still_gets_its_answer_and_a_new_one_finds_no_order() {
    let mut app = TestApp::start().await;
    let message = app.cancelled(TRIP_1).await;
    erase(&app, "trip_1").await;
    app.restart().await;
    let owed = callbacks(&app).await;
    let replay = app.send(&message).await;
    assert_eq!(
        replay.json()["message"]["ack"]["status"],
        "ACK",
        "{replay:?}"
    );
    let mut other = message.to_json();
    other["message"]["descriptor"] = json!({"short_desc": "other bytes"});
    let reused = app.send_text(&other.to_string()).await;
    assert!(
        reused.json().to_string().contains("request_reused"),
        "{reused:?}"
    );
    let new = app.send(&app.cancel_of(TRIP_1)).await;
    assert!(
        new.json().to_string().contains("order_not_found"),
        "{new:?}"
    );
    assert_eq!(callbacks(&app).await, owed, "nothing more is owed");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handing_it_over_again_does_not_bring_it_back() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    let cancel = json!({"by": "customer", "note": "Asha changed her mind"});
    app.admin("POST", "/orders/trip_1/cancel", Some(&cancel))
        .await;
    app.settled().await;
    assert!(events(&app).await[0].to_string().contains("Asha"));
    erase(&app, "trip_1").await;
    let erased = app.get("/orders/trip_1").await.body;
    assert!(!events(&app).await[0].to_string().contains("Asha"));
    assert_eq!(events(&app).await.len(), 1);

    let again = put(&app, "trip_1", &document(&app, TRIP_1)).await;
    assert_eq!(
        (again.status, &again.body["result"]),
        (200, &json!("unchanged"))
    );
    let mut newer = document(&app, TRIP_1);
    newer["context"]["timestamp"] = json!("2026-03-03T00:00:00Z");
    newer["booking"] = json!({"external_id": "x", "patient": {"id": "Asha"}});
    let again = put(&app, "trip_1", &newer).await;
    assert_eq!(
        (again.status, &again.body["result"]),
        (200, &json!("unchanged"))
    );
    check_problem(
        &patch(&app, "trip_1", json!({"status": "Completed"})).await,
        409,
    );
    assert_eq!(app.get("/orders/trip_1").await.body, erased);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_over_is_not_erased_and_what_is_erased_is_not_sent_again() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    app.hand_over(TRIP_2).await;
    let open = erase(&app, "trip_2").await;
    check_problem(&open, 409);
    assert!(
        open.text.contains("only an order that is over"),
        "{}",
        open.text
    );
    check_problem(&erase(&app, "nope").await, 404);

    app.admin("POST", "/callbacks/hold", None).await;
    app.send(&app.cancel_of(TRIP_1)).await;
    let owed = erase(&app, "trip_1").await;
    check_problem(&owed, 409);
    assert!(owed.text.contains("still owed"), "{}", owed.text);
    app.bap
        .answer(BapAnswer::Nack(json!({"message": "Asha is not here"})));
    app.admin("POST", "/callbacks/release", None).await;
    app.settled().await;
    assert!(
        app.get("/callbacks/1")
            .await
            .text
            .contains("Asha is not here")
    );
    assert_eq!(erase(&app, "trip_1").await.status, 200);
    assert!(
        !app.get("/callbacks/1")
            .await
            .text
            .contains("Asha is not here")
    );

    let refused = app.admin("POST", "/callbacks/1/redrive", None).await;
    check_problem(&refused, 409);
    assert!(refused.text.contains("was erased"), "{}", refused.text);
    let all = app.admin("POST", "/callbacks/redrive", None).await;
    assert_eq!(all.body["redriven"], json!([]), "{}", all.text);
    app.stop().await;
}
