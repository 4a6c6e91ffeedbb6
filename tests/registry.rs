//! The registry client against a registry that is slow, down, wrong or hostile.
//!
//! Real sockets on loopback; the time that validity and freshness go by is handed in, so nothing
//! here waits for a cache to expire.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::{Scheme, Signer};
use beckn_bpp::domain::ids::{KeyId, SubscriberId};
use beckn_bpp::mock::registry::{Behaviour, RegistryHandle};
use beckn_bpp::mock::{bap, registry as mock};
use beckn_bpp::protocol::registry::{Form, Role, Scope};
use beckn_bpp::registry::{
    Asked, Error, Outage, Pin, Registry, Settings, Subscriber, Unusable, client,
};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use url::Url;

const TTL: i64 = 300;
const NEGATIVE_TTL: i64 = 30;

struct Network {
    mock: RegistryHandle,
    registry: Registry,
}

impl Network {
    fn with(rows: Vec<Value>) -> Self {
        Self::set_up(rows, |_| {})
    }

    fn set_up(rows: Vec<Value>, change: impl FnOnce(&mut Settings)) -> Self {
        let mock = mock::start(listener(), rows).expect("a listener");
        let mut settings = Settings::at(mock.url.clone());
        settings.lookups_per_second = 10_000;
        change(&mut settings);
        let client = new_client(settings.timeout);
        Self {
            mock,
            registry: Registry::new(settings, client),
        }
    }

    async fn ask(&self, now: DateTime<Utc>) -> Result<Arc<Subscriber>, Error> {
        self.registry.subscriber(&bap(), now).await
    }

    async fn refresh(&self, now: DateTime<Utc>) -> Result<Arc<Subscriber>, Error> {
        self.registry.refresh(&bap(), now).await
    }
}

fn new_client(timeout: Duration) -> reqwest::Client {
    // Only the first of the tests in this process installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    client(timeout).expect("a client")
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

fn bap_id() -> SubscriberId {
    SubscriberId::parse("bap.example").expect("valid")
}

fn k1() -> KeyId {
    KeyId::parse("k1").expect("valid")
}

fn asked(id: &str) -> Asked {
    Asked {
        subscriber: SubscriberId::parse(id).expect("valid"),
        key_id: k1(),
        role: Role::Buyer,
    }
}

fn bap() -> Asked {
    asked("bap.example")
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).expect("in range")
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::parse(&STANDARD.encode([seed; 32])).expect("a seed")
}

fn public_key(seed: u8) -> String {
    signing_key(seed).verifying_key().to_base64()
}

fn row() -> Value {
    json!({
        "subscriber_id": "bap.example",
        "key_id": "k1",
        "type": "BAP",
        "domain": "mobility",
        "url": "https://bap.example/beckn",
        "signing_public_key": public_key(1),
        "status": "SUBSCRIBED",
    })
}

fn row_with(changes: &Value) -> Value {
    let mut row = row();
    for (name, value) in changes.as_object().expect("an object") {
        row[name] = value.clone();
    }
    row
}

