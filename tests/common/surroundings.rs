//! What the real binary needs around it: a directory with its configuration and keys, a mock
//! registry, and somebody who asks its admin API.
//!
//! The registry runs in this process and lives through every kill of the server.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::{Scheme, Signer};
use beckn_bpp::mock::registry::{self, RegistryHandle};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

/// The server's subscriber id.
pub const BPP: &str = "bpp.example.org";

/// The server's own idea of where it is; nobody calls it there.
pub const BPP_URL: &str = "http://bpp.example.org";

/// The developer keys of the BAPs that a program needs.
pub const BAP_KEYS: [&str; 2] = [
    include_str!("../../keys/bap.signing"),
    include_str!("../../keys/cli-bap.signing"),
];

const TOKEN: &str = "the-admin-token-of-a-server-under-proof";

/// See the file's text.
pub struct Surroundings {
    pub directory: TempDir,
    pub registry: RegistryHandle,
}

/// The party with this id and developer key.
pub fn signer(subscriber_id: &str, key: &str) -> anyhow::Result<Signer> {
    Ok(Signer {
        scheme: Scheme::Beckn,
        subscriber_id: subscriber_id.to_owned(),
        key_id: "k1".to_owned(),
        key: SigningKey::parse(key)?,
        lifetime_seconds: 300,
    })
}

/// A free port, for a mock party.
pub fn listener() -> anyhow::Result<TcpListener> {
    Ok(TcpListener::bind("127.0.0.1:0")?)
}

