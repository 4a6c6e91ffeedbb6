//! Door 3: each row of the booking API's contract, and what a cancellation through it does.
//!
//! Every answer is held against the OpenAPI document of the door.

mod cancelling;
mod finding;
mod keys;
mod market;

use beckn_bpp::app::api_keys::{self, ApiKey, ApiKeys};
use beckn_bpp::app::config::Environment;
use beckn_bpp::http::bookings::keys::Scope;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, answer};

/// The policy of the published example: the whole of it in the one sentence.
const POLICY: &str = r#"
[policy.spa]
[[policy.spa.rule]]
before_start = "24h"
percent = "0"
text = "Free cancellation up to 24h before the appointment, 50% after that."
[[policy.spa.rule]]
percent = "50"
text = "Free cancellation up to 24h before the appointment, 50% after that."
"#;

const SENTENCE: &str = "Free cancellation up to 24h before the appointment, 50% after that.";

/// A server with the door open, and a key that may do everything.
pub struct Door {
    pub app: TestApp,
    pub key: String,
    document: Value,
}

/// How a request shows its key, and what else it carries.
#[derive(Clone, Default)]
pub struct Headers(Vec<(&'static str, String)>);

impl Headers {
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.to_owned()));
        self
    }
}

/// A booking of 120 euros that begins after so much time.
pub fn booking(id: &str, after: TimeDelta) -> Value {
    let starts_at = (Utc::now() + after).to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({"id": id, "booking": {
        "status": "Confirmed", "starts_at": starts_at, "tenant": "venue-1", "policy": "spa",
        "external_reference": format!("staycation.{id}"), "external_id": format!("ours-{id}"),
        "price": {"value": "120.00", "currency": "EUR"},
    }})
}

impl Door {
    pub async fn open() -> Self {
        Self::open_with("", "").await
    }

    /// With more settings of the door, and more sections.
    pub async fn open_with(settings: &str, more: &str) -> Self {
        let section = format!("[bookings]\n{settings}\n{POLICY}\n{more}");
        let mut app = TestApp::start().await;
        let (key, text) = api_keys::new("app", &Scope::ALL, Vec::new(), Utc::now()).expect("a key");
        let file = app.directory.path().join("api-keys.toml");
        let keys = ApiKeys { keys: vec![key] };
        keys.write(&file).expect("written");
        app.reconfigure(|text| format!("{text}\n{section}")).await;
        let document = include_str!("../../schemas/bookings.openapi.json");
        Self {
            app,
            key: text.to_string(),
            document: serde_json::from_str(document).expect("JSON"),
        }
    }

    /// Makes a key and waits until the server has read it.
    pub async fn let_in(
        &self,
        scopes: &[Scope],
        venues: &[&str],
        change: impl FnOnce(&mut ApiKey),
    ) -> String {
        let venues = venues.iter().map(ToString::to_string).collect();
        let (mut key, text) = api_keys::new("partner", scopes, venues, Utc::now()).expect("a key");
        change(&mut key);
        let is_over = key.revoked_at.is_some() || key.expires_at.is_some();
        self.change_keys(|all| all.keys.push(key)).await;
        // A key that does not hold is not known by an answer; the next one is read with it.
        if !is_over {
            self.is_let_in(&text, true).await;
        }
        text.to_string()
    }

    pub async fn change_keys(&self, change: impl FnOnce(&mut ApiKeys)) {
        let file = self.app.directory.path().join("api-keys.toml");
        let mut all = ApiKeys::read(&file, Environment::Development).expect("readable");
        change(&mut all);
        all.write(&file).expect("written");
    }

