//! What gets out of the real binary: its log at every level, its metrics, its lists and refusals.
//!
//! Personal data is marked with texts that occur nowhere else, and what strangers write with
//! characters that would end a line or move a cursor.

mod lines;
mod personal;
mod series;

use std::path::Path;
use std::time::Duration;

use beckn_bpp::mock::bap::{self, BapHandle};
use beckn_bpp::mock::orders::O1;
use serde_json::{Value, json};
use url::Url;

use crate::process::{Addresses, Process};
use crate::surroundings::{Admin, BAP_KEYS, BPP, BPP_URL, Surroundings, listener, signer};

const BINARY: &str = env!("CARGO_BIN_EXE_beckn-bpp");
const WAIT: Duration = Duration::from_secs(30);
const BAP: &str = "bap.example.org";

/// Two tries, no breaker.
const DELIVERY: &str = "schedule = [\"0s\", \"20ms\"]\nnack_retries = 0\ntimeout = \"2s\"\nconnect_timeout = \"1s\"\n\
    breaker_failures = 1000000";

/// The server with its surroundings.
struct Town {
    around: Surroundings,
    bap: BapHandle,
    process: Process,
    at: Addresses,
    admin: Admin,
}

impl Town {
    /// Logging at this level.
    fn start(level: &str) -> Self {
        let around = Surroundings::new(DELIVERY).expect("surroundings");
        let by = signer(BAP, BAP_KEYS[0]).expect("a key");
        let port = listener().expect("a port");
        let bap = bap::start(port, by, &around.registry.url, "/beckn").expect("a BAP");
        around.register(&[(bap.signer(), &bap.url)]);
        let mut command = around.serve(Path::new(BINARY));
        command.env("BECKN_BPP__LOG__LEVEL", level);
        let process = Process::start(&mut command).expect("a process");
        let at = process.ready(WAIT).expect("ready");
        let admin = Admin::at(at.admin).expect("a client");
        Self {
            around,
            bap,
            process,
            at,
            admin,
        }
    }

    fn cancel_url(&self) -> Url {
        format!("http://{}/cancel", self.at.public)
            .parse()
            .expect("a URL")
    }

    /// A sample order under this id, as placed by the BAP.
    fn order(&self, id: &str) -> Value {
        let placed_by = (BAP, self.bap.url.as_str());
        let text = O1.placed_by(placed_by, (BPP, BPP_URL)).expect("a sample");
        let mut order: Value = serde_json::from_str(&text).expect("JSON");
        order["message"]["order"]["id"] = json!(id);
        order
    }

    /// A cancel of an order by the BAP.
    fn cancel(&self, id: &str) -> Value {
        let order = self.order(id);
        let mut context = order["context"].clone();
        context["action"] = json!("cancel");
        context["bpp_uri"] = json!(BPP_URL);
        context["message_id"] = json!(uuid::Uuid::new_v4().to_string());
        context["timestamp"] = json!(chrono::Utc::now().to_rfc3339());
        json!({"context": context, "message": {"order_id": id, "cancellation_reason_id": "001"}})
    }

    /// The text of the answer to these bytes, signed by the BAP.
    async fn send(&self, body: &str) -> String {
        let reply = self
            .bap
            .sign_and_post(&self.cancel_url(), body.to_owned())
            .await;
        String::from_utf8_lossy(&reply.expect("an answer").body).into_owned()
    }

    /// Ends the server well, and returns all that it has logged.
    async fn end(self) -> String {
        let ended = tokio::task::spawn_blocking(|| self.process.terminate(WAIT));
        let (status, log) = ended.await.expect("no panic").expect("it ends");
        assert!(status.success(), "{status}");
        self.bap.stop().await;
        self.around.registry.stop().await;
        log
    }
}
