//! One request to the public listener, of which every part may be wrong.
//!
//! It starts right (JSON, POST, signed) and is then spoilt by the test; nothing here judges it.

use beckn_bpp::crypto::signature::Signer;
use chrono::Utc;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::app::{Answer, TestApp, answer};

#[derive(Debug, Clone)]
pub struct Knock {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Knock {
    /// A JSON body without any signature.
    pub fn unsigned(body: impl Into<Vec<u8>>) -> Self {
        let json = HeaderValue::from_static("application/json");
        Self {
            method: Method::POST,
            path: "/cancel".to_owned(),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            body: body.into(),
        }
    }

    /// A JSON body signed now.
    pub fn signed(signer: &Signer, body: impl Into<Vec<u8>>) -> Self {
        Self::signed_at(signer, Utc::now().timestamp(), body)
    }

    /// A JSON body signed at another time, in Unix seconds.
    pub fn signed_at(signer: &Signer, created: i64, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let authorization = signer.authorization(&body, created);
        Self::unsigned(body).with(AUTHORIZATION.as_str(), &authorization)
    }

    /// Sets a header, in the place of any other of that name.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(header_name(name), header_value(value));
        self
    }

    /// Adds a header beside others of that name.
    pub fn beside(mut self, name: &str, value: &str) -> Self {
        self.headers.append(header_name(name), header_value(value));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub fn by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    pub fn to(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// The text of the signature.
    pub fn authorization(&self) -> &str {
        let value = self.headers.get(AUTHORIZATION).expect("a signature");
        value.to_str().expect("ASCII")
    }

    pub async fn send(&self, app: &TestApp) -> Answer {
        let request = app.http.request(self.method.clone(), app.url(&self.path));
        let request = request.headers(self.headers.clone());
        answer(request.body(self.body.clone())).await
    }
}

fn header_name(name: &str) -> HeaderName {
    name.parse().expect("a header name")
}

fn header_value(value: &str) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).expect("a header value")
}