    /// Returns when the server takes the key, or takes it no more.
    pub async fn is_let_in(&self, key: &str, wanted: bool) {
        let waiting = async {
            loop {
                let headers = Headers::default().with("X-Api-Key", key);
                let answer = self.ask("GET", "/v1/bookings/none", &headers, None).await;
                match answer.status {
                    401 | 429 if wanted => {}
                    401 | 429 => return,
                    _ if wanted => return,
                    _ => {}
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(crate::app::WAIT, waiting)
            .await
            .expect("the file of keys is read again in time");
    }

    pub fn headers(&self) -> Headers {
        Headers::default()
            .with("Authorization", &format!("Bearer {}", self.key))
            .with("Content-Type", "application/json")
    }

    pub async fn hand_over(&self, document: &Value) {
        let id = document["id"].as_str().expect("an id");
        let path = format!("/orders/{id}");
        let answer = self.app.admin("PUT", &path, Some(document)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    /// Asks the door; whatever it answers must be what its document says.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &Headers,
        body: Option<&str>,
    ) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut asked = self.app.http.request(method.clone(), self.app.url(path));
        for (name, value) in &headers.0 {
            asked = asked.header(*name, value);
        }
        if let Some(body) = body {
            asked = asked.body(body.to_owned());
        }
        let answer = answer(asked).await;
        self.conforms(&method, path, &answer);
        answer
    }

    pub async fn cancel(&self, id: &str, body: &Value) -> Answer {
        self.cancel_as(id, &self.headers(), body).await
    }

    pub async fn cancel_as(&self, id: &str, headers: &Headers, body: &Value) -> Answer {
        let path = format!("/v1/bookings/{id}/cancel");
        self.ask("POST", &path, headers, Some(&body.to_string()))
            .await
    }

    pub async fn show(&self, id: &str) -> Answer {
        let path = format!("/v1/bookings/{id}");
        self.ask("GET", &path, &self.headers(), None).await
    }

    /// The request fails in this way and changes nothing.
    pub async fn fails(&self, id: &str, body: &Value, status: u16, code: &str) -> Answer {
        self.fails_as(id, &self.headers(), &body.to_string(), (status, code))
            .await
    }

    pub async fn fails_as(
        &self,
        id: &str,
        headers: &Headers,
        body: &str,
        (status, code): (u16, &str),
    ) -> Answer {
        let before = self.app.kept().await;
        let path = format!("/v1/bookings/{id}/cancel");
        let answer = self.ask("POST", &path, headers, Some(body)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.body["error"]["code"], code, "{}", answer.text);
        assert_eq!(self.app.kept().await, before, "{code} changed something");
        answer
    }

    fn conforms(&self, method: &reqwest::Method, path: &str, answer: &Answer) {
        let operation = match (method.as_str(), path.ends_with("/cancel")) {
            ("POST", true) => "/paths/~1v1~1bookings~1{booking_id}~1cancel/post",
            ("GET", false) => "/paths/~1v1~1bookings~1{booking_id}/get",
            _ => return,
        };
        let responses = self.document.pointer(operation).expect("an operation");
        let response = &responses["responses"][answer.status.to_string()]["$ref"];
        let response = response.as_str().unwrap_or_else(|| {
            panic!("{method} {path}: {} is not documented", answer.status);
        });
        let response = self.document.pointer(&response[1..]).expect("a response");
        let mut schema = response["content"]["application/json"]["schema"].clone();
        schema["components"] = self.document["components"].clone();
        let validator: Validator = jsonschema::validator_for(&schema).expect("a schema");
        if let Err(error) = validator.validate(&answer.body) {
            panic!("{method} {path}: {error}: {}", answer.text);
        }
        for (name, header) in response["headers"].as_object().expect("headers") {
            let referenced = header["$ref"].as_str().map(|path| &path[1..]);
            let header = referenced.map_or(Some(header), |path| self.document.pointer(path));
            let is_required = header.expect("a header")["required"] == true;
            let is_there = answer.headers.contains_key(name.as_str());
            assert!(is_there || !is_required, "{method} {path}: no {name}");
        }
    }

    /// The provider's events, oldest first.
    pub async fn events(&self) -> Vec<Value> {
        let events = self.app.get("/events?after=0").await.body;
        events["events"].as_array().expect("a list").clone()
    }
}

/// The text of an error in either form.
pub fn told(answer: &Answer) -> &str {
    let error = &answer.body["error"];
    let text = error.as_str().or_else(|| error["message"].as_str());
    text.expect("an error")
}

/// A time as the door writes it: UTC, no fraction.
pub fn is_time(value: &Value) -> DateTime<Utc> {
    let text = value.as_str().expect("a time");
    assert!(text.ends_with('Z') && !text.contains('.'), "{text}");
    text.parse().expect("a time")
}
