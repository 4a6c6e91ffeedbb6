//! Row 2, first half: the method and the path.
//!
//! Also here: in which dialect a refusal speaks before the message has said its version.
//! Every request carries a right signature, which must not help.

use reqwest::Method;

use super::knock::Knock;
use super::refused::Wanted;
use super::stage::{MANY_LOOKUPS, Stage};
use crate::app::answer;
use beckn_bpp::mock::orders::TRIP_1;
use beckn_bpp::protocol::Dialect;

#[tokio::test(flavor = "multi_thread")]
async fn only_post_is_served() {
    let stage = Stage::set().await;
    let message = stage.cancel(TRIP_1);
    let methods = [
        Method::GET,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    for method in methods {
        let knock = stage.signed(&message).by(method);
        stage
            .refuses(&knock, &Wanted::word("method_not_allowed"))
            .await;
    }
    let head = stage.app.http.head(stage.app.url("/cancel"));
    let head = answer(head).await;
    assert_eq!((head.status, head.text.as_str()), (405, ""));
    assert_eq!(head.headers["allow"], "POST");
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_action_is_refused_by_name() {
    let stage = Stage::set().await;
    let message = stage.cancel(TRIP_1);
    let actions = [
        "search",
        "select",
        "init",
        "confirm",
        "status",
        "track",
        "update",
        "rating",
        "support",
        "on_cancel",
        "CANCEL",
        "cancel.",
        "cancels",
    ];
    for action in actions {
        let knock = stage.signed(&message).to(&format!("/{action}"));
        let answer = stage.refuses(&knock, &Wanted::word("unknown_action")).await;
        let text = answer.body["error"]["message"].as_str().unwrap_or_default();
        assert!(text.contains(&format!("\"{action}\"")), "{text}");
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_nowhere_is_refused_like_all_else() {
    let stage = Stage::set().await;
    let message = stage.cancel(TRIP_1);
    for path in [
        "/",
        "/cancel/",
        "/cancel/now",
        "//cancel",
        "/a/b/c",
        "/cancel%2F",
    ] {
        let knock = stage.signed(&message).to(path);
        stage.refuses(&knock, &Wanted::word("unknown_action")).await;
    }
    let long = format!("/a/{}", "x".repeat(3_000));
    let answer = stage
        .refuses(
            &stage.signed(&message).to(&long),
            &Wanted::word("unknown_action"),
        )
        .await;
    assert!(answer.text.len() < 400, "a long path is not echoed");
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_version_is_known_the_networks_default_shapes_the_answer() {
    let more = format!("default_version = \"0.9.3\"\n{MANY_LOOKUPS}");
    let stage = Stage::set_with(&more).await;
    let old = |word| Wanted::word(word).in_dialect(Dialect::V0_9);
    for (_, sample) in super::stage::DIALECTS {
        let right = stage.signed(&stage.cancel(sample));
        let unsigned = right.clone().without("authorization");
        let no_json = Knock::signed(stage.bap(), "{");
        let mut unknown = stage.cancel(sample);
        unknown["context"]["version"] = "2.0.0".into();
        unknown["context"]["core_version"] = "2.0.0".into();
        for (knock, wanted) in [
            (right.clone().by(Method::PUT), old("method_not_allowed")),
            (right.clone().to("/search"), old("unknown_action")),
            (right.to("/a/b"), old("unknown_action")),
            (
                unsigned.clone().without("content-type"),
                old("unsupported_media_type"),
            ),
            (unsigned, old("header_missing")),
            (no_json, old("invalid_json")),
            (
                stage.signed(&unknown),
                old("unknown_version").at("context.version"),
            ),
        ] {
            stage.refuses(&knock, &wanted).await;
        }
    }
    // Once it is known, the message's own does.
    for (dialect, sample) in super::stage::DIALECTS {
        stage
            .passes(&stage.signed(&stage.probe(sample)), dialect)
            .await;
    }
    stage.ends_well().await;
}
