//! Which booking a reference names, and for whom.

use beckn_bpp::http::bookings::keys::Scope;
use beckn_bpp::mock::orders::O1;
use chrono::TimeDelta;
use serde_json::json;

use super::{Door, booking, told};

fn soon() -> TimeDelta {
    TimeDelta::hours(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_a_booking_must_be_readable() {
    let door = Door::open().await;
    door.hand_over(&booking("bkg_1", soon())).await;
    let long = "x".repeat(501);
    for (body, said) in [
        (json!({}), "reason: it is required"),
        (json!({"reason": null}), "reason: it is required"),
        (json!({"reason": "  "}), "reason: it must not be empty"),
        (json!({"reason": 1}), "reason: expected a string"),
        (json!({"reason": long}), "reason: expected at most 500"),
        (
            json!({"reason": "x", "cancelled_by": "provider"}),
            "cancelled_by: expected",
        ),
        (
            json!({"reason": "x", "cancelled_by": 1}),
            "cancelled_by: expected",
        ),
        (json!([]), "the body: expected an object"),
    ] {
        let answer = door.fails("bkg_1", &body, 400, "VALIDATION_ERROR").await;
        assert!(told(&answer).starts_with(said), "{}", answer.text);
    }
    for body in ["", "{", r#"{"reason":"a","reason":"b"}"#, "\u{0}"] {
        let refused = (400, "VALIDATION_ERROR");
        door.fails_as("bkg_1", &door.headers(), body, refused).await;
    }
    let body = json!({"reason": "x"}).to_string();
    let text = door.headers().with("Content-Type", "text/plain");
    let other_type = (415, "UNSUPPORTED_MEDIA_TYPE");
    door.fails_as("bkg_1", &text, &body, other_type).await;
    let long = format!("{body}{}", " ".repeat(300 * 1024));
    door.fails_as("bkg_1", &door.headers(), &long, (413, "BODY_TOO_LARGE"))
        .await;
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_booking_is_not_found() {
    let door = Door::open().await;
    door.hand_over(&booking("bkg_1", soon())).await;
    let body = json!({"reason": "x"});
    let long = "x".repeat(256);
    for id in [
        "none",
        "ext:",
        "ext:none",
        "ext:staycation",
        "%20",
        "%FF",
        &long,
        "BKG_1",
    ] {
        let answer = door.fails(id, &body, 404, "BOOKING_NOT_FOUND").await;
        assert_eq!(told(&answer), "No such booking", "{id}");
        assert_eq!(door.show(id).await.status, 404, "{id}");
    }
    for path in ["/v1/bookings", "/v1/bookings/", "/v1/bookings/bkg_1/other"] {
        let answer = door.ask("GET", path, &door.headers(), None).await;
        assert_eq!(
            (answer.status, &answer.body["error"]["code"]),
            (404, &json!("NOT_FOUND"))
        );
    }
    for (method, path) in [
        ("GET", "/v1/bookings/bkg_1/cancel"),
        ("DELETE", "/v1/bookings/bkg_1"),
    ] {
        let answer = door.ask(method, path, &door.headers(), None).await;
        assert_eq!(answer.status, 405, "{}", answer.text);
        assert!(answer.headers.contains_key("allow"));
    }
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_reference_is_decoded_once_and_goes_before_its_id() {
    let door = Door::open().await;
    let mut odd = booking("bkg_1", soon());
    odd["booking"]["external_reference"] = json!("a/b %41\u{e4}");
    odd["booking"]["external_id"] = json!("shared");
    door.hand_over(&odd).await;
    let mut other = booking("bkg_2", soon());
    other["booking"]["external_reference"] = json!("shared");
    door.hand_over(&other).await;
    let shown = door.show("ext:a%2Fb%20%2541%C3%A4").await;
    assert_eq!(shown.body["data"]["id"], "bkg_1", "{}", shown.text);
    assert_eq!(door.show("ext:a%2Fb%20%41%C3%A4").await.status, 404);
    let shown = door.show("ext:shared").await;
    assert_eq!(
        shown.body["data"]["id"], "bkg_2",
        "the reference, not the id"
    );
    assert_eq!(
        door.show("ext:ours-bkg_2").await.body["data"]["id"],
        "bkg_2"
    );
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_changes_is_found_by_the_new_one_alone() {
    let mut door = Door::open().await;
    door.hand_over(&booking("bkg_1", soon())).await;
    let mut changed = booking("bkg_1", soon());
    changed["booking"]["external_reference"] = json!("moved.1");
    let answer = door.app.admin("PUT", "/orders/bkg_1", Some(&changed)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    door.app.restart().await;
    assert_eq!(door.show("ext:moved.1").await.status, 200);
    assert_eq!(door.show("ext:staycation.bkg_1").await.status, 404);
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bookings_with_one_reference_are_told_apart_by_venue_or_not_at_all() {
    let door = Door::open().await;
    for (id, venue) in [("bkg_1", "venue-1"), ("bkg_2", "venue-2")] {
        let mut document = booking(id, soon());
        document["booking"]["external_reference"] = json!("twice");
        document["booking"]["tenant"] = json!(venue);
        door.hand_over(&document).await;
    }
    let body = json!({"reason": "x"});
    door.fails("ext:twice", &body, 409, "AMBIGUOUS_REFERENCE")
        .await;
    assert_eq!(door.show("ext:twice").await.status, 409);
    let bound = door.let_in(&Scope::ALL, &["venue-2"], |_| {}).await;
    let headers = door
        .headers()
        .with("Authorization", &format!("Bearer {bound}"));
    let answer = door.cancel_as("ext:twice", &headers, &body).await;
    assert_eq!(answer.body["data"]["id"], "bkg_2", "{}", answer.text);
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_bound_to_venues_reaches_no_booking_of_another() {
    let door = Door::open().await;
    door.hand_over(&booking("bkg_1", soon())).await;
    let mut homeless = booking("bkg_2", soon());
    homeless["booking"]["tenant"] = json!(null);
    door.hand_over(&homeless).await;
    door.app.hand_over(O1).await;
    let bound = door
        .let_in(&Scope::ALL, &["venue-7", "venue-8"], |_| {})
        .await;
    let headers = door
        .headers()
        .with("Authorization", &format!("Bearer {bound}"));
    let body = json!({"reason": "x"}).to_string();
    for id in ["bkg_1", "bkg_2", O1.id] {
        door.fails_as(id, &headers, &body, (403, "FORBIDDEN")).await;
        let path = format!("/v1/bookings/{id}");
        assert_eq!(door.ask("GET", &path, &headers, None).await.status, 403);
    }
    let not_found = (404, "BOOKING_NOT_FOUND");
    door.fails_as("ext:staycation.bkg_1", &headers, &body, not_found)
        .await;
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_booking_is_gone_for_everybody() {
    let door = Door::open().await;
    door.hand_over(&booking("bkg_1", soon())).await;
    let said = "a sentence that names a person";
    let headers = door.headers().with("Idempotency-Key", "one");
    let body = json!({"reason": said});
    assert_eq!(door.cancel_as("bkg_1", &headers, &body).await.status, 200);
    let erased = door.app.admin("POST", "/orders/bkg_1/erase", None).await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    assert_eq!(
        erased.body["requests"], 1,
        "the request of the door as well"
    );
    for id in ["bkg_1", "ext:staycation.bkg_1"] {
        assert_eq!(door.show(id).await.status, 404);
        assert_eq!(door.cancel_as(id, &headers, &body).await.status, 404);
    }
    let left = door.app.kept().await.to_string();
    assert!(!left.contains(said));
    door.app.stop().await;
}
