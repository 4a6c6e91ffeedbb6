//! Where the provider is asked first, a partner's app hears of its answer, and hears it again.

use beckn_bpp::mock::provider;
use serde_json::json;

use super::{Door, check};
use crate::app::listener;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_the_provider_refused_gets_the_same_bytes_again_also_after_a_restart() {
    let provider = provider::start(listener()).expect("a back end");
    let secret = tempfile::tempdir().expect("a directory");
    let file = secret.path().join("provider.secret");
    std::fs::write(&file, provider::SECRET).expect("written");
    let section = format!(
        "[provider]\nsecret_file = \"{}\"\nhook_url = \"{}\"\n",
        file.display(),
        provider.hook_url
    );
    let mut door = Door::open_with(&section).await;
    provider.decide(&json!({"decision": "refuse", "reason": "The doctor is waiting"}));
    let headers = door.headers().with("Idempotency-Key", "one");
    let refused = door.cancel(&headers).await;
    check(&refused, 409, "ORDER_NOT_CANCELLABLE");
    assert_eq!(refused.body["error"], "The doctor is waiting");
    provider.decide(&json!({"decision": "allow"}));
    for _ in 0..2 {
        let again = door.cancel(&headers).await;
        assert_eq!((again.status, &again.text), (409, &refused.text));
        door.health.app.restart().await;
    }
    assert_eq!(provider.questions().len(), 1);
    let other = headers.with("Idempotency-Key", "two");
    assert_eq!(door.cancel(&other).await.status, 200, "asked anew");
    door.health.stop().await;
    provider.stop().await;
}
