//! The real server on free ports with a store of its own, among a mock registry and BAPs.
//!
//! Nothing is faked inside: requests go over sockets, are signed, and end in sled. A test ends
//! with [`TestApp::stop`], which fails when a callback is still owed.

#![allow(dead_code, reason = "each test binary uses a part of it")]

#[path = "app/asking.rs"]
mod asking;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use beckn_bpp::app::server::Server;
use beckn_bpp::app::{config, telemetry};
use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::{Scheme, Signer};
use beckn_bpp::mock::bap::{self, BapHandle};
use beckn_bpp::mock::registry::{self, RegistryHandle};
use metrics_exporter_prometheus::PrometheusHandle;
use tempfile::TempDir;
use url::Url;

#[allow(unused_imports, reason = "each test binary uses a part of it")]
pub use self::asking::{Answer, answer, cancel_by};

/// Long enough for a busy machine; a test that waits this long has failed.
pub const WAIT: Duration = Duration::from_secs(20);

/// The server's subscriber id.
pub const BPP: &str = "bpp.example.org";

/// A running server with its surroundings.
pub struct TestApp {
    pub server: Option<Server>,
    pub registry: RegistryHandle,
    /// `bap.example.org`, who placed the sample orders.
    pub bap: BapHandle,
    /// `other-bap.example.org`, registered as well.
    pub other_bap: BapHandle,
    pub directory: TempDir,
    pub token: String,
    pub http: reqwest::Client,
}

pub fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

pub fn signer(subscriber_id: &str, key: &str) -> Signer {
    Signer {
        scheme: Scheme::Beckn,
        subscriber_id: subscriber_id.to_owned(),
        key_id: "k1".to_owned(),
        key: SigningKey::parse(key).expect("a developer key"),
        lifetime_seconds: 300,
    }
}

/// The configuration of the test server; `more` is added at its end.
pub fn configuration(registry: &Url, more: &str) -> String {
    format!(
        r#"environment = "development"
[http]
bind = "127.0.0.1:0"
admin_bind = "127.0.0.1:0"
[store]
path = "data"
[delivery]
schedule = ["0s", "20ms", "20ms", "20ms", "20ms"]
timeout = "2s"
connect_timeout = "1s"
[network.mobility]
kind = "beckn"
domains = ["mobility", "mobility:ondemandride"]
subscriber_id = "{BPP}"
subscriber_url = "http://bpp.example.org"
key_id = "k1"
signing_key_file = "bpp.signing"
registry_url = "{registry}"
{more}
"#
    )
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts with more configuration: settings of `[network.mobility]` first, then sections.
    pub async fn start_with(more: &str) -> Self {
        // Fails when another test was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().expect("a directory");
        let registry = registry::start(listener(), Vec::new()).expect("a registry");
        let start_bap = |id: &str, key: &str| {
            bap::start(listener(), signer(id, key), &registry.url, "/beckn").expect("a BAP")
        };
        let bap = start_bap("bap.example.org", include_str!("../../keys/bap.signing"));
        let other_bap = start_bap(
            "other-bap.example.org",
            include_str!("../../keys/cli-bap.signing"),
        );
        let bpp = signer(BPP, include_str!("../../keys/bpp.signing"));
        registry.set_rows(vec![
            registry::row(bap.signer(), "BAP", &bap.url),
            registry::row(other_bap.signer(), "BAP", &other_bap.url),
            registry::row(
                &bpp,
                "BPP",
                &"http://bpp.example.org".parse().expect("a URL"),
            ),
        ]);
        let text = configuration(&registry.url, more);
        std::fs::write(directory.path().join("beckn-bpp.toml"), text).expect("written");
        std::fs::write(
            directory.path().join("bpp.signing"),
            include_str!("../../keys/bpp.signing"),
        )
        .expect("written");
        let (server, token) = start_server(&directory.path().join("beckn-bpp.toml")).await;
        // No connection is kept: one that the server closes just then would fail a request.
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client");
        Self {
            server: Some(server),
            registry,
            bap,
            other_bap,
            directory,
            token,
            http,
        }
    }

    pub fn config_file(&self) -> PathBuf {
        self.directory.path().join("beckn-bpp.toml")
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("running")
    }

    /// The public URL of a path such as `/cancel`.
    pub fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.server().public_address)
            .parse()
            .expect("a URL")
    }

    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server().admin_address)
    }

    /// Rewrites the configuration file and restarts on the same store.
    pub async fn reconfigure(&mut self, edit: impl FnOnce(String) -> String) {
        self.rewrite(edit);
        self.restart().await;
    }

    /// Rewrites the configuration file.
    pub fn rewrite(&self, edit: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.config_file()).expect("readable");
        std::fs::write(self.config_file(), edit(text)).expect("written");
    }

    /// Stops the server and starts it again on the same store (with new ports).
    pub async fn restart(&mut self) {
        self.halt().await;
        self.resume().await;
    }

    /// Stops the server alone; the parties around it stay.
    pub async fn halt(&mut self) {
        let server = self.server.take().expect("running");
        server.stop(Duration::ZERO).await.expect("stopped");
    }

    /// Stops the server with a grace, within which something is done.
    pub async fn halt_during<T>(&mut self, what: impl Future<Output = T>) -> T {
        let server = self.server.take().expect("running");
        // The first is begun first.
        let (stopped, done) = tokio::join!(biased; server.stop(Duration::from_secs(2)), what);
        stopped.expect("stopped");
        done
    }

    /// Starts the server on its store after a halt.
    pub async fn resume(&mut self) {
        let (server, token) = start_server(&self.config_file()).await;
        self.server = Some(server);
        self.token = token;
    }

    /// Stops everything; no callback may be owed any more.
    pub async fn stop(self) {
        self.settled().await;
        self.stop_owing().await;
    }

    /// Stops everything, whatever is still owed.
    pub async fn stop_owing(mut self) {
        self.server
            .take()
            .expect("running")
            .stop(Duration::ZERO)
            .await
            .expect("stopped");
        self.bap.stop().await;
        self.other_bap.stop().await;
        self.registry.stop().await;
    }
}

/// One recorder for the process: its counters add up over all tests of a binary.
fn rendered_metrics() -> String {
    static METRICS: LazyLock<PrometheusHandle> =
        LazyLock::new(|| telemetry::collect_metrics().expect("set up once"));
    METRICS.render()
}

async fn start_server(file: &Path) -> (Server, String) {
    let config = match config::load(Some(file), std::iter::empty()) {
        Ok(config) => config,
        Err(faults) => panic!("{faults}"),
    };
    let tokens = config.admin_tokens.clone();
    // Set up before anything is counted.
    rendered_metrics();
    let server = Server::start(config, rendered_metrics).await;
    let server = server.expect("a server");
    let token = tokens.text().expect("a token").to_string();
    (server, token)
}
