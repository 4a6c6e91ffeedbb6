//! `POST /get_cancellation_reasons`, and the list in the place of a cancellation without a reason.

use beckn_bpp::mock::bap::{BapHandle, Reply};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::members::Members;
use crate::rides::{Ride, answering, text};

const TABLE: &str = r#"
[[network.mobility.reason]]
id = "001"
text = "Taking too long"
by = ["customer"]
[[network.mobility.reason]]
id = "002"
text = "Plans \"changed\""
[[network.mobility.reason]]
id = "901"
text = "The driver had an accident"
by = ["provider"]
"#;

/// A term that wants a reason.
const WANTS_ONE: &str = r#"
[policy.default]
[[policy.default.rule]]
reason_required = true
percent = "50"
"#;

const ACK: &[u8] = br#"{"message":{"ack":{"status":"ACK"}}}"#;

/// What a BAP of this version is told, as it must be written.
fn list(version: &str) -> &'static str {
    match version.starts_with("0.9.") {
        true => {
            r#"[{"id":"001","descriptor":{"name":"Taking too long"}},{"id":"002","descriptor":{"name":"Plans \"changed\""}}]"#
        }
        false => {
            r#"[{"id":"001","descriptor":{"code":"001","name":"Taking too long"}},{"id":"002","descriptor":{"code":"002","name":"Plans \"changed\""}}]"#
        }
    }
}

/// A question in this version, whose context is good in every respect.
fn question(app: &TestApp, version: &str) -> Members {
    let ride = Ride::placed_by(&app.bap, version, "R-1");
    let context = ride.cancel().context;
    context.text("action", "get_cancellation_reasons")
}

async fn ask(app: &TestApp, bap: &BapHandle, body: String) -> Reply {
    let url = app.url("/get_cancellation_reasons");
    bap.sign_and_post(&url, body).await.expect("an answer")
}

fn wrapped(context: &Members) -> String {
    format!("{{ \"context\": {}\n}}", context.spaced())
}

