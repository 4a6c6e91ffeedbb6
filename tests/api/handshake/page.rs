//! The page for site verification.

use super::{Scene, text};
use crate::app::{Answer, TestApp, answer, signer};

const PAGE: &str = "/ondc-site-verification.html";

async fn page(app: &TestApp, host: Option<&str>) -> Answer {
    let mut request = app.http.get(app.url(PAGE));
    if let Some(host) = host {
        request = request.header("host", host);
    }
    answer(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_published_signature_at_the_root_of_the_host() {
    let id = text("/site_verification/request_id");
    let mut scene = Scene::set(&format!("site_verification_request_id = {id:?}\n")).await;
    let key = scene.app.directory.path().join("bpp.signing");
    for form in ["signing_seed_b64", "signing_private_key_64_b64"] {
        std::fs::write(&key, text(&format!("/site_verification/{form}"))).expect("written");
        let at = "subscriber_url = \"http://bpp.example.org\"";
        let below = at.replace("org", "org/rides");
        scene.app.reconfigure(|text| text.replace(at, &below)).await;
        for host in [None, Some("bpp.example.org"), Some("BPP.example.org:443")] {
            let shown = page(&scene.app, host).await;
            assert_eq!(shown.status, 200);
            assert_eq!(shown.headers["content-type"], "text/html; charset=utf-8");
            let signature = text("/site_verification/signed_unique_req_id");
            let tag = format!("<meta name='ondc-site-verification' content='{signature}'/>");
            assert!(shown.text.contains(&tag), "{}", shown.text);
            assert_eq!(shown.text.matches("<meta").count(), 1);
        }
    }
    let posted = answer(scene.app.http.post(scene.app.url(PAGE))).await;
    assert_eq!(posted.status, 404);
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_networks_the_page_shows_the_one_whose_host_was_asked() {
    let other = |app: &TestApp| {
        let registry = app.registry.url.as_str();
        format!(
            "site_verification_request_id = \"one\"\n[network.health]\nkind = \"beckn\"\n\
             domains = [\"health\"]\nsubscriber_id = \"health.example.org\"\n\
             subscriber_url = \"http://health.example.org/uhi\"\nkey_id = \"k1\"\n\
             signing_key_file = \"bpp.signing\"\nregistry_url = {registry:?}\n\
             site_verification_request_id = \"two\"\n"
        )
    };
    let mut app = TestApp::start().await;
    assert_eq!(page(&app, None).await.status, 404, "nothing is configured");
    let more = other(&app);
    app.reconfigure(|text| text + &more).await;
    let key = signer("", include_str!("../../../keys/bpp.signing")).key;
    let tag = |id: &str| {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::STANDARD;
        format!("content='{}'", engine.encode(key.sign(id.as_bytes())))
    };
    for (host, shown, hidden) in [
        ("bpp.example.org", "one", "two"),
        ("health.example.org", "two", "one"),
    ] {
        let text = page(&app, Some(host)).await.text;
        assert!(
            text.contains(&tag(shown)) && !text.contains(&tag(hidden)),
            "{text}"
        );
    }
    let both = page(&app, Some("inner-name:8080")).await.text;
    assert!(
        both.contains(&tag("one")) && both.contains(&tag("two")),
        "{both}"
    );
    app.stop().await;
}
