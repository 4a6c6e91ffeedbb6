//! Who is let in, and in which shape everybody else hears of it.

use beckn_bpp::http::admin::failures::A_MINUTE;
use beckn_bpp::http::bookings::keys::Scope;
use chrono::{TimeDelta, Utc};
use serde_json::json;

use super::{Door, Headers, booking};

#[tokio::test(flavor = "multi_thread")]
async fn the_door_is_shut_without_its_section() {
    let app = crate::app::TestApp::start().await;
    let asked = app.http.get(app.url("/v1/bookings/bkg_1"));
    assert_eq!(crate::app::answer(asked).await.status, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_that_holds_nothing_is_said() {
    let mut door = Door::open().await;
    door.app
        .reconfigure(|text| text.replace("[http]", "[http]\ntrusted_proxies = [\"127.0.0.1\"]"))
        .await;
    door.hand_over(&booking("bkg_1", TimeDelta::hours(1))).await;
    let before = door.app.kept().await;
    let missing = json!({"error": "Missing API key"});
    let invalid = json!({"error": "Invalid or revoked API key"});
    let expired = door
        .let_in(&Scope::ALL, &[], |key| key.expires_at = Some(Utc::now()))
        .await;
    let revoked = door
        .let_in(&Scope::ALL, &[], |key| key.revoked_at = Some(Utc::now()))
        .await;
    // Read with the others, so these are known by now.
    door.let_in(&[Scope::Read], &[], |_| {}).await;
    let own = &door.key;
    let bare = Headers::default();
    let bearer = |key: &str| bare.clone().with("Authorization", &format!("Bearer {key}"));
    let cases = [
        (bare.clone(), &missing),
        (bare.clone().with("Authorization", "Basic eDp5"), &missing),
        (bearer(""), &missing),
        (bearer("sk_live_x"), &invalid),
        (bearer(&own[..own.len() - 1]), &invalid),
        (bearer(&format!("{own}0")), &invalid),
        (bearer(&expired), &invalid),
        (bearer(&revoked), &invalid),
        (bearer("wrong").with("X-Api-Key", own), &invalid),
        (bare.clone().with("X-Api-Key", "wrong"), &invalid),
    ];
    for (number, (headers, expected)) in cases.into_iter().enumerate() {
        // Each from an address of its own, so that none has tried too often.
        let headers = headers.with("X-Forwarded-For", &format!("192.0.2.{number}"));
        for (method, path) in [
            ("GET", "/v1/bookings/bkg_1"),
            ("POST", "/v1/bookings/bkg_1/cancel"),
        ] {
            let answer = door.ask(method, path, &headers, None).await;
            assert_eq!((answer.status, &answer.body), (401, expected), "{number}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    assert_eq!(door.app.kept().await, before);
    let shown = [
        bearer(own),
        bare.clone().with("X-Api-Key", own),
        bearer(own).with("X-Api-Key", "wrong"),
    ];
    for headers in shown {
        assert_eq!(
            door.ask("GET", "/v1/bookings/bkg_1", &headers, None)
                .await
                .status,
            200
        );
    }
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_the_scope_is_told_which_one_it_lacks() {
    let door = Door::open().await;
    door.hand_over(&booking("bkg_1", TimeDelta::hours(1))).await;
    for (has, method, path, lacks) in [
        (
            Scope::Read,
            "POST",
            "/v1/bookings/bkg_1/cancel",
            "bookings:write",
        ),
        (Scope::Write, "GET", "/v1/bookings/bkg_1", "bookings:read"),
    ] {
        let key = door.let_in(&[has], &[], |_| {}).await;
        let headers = door
            .headers()
            .with("Authorization", &format!("Bearer {key}"));
        let answer = door.ask(method, path, &headers, Some("{}")).await;
        let expected = json!({"error": "Insufficient scope", "missing": [lacks]});
        assert_eq!((answer.status, &answer.body), (403, &expected));
    }
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_while_the_server_runs() {
    let door = Door::open().await;
    let key = door.let_in(&Scope::ALL, &[], |_| {}).await;
    let file = door.app.directory.path().join("api-keys.toml");
    let text = std::fs::read_to_string(&file).expect("readable");
    assert!(!text.contains(&key), "no key stands in the file");
    door.change_keys(|all| {
        let last = all.keys.last_mut().expect("a key");
        last.revoked_at = Some(Utc::now());
    })
    .await;
    door.is_let_in(&key, false).await;
    door.is_let_in(&door.key, true).await;
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_keys_has_to_wait_and_a_right_one_is_still_taken() {
    let door = Door::open().await;
    let wrong = Headers::default().with("X-Api-Key", "sk_live_1_2");
    for _ in 0..A_MINUTE {
        door.ask("GET", "/v1/bookings/none", &wrong, None).await;
    }
    let answer = door.ask("GET", "/v1/bookings/none", &wrong, None).await;
    assert_eq!(answer.status, 429, "{}", answer.text);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(door.show("none").await.status, 404);
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_too_often_has_to_wait() {
    let door = Door::open_with("", "[limits]\nper_subscriber_per_second = 5").await;
    let mut limited = None;
    for _ in 0..50 {
        let answer = door.show("none").await;
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
    }
    let answer = limited.expect("a limit");
    assert_eq!(answer.body["error"]["code"], "RATE_LIMITED");
    assert!(answer.headers.contains_key("retry-after"));
    door.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_amounts_are_written_as_configured() {
    let mut door = Door::open().await;
    door.hand_over(&booking("bkg_1", TimeDelta::hours(1))).await;
    let body = json!({"reason": "x"}).to_string();
    let post = async |door: &Door, key: Option<&str>| {
        let path = "/v1/bookings/bkg_1/cancel";
        let mut asked = door.app.http.post(door.app.url(path));
        asked = asked.header("Content-Type", "application/json");
        if let Some(key) = key {
            asked = asked.bearer_auth(key);
        }
        crate::app::answer(asked.body(body.clone())).await
    };
    let settings = "[bookings]\nerrors = \"flat\"\namounts = \"minor\"";
    door.app
        .reconfigure(|text| text.replace("[bookings]", settings))
        .await;
    let answer = post(&door, Some(&door.key)).await;
    assert_eq!(answer.body["data"]["cancellation"]["fee"]["amount"], 6000);
    let answer = post(&door, Some(&door.key)).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body["error"].is_string(), "{}", answer.text);
    door.app
        .reconfigure(|text| text.replace("\"flat\"", "\"structured\""))
        .await;
    let answer = post(&door, None).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.body["error"]["code"], "UNAUTHENTICATED");
    door.app.stop().await;
}