impl Surroundings {
    /// A directory with a configuration whose `[delivery]` section is this, and a registry.
    pub fn new(delivery: &str) -> anyhow::Result<Self> {
        // Fails when another test was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir()?;
        let registry = registry::start(listener()?, Vec::new())?;
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text);
        write(
            "beckn-bpp.toml",
            &configuration(registry.url.as_str(), delivery),
        )?;
        write("bpp.signing", include_str!("../../keys/bpp.signing"))?;
        write("admin.token", TOKEN)?;
        Ok(Self {
            directory,
            registry,
        })
    }

    /// Tells the registry who the BAPs are and where.
    pub fn register(&self, baps: &[(&Signer, &Url)]) {
        let rows = baps.iter().map(|(bap, url)| registry::row(bap, "BAP", url));
        self.registry.set_rows(rows.collect());
    }

    /// The server's `serve`, with nothing of our environment that could change its settings.
    pub fn serve(&self, binary: &Path) -> Command {
        let mut command = Command::new(binary);
        command.args(["serve", "--config"]).arg(self.config_file());
        command.env_clear();
        command
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.directory.path().join("beckn-bpp.toml")
    }

    /// The store's directory.
    pub fn store(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

fn configuration(registry: &str, delivery: &str) -> String {
    format!(
        r#"environment = "development"
[http]
bind = "127.0.0.1:0"
admin_bind = "127.0.0.1:0"
admin_token_file = "admin.token"
[log]
format = "json"
[store]
path = "data"
[delivery]
{delivery}
[network.mobility]
kind = "beckn"
domains = ["mobility", "mobility:ondemandride"]
subscriber_id = "{BPP}"
subscriber_url = "{BPP_URL}"
key_id = "k1"
signing_key_file = "bpp.signing"
registry_url = "{registry}"
"#
    )
}

/// Asks the admin API.
#[derive(Debug, Clone)]
pub struct Admin {
    base: String,
    http: reqwest::Client,
}

/// The most rows that a page has.
const PAGE: usize = 1_000;

impl Admin {
    /// For the server whose admin listener is there.
    pub fn at(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            base: format!("http://{address}"),
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// The text of an answer with a status of success.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let asked = self.http.get(format!("{}{path}", self.base));
        let answer = asked.bearer_auth(TOKEN).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "GET {path}: {status}: {text}");
        Ok(text)
    }

    /// The same, as JSON.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.text(path).await?)?)
    }

    /// What a session left behind, or nothing at all.
    pub async fn timeline(&self, transaction: &str) -> anyhow::Result<Vec<Value>> {
        let asked = self
            .http
            .get(format!("{}/transactions/{transaction}", self.base));
        let answer = asked.bearer_auth(TOKEN).send().await?;
        if answer.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let mut answer: Value = serde_json::from_str(&answer.error_for_status()?.text().await?)?;
        match answer["timeline"].take() {
            Value::Array(timeline) => Ok(timeline),
            other => anyhow::bail!("the timeline of {transaction} is {other}"),
        }
    }

    /// Hands orders over; returns once all of them are acknowledged.
    pub async fn hand_over(&self, orders: &[Value]) -> anyhow::Result<()> {
        let lines: Vec<String> = orders.iter().map(Value::to_string).collect();
        let asked = self.http.post(format!("{}/orders", self.base));
        let answer = asked
            .bearer_auth(TOKEN)
            .body(lines.join("\n"))
            .send()
            .await?;
        let (status, text) = (answer.status(), answer.text().await?);
        let refused = text.lines().find(|line| line.contains("\"refused\""));
        ensure!(
            status.is_success() && refused.is_none(),
            "{status}: {refused:?}"
        );
        ensure!(
            text.lines().count() == orders.len(),
            "an answer for each order"
        );
        Ok(())
    }

    /// Asks for something; what was answered, whatever it is.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<(u16, String)> {
        let asked = self.http.post(format!("{}{path}", self.base));
        let asked = asked
            .bearer_auth(TOKEN)
            .header("content-type", "application/json");
        let answer = asked.body(body.to_string()).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// Stops the sending of callbacks.
    pub async fn hold(&self) -> anyhow::Result<()> {
        let asked = self.http.post(format!("{}/callbacks/hold", self.base));
        asked.bearer_auth(TOKEN).send().await?.error_for_status()?;
        Ok(())
    }

    /// Lets callbacks leave again.
    pub async fn release(&self) -> anyhow::Result<()> {
        let asked = self.http.post(format!("{}/callbacks/release", self.base));
        asked.bearer_auth(TOKEN).send().await?.error_for_status()?;
        Ok(())
    }

    /// Stops or resumes the sending of callbacks to one subscriber.
    pub async fn hold_one(&self, subscriber: &str, held: bool) -> anyhow::Result<()> {
        let action = if held { "hold" } else { "release" };
        let asked = self.http.post(format!("{}/callbacks/{action}", self.base));
        let asked = asked
            .bearer_auth(TOKEN)
            .header("content-type", "application/json");
        let body = json!({"subscriber": subscriber}).to_string();
        asked.body(body).send().await?.error_for_status()?;
        Ok(())
    }

    /// Erases an order.
    pub async fn erase(&self, order: &str) -> anyhow::Result<()> {
        let path = format!("{}/orders/{order}/erase", self.base);
        let asked = self.http.post(path).bearer_auth(TOKEN);
        asked.send().await?.error_for_status()?;
        Ok(())
    }

    /// The value of a metric, by its name and labels as they are written.
    pub async fn metric(&self, series: &str) -> anyhow::Result<Option<f64>> {
        let text = self.text("/metrics").await?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        Ok(value.and_then(|value| value.parse().ok()))
    }

    /// Every row of a listing: `orders`, `callbacks` or `events`, with more of a query.
    pub async fn all(&self, listing: &str, query: &str) -> anyhow::Result<Vec<Value>> {
        let (mut rows, mut after) = (Vec::new(), json!(""));
        loop {
            let from = match &after {
                Value::String(text) if text.is_empty() => String::new(),
                Value::String(text) => format!("&after={text}"),
                number => format!("&after={number}"),
            };
            let path = format!("/{listing}?limit={PAGE}{query}{from}");
            let mut page = self.get(&path).await?;
            let Value::Array(more) = page[listing].take() else {
                anyhow::bail!("{path} has no list of {listing}");
            };
            let is_last = more.len() < PAGE;
            rows.extend(more);
            after = page["next"].take();
            if is_last {
                return Ok(rows);
            }
        }
    }

    /// Returns once no callback is owed any more. The count is asked for, and not the listing:
    /// a page is empty as well when those on it were delivered while it was made.
    pub async fn quiet(&self, within: std::time::Duration) -> anyhow::Result<()> {
        let none_owed = |metrics: String| metrics.contains("\nbpp_callbacks_pending 0\n");
        let quiet = async {
            while !none_owed(self.text("/metrics").await?) {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            Ok(())
        };
        let quiet = tokio::time::timeout(within, quiet).await;
        quiet.context("callbacks are still owed")?
    }
}
