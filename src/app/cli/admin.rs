//! The admin API as a client sees it: address, token, and problems turned into sentences.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use url::Url;

/// Where the admin API is and how to get in.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Admin {
    /// Address of the admin API
    #[arg(
        long,
        value_name = "URL",
        env = "BECKN_BPP_ADMIN_URL",
        default_value = "http://127.0.0.1:8081"
    )]
    admin: Url,
    /// File that holds the admin token; the variable BECKN_BPP_ADMIN_TOKEN goes before it
    #[arg(
        long,
        value_name = "FILE",
        env = "BECKN_BPP_ADMIN_TOKEN_FILE",
        default_value = "admin.token"
    )]
    token_file: PathBuf,
}

/// A client with a token.
pub(super) struct Client {
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Admin {
    /// Reads the token and makes a client.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        let token = match std::env::var("BECKN_BPP_ADMIN_TOKEN") {
            Ok(token) => token,
            Err(_) => std::fs::read_to_string(&self.token_file).with_context(|| {
                format!(
                    "cannot read the admin token from {}; name it with --token-file, \
                    or set BECKN_BPP_ADMIN_TOKEN",
                    self.token_file.display()
                )
            })?,
        };
        let token = token.trim();
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
            bail!(
                "the admin token from {} is no token; name its file with --token-file",
                self.token_file.display()
            );
        }
        let base = self.admin.as_str().trim_end_matches('/').to_owned();
        Ok(Client {
            base,
            token: token.to_owned(),
            http: super::http_client()?,
        })
    }
}

impl Client {
    /// `GET`.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.json(self.request(Method::GET, path)).await
    }

    /// `POST` of a JSON body.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.request(Method::POST, path);
        self.json(
            request
                .header("Content-Type", "application/json")
                .body(body.to_string()),
        )
        .await
    }

    /// `POST` of newline-delimited JSON; the answer is text of the same kind.
    pub(super) async fn post_lines(&self, path: &str, lines: Vec<u8>) -> anyhow::Result<String> {
        let request = self.request(Method::POST, path);
        self.text(
            request
                .header("Content-Type", "application/x-ndjson")
                .body(lines),
        )
        .await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    async fn json(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let text = self.text(request).await?;
        serde_json::from_str(&text).context("the admin API did not answer with JSON")
    }

    async fn text(&self, request: RequestBuilder) -> anyhow::Result<String> {
        let answer = request
            .send()
            .await
            .with_context(|| format!("no answer from {} (is the server running?)", self.base))?;
        let status = answer.status();
        let text = answer.text().await?;
        if status.is_success() {
            return Ok(text);
        }
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        match problem["detail"].as_str() {
            _ if status == StatusCode::UNAUTHORIZED => bail!(
                "{} does not take this admin token; name the file of its token with --token-file",
                self.base
            ),
            Some(detail) => bail!("{status}: {detail}"),
            None => bail!("{status}: {text}"),
        }
    }
}

/// A path segment or query value, percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The path of what a collection has under an id, or of an action on it; `network` tells apart what
/// is on two.
pub(super) fn path_of(
    (collection, id): (&str, &str),
    action: &str,
    network: Option<&str>,
) -> String {
    let on = network.map(|name| format!("?network={}", encoded(name)));
    let on = on.unwrap_or_default();
    format!("/{collection}/{}{action}{on}", encoded(id))
}
