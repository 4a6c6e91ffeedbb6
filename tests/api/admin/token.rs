//! Nothing but health is answered without the token.
//!
//! Every route is tried with every wrong way of showing one; none tells anything or does
//! anything. Named tokens with scopes are not part of this.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use beckn_bpp::mock::orders::TRIP_1;
use serde_json::json;

use super::check_problem;
use crate::app::{Answer, TestApp, WAIT, answer};

const ROUTES: [(&str, &str); 19] = [
    ("GET", "/orders"),
    ("POST", "/orders"),
    ("GET", "/orders/trip_1"),
    ("PUT", "/orders/trip_1"),
    ("PATCH", "/orders/trip_1"),
    ("POST", "/orders/trip_1/cancel"),
    ("GET", "/events?after=0"),
    ("GET", "/callbacks"),
    ("GET", "/callbacks/1"),
    ("POST", "/callbacks/1/redrive"),
    ("POST", "/callbacks/redrive"),
    ("GET", "/callbacks/holds"),
    ("POST", "/callbacks/hold"),
    ("POST", "/callbacks/release"),
    ("GET", "/transactions/1209849124"),
    ("GET", "/networks"),
    ("GET", "/refusals"),
    ("GET", "/metrics"),
    ("GET", "/orders/no-such-order"),
];

async fn ask(app: &TestApp, (method, path): (&str, &str), authorization: Option<&str>) -> Answer {
    let method = method.parse().expect("a method");
    let mut request = app.http.request(method, app.admin_url(path));
    if let Some(value) = authorization {
        request = request.header("Authorization", value);
    }
    answer(request.body(json!({"by": "provider"}).to_string())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_nothing_is_answered_and_nothing_done() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    let before = app.kept().await;
    let wrong = "0".repeat(app.token.len());
    let longer = format!("{}0", app.token);
    let shorter = &app.token[1..];
    for route in ROUTES {
        for authorization in [
            None,
            Some(String::new()),
            Some("Bearer".to_owned()),
            Some("Bearer ".to_owned()),
            Some(app.token.clone()),
            Some(format!("Bearer {wrong}")),
            Some(format!("Bearer {longer}")),
            Some(format!("Bearer {shorter}")),
            Some(format!("Basic {}", app.token)),
            Some(format!("Signature {}", app.token)),
            Some(format!("Bearer Bearer {}", app.token)),
        ] {
            let answer = ask(&app, route, authorization.as_deref()).await;
            check_problem(&answer, 401);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            assert!(!answer.text.contains(&app.token));
        }
    }
    assert_eq!(app.kept().await, before);
    app.stop().await;
}

/// The body is announced and never sent: whoever waits for it answers nothing.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_no_query_is_read_no_body_awaited_and_no_path_told() {
    let app = TestApp::start().await;
    for path in [
        "/events?after=x",
        "/orders?limit=-1",
        "/callbacks?limit=x",
        "/nowhere",
    ] {
        check_problem(&ask(&app, ("GET", path), None).await, 401);
    }
    let admin = app.admin_url("");
    let admin = admin.trim_start_matches("http://").to_owned();
    let answered = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&admin).expect("a connection");
        stream.set_read_timeout(Some(WAIT)).expect("set");
        let head = "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("sent");
        let mut begin = [0; 12];
        stream
            .read_exact(&mut begin)
            .expect("an answer before the body");
        String::from_utf8_lossy(&begin).into_owned()
    });
    assert_eq!(answered.await.expect("an end"), "HTTP/1.1 401");
    let health = app.http.get(app.admin_url("/health/ready"));
    assert_eq!(crate::app::answer(health).await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheme_is_read_in_any_case() {
    let app = TestApp::start().await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let authorization = format!("{scheme} {}", app.token);
        let answer = ask(&app, ("GET", "/orders"), Some(&authorization)).await;
        assert_eq!(answer.status, 200, "{scheme}: {}", answer.text);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_or_a_query_is_no_token() {
    let app = TestApp::start().await;
    let path = format!("/orders?token={0}&access_token={0}", app.token);
    let answer = ask(&app, ("GET", &path), None).await;
    check_problem(&answer, 401);
    let request = app.http.get(app.admin_url("/orders"));
    let request = request.header("Cookie", format!("token={}", app.token));
    check_problem(&crate::app::answer(request).await, 401);
    app.stop().await;
}
