//! The second table of the contract: what leaves after an ACK, first match.

use beckn_bpp::mock::orders::TRIP_1;
use serde_json::{Value, json};

use super::expected::{REASON, Shown, cancelled_1, cancelled_at, message, order_0_9, quoted_1};
use super::{THIRTY, VERSIONS, check, events, inr, order, placed, standing, unchanged};
use crate::app::TestApp;
use crate::members::Members;
use crate::rides::{Ride, text};

/// The order as a customer cancelled it for this fee.
async fn cancelled(app: &TestApp, ride: &Ride, version: &str, fee: &str) -> Members {
    let at = cancelled_at(&order(app, &ride.id).await);
    match version {
        "0.9.1" => order_0_9(ride, "Cancelled", (fee != "0").then_some(fee)),
        _ => cancelled_1(
            ride,
            fee,
            &Shown {
                by: "CONSUMER",
                reason: REASON,
                at: &at,
            },
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellable_order_leaves_as_a_verified_on_cancel() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    let message = app.cancel_of(TRIP_1);
    let reply = app.send(&message).await;
    let ack = json!({"message": {"ack": {"status": "ACK"}}});
    assert_eq!((reply.status, reply.json()), (200, ack));
    let callback = app.callback(&message.message).await;
    assert_eq!(callback.json()["message"]["order"]["state"], "Cancelled");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellable_order_comes_back_byte_for_byte_but_for_its_cancellation() {
    for (terms, fee) in [("", "0"), (THIRTY, "30")] {
        let app = TestApp::start_with(terms).await;
        for version in VERSIONS {
            let ride = placed(&app, version, &format!("R-{version}")).await;
            let request = ride.cancel();
            let callback = request.answered(&app).await;
            let order = cancelled(&app, &ride, version, fee).await;
            check(&request, &callback, &message(&order));
            let standing = standing(&app, &ride.id).await;
            assert_eq!(standing, (json!(2), json!("Cancelled")));
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_reads_one_event_with_the_cancellation_of_the_order() {
    let app = TestApp::start_with(THIRTY).await;
    for (version, sequence) in VERSIONS.into_iter().zip(1..) {
        let booking = json!({"external_id": format!("X-{version}")});
        let ride = Ride::placed_by(&app.bap, version, &format!("R-{version}")).booking(booking);
        ride.hand_over(&app).await;
        ride.cancel().answered(&app).await;
        let order = order(&app, &ride.id).await;
        let cancellation = &order["cancellation"];
        let expected = json!({
            "sequence": sequence, "type": "order.cancelled", "network": "mobility",
            "order_id": ride.id, "external_id": format!("X-{version}"), "version": 2,
            "by": "customer", "reason": {"id": "001"},
            "fee": inr("30.00"), "refund": inr("0.00"), "due": inr("30.00"),
            "at": cancellation["at"],
        });
        assert_eq!(events(&app).await.last(), Some(&expected));
        let terms = json!({"policy": "default", "version": order["policy"]["version"], "rule": 1,
            "sentence": "Cancelling costs 30.00 INR"});
        let shown = json!({"by": "customer", "reason": {"id": "001"}, "at": expected["at"],
            "charge": {"fee": inr("30.00"), "refund": inr("0.00"), "due": inr("30.00")},
            "terms": terms});
        assert_eq!(cancellation, &shown);
    }
    assert_eq!(events(&app).await.len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_already_cancelled_answers_every_later_request_as_the_first() {
    let app = TestApp::start_with(THIRTY).await;
    for version in VERSIONS {
        let ride = placed(&app, version, &format!("R-{version}")).await;
        ride.cancel().answered(&app).await;
        let expected = message(&cancelled(&app, &ride, version, "30").await);
        let before = unchanged(&app).await;
        let mut other_reason = ride.cancel();
        other_reason.message = other_reason.message.text("cancellation_reason_id", "005");
        let mut other_session = ride.cancel();
        other_session.context = other_session.context.text("transaction_id", "another");
        for later in [
            ride.cancel(),
            other_reason,
            other_session,
            ride.soft_cancel("SOFT_CANCEL"),
        ] {
            let callback = later.answered(&app).await;
            check(&later, &callback, &expected);
        }
        assert_eq!(
            unchanged(&app).await,
            before,
            "no second event, no new version"
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_has_gone_too_far_leaves_as_an_error_without_a_message() {
    let sentences = [
        (
            "InProgress",
            "The order has started and cannot be cancelled",
        ),
        (
            "Completed",
            "The order is completed and cannot be cancelled",
        ),
        (
            "NoShow",
            "The customer did not come; it cannot be cancelled",
        ),
        (
            "Failed",
            "The order cannot be cancelled in its present state",
        ),
    ];
    let app = TestApp::start_with(THIRTY).await;
    for version in VERSIONS {
        for (status, sentence) in sentences {
            let ride = placed(&app, version, &format!("R-{version}-{status}")).await;
            let path = format!("/orders/{}", ride.id);
            let patched = app
                .admin("PATCH", &path, Some(&json!({"status": status})))
                .await;
            assert_eq!(
                (patched.status, &patched.body["state"]),
                (200, &json!(status))
            );
            refused(&app, &ride, version, sentence).await;
            assert_eq!(standing(&app, &ride.id).await, (json!(2), json!(status)));
        }
    }
    assert_eq!(events(&app).await, Vec::<Value>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_terms_forbid_it_leaves_as_an_error_in_their_words() {
    let app = TestApp::start_with(
        r#"
[policy.default]
[[policy.default.rule]]
allowed = false
text = "Not on the day itself"
[policy.curt]
[[policy.curt.rule]]
allowed = false
"#,
    )
    .await;
    for version in VERSIONS {
        let ride = placed(&app, version, &format!("R-{version}")).await;
        refused(&app, &ride, version, "Not on the day itself").await;
        let curt = Ride::placed_by(&app.bap, version, &format!("C-{version}"));
        let curt = curt.booking(json!({"policy": "curt"}));
        curt.hand_over(&app).await;
        let sentence = "The agreed terms do not allow this cancellation";
        refused(&app, &curt, version, sentence).await;
    }
    app.stop().await;
}

/// A cancel, and the question what it would cost, are refused with this and change nothing.
async fn refused(app: &TestApp, ride: &Ride, version: &str, sentence: &str) {
    let kind = match version {
        "0.9.1" => r#""type":"POLICY-ERROR","#,
        _ => "",
    };
    let rest = format!(r#""error":{{{kind}"code":"50001","message":"{sentence}"}}"#);
    let before = unchanged(app).await;
    for request in [
        ride.cancel(),
        ride.cancel(),
        ride.soft_cancel("SOFT_CANCEL"),
    ] {
        let callback = request.answered(app).await;
        check(&request, &callback, &rest);
    }
    assert_eq!(unchanged(app).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soft_cancel_is_priced_and_changes_nothing_however_often() {
    let app = TestApp::start_with(THIRTY).await;
    for version in VERSIONS {
        let ride = placed(&app, version, &format!("R-{version}")).await;
        let before = unchanged(&app).await;
        let expected = message(&match version {
            "0.9.1" => order_0_9(&ride, "SOFT_CANCEL", Some("30")),
            _ => quoted_1(&ride, "SOFT_CANCEL", "30"),
        });
        for code in ["SOFT_CANCEL", "SOFT-CANCEL", "SOFT_CANCEL"] {
            let request = ride.soft_cancel(code);
            let callback = request.answered(&app).await;
            check(&request, &callback, &expected);
        }
        assert_eq!(unchanged(&app).await, before);
        assert_eq!(
            standing(&app, &ride.id).await,
            (json!(1), json!("Confirmed"))
        );
        let request = ride.cancel();
        let callback = request.answered(&app).await;
        let order = cancelled(&app, &ride, version, "30").await;
        check(&request, &callback, &message(&order));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_soft_cancel_says_so() {
    let app = TestApp::start().await;
    for version in VERSIONS {
        let ride = placed(&app, version, &format!("R-{version}")).await;
        let request = ride.soft_cancel("SOFT_CANCEL");
        let callback = request.answered(&app).await;
        let order = match version {
            "0.9.1" => order_0_9(&ride, "SOFT_CANCEL", None),
            _ => quoted_1(&ride, "SOFT_CANCEL", "0"),
        };
        check(&request, &callback, &message(&order));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_descriptor_cancels_and_its_sentence_is_kept() {
    let app = TestApp::start().await;
    let ride = placed(&app, "1.1.0", "R-1").await;
    let mut request = ride.cancel();
    let descriptor = r#"{"code": "CONFIRM_CANCEL", "short_desc": "Driver is \"lost\" \u00e9"}"#;
    request.message = request.message.set("descriptor", descriptor);
    let callback = request.answered(&app).await;
    let at = cancelled_at(&order(&app, "R-1").await);
    let reason = r#"{"id":"001","descriptor":{"code":"001","short_desc":"Driver is \"lost\" é"}}"#;
    let order = cancelled_1(
        &ride,
        "0",
        &Shown {
            by: "CONSUMER",
            reason,
            at: &at,
        },
    );
    check(&request, &callback, &message(&order));
    let said = json!({"id": "001", "text": "Driver is \"lost\" é"});
    assert_eq!(events(&app).await[0]["reason"], said);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_is_acknowledged_and_answered_once() {
    let app = TestApp::start().await;
    for version in VERSIONS {
        let ride = placed(&app, version, &format!("R-{version}")).await;
        let request = ride.cancel();
        let callback = request.answered(&app).await;
        app.settled().await;
        let before = app.kept().await;
        request.send(&app).await;
        request.send(&app).await;
        let after = app.kept().await;
        assert_eq!(after["callbacks"], before["callbacks"]);
        assert_eq!(after["events"], before["events"]);
        let bodies = app.bap.all();
        let of_request = bodies.iter().filter(|one| text(one) == text(&callback));
        assert_eq!(of_request.count(), 1);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_asked_about_in_another_version_comes_back_in_its_own() {
    let app = TestApp::start_with(THIRTY).await;
    for (version, other) in [("0.9.1", "1.1.0"), ("1.1.0", "0.9.1")] {
        let ride = placed(&app, version, &format!("R-{version}")).await;
        let other = Ride::placed_by(&app.bap, other, &ride.id);
        let (soft, request) = (other.soft_cancel("SOFT_CANCEL"), other.cancel());
        let callback = soft.answered(&app).await;
        let quoted = match version {
            "0.9.1" => order_0_9(&ride, "SOFT_CANCEL", Some("30")),
            _ => quoted_1(&ride, "SOFT_CANCEL", "30"),
        };
        check(&soft, &callback, &message(&quoted));
        let callback = request.answered(&app).await;
        let order = cancelled(&app, &ride, version, "30").await;
        check(&request, &callback, &message(&order));
    }
    app.stop().await;
}