fn urls(subscriber: &Subscriber) -> Vec<&str> {
    let urls = subscriber.urls.iter();
    urls.map(|address| address.url.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_key_comes_with_roles_urls_and_key() {
    let network = Network::with(vec![row()]);
    let subscriber = network.ask(at(0)).await.expect("registered");
    assert_eq!(subscriber.id, bap_id());
    assert_eq!(subscriber.roles, ["BAP"]);
    assert_eq!(urls(&subscriber), ["https://bap.example/beckn"]);
    assert_eq!(subscriber.verifying_key.to_base64(), public_key(1));
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_every_registry_family_are_understood() {
    let key = public_key(1);
    let rows = [
        json!({"subscriber_id": "bap.example", "key_id": "k1", "url": "https://bap.example/b",
            "signing_public_key": key, "valid_until": "2027-01-01T00:00:00Z", "type": "BAP",
            "status": "SUBSCRIBED"}),
        json!({"subscriber_id": "bap.example", "ukId": "k1", "subscriber_url": "/b",
            "signing_public_key": key, "valid_until": "2027-01-01T00:00:00.000Z",
            "type": "BAP", "status": "subscribed"}),
        json!({"subscriber_id": "bap.example", "unique_key_id": "k1", "pub_key_id": "k1",
            "subscriber_url": "https://bap.example/b", "signing_public_key": key,
            "valid_until": "2027-01-01T05:30:00+05:30", "type": "BAP", "status": "SUBSCRIBED"}),
        json!({"subscriber_id": "https://bap.example/", "ukid": "k1", "cb_url":
            "https://bap.example/b", "signing_public_key": key, "expires":
            "2027-01-01T00:00:00Z", "type": "BAP"}),
        json!({"subscriberId": "bap.example", "keyId": "k1", "subscriberUrl":
            "https://bap.example/b", "signingPublicKey": key, "validUntil":
            "2027-01-01T00:00:00Z", "role": "BAP", "status": "SUBSCRIBED"}),
    ];
    let network = Network::with(vec![]);
    for row in rows {
        for answer in [json!([row]), json!({"message": [row]}), row.clone()] {
            let body = answer.to_string().into();
            network.mock.behave(Behaviour::Body(body));
            network.registry.purge(&bap_id(), Some(&k1())).await;
            let subscriber = network.ask(at(0)).await.expect("registered");
            assert_eq!(urls(&subscriber), ["https://bap.example/b"], "{answer}");
            assert_eq!(subscriber.roles, ["BAP"], "{answer}");
            let until = subscriber.valid_until.expect("given");
            assert_eq!(
                until,
                "2027-01-01T00:00:00Z"
                    .parse::<DateTime<Utc>>()
                    .expect("a time")
            );
        }
    }
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_ask_one_question() {
    let network = Network::with(vec![row()]);
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_millis(200)));
    let answers = join_all((0..100).map(|_| network.ask(at(0)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(network.mock.asked(), 1);
    let answers = join_all((0..100).map(|_| network.ask(at(TTL - 1)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(network.mock.asked(), 1);
    let answers = join_all((0..100).map(|_| network.ask(at(TTL)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(network.mock.asked(), 2);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_does_not_take_the_answer_of_the_others_with_it() {
    let network = Network::with(vec![row()]);
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_secs(60)));
    let asked = async {
        while network.mock.asked() == 0 {
            tokio::task::yield_now().await;
        }
        network.mock.behave(Behaviour::Filtered);
    };
    // Goes away as soon as its question has arrived.
    let impatient = async {
        tokio::select! {
            answer = network.ask(at(0)) => Some(answer),
            () = asked => None,
        }
    };
    let patient = async {
        // Comes second, and takes over the question when the first has gone.
        tokio::task::yield_now().await;
        network.ask(at(0)).await
    };
    let (gone, answered) = tokio::join!(impatient, patient);
    assert!(gone.is_none() && answered.is_ok(), "{answered:?}");
    assert_eq!(network.mock.asked(), 2);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_is_believed_for_a_short_while() {
    let network = Network::with(vec![]);
    for second in [0, 1, NEGATIVE_TTL - 1] {
        let answer = network.ask(at(second)).await;
        assert!(matches!(answer, Err(Error::Unknown)), "{answer:?}");
    }
    assert_eq!(network.mock.asked(), 1);
    network.mock.set_rows(vec![row()]);
    assert!(network.ask(at(NEGATIVE_TTL)).await.is_ok());
    assert_eq!(network.mock.asked(), 2);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn not_found_is_unknown_and_purging_forgets_it() {
    let network = Network::with(vec![row()]);
    network.mock.behave(Behaviour::Status(404));
    assert!(matches!(network.ask(at(0)).await, Err(Error::Unknown)));
    network.mock.behave(Behaviour::Filtered);
    assert!(matches!(network.ask(at(0)).await, Err(Error::Unknown)));
    let spelled_otherwise = SubscriberId::parse("https://bap.example/").expect("valid");
    let purged = network
        .registry
        .purge(&spelled_otherwise, Some(&k1()))
        .await;
    assert_eq!(purged, [bap()]);
    assert!(network.ask(at(0)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strange_spelling_of_an_id_does_not_spoil_the_usual_one() {
    let network = Network::with(vec![row()]);
    let strange = asked("http://bap.example//");
    let answer = network.registry.subscriber(&strange, at(0)).await;
    assert!(matches!(answer, Err(Error::Unknown)), "{answer:?}");
    assert!(network.ask(at(0)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_never_used_past_its_validity() {
    let short = row_with(&json!({"valid_until": at(60).to_rfc3339()}));
    let network = Network::with(vec![short.clone()]);
    assert!(network.ask(at(0)).await.is_ok());
    assert!(network.ask(at(59)).await.is_ok());
    assert_eq!(network.mock.asked(), 1);
    let answer = network.ask(at(61)).await;
    assert!(
        matches!(answer, Err(Error::NotUsable(Unusable::Expired { until, .. })) if until == at(60)),
        "{answer:?}"
    );
    assert_eq!(network.mock.asked(), 2);

    let renewed = row_with(&json!({"valid_until": at(6_000).to_rfc3339()}));
    network.mock.set_rows(vec![renewed, short]);
    assert!(network.ask(at(61 + NEGATIVE_TTL)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_setting_makes_a_record_live_longer_than_ten_minutes() {
    let network = Network::set_up(vec![row()], |settings| {
        settings.cache_ttl = Duration::from_secs(86_400);
    });
    assert!(network.ask(at(0)).await.is_ok());
    assert!(network.ask(at(600)).await.is_ok());
    assert_eq!(network.mock.asked(), 2);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_found_at_once_but_asked_for_only_every_thirty_seconds() {
    let network = Network::with(vec![row()]);
    assert!(network.ask(at(0)).await.is_ok());
    let rotated = |seed| vec![row_with(&json!({"signing_public_key": public_key(seed)}))];

    network.mock.set_rows(rotated(2));
    let answers = join_all((0..100).map(|_| network.refresh(at(1)))).await;
    for answer in answers {
        let key = answer.expect("registered").verifying_key.to_base64();
        assert_eq!(key, public_key(2));
    }
    assert_eq!(network.mock.asked(), 2);

    network.mock.set_rows(rotated(3));
    let kept = network.refresh(at(30)).await.expect("registered");
    assert_eq!(kept.verifying_key.to_base64(), public_key(2));
    assert_eq!(network.mock.asked(), 2);
    let fresh = network.refresh(at(31)).await.expect("registered");
    assert_eq!(fresh.verifying_key.to_base64(), public_key(3));
    assert_eq!(network.mock.asked(), 3);
    let same = network.ask(at(31)).await.expect("registered");
    assert_eq!(same.verifying_key.to_base64(), public_key(3));
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_notices_revocation_but_survives_an_outage() {
    let network = Network::with(vec![row()]);
    assert!(network.ask(at(0)).await.is_ok());
    network.mock.behave(Behaviour::Status(500));
    assert!(network.refresh(at(1)).await.is_ok());
    network.mock.behave(Behaviour::Filtered);
    let revoked = row_with(&json!({"status": "UNSUBSCRIBED"}));
    network.mock.set_rows(vec![revoked]);
    for answer in [network.refresh(at(40)).await, network.ask(at(41)).await] {
        assert!(
            matches!(&answer, Err(Error::NotUsable(Unusable::NotSubscribed { status })) if status == "UNSUBSCRIBED"),
            "{answer:?}"
        );
    }
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_must_not_be_believed_are_not() {
    type Expected = fn(&Error) -> bool;
    let not_usable: Expected = |error| matches!(error, Error::NotUsable(_));
    let unknown: Expected = |error| matches!(error, Error::Unknown);
    let ambiguous: Expected = |error| matches!(error, Error::Ambiguous);
    let changed = |changes: Value| vec![row_with(&changes)];
    let other_key = row_with(&json!({"signing_public_key": public_key(2)}));
    let no_key = row_with(&json!({"signing_public_key": "not a key"}));
    let past = at(-1).to_rfc3339();
    let cases: Vec<(Vec<Value>, Expected)> = vec![
        (vec![], unknown),
        (changed(json!({"subscriber_id": "other.example"})), unknown),
        (changed(json!({"key_id": "k2"})), unknown),
        (changed(json!({"status": "UNSUBSCRIBED"})), not_usable),
        (changed(json!({"status": "INITIATED"})), not_usable),
        (changed(json!({"status": "EXPIRED"})), not_usable),
        (changed(json!({"status": ""})), not_usable),
        (changed(json!({"valid_until": past})), not_usable),
        (changed(json!({"valid_until": "soon"})), not_usable),
        (
            changed(json!({"valid_from": at(1).to_rfc3339()})),
            not_usable,
        ),
        (changed(json!({"valid_from": 7})), not_usable),
        (changed(json!({"signing_public_key": null})), not_usable),
        (changed(json!({"signing_public_key": "AAAA"})), not_usable),
        // The neutral element of the curve: everybody's signature would verify.
        (
            changed(json!({"signing_public_key": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})),
            not_usable,
        ),
        (vec![row(), other_key.clone()], ambiguous),
        (vec![other_key, row()], ambiguous),
        (vec![row(), no_key.clone()], ambiguous),
        (vec![no_key, row()], ambiguous),
    ];
    let network = Network::with(vec![]);
    network.mock.behave(Behaviour::Unfiltered);
    for (rows, expected) in cases {
        network.mock.set_rows(rows.clone());
        network.registry.purge(&bap_id(), Some(&k1())).await;
        let error = network.ask(at(0)).await.expect_err("not to be believed");
        assert!(expected(&error), "{rows:?} gave {error:?}");
    }
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_rows_do_not_hide_the_right_one() {
    let revoked = json!({"status": "UNSUBSCRIBED", "signing_public_key": public_key(2)});
    let network = Network::with(vec![
        row_with(&json!({"subscriber_id": "other.example", "signing_public_key": public_key(3)})),
        row_with(&json!({"key_id": "k2", "signing_public_key": public_key(4)})),
        row_with(&revoked),
        json!({}),
        row(),
    ]);
    network.mock.behave(Behaviour::Unfiltered);
    let subscriber = network.ask(at(0)).await.expect("registered");
    assert_eq!(subscriber.verifying_key.to_base64(), public_key(1));
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_the_same_key_are_one_record_with_all_their_urls() {
    let network = Network::with(vec![
        row_with(&json!({"valid_until": at(100).to_rfc3339()})),
        row_with(&json!({"domain": "retail", "url": "/retail", "type": "bap"})),
        row_with(&json!({"domain": null, "url": "https://any.example"})),
        row(),
    ]);
    let subscriber = network.ask(at(0)).await.expect("registered");
    assert_eq!(subscriber.roles, ["BAP", "bap"]);
    assert_eq!(subscriber.valid_until, Some(at(100)));
    let for_domain =
        |domain| -> Vec<&str> { subscriber.urls_for(domain).map(Url::as_str).collect() };
    assert_eq!(
        for_domain("mobility"),
        ["https://any.example/", "https://bap.example/beckn"]
    );
    assert_eq!(
        for_domain("retail"),
        ["https://any.example/", "https://bap.example/retail"]
    );
    assert_eq!(for_domain("other"), ["https://any.example/"]);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_no_answer_say_nothing_about_the_subscriber() {
    let network = Network::with(vec![row()]);
    let too_long = format!("[{}]", " ".repeat(1024 * 1024));
    for behaviour in [
        Behaviour::Status(500),
        Behaviour::Status(302),
        Behaviour::Status(401),
        Behaviour::Body("<html>".into()),
        Behaviour::Body(r#"{"error": "try later"}"#.into()),
        Behaviour::Body(too_long.into()),
    ] {
        network.mock.behave(behaviour.clone());
        let answer = network.ask(at(0)).await;
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
        network.mock.behave(Behaviour::Filtered);
        assert!(network.ask(at(0)).await.is_ok(), "kept a failure");
        network.registry.purge(&bap_id(), Some(&k1())).await;
    }
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_one_mebibyte_is_read_and_one_byte_more_is_not() {
    let network = Network::with(vec![]);
    let row = row().to_string();
    let padded = |bytes: usize| format!("[{row}{}]", " ".repeat(bytes - row.len() - 2));
    network
        .mock
        .behave(Behaviour::Body(padded(1024 * 1024).into()));
    assert!(network.ask(at(0)).await.is_ok());
    network.registry.purge(&bap_id(), Some(&k1())).await;
    network
        .mock
        .behave(Behaviour::Body(padded(1024 * 1024 + 1).into()));
    let answer = network.ask(at(0)).await;
    assert!(
        matches!(answer, Err(Error::Unavailable(Outage::TooLong { .. }))),
        "{answer:?}"
    );
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_registry_costs_its_timeout_and_no_more() {
    let network = Network::set_up(vec![row()], |settings| {
        settings.timeout = Duration::from_millis(500);
    });
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_secs(60)));
    let begun = Instant::now();
    for answer in join_all((0..100).map(|_| network.ask(at(0)))).await {
        assert!(
            matches!(answer, Err(Error::Unavailable(Outage::Transport(_)))),
            "{answer:?}"
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    network.mock.behave(Behaviour::Filtered);
    assert!(network.ask(at(1)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_is_left_alone_and_used_again_when_it_is_back() {
    let network = Network::with(vec![row()]);
    let other = asked("known.example");
    network.mock.set_rows(vec![
        row(),
        row_with(&json!({"subscriber_id": "known.example"})),
    ]);
    assert!(network.registry.subscriber(&other, at(0)).await.is_ok());

    network.mock.behave(Behaviour::Status(500));
    for _ in 0..50 {
        let answer = network.ask(at(0)).await;
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(network.mock.asked(), 1 + 5);
    let kept = network.registry.subscriber(&other, at(TTL - 1)).await;
    assert!(kept.is_ok(), "what is kept works without the registry");
    assert!(network.registry.is_resting());
    let answer = network.ask(at(1)).await;
    assert!(
        matches!(
            answer,
            Err(Error::Unavailable(Outage::Status(500) | Outage::Resting))
        ),
        "{answer:?}"
    );
    assert_eq!(network.mock.asked(), 1 + 6, "one question a second");
    let answer = network.ask(at(1)).await;
    assert!(
        matches!(answer, Err(Error::Unavailable(Outage::Resting))),
        "{answer:?}"
    );

    network.mock.behave(Behaviour::Filtered);
    assert!(network.ask(at(2)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_the_registry_dislikes_do_not_shut_it_for_others() {
    let network = Network::with(vec![row()]);
    network.mock.behave(Behaviour::Status(400));
    for _ in 0..20 {
        let answer = network.ask(at(0)).await;
        assert!(
            matches!(answer, Err(Error::Unavailable(Outage::Status(400)))),
            "{answer:?}"
        );
    }
    network.mock.behave(Behaviour::Filtered);
    assert!(network.ask(at(0)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_registry_is_unavailable() {
    let network = Network::with(vec![row()]);
    network.mock.stop().await;
    let answer = network.registry.subscriber(&bap(), at(0)).await;
    assert!(
        matches!(answer, Err(Error::Unavailable(Outage::Transport(_)))),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_made_up_ids_cost_twenty_questions_a_second() {
    let network = Network::set_up(vec![], |settings| {
        settings.lookups_per_second = 20;
        // On a busy machine an answer may take long; here it must come.
        settings.timeout = Duration::from_secs(60);
    });
    let ids: Vec<_> = (0..10_000)
        .map(|n| asked(&format!("{n}.example")))
        .collect();
    let begun = Instant::now();
    let asked = ids.iter().map(|id| network.registry.subscriber(id, at(0)));
    let answers = join_all(asked).await;
    let allowed = 20 + begun.elapsed().as_millis() as u64 * 20 / 1_000 + 1;
    assert!(network.mock.asked() >= 20, "the cap is no smaller than set");
    assert!(
        network.mock.asked() <= allowed,
        "{} > {allowed}",
        network.mock.asked()
    );
    let unknown = answers.iter().filter(|a| matches!(a, Err(Error::Unknown)));
    assert_eq!(unknown.count() as u64, network.mock.asked());
    let capped = |a: &&Result<_, _>| {
        matches!(
            a,
            Err(Error::Unavailable(
                Outage::TooManyLookups | Outage::TooManyWaiting
            ))
        )
    };
    let capped = answers.iter().filter(capped).count() as u64;
    assert_eq!(capped + network.mock.asked(), 10_000);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mock_bap_proves_what_it_receives_and_answers_as_told() {
    new_client(Duration::from_secs(5));
    let registry = mock::start(listener(), vec![]).expect("a listener");
    let signer = |id: &str, seed| Signer {
        scheme: Scheme::Beckn,
        subscriber_id: id.to_owned(),
        key_id: "k1".to_owned(),
        key: signing_key(seed),
        lifetime_seconds: 300,
    };
    let start = |signer| bap::start(listener(), signer, &registry.url, "/beckn").expect("started");
    let bap = start(signer("bap.example", 1));
    let sender = start(signer("bpp.example", 2));
    let impostor = start(signer("bpp.example", 3));
    registry.set_rows(vec![mock::row(sender.signer(), "BPP", &sender.url)]);
    let url = Url::parse(&format!("{}/on_cancel", bap.url)).expect("a URL");
    let body = |id: &str| json!({"context": {"message_id": id}}).to_string();

    bap.answer_next([bap::Answer::Nack(json!({"code": "1"})), bap::Answer::Close]);
    let nack = sender
        .sign_and_post(&url, body("m1"))
        .await
        .expect("an answer");
    assert_eq!(nack.json()["message"]["ack"]["status"], "NACK");
    assert_eq!(nack.json()["error"]["code"], "1");
    assert!(sender.sign_and_post(&url, body("m1")).await.is_err());
    let ack = impostor
        .sign_and_post(&url, body("m2"))
        .await
        .expect("an answer");
    assert_eq!(ack.json()["message"]["ack"]["status"], "ACK");

    let soon = Duration::from_secs(5);
    let twice = bap.received_times("m1", 2, soon).await.expect("both");
    assert!(
        twice.iter().all(|received| received.verdict.is_ok()),
        "{twice:?}"
    );
    assert_eq!(twice[0].body, body("m1"));
    let forged = bap.received("m2", soon).await.expect("received");
    assert!(forged.verdict.is_err());
    assert!(bap.received("m3", Duration::ZERO).await.is_none());
    assert_eq!(bap.all().len(), 3);

    let (received, sent) = tokio::join!(
        bap.received("m4", soon),
        sender.sign_and_post(&url, body("m4"))
    );
    assert!(received.is_some() && sent.is_ok());
    for party in [bap, sender, impostor] {
        party.stop().await;
    }
    registry.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mock_registry_lists_nobody_who_does_not_sign() {
    let network = Network::with(vec![]);
    let subscribe = network.mock.url.join("subscribe").expect("a URL");
    let mut subscription = row();
    subscription["nonce"] = json!("n1");
    let client = new_client(Duration::from_secs(5));
    let post = client
        .post(subscribe)
        .header("content-type", "application/json");
    let sent = post.body(subscription.to_string()).send().await;
    assert_eq!(sent.expect("an answer").status().as_u16(), 400);
    assert!(matches!(network.ask(at(0)).await, Err(Error::Unknown)));
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_down_a_record_is_used_for_as_long_as_is_configured_and_says_so() {
    const STALE: i64 = 600;
    let network = Network::set_up(vec![row()], |settings| {
        settings.stale = Duration::from_secs(600);
    });
    let fresh = network.ask(at(0)).await.expect("registered");
    assert!(!fresh.is_stale && fresh.vouched_at == at(0));
    network.mock.behave(Behaviour::Status(500));
    for second in [TTL - 1, TTL, TTL + STALE - 1] {
        let kept = network.ask(at(second)).await.expect("kept");
        assert_eq!((kept.is_stale, kept.vouched_at), (second >= TTL, at(0)));
    }
    let answer = network.ask(at(TTL + STALE)).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    network.mock.behave(Behaviour::Filtered);
    let again = network.ask(at(TTL + STALE + 1)).await.expect("registered");
    assert!(!again.is_stale);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_being_told_nothing_is_used_past_its_time_and_never_past_an_hour() {
    for (configured, used_for) in [(0, 0), (86_400, 3_600)] {
        let network = Network::set_up(vec![row()], |settings| {
            settings.stale = Duration::from_secs(configured);
        });
        assert!(network.ask(at(0)).await.is_ok());
        network.mock.behave(Behaviour::Status(500));
        let within = network.ask(at(TTL + used_for - 1)).await;
        assert!(within.is_ok(), "{within:?}");
        let past = network.ask(at(TTL + used_for)).await;
        assert!(matches!(past, Err(Error::Unavailable(_))), "{past:?}");
        network.mock.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_brings_no_revoked_expired_or_purged_key_back() {
    let network = Network::set_up(vec![row()], |settings| {
        settings.stale = Duration::from_secs(3_600);
    });
    let down_at = |second| {
        network.mock.behave(Behaviour::Status(500));
        network.ask(at(second))
    };
    assert!(network.ask(at(0)).await.is_ok());
    let revoked = row_with(&json!({"status": "UNSUBSCRIBED"}));
    network.mock.set_rows(vec![revoked]);
    assert!(matches!(
        network.ask(at(TTL)).await,
        Err(Error::NotUsable(_))
    ));
    let answer = down_at(TTL + NEGATIVE_TTL).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");

    network.mock.behave(Behaviour::Filtered);
    let short = row_with(&json!({"valid_until": at(1_000).to_rfc3339()}));
    network.mock.set_rows(vec![short]);
    assert!(network.ask(at(900)).await.is_ok());
    assert!(matches!(down_at(1_001).await, Err(Error::Unavailable(_))));

    network.mock.behave(Behaviour::Filtered);
    network.mock.set_rows(vec![row()]);
    assert!(network.ask(at(1_002)).await.is_ok());
    assert!(down_at(1_002 + TTL).await.is_ok());
    network.registry.purge(&bap_id(), None).await;
    let answer = down_at(1_003 + TTL).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_under_way_when_a_key_was_purged_is_not_kept() {
    let network = Network::with(vec![row()]);
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_millis(300)));
    let purge = async {
        while network.mock.asked() == 0 {
            tokio::task::yield_now().await;
        }
        network.registry.purge(&bap_id(), None).await;
        network.mock.behave(Behaviour::Filtered);
    };
    let (under_way, ()) = tokio::join!(network.ask(at(0)), purge);
    assert!(under_way.is_ok());
    network.mock.set_rows(vec![]);
    let answer = network.ask(at(0)).await;
    assert!(matches!(answer, Err(Error::Unknown)), "{answer:?}");
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_registry_that_has_failed_and_it_is_heard_when_it_answers_again() {
    let network = Network::set_up(vec![row()], |settings| {
        settings.timeout = Duration::from_secs(30);
    });
    network.mock.behave(Behaviour::Status(500));
    for _ in 0..5 {
        assert!(network.ask(at(0)).await.is_err());
    }
    // Slower than anybody is kept waiting, but it does answer.
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_millis(500)));
    let begun = Instant::now();
    let answer = network.ask(at(1)).await;
    assert!(
        matches!(answer, Err(Error::Unavailable(Outage::Resting))),
        "{answer:?}"
    );
    assert!(begun.elapsed() < Duration::from_millis(400));
    let recovered = async {
        while network.registry.is_resting() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let recovered = tokio::time::timeout(Duration::from_secs(5), recovered);
    recovered.await.expect("the probe goes on by itself");
    network.mock.behave(Behaviour::Filtered);
    assert!(network.ask(at(1)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_wait_for_a_slow_registry_there_are_never_too_many() {
    let network = Network::set_up(vec![row()], |settings| {
        settings.timeout = Duration::from_secs(1);
    });
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_secs(60)));
    let begun = Instant::now();
    let ask = || async { (network.ask(at(0)).await, begun.elapsed()) };
    let answers = join_all((0..300).map(|_| ask())).await;
    let is_full =
        |answer: &Result<_, _>| matches!(answer, Err(Error::Unavailable(Outage::TooManyWaiting)));
    let full = answers.iter().filter(|(answer, _)| is_full(answer));
    let full: Vec<_> = full.map(|(_, after)| *after).collect();
    assert_eq!(full.len(), 200, "a hundred may wait");
    assert!(full.iter().all(|after| *after < Duration::from_millis(900)));
    network.mock.stop().await;
}

/// The registry as it is asked in another form, with our own row in it, by a network that is
/// for several domains. Questions are signed, so they are asked at the present time.
fn asked_as(form: Form, domains: &[&str]) -> Network {
    let ours = Signer {
        scheme: Scheme::Beckn,
        subscriber_id: "bpp.example".to_owned(),
        key_id: "k9".to_owned(),
        key: signing_key(9),
        lifetime_seconds: 30,
    };
    let mut own = mock::row(&ours, "BPP", &"https://bpp.example".parse().expect("a URL"));
    own["domain"] = json!("mobility");
    Network::set_up(vec![row(), own], |settings| {
        settings.form = form;
        settings.signer = Some(ours.into());
        settings.scope = Scope {
            domains: domains.iter().map(|&domain| domain.to_owned()).collect(),
            country: Some("IND".to_owned()),
            city: Some("std:011".to_owned()),
        };
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_family_of_registries_is_asked_in_its_own_form() {
    for (form, word) in [
        (Form::Core, "BAP"),
        (Form::Ondc, "BAP"),
        (Form::Uhi, "consumer"),
    ] {
        let network = asked_as(form, &["mobility"]);
        for (behaviour, is_listed) in [
            (Behaviour::Filtered, true),
            (Behaviour::Wrapped, true),
            (Behaviour::Single, true),
            (Behaviour::Unfiltered, true),
            (Behaviour::Status(404), false),
        ] {
            network.mock.behave(behaviour.clone());
            network.registry.purge(&bap_id(), None).await;
            match network.ask(Utc::now()).await {
                Ok(found) => {
                    assert_eq!(found.roles, [word], "{form:?} {behaviour:?}");
                    assert_eq!(found.verifying_key.to_base64(), public_key(1));
                    assert_eq!(urls(&found), ["https://bap.example/beckn"]);
                    assert!(is_listed, "{form:?} {behaviour:?}");
                }
                Err(Error::Unknown) => assert!(!is_listed, "{form:?} {behaviour:?}"),
                Err(error) => panic!("{form:?} {behaviour:?}: {error:?}"),
            }
        }
        network.mock.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_does_not_take_our_signature_says_nothing_about_the_subscriber() {
    for (form, seed, wanted) in [
        (Form::Core, 8, Ok(())),
        (Form::Ondc, 9, Ok(())),
        (Form::Ondc, 8, Err(401)),
        (Form::Uhi, 9, Ok(())),
        (Form::Uhi, 8, Err(401)),
    ] {
        let network = asked_as(form, &["mobility"]);
        // Listed with one key, signing with another unless it is the same.
        for row in network.mock.rows.lock().expect("no panic").iter_mut() {
            if row["subscriber_id"] == "bpp.example" {
                row["signing_public_key"] = json!(public_key(seed));
            }
        }
        let answer = network.ask(Utc::now()).await;
        match (&answer, wanted) {
            (Ok(_), Ok(())) => {}
            (Err(Error::Unavailable(Outage::Status(status))), Err(wanted)) => {
                assert_eq!(*status, wanted);
            }
            _ => panic!("{form:?}: {answer:?}"),
        }
        network.mock.set_rows(vec![row()]);
        network.registry.purge(&bap_id(), None).await;
        let unlisted = network.ask(Utc::now()).await;
        assert_eq!(
            unlisted.is_ok(),
            form == Form::Core,
            "{form:?}: {unlisted:?}"
        );
        network.mock.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uhis_registry_is_asked_in_every_domain_and_in_the_callers_role() {
    let network = asked_as(Form::Uhi, &["mobility", "nic2004:85111"]);
    let elsewhere = json!({"domain": "nic2004:85111", "type": "BG",
        "url": "https://bap.example/health"});
    let mut rows = network.mock.rows.lock().expect("no panic").clone();
    rows.push(row_with(&elsewhere));
    network.mock.set_rows(rows);
    let buyer = network.ask(Utc::now()).await.expect("a buyer");
    assert_eq!(urls(&buyer), ["https://bap.example/beckn"]);
    assert_eq!(network.mock.asked(), 2, "one question a domain");
    let gateway = Asked {
        role: Role::Gateway,
        ..bap()
    };
    let gateway = network.registry.subscriber(&gateway, Utc::now()).await;
    let gateway = gateway.expect("a gateway");
    assert_eq!(gateway.roles, ["gateway"]);
    assert_eq!(urls(&gateway), ["https://bap.example/health"]);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_uhis_form_the_key_is_where_that_registry_has_it_and_a_row_must_have_a_status() {
    let network = asked_as(Form::Uhi, &["mobility"]);
    let spki = |seed| signing_key(seed).verifying_key().to_spki_base64();
    let own = network.mock.rows.lock().expect("no panic")[1].clone();
    let zoneless = |seconds| {
        let time = Utc::now() + chrono::TimeDelta::seconds(seconds);
        time.format("%Y-%m-%dT%H:%M:%S").to_string()
    };
    let listed = |changes: &Value| {
        let mut row = json!({"subscriber_id": "bap.example", "pub_key_id": "k1",
            "type": "EUA", "domain": "mobility", "subscriber_url": "https://bap.example/beckn",
            "status": "SUBSCRIBED", "encr_public_key": spki(1)});
        for (name, value) in changes.as_object().expect("an object") {
            row[name] = value.clone();
        }
        row
    };
    for (changes, wanted) in [
        (json!({}), Ok(public_key(1))),
        (json!({"encr_public_key": public_key(2)}), Ok(public_key(2))),
        (json!({"signing_public_key": spki(3)}), Ok(public_key(1))),
        (
            json!({"encr_public_key": null, "signing_public_key": spki(3)}),
            Ok(public_key(3)),
        ),
        // As the reference registry's test data have it: a private key in the wrong member.
        (
            json!({"signing_public_key": signing_key(4).to_pkcs8_base64().as_str()}),
            Ok(public_key(1)),
        ),
        (
            json!({"encr_public_key": null,
                "signing_public_key": signing_key(4).to_pkcs8_base64().as_str()}),
            Err("expected a public key"),
        ),
        (
            json!({"encr_public_key": "x", "signing_public_key": spki(3)}),
            Ok(public_key(3)),
        ),
        (json!({"encr_public_key": null}), Err("no public key")),
        (json!({"status": null}), Err("no status")),
        (json!({"status": "INITIATED"}), Err("INITIATED")),
        (
            json!({"valid_until": zoneless(60), "valid_from": zoneless(-60)}),
            Ok(public_key(1)),
        ),
        (json!({"valid_until": zoneless(-60)}), Err("valid until")),
    ] {
        network.mock.set_rows(vec![listed(&changes), own.clone()]);
        network.registry.purge(&bap_id(), None).await;
        let answer = network.ask(Utc::now()).await;
        match (&answer, &wanted) {
            (Ok(found), Ok(key)) => assert_eq!(&found.verifying_key.to_base64(), key),
            (Err(error), Err(part)) => {
                let text = error.to_string();
                assert!(text.contains(part), "{changes}: {text}");
            }
            _ => panic!("{changes}: {answer:?}"),
        }
    }
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_pinned_subscriber_no_other_key_is_believed() {
    let pin = |seed| Pin {
        subscriber: SubscriberId::parse("https://bap.example/").expect("valid"),
        key: signing_key(seed).verifying_key(),
    };
    for (pins, is_believed) in [
        (vec![pin(1)], true),
        (vec![pin(2), pin(1)], true),
        (vec![pin(2)], false),
    ] {
        let network = Network::set_up(vec![row()], |settings| settings.pins = pins);
        let answer = network.ask(at(0)).await;
        assert_eq!(answer.is_ok(), is_believed, "{answer:?}");
        if let Err(error) = answer {
            let fingerprint = signing_key(1).verifying_key().fingerprint();
            assert!(error.to_string().contains(&fingerprint), "{error}");
        }
        network.mock.stop().await;
    }
}
