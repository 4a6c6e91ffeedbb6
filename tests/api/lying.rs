//! A registry that lies: the real server believes none of it, and the truth again at once.
//!
//! Somebody without a place on the network signs as a BAP that has one, and the registry helps
//! it in every way that a broken or hostile one could. Between any two lies the same registry
//! tells the truth, which lets its signer pass: so each lie is refused for itself.

mod liar;
mod lies;

use std::time::{Duration, Instant};

use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::cancel_message::CancelMessage;
use beckn_bpp::mock::orders::O1;
use beckn_bpp::protocol::registry::Form;
use serde_json::{Value, json};

use self::liar::{Liar, Manner};
use self::lies::{Lie, honest, of_members, of_rows, of_wire, said};
use crate::app::{Answer, TestApp, signer};
use crate::checks::knock::Knock;

/// No lie may hold a request for longer: the time of two questions, which is four seconds, and room
/// for a machine that is busy with other tests.
const LONGEST: Duration = Duration::from_secs(12);

/// Nothing is remembered from one question to the next.
const FORGETFUL: &str = "registry_cache_ttl = \"0s\"\nregistry_negative_ttl = \"0s\"\n\
                         registry_timeout = \"400ms\"\nregistry_lookups_per_second = 100000\n";

struct Scene {
    app: TestApp,
    liar: Liar,
    truth: Value,
    impostor: Signer,
    /// A cancel that everything is right with but the callback's address, which is looked at
    /// only once the signer is proven: so it shows that, and changes nothing.
    message: String,
}

impl Scene {
    async fn set(form: Form, word: &str) -> Self {
        let liar = Liar::start();
        let more = format!("registry_form = {word:?}\n{FORGETFUL}");
        let mut app = TestApp::start_with(&more).await;
        app.hand_over(O1).await;
        let (url, registry) = (liar.url.as_str(), app.registry.url.to_string());
        app.reconfigure(|text| text.replace(&registry, url)).await;
        let impostor = signer(
            "bap.example.org",
            include_str!("../../keys/gateway.signing"),
        );
        let message = CancelMessage {
            bap_uri: "https://elsewhere.example.org/".to_owned(),
            ..app.cancel_of(O1)
        };
        let truth = honest(form, &impostor.key.verifying_key());
        Self {
            app,
            liar,
            truth,
            impostor,
            message: message.to_json().to_string(),
        }
    }

    async fn ask(&self, manner: Manner) -> Answer {
        self.liar.say(manner);
        let asked = self.liar.asked();
        let begun = Instant::now();
        let knock = Knock::signed(&self.impostor, self.message.clone());
        let answer = knock.send(&self.app).await;
        assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
        assert!(self.liar.asked() > asked, "the registry was asked");
        answer
    }

    /// Whether the lie lets the impostor in. It is refused for good or for now, in a word that
    /// is about the key; the truth after it is believed.
    async fn is_accepted(&self, (name, manner): Lie) -> bool {
        let answer = self.ask(manner).await;
        let refused = matches!(
            (answer.status, word_of(&answer).as_str()),
            (
                401,
                "unknown_key" | "key_not_usable" | "key_ambiguous" | "wrong_role"
            ) | (503, "registry_unavailable")
        );
        if !refused {
            println!("{name}: {} {}", answer.status, answer.text);
        }
        let truth = self.ask(said(&json!([self.truth]))).await;
        let passed = (truth.status, word_of(&truth));
        assert_eq!(passed, (200, "callback_url_mismatch".to_owned()), "{name}");
        !refused
    }
}

fn word_of(answer: &Answer) -> String {
    let message = answer.body["error"]["message"].as_str().unwrap_or_default();
    message.split(':').next().unwrap_or_default().to_owned()
}

async fn all_lies(form: Form, word: &str) {
    let scene = Scene::set(form, word).await;
    let decoy = signer("", include_str!("../../keys/bap.signing")).key;
    let decoy = honest(form, &decoy.verifying_key());
    // Tells the truth to whoever follows a redirect.
    let elsewhere = Liar::start();
    elsewhere.say(said(&json!([scene.truth])));
    let mut lies = of_members(form, &scene.truth);
    lies.extend(of_rows(form, &scene.truth, &decoy));
    lies.extend(of_wire(&scene.truth, &elsewhere.url));
    let before = scene.app.kept().await;
    let (count, mut accepted) = (lies.len(), 0);
    for lie in lies {
        accepted += usize::from(scene.is_accepted(lie).await);
    }
    assert_eq!(scene.app.kept().await, before);
    assert_eq!(elsewhere.asked(), 0, "a redirect was followed");
    println!("registry of the {word} form: {count} lies, {accepted} accepted");
    assert!(count >= 120 && accepted == 0);
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lie_of_a_core_registry_is_believed() {
    all_lies(Form::Core, "core").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lie_of_an_ondc_registry_is_believed() {
    all_lies(Form::Ondc, "ondc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lie_of_a_uhi_registry_is_believed() {
    all_lies(Form::Uhi, "uhi").await;
}