fn refused(reply: &Reply, word: &str) {
    let body = reply.json();
    assert_eq!(body["message"]["ack"]["status"], "NACK", "{reply:?}");
    let said = body["error"]["message"].as_str().expect("a text");
    assert!(said.starts_with(word), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn up_to_0_9_2_the_list_is_the_answer_and_nothing_is_owed() {
    let app = TestApp::start_with(TABLE).await;
    for version in ["0.9.1", "0.9.2"] {
        let context = question(&app, version);
        let unnamed = context.clone().text("action", "cancel").spaced();
        for body in [context.spaced(), wrapped(&context), unnamed] {
            let reply = ask(&app, &app.bap, body).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(reply.body, list(version).as_bytes());
        }
    }
    assert_eq!(app.kept().await["callbacks"]["callbacks"], json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_0_9_3_on_the_list_follows_the_ack() {
    let app = TestApp::start_with(TABLE).await;
    for version in ["0.9.3", "0.9.4", "1.0.0", "1.1.0"] {
        let context = question(&app, version);
        let body = wrapped(&context);
        let reply = ask(&app, &app.bap, body.clone()).await;
        assert_eq!((reply.status, &*reply.body), (200, ACK), "{reply:?}");
        let id = context.raw("message_id").trim_matches('"').to_owned();
        let callback = app.callback(&id).await;
        let expected = answering(&context, &callback).text("action", "cancellation_reasons");
        let rest = format!(r#""message":{{"cancellation_reasons":{}}}"#, list(version));
        assert_eq!(
            text(&callback),
            format!(r#"{{"context":{},{rest}}}"#, expected.compact())
        );
        // The same again has the same answer and no second callback; other bytes are refused.
        let again = ask(&app, &app.bap, body).await;
        assert_eq!((again.status, &*again.body), (200, ACK));
        let other = ask(&app, &app.bap, format!("{} ", wrapped(&context))).await;
        refused(&other, "request_reused");
        app.settled().await;
        assert_eq!(
            app.bap
                .received_times(&id, 1, crate::app::WAIT)
                .await
                .map(|all| all.len()),
            Some(1)
        );
    }
    let kept = app.kept().await;
    let callbacks = kept["callbacks"]["callbacks"].as_array().expect("a list");
    assert_eq!(callbacks.len(), 4);
    for callback in callbacks {
        assert_eq!(
            (&callback["kind"], &callback["state"]),
            (&json!("reasons"), &json!("delivered"))
        );
        let url = callback["url"].as_str().expect("a URL");
        assert!(url.ends_with("/beckn/cancellation_reasons"), "{url}");
    }
    assert_eq!(kept["orders"]["orders"], json!([]), "it is about no order");
    assert_eq!(kept["events"]["events"], json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_survives_an_end_of_the_process() {
    let mut app = TestApp::start_with(TABLE).await;
    app.bap.answer(beckn_bpp::mock::bap::Answer::Raw {
        status: 503,
        body: Default::default(),
    });
    let context = question(&app, "0.9.4");
    let reply = ask(&app, &app.bap, wrapped(&context)).await;
    assert_eq!(reply.status, 200);
    app.halt().await;
    app.bap.answer(beckn_bpp::mock::bap::Answer::Ack);
    app.resume().await;
    app.settled().await;
    let last = app.bap.all().pop().expect("a callback");
    assert_eq!(last.verdict, Ok(()));
    assert_eq!(last.json()["context"]["action"], "cancellation_reasons");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_must_be_proven_as_for_a_cancel() {
    let app = TestApp::start_with(TABLE).await;
    let context = question(&app, "0.9.4");
    let url = app.url("/get_cancellation_reasons");
    let unsigned = app.bap.post(&url, wrapped(&context), "none").await;
    assert_eq!(unsigned.expect("an answer").status, 401);
    let foreign = ask(&app, &app.other_bap, wrapped(&context)).await;
    assert_eq!(foreign.status, 401);
    refused(&foreign, "signer_is_not_caller");
    let as_cancel = wrapped(&context.clone().text("action", "cancel"));
    refused(&ask(&app, &app.bap, as_cancel).await, "wrong_action");
    // From 0.9.3 on what is asked is stored, under the action that it names.
    let bare = context.clone().text("action", "cancel");
    refused(&ask(&app, &app.bap, bare.spaced()).await, "wrong_action");
    let elsewhere = context
        .clone()
        .text("bap_uri", "https://elsewhere.example/beckn");
    refused(
        &ask(&app, &app.bap, wrapped(&elsewhere)).await,
        "callback_url_mismatch",
    );
    let old = question(&app, "0.9.1")
        .text("timestamp", "2026-03-02T06:00:00Z")
        .text("ttl", "PT30S");
    refused(&ask(&app, &app.bap, old.spaced()).await, "stale");
    let stale = context
        .clone()
        .text("timestamp", "2026-03-02T06:00:00Z")
        .text("ttl", "PT30S");
    refused(&ask(&app, &app.bap, wrapped(&stale)).await, "stale");
    // A question is no cancel at the other door.
    let reply = app
        .bap
        .sign_and_post(&app.url("/cancel"), wrapped(&context))
        .await;
    refused(&reply.expect("an answer"), "wrong_action");
    let get = app
        .http
        .get(app.url("/get_cancellation_reasons"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(get.status(), 405);
    assert_eq!(app.kept().await["callbacks"]["callbacks"], json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_table_the_list_is_empty() {
    let app = TestApp::start().await;
    let reply = ask(&app, &app.bap, question(&app, "0.9.1").spaced()).await;
    assert_eq!((reply.status, &*reply.body), (200, &b"[]"[..]));
    app.stop().await;
}

fn without_reason(ride: &Ride) -> crate::rides::Request {
    let mut request = ride.cancel();
    request.message = request.message.without("cancellation_reason_id");
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_0_9_without_the_reason_it_needs_is_answered_with_the_list() {
    let app = TestApp::start_with(&format!("{TABLE}{WANTS_ONE}")).await;
    for version in ["0.9.1", "0.9.4"] {
        let ride = Ride::placed_by(&app.bap, version, &format!("R-{version}"));
        ride.hand_over(&app).await;
        let before = app.kept().await;
        let request = without_reason(&ride);
        let callback = request.answered(&app).await;
        let order = ride.order.spaced();
        let rest = format!(
            r#""message":{{"order":{order},"cancellation_reasons":{}}}"#,
            list(version)
        );
        assert_eq!(text(&callback), request.callback_body(&callback, &rest));
        let after = app.kept().await;
        assert_eq!(
            (&after["orders"], &after["events"]),
            (&before["orders"], &before["events"])
        );
        // With one of them it is cancelled.
        let done = ride.cancel().answered(&app).await.json();
        assert_eq!(done["message"]["order"]["state"], "Cancelled");
        assert_eq!(done["message"]["order"]["quote"]["price"]["value"], "73");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_refused_where_the_list_is_switched_off_or_empty_or_the_version_newer() {
    let off = format!("reasons_in_on_cancel = false\n{TABLE}{WANTS_ONE}");
    let on = format!("{TABLE}{WANTS_ONE}");
    for (more, version) in [
        (off.as_str(), "0.9.1"),
        (WANTS_ONE, "0.9.1"),
        (&on, "1.1.0"),
    ] {
        let app = TestApp::start_with(more).await;
        let ride = Ride::placed_by(&app.bap, version, "R-1");
        ride.hand_over(&app).await;
        let before = app.kept().await;
        let reply = app.send_text(&without_reason(&ride).text()).await;
        refused(&reply, "reason_required");
        assert_eq!(app.kept().await, before);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_table_refuses_the_sellers_codes_and_takes_numbers_as_it_says() {
    let mobility = r#"reason_table = "ondc-mobility""#;
    let strict = format!("{mobility}\nunknown_reasons = false");
    let retail = r#"reason_table = "ondc-retail-1.2""#;
    let newer = r#"reason_table = "ondc-retail-2.0""#;
    for (more, taken, not) in [
        (
            mobility,
            vec!["000", "0", "5", "005", "7"],
            vec!["011", "11", "014", "other"],
        ),
        (&strict, vec!["000", "005", "5"], vec!["7", "11", "013"]),
        (
            retail,
            vec!["001", "010"],
            vec!["1", "002", "022", "004", "023", "999"],
        ),
        (newer, vec!["023"], vec!["022", "008"]),
    ] {
        let app = TestApp::start_with(more).await;
        let with = |id: &str, reason: &str| {
            let ride = Ride::placed_by(&app.bap, "1.1.0", id);
            let mut request = ride.cancel();
            request.message = request.message.text("cancellation_reason_id", reason);
            (ride, request)
        };
        for reason in not {
            let (ride, request) = with(&format!("N-{reason}"), reason);
            ride.hand_over(&app).await;
            refused(&app.send_text(&request.text()).await, "invalid_reason");
        }
        for reason in taken {
            let (ride, request) = with(&format!("T-{reason}"), reason);
            ride.hand_over(&app).await;
            let done = request.answered(&app).await.json();
            assert_eq!(
                done["message"]["order"]["cancellation"]["reason"]["id"],
                reason
            );
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_of_ones_own_go_before_those_of_the_table() {
    let more = r#"reason_table = "ondc-mobility"
[[network.mobility.reason]]
id = "005"
text = "I changed my mind"
"#;
    let app = TestApp::start_with(more).await;
    let reply = ask(&app, &app.bap, question(&app, "0.9.1").spaced()).await;
    let list = reply.json();
    let of = |id: &str| -> Vec<Value> {
        let all = list.as_array().expect("a list").iter();
        all.filter(|one| one["id"] == id).cloned().collect()
    };
    assert_eq!(
        of("005"),
        [json!({"id": "005", "descriptor": {"name": "I changed my mind"}})]
    );
    assert_eq!(of("001").len(), 1);
    assert_eq!(of("011").len(), 0, "that is the provider's");
    app.stop().await;
}
