//! Door 2: what a partner's cancellation does. Each row of the contract's failures is in `rows`, who
//! gets in in `tokens`, what partners hear in `webhook`.

mod asked;
mod rows;
mod same;
mod tokens;
mod webhook;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use beckn_bpp::mock::orders::VISIT_1;
use chrono::Utc;
use ring::hmac;
use serde_json::{Value, json};

use crate::app::{Answer, answer};
use crate::uhi::{CANCEL_REASON, CANCELLED_BY, HSPA, Health};

const PATH: &str = "/abdm/uhi/v1/physical-consultation/booking/cancel";
const SECRET: &str = "a-secret-of-partners-that-is-long-enough";

/// The door with two partners; the token's secret is written beside the configuration.
struct Door {
    health: Health,
    token: String,
    /// A server that is started again reads the secret again, and so does one that runs.
    keys: tempfile::TempDir,
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

fn signed_by(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn token_of(header: &Value, claims: &Value, secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    signed_by(header, claims, |text| {
        hmac::sign(&key, text).as_ref().to_vec()
    })
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
        Self::open_as(("HS256", SECRET), more).await
    }

    /// Whose tokens are signed by this algorithm, for this key.
    async fn open_by(algorithm: &str, key: &str) -> Self {
        Self::open_as((algorithm, key), "").await
    }

    async fn open_as((algorithm, text): (&str, &str), more: &str) -> Self {
        let keys = tempfile::tempdir().expect("a directory");
        let key = keys.path().join("token.key");
        std::fs::write(&key, text).expect("written");
        let section = format!(
            r#"[consultations]
network = "health"
algorithm = "{algorithm}"
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
            keys,
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
    let session = triple["transaction_id"].as_str().expect("an id");
    let timeline = door
        .health
        .app
        .get(&format!("/transactions/{session}"))
        .await;
    let first = &timeline.body["timeline"][0];
    assert_eq!(
        (&first["what"], &first["action"], &first["caller"]),
        (
            &json!("request acknowledged"),
            &json!("booking.cancel"),
            &json!("client:client-1")
        ),
        "who asked is in the session's timeline"
    );
    let order = door.health.app.get("/orders/visit_1").await.body;
    assert_eq!(
        (&order["state"], &order["cancellation"]["by"]),
        (&json!("Cancelled"), &json!("customer"))
    );
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_booking_names_neither_patient_nor_doctor_and_its_request_is_erased_too() {
    let door = Door::open().await;
    let app = &door.health.app;
    assert_eq!(door.cancel(&door.headers()).await.status, 200);
    app.settled().await;
    let kept = app.get("/orders/visit_1").await.text;
    assert!(kept.contains("doctor-1@hpr.example") && kept.contains("pt-1"));
    let erased = app.admin("POST", "/orders/visit_1/erase", None).await;
    assert_eq!(
        (
            erased.status,
            &erased.body["requests"],
            &erased.body["callbacks"]
        ),
        (200, &json!(1), &json!(2)),
        "{}",
        erased.text
    );
    let left = app.get("/orders/visit_1").await.text;
    assert!(
        !left.contains("doctor-1") && !left.contains("pt-1"),
        "{left}"
    );
    for number in 1..=2 {
        let callback = app.get(&format!("/callbacks/{number}")).await.body;
        assert_eq!(callback["erased"], true, "{callback}");
    }
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_of_others_hangs_up_while_the_server_stops() {
    let mut door = Door::open().await;
    let app = &mut door.health.app;
    let paths = [
        "/cancel",
        "/get_cancellation_reasons",
        "/on_subscribe",
        "/uhi/cancel",
        PATH,
    ];
    let urls = paths.map(|at| app.url(at));
    let http = app.http.clone();
    let ask = async || {
        let asked = urls.iter().map(|url| answer(http.post(url.clone())));
        let answers = futures_util::future::join_all(asked).await;
        let hangs_up = |answer: &Answer| answer.headers.get("connection").is_some();
        answers.iter().map(hangs_up).collect::<Vec<_>>()
    };
    assert_eq!(ask().await, [false; 5]);
    assert_eq!(app.halt_during(ask()).await, [true; 5]);
    app.resume().await;
    door.health.stop().await;
}
