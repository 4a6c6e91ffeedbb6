//! Nothing but health is answered without a token that may.
//!
//! The endpoints are those of the server's own table, so a new one is tried by itself: each with
//! every wrong way of showing a token, and with every scope.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use beckn_bpp::app::config::{hex, sha256};
use beckn_bpp::http::ENDPOINTS;
use beckn_bpp::http::admin::access::Scope;
use beckn_bpp::http::admin::failures::A_MINUTE;
use beckn_bpp::mock::orders::TRIP_1;
use serde_json::json;

use super::check_problem;
use crate::app::{Answer, TestApp, WAIT, answer};

/// The token with this scope alone.
fn token_of(scope: Scope) -> String {
    format!("the-token-with-the-scope-{}", scope.word())
}

/// A section for each scope.
fn one_token_each() -> String {
    let section = |scope: Scope| {
        let word = scope.word();
        let hash = hex(&sha256(&token_of(scope)));
        format!("[admin_token.only-{word}]\nsha256 = {hash:?}\nscopes = [{word:?}]\n")
    };
    Scope::ALL.map(section).concat()
}

/// A server that takes `X-Forwarded-For` for the address, so that each request may have its own.
async fn start_among_many(more: &str) -> TestApp {
    let mut app = TestApp::start_with(more).await;
    app.reconfigure(|text| text.replace("[http]", "[http]\ntrusted_proxies = [\"127.0.0.1\"]"))
        .await;
    app
}

/// A path that fits the pattern.
fn path(pattern: &str) -> String {
    let id = match pattern {
        callbacks if callbacks.starts_with("/callbacks") => "1",
        sessions if sessions.starts_with("/transactions") => "1209849124",
        _ => "trip_1",
    };
    pattern.replace("{id}", id)
}

async fn ask(app: &TestApp, (method, path): (&str, &str), authorization: Option<&str>) -> Answer {
    ask_from(app, (method, path), authorization, "192.0.2.1").await
}

