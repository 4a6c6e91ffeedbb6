//! Door 2: each row of the partner API's failures, and what a cancellation through it does.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use beckn_bpp::mock::bap::{self, Answer as BapAnswer, BapHandle};
use beckn_bpp::mock::orders::{VISIT_1, VISIT_2};
use chrono::Utc;
use ring::hmac;
use serde_json::{Value, json};

use crate::app::{Answer, answer, listener};
use crate::uhi::{CANCEL_REASON, CANCELLED_BY, HSPA, Health};

const PATH: &str = "/abdm/uhi/v1/physical-consultation/booking/cancel";
const SECRET: &str = "a-secret-of-partners-that-is-long-enough";

/// The door with two partners; the token's secret is written beside the configuration.
struct Door {
    health: Health,
    token: String,
    /// A server that is started again reads the secret again.
    _keys: tempfile::TempDir,
}

/// What a request carries besides its body.
#[derive(Clone, Default)]
struct Headers(Vec<(&'static str, String)>);

impl Headers {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self
    }
}

fn token_of(header: &Value, claims: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn claims() -> Value {
    json!({"iss": "https://login.partner.example", "aud": "hspa", "sub": "client-1",
        "exp": Utc::now().timestamp() + 300})
}

fn hs256() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

/// A visit with the patient that the door knows.
fn booked(health: &Health, id: &str, patient: &Value) -> Value {
    let mut document = health.placed(VISIT_1);
    document["message"]["order"]["id"] = json!(id);
    document["booking"] = json!({"patient": patient});
    document
}

impl Door {
    async fn open() -> Self {
        Self::open_with("").await
    }

    async fn open_with(more: &str) -> Self {
        let keys = tempfile::tempdir().expect("a directory");
        let key = keys.path().join("token.key");
        std::fs::write(&key, SECRET).expect("written");
        let section = format!(
            r#"[consultations]
network = "health"
algorithm = "HS256"
issuer = "https://login.partner.example"
audience = "hspa"
token_key_file = "{}"
{more}
[consultations.partner.one]
client_id = "client-1"
hip_ids = ["IN0000000000", "IN0000000002"]
[consultations.partner.two]
client_id = "client-2"
hip_ids = ["IN0000000009"]
"#,
            key.display()
        );
        let health = Health::start_with(&section).await;
        let patient = json!({"id": "pt-1", "partner_id": "ours-1", "hip_id": "IN0000000000"});
        health
            .hand_over_as("visit_1", &booked(&health, "visit_1", &patient))
            .await;
        let token = token_of(&hs256(), &claims(), SECRET);
        Self {
            health,
            token,
            _keys: keys,
        }
    }

    fn headers(&self) -> Headers {
        Headers::default()
            .with("Authorization", &format!("Bearer {}", self.token))
            .with("Content-Type", "application/json")
            .with("X-Pt-Id", "pt-1")
    }

    fn triple(&self) -> Value {
        json!({"order_id": "visit_1", "provider_id": HSPA,
            "transaction_id": VISIT_1.transaction().expect("a sample")})
    }

    async fn post(&self, headers: &Headers, body: &str) -> Answer {
        let mut asked = self.health.app.http.post(self.health.app.url(PATH));
        for (name, value) in &headers.0 {
            asked = asked.header(*name, value);
        }
        answer(asked.body(body.to_owned())).await
    }

    async fn cancel(&self, headers: &Headers) -> Answer {
        self.post(headers, &self.triple().to_string()).await
    }

    async fn status(&self, headers: &Headers, query: &str) -> Answer {
        let url = format!("{}?{query}", self.health.app.url(PATH));
        let mut asked = self.health.app.http.get(url);
        for (name, value) in &headers.0 {
            asked = asked.header(*name, value);
        }
        answer(asked).await
    }

    /// The request fails in this way, in the one shape, and nothing is stored.
    async fn fails(&self, headers: &Headers, body: &str, status: u16, code: &str) -> Answer {
        let before = self.health.app.kept().await;
        let answer = self.post(headers, body).await;
        check(&answer, status, code);
        assert_eq!(
            self.health.app.kept().await,
            before,
            "{code} changed something"
        );
        answer
    }
}

fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let body = answer.body.as_object().expect("an object");
    assert_eq!(
        body.keys().collect::<Vec<_>>(),
        ["code", "error", "source_error"]
    );
    assert_eq!(body["code"], status);
    assert!(body["error"].is_string());
    assert_eq!(body["source_error"]["code"], code);
    assert!(body["source_error"]["message"].is_string());
    assert!(answer.headers.contains_key("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_cancels_and_the_eua_that_placed_the_booking_hears_of_it() {
    let door = Door::open().await;
    let answer = door.cancel(&door.headers()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let triple = door.triple();
    assert_eq!(
        answer.body,
        json!({"order_id": "visit_1", "provider_id": HSPA, "txn_id": triple["transaction_id"]})
    );
    door.health.app.settled().await;
    let received = door.health.eua.all().pop().expect("an on_cancel");
    assert_eq!(received.verdict, Ok(()));
    let body = received.json();
    let tags = &body["message"]["order"]["fulfillment"]["tags"];
    assert_eq!(tags[CANCELLED_BY], "patient");
    assert_eq!(tags[CANCEL_REASON], "PATIENT_UNABLE_TO_VISIT_PHYSICALLY");
    assert_eq!(body["context"]["transaction_id"], triple["transaction_id"]);
    assert_eq!(
        door.health.gateway.inbox.all().len(),
        1,
        "and the gateway has its copy"
    );
    let order = door.health.app.get("/orders/visit_1").await.body;
    assert_eq!(
        (&order["state"], &order["cancellation"]["by"]),
        (&json!("Cancelled"), &json!("customer"))
    );
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_1_without_a_valid_token_of_a_partner_nothing_is_said() {
    let door = Door::open().await;
    let body = door.triple().to_string();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims();
        change(&mut claims);
        token_of(&hs256(), &claims, SECRET)
    };
    let now = Utc::now().timestamp();
    let wrong = [
        token_of(
            &hs256(),
            &claims(),
            "another-secret-of-partners-long-enough",
        ),
        token_of(&json!({"alg": "none"}), &claims(), SECRET),
        token_of(&json!({"alg": "HS512"}), &claims(), SECRET),
        with(&|claims| claims["iss"] = json!("https://elsewhere.example")),
        with(&|claims| claims["aud"] = json!("another")),
        with(&|claims| claims["aud"] = Value::Null),
        with(&|claims| claims["exp"] = json!(now - 1)),
        with(&|claims| claims["exp"] = json!("never")),
        with(&|claims| claims["exp"] = Value::Null),
        with(&|claims| claims["nbf"] = json!(now + 60)),
        with(&|claims| claims["sub"] = json!("a-stranger")),
        with(&|claims| claims["sub"] = Value::Null),
        "x.y.z".to_owned(),
        String::new(),
        "x".repeat(5000),
    ];
    for token in wrong {
        let headers = door
            .headers()
            .with("Authorization", &format!("Bearer {token}"));
        let answer = door.fails(&headers, &body, 401, "UNAUTHENTICATED").await;
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert!(!answer.text.contains(&token) || token.is_empty());
    }
    let basic = door.headers().with("Authorization", "Basic eDp5");
    door.fails(&basic, &body, 401, "UNAUTHENTICATED").await;
    let none = door.headers().without("Authorization");
    door.fails(&none, "not even JSON", 401, "UNAUTHENTICATED")
        .await;
    check(&door.status(&none, "").await, 401, "UNAUTHENTICATED");
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_2_another_type_or_too_long_a_body_is_refused() {
    let door = Door::open().await;
    let text = door.headers().with("Content-Type", "text/plain");
    door.fails(
        &text,
        &door.triple().to_string(),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    )
    .await;
    let long = format!("{}{}", door.triple(), " ".repeat(300 * 1024));
    door.fails(&door.headers(), &long, 413, "BODY_TOO_LARGE")
        .await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_3_an_id_that_is_missing_or_not_usable_is_named() {
    let door = Door::open().await;
    for member in ["order_id", "provider_id", "transaction_id"] {
        for value in [Value::Null, json!(""), json!(7), json!("x".repeat(256))] {
            let mut body = door.triple();
            body[member] = value;
            let headers = door.headers();
            let answer = door
                .fails(&headers, &body.to_string(), 400, "INVALID_REQUEST")
                .await;
            assert!(answer.text.contains(member), "{}", answer.text);
        }
    }
    for body in ["", "{", "[]", r#"{"order_id":"a","order_id":"b"}"#] {
        door.fails(&door.headers(), body, 400, "INVALID_REQUEST")
            .await;
    }
    let mut body = door.triple();
    for reason in ["DOCTOR_UNAVAILABLE", "unknown"] {
        body["reason"] = json!(reason);
        door.fails(&door.headers(), &body.to_string(), 400, "INVALID_REQUEST")
            .await;
    }
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_4_a_patient_must_be_named_and_two_names_must_be_one_persons() {
    let door = Door::open().await;
    let body = door.triple().to_string();
    let nobody = door.headers().without("X-Pt-Id");
    door.fails(&nobody, &body, 400, "PATIENT_REQUIRED").await;
    let two = door.headers().with("X-Partner-Pt-Id", "ours-2");
    door.fails(&two, &body, 400, "PATIENT_MISMATCH").await;
    let partners = nobody.with("X-Partner-Pt-Id", "ours-1");
    assert_eq!(door.cancel(&partners).await.status, 200);
    door.health.app.settled().await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_5_a_facility_of_somebody_else_is_forbidden() {
    let door = Door::open().await;
    let body = door.triple().to_string();
    let foreign = door.headers().with("X-Hip-Id", "IN0000000009");
    door.fails(&foreign, &body, 403, "HIP_FORBIDDEN").await;
    let other = door.headers().with("X-Hip-Id", "IN0000000002");
    door.fails(&other, &body, 404, "ORDER_NOT_FOUND").await;
    let own = door.headers().with("X-Hip-Id", "IN0000000000");
    assert_eq!(door.cancel(&own).await.status, 200);
    door.health.app.settled().await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_6_a_booking_of_another_patient_or_facility_is_as_one_that_does_not_exist() {
    let door = Door::open().await;
    let health = &door.health;
    let patient = json!({"id": "pt-1", "hip_id": "IN0000000009"});
    health
        .hand_over_as("elsewhere", &booked(health, "elsewhere", &patient))
        .await;
    health.hand_over(VISIT_2).await;
    let mut answers = Vec::new();
    for (id, who) in [
        ("no-such-visit", "pt-1"),
        ("visit_1", "pt-2"),
        ("elsewhere", "pt-1"),
        ("visit_2", "pt-1"),
    ] {
        let mut body = door.triple();
        body["order_id"] = json!(id);
        let headers = door.headers().with("X-Pt-Id", who);
        answers.push(
            door.fails(&headers, &body.to_string(), 404, "ORDER_NOT_FOUND")
                .await
                .text,
        );
    }
    assert!(
        answers.iter().all(|text| *text == answers[0]),
        "{answers:?}"
    );
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_7_another_provider_or_session_than_the_bookings_is_a_conflict() {
    let door = Door::open().await;
    for (member, value) in [
        ("provider_id", "other.example.org"),
        ("transaction_id", "another"),
    ] {
        let mut body = door.triple();
        body[member] = json!(value);
        door.fails(&door.headers(), &body.to_string(), 409, "ORDER_MISMATCH")
            .await;
    }
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_8_the_same_request_again_gets_the_first_answer_and_other_bytes_under_its_key_do_not() {
    let door = Door::open().await;
    let keyed = door.headers().with("Idempotency-Key", "k-1");
    let first = door.cancel(&keyed).await;
    assert_eq!(first.status, 200, "{}", first.text);
    door.health.app.settled().await;
    let kept = door.health.app.kept().await;
    for _ in 0..2 {
        assert_eq!(door.cancel(&keyed).await.text, first.text);
    }
    let mut other = door.triple();
    other["order_id"] = json!("another");
    door.fails(&keyed, &other.to_string(), 409, "IDEMPOTENCY_KEY_REUSED")
        .await;
    let bad = door.headers().with("Idempotency-Key", "a b");
    door.fails(&bad, &door.triple().to_string(), 400, "INVALID_REQUEST")
        .await;
    // A key is the client's own.
    let mut claims = claims();
    claims["sub"] = json!("client-2");
    let token = token_of(&hs256(), &claims, SECRET);
    let client_2 = keyed.with("Authorization", &format!("Bearer {token}"));
    door.fails(
        &client_2,
        &door.triple().to_string(),
        404,
        "ORDER_NOT_FOUND",
    )
    .await;
    assert_eq!(door.health.app.kept().await, kept);
    assert_eq!(door.health.eua.all().len(), 1);
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_8_without_a_key_the_same_bytes_are_the_same_request_across_a_restart_too() {
    let mut door = Door::open().await;
    let first = door.cancel(&door.headers()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    door.health.app.settled().await;
    door.health.app.restart().await;
    let again = door.cancel(&door.headers()).await;
    assert_eq!((again.status, again.text), (200, first.text));
    door.health.app.settled().await;
    assert_eq!(door.health.eua.all().len(), 1);
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_9_what_is_cancelled_over_or_begun_cannot_be_cancelled() {
    let door = Door::open().await;
    let health = &door.health;
    for (id, word) in [
        ("s", "APPOINTMENT_STARTED"),
        ("c", "COMPLETED"),
        ("n", "NO_SHOW"),
    ] {
        let patient = json!({"id": "pt-1", "hip_id": "IN0000000000"});
        let mut document = booked(health, id, &patient);
        document["message"]["order"]["state"] = json!(word);
        health.hand_over_as(id, &document).await;
        let mut body = door.triple();
        body["order_id"] = json!(id);
        door.fails(
            &door.headers(),
            &body.to_string(),
            409,
            "ORDER_NOT_CANCELLABLE",
        )
        .await;
    }
    let clinic = json!({"by": "provider", "reason": "DOCTOR_UNAVAILABLE"});
    assert_eq!(
        health.cancel_for_clinic("visit_1", &clinic).await.status,
        200
    );
    health.app.settled().await;
    let body = door.triple().to_string();
    door.fails(&door.headers(), &body, 409, "ORDER_NOT_CANCELLABLE")
        .await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_11_a_client_that_asks_too_fast_is_told_when_to_come_again() {
    let door = Door::open_with("[limits]\nper_subscriber_per_second = 1").await;
    let query = format!("order_id=visit_1&provider_id={HSPA}&txn_id=another");
    let mut told = None;
    for _ in 0..50 {
        let answer = door.status(&door.headers(), &query).await;
        if answer.status == 429 {
            told = Some(answer);
            break;
        }
    }
    let told = told.expect("one too many");
    check(&told, 429, "RATE_LIMITED");
    assert!(told.headers.contains_key("retry-after"));
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_14_a_store_without_room_is_told_as_unavailable() {
    let door = Door::open().await;
    let edit = |text: String| {
        text.replace(
            "path = \"data\"",
            "path = \"data\"\nmin_free = \"900000GB\"\nmin_free_percent = 100",
        )
    };
    let mut door = door;
    door.health.app.reconfigure(edit).await;
    let body = door.triple().to_string();
    let answer = door.fails(&door.headers(), &body, 503, "UNAVAILABLE").await;
    assert!(answer.headers.contains_key("retry-after"));
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_how_a_cancellation_stands() {
    let door = Door::open().await;
    let txn = VISIT_1.transaction().expect("a sample");
    let query = |id: &str| format!("order_id={id}&provider_id={HSPA}&txn_id={txn}");
    let stands = async |id: &str| door.status(&door.headers(), &query(id)).await;
    assert_eq!(stands("visit_1").await.body, json!({"status": "PENDING"}));
    check(&stands("no-such-visit").await, 404, "ORDER_NOT_FOUND");
    let patient = json!({"id": "pt-1", "hip_id": "IN0000000000"});
    let mut document = booked(&door.health, "over", &patient);
    document["message"]["order"]["state"] = json!("COMPLETED");
    door.health.hand_over_as("over", &document).await;
    assert_eq!(stands("over").await.body, json!({"status": "FAILED"}));
    assert_eq!(door.cancel(&door.headers()).await.status, 200);
    assert_eq!(stands("visit_1").await.body, json!({"status": "SUCCESS"}));
    let bare = door.status(&door.headers(), "order_id=visit_1").await;
    check(&bare, 400, "INVALID_REQUEST");
    check(
        &door.status(&door.headers(), "order_id=a&order_id=b").await,
        400,
        "INVALID_REQUEST",
    );
    door.health.app.settled().await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_section_the_door_is_not_there_and_other_methods_are_refused() {
    let health = Health::start().await;
    let asked = health.app.http.post(health.app.url(PATH)).body("{}");
    assert_eq!(answer(asked).await.status, 404);
    health.stop().await;
    let door = Door::open().await;
    let asked = door
        .health
        .app
        .http
        .put(door.health.app.url(PATH))
        .body("{}");
    let refused = answer(asked).await;
    check(&refused, 405, "INVALID_REQUEST");
    assert_eq!(refused.headers["allow"], "GET, POST");
    door.health.stop().await;
}

/// Somebody who takes posts and keeps them.
fn receiver(health_registry: &url::Url) -> BapHandle {
    let key = include_str!("../../keys/cli-bap.signing");
    let signer = crate::uhi::signer("hook.example.org", key);
    bap::start(listener(), signer, health_registry, "/hook").expect("a receiver")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_hears_of_a_cancellation_once_whoever_cancels() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let nowhere = "http://127.0.0.1:1".parse().expect("a URL");
    let hook = receiver(&nowhere);
    let keys = tempfile::tempdir().expect("a directory");
    let key = keys.path().join("hook.key");
    std::fs::write(&key, "a-key-for-webhooks").expect("written");
    let partner = format!(
        "[consultations.partner.three]\nclient_id = \"client-3\"\nbusiness_id = \"biz-3\"\n\
         hip_ids = [\"IN0000000003\"]\nwebhook_url = \"{}/on_cancel\"\nwebhook_key_file = \"{}\"\n",
        hook.url,
        key.display()
    );
    let door = Door::open_with(&partner).await;
    let health = &door.health;
    for id in ["by-patient", "by-clinic"] {
        let patient = json!({"id": "pt-3", "hip_id": "IN0000000003"});
        health.hand_over_as(id, &booked(health, id, &patient)).await;
    }
    hook.answer_next([
        BapAnswer::Raw {
            status: 500,
            body: "".into(),
        },
        BapAnswer::Raw {
            status: 202,
            body: "thanks".into(),
        },
    ]);
    for _first_and_again in 0..2 {
        let mut message = health.cancel_of(VISIT_1);
        message["message"]["order"]["id"] = json!("by-patient");
        health.answered(&message).await;
        health.app.settled().await;
    }
    let posts = hook.all();
    assert_eq!(
        posts.len(),
        2,
        "the same news twice, for the first try failed"
    );
    assert_eq!(posts[0].body, posts[1].body);
    let news = posts[1].json();
    let kept = health.app.get("/orders/by-patient").await.body;
    assert_eq!(
        news.as_object()
            .expect("an object")
            .keys()
            .collect::<Vec<_>>(),
        [
            "service",
            "event",
            "event_time",
            "transaction_id",
            "timestamp",
            "business_id",
            "client_id",
            "data"
        ]
    );
    assert_eq!(
        (&news["service"], &news["event"]),
        (&json!("uhi"), &json!("booking.cancel"))
    );
    assert_eq!(
        (&news["business_id"], &news["client_id"]),
        (&json!("biz-3"), &json!("client-3"))
    );
    assert_eq!(news["transaction_id"], kept["placed_by"]["transaction_id"]);
    assert_eq!(news["data"], json!({"status": "SUCCESS"}));
    for post in &posts {
        let header = post
            .headers
            .iter()
            .find(|(name, _)| name == "eka-webhook-signature");
        let header = &header.expect("a signature").1;
        let (t, hex) = header.split_once(",v1=").expect("two parts");
        let t = t.strip_prefix("t=").expect("a time");
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"a-key-for-webhooks");
        let text = format!("{t}.{}", String::from_utf8_lossy(&post.body));
        let signature: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
            .collect();
        assert!(hmac::verify(&key, text.as_bytes(), &signature).is_ok());
    }
    let clinic = json!({"by": "provider", "reason": "FACILITY_CLOSURE"});
    assert_eq!(
        health.cancel_for_clinic("by-clinic", &clinic).await.status,
        200
    );
    assert_eq!(
        health.cancel_for_clinic("visit_1", &clinic).await.status,
        200
    );
    health.app.settled().await;
    assert_eq!(hook.all().len(), 3, "and not of the bookings of others");
    let kinds = health.app.get("/callbacks?limit=1000").await.text;
    assert!(kinds.contains("\"webhook\"") && !kinds.contains("a-key-for-webhooks"));
    door.health.stop().await;
    hook.stop().await;
}