async fn ask_from(
    app: &TestApp,
    (method, path): (&str, &str),
    authorization: Option<&str>,
    address: &str,
) -> Answer {
    let method = method.parse().expect("a method");
    let mut request = app.http.request(method, app.admin_url(path));
    request = request.header("X-Forwarded-For", address);
    if let Some(value) = authorization {
        request = request.header("Authorization", value);
    }
    answer(request.body(json!({"by": "provider"}).to_string())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_nothing_is_answered_and_nothing_done() {
    let app = start_among_many("").await;
    app.hand_over(TRIP_1).await;
    let before = app.kept().await;
    let wrong = "0".repeat(app.token.len());
    let longer = format!("{}0", app.token);
    let shorter = &app.token[1..];
    for (number, (method, pattern, ..)) in ENDPOINTS.iter().enumerate() {
        for (way, authorization) in [
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
        ]
        .into_iter()
        .enumerate()
        {
            let route = (method.as_str(), &*path(pattern));
            let address = format!("10.0.{number}.{way}");
            let answer = ask_from(&app, route, authorization.as_deref(), &address).await;
            check_problem(&answer, 401);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            assert!(!answer.text.contains(&app.token));
        }
    }
    assert_eq!(app.kept().await, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_is_open_to_its_one_scope_and_to_no_other() {
    let app = TestApp::start_with(&one_token_each()).await;
    app.hand_over(TRIP_1).await;
    let before = app.kept().await;
    let mut asked = 0;
    for (method, pattern, needed, _) in ENDPOINTS {
        let route = (method.as_str(), &*path(pattern));
        for scope in Scope::ALL.into_iter().filter(|scope| scope != needed) {
            let authorization = format!("Bearer {}", token_of(scope));
            let answer = ask(&app, route, Some(&authorization)).await;
            check_problem(&answer, 403);
            assert_eq!(answer.body["scope"], needed.word(), "{route:?}");
            let detail = answer.body["detail"].as_str().expect("text");
            assert!(
                detail.contains(&format!("only-{}", scope.word())),
                "{detail}"
            );
            let challenge = answer.headers["www-authenticate"].to_str().expect("text");
            let told = format!("error=\"insufficient_scope\", scope=\"{}\"", needed.word());
            assert!(challenge.contains(&told), "{challenge}");
            asked += 1;
        }
    }
    assert_eq!(asked, ENDPOINTS.len() * 3);
    assert_eq!(app.kept().await, before, "what was forbidden was not done");
    for (method, pattern, needed, _) in ENDPOINTS {
        let route = (method.as_str(), &*path(pattern));
        let authorization = format!("Bearer {}", token_of(*needed));
        let answer = ask(&app, route, Some(&authorization)).await;
        assert!(
            ![401, 403, 429].contains(&answer.status),
            "{route:?}: {}",
            answer.text
        );
        let all = ask(&app, route, Some(&format!("Bearer {}", app.token))).await;
        assert!(
            ![401, 403, 429].contains(&all.status),
            "{route:?}: {}",
            all.text
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_nowhere_is_told_to_every_token_and_to_no_stranger() {
    let app = TestApp::start_with(&one_token_each()).await;
    for scope in Scope::ALL {
        let authorization = format!("Bearer {}", token_of(scope));
        check_problem(
            &ask(&app, ("GET", "/nowhere"), Some(&authorization)).await,
            404,
        );
    }
    check_problem(&ask(&app, ("GET", "/nowhere"), None).await, 401);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_told_so_and_taken_no_more() {
    let hash = hex(&sha256("some token"));
    let config = format!(
        "[admin_token.past]\nsha256 = {hash:?}\nscopes = [\"read\"]\nexpires = 2026-01-01T00:00:00Z\n"
    );
    let app = TestApp::start_with(&config).await;
    let answer = ask(&app, ("GET", "/orders"), Some("Bearer some token")).await;
    check_problem(&answer, 401);
    let detail = answer.body["detail"].as_str().expect("text");
    assert!(
        detail.contains("\"past\" expired at 2026-01-01"),
        "{detail}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_wrong_tokens_in_a_minute_an_address_is_told_to_wait() {
    let app = start_among_many("").await;
    let route = ("GET", "/orders");
    for _ in 0..A_MINUTE {
        check_problem(
            &ask_from(&app, route, Some("Bearer x"), "192.0.2.7").await,
            401,
        );
    }
    for path in ["/orders", "/nowhere"] {
        let refused = ask_from(&app, ("GET", path), Some("Bearer x"), "192.0.2.7").await;
        check_problem(&refused, 429);
        let wait = refused.headers["retry-after"].to_str().expect("text");
        let wait: u64 = wait.parse().expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
    }
    check_problem(
        &ask_from(&app, route, Some("Bearer x"), "192.0.2.8").await,
        401,
    );
    let right = format!("Bearer {}", app.token);
    let taken = ask_from(&app, route, Some(&right), "192.0.2.7").await;
    assert_eq!(
        taken.status, 200,
        "nobody is locked out by another's mistakes"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn token_files_are_read_again_and_what_is_unfit_changes_nothing() {
    let hash_of = |text: &str| hex(&sha256(text));
    let named = "[admin_token.ops]\nsha256_file = \"ops.sha256\"\nscopes = [\"read\"]\n";
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ops.sha256");
    std::fs::write(&file, hash_of("first")).expect("written");
    let named = named.replace("ops.sha256", file.to_str().expect("text"));
    let app = TestApp::start_with(&named).await;
    let status = async |token: &str| {
        let authorization = format!("Bearer {token}");
        ask(&app, ("GET", "/networks"), Some(&authorization))
            .await
            .status
    };
    // Asked with the token that holds, so that no failure is counted meanwhile.
    let ends = async |token: &str| {
        let ending = async {
            while status(token).await == 200 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(WAIT, ending)
            .await
            .expect("it ends in time");
    };
    assert_eq!(status("first").await, 200);
    std::fs::write(&file, hash_of("second")).expect("written");
    ends("first").await;
    assert_eq!(status("second").await, 200);

    // Both files change, one of them to nothing: the other is taken all the same.
    std::fs::write(&file, "").expect("written");
    let main = app.directory.path().join("admin.token");
    std::fs::write(&main, "another main token").expect("written");
    ends(&app.token).await;
    assert_eq!(status("another main token").await, 200);
    assert_eq!(status("second").await, 200);
    app.stop_owing().await;
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
