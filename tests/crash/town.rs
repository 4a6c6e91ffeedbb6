//! A registry and two BAPs in this process, and the real server beside it, to be killed.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use beckn_bpp::mock::bap::{self, Answer, BapHandle, Received, Reply};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::outside::books::Callback;
use crate::outside::orders::{Bap, Numbered};
use crate::outside::process::Process;
use crate::outside::surroundings::{Admin, BAP_KEYS, Surroundings, listener, signer};

/// The server under proof.
pub const BINARY: &str = env!("CARGO_BIN_EXE_beckn-bpp");

/// Long enough for a busy machine; a test that waits this long has failed.
pub const WAIT: Duration = Duration::from_secs(20);

/// Short steps, patience for a host that is down during a whole test, and no breaker.
const DELIVERY: &str = r#"
schedule = ["0s", "50ms", "100ms", "200ms", "200ms", "200ms", "200ms", "500ms", "500ms", "500ms",
    "500ms", "500ms", "500ms", "500ms", "500ms", "500ms", "500ms", "500ms", "500ms", "500ms",
    "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s"]
timeout = "2s"
connect_timeout = "1s"
in_flight_per_host = 32
breaker_failures = 1000000
"#;

/// The parties around the server.
pub struct Town {
    pub around: Surroundings,
    pub baps: [BapHandle; 2],
}

/// A running server with its API.
pub struct Running {
    pub process: Process,
    pub admin: Admin,
    pub cancel: Url,
}

#[derive(Deserialize)]
struct Shown<'a> {
    #[serde(borrow)]
    body: &'a RawValue,
}

impl Town {
    pub fn new() -> Self {
        let around = Surroundings::new(DELIVERY).expect("surroundings");
        let start = |index: usize| {
            let id = format!("bap-{index}.example.org");
            let signer = signer(&id, BAP_KEYS[index]).expect("a developer key");
            let listener = listener().expect("a free port");
            bap::start(listener, signer, &around.registry.url, "/beckn").expect("a BAP")
        };
        let baps = [start(0), start(1)];
        let bpp = include_str!("../../keys/bpp.signing");
        let bpp = signer(crate::outside::surroundings::BPP, bpp).expect("a developer key");
        let nowhere: Url = crate::outside::surroundings::BPP_URL
            .parse()
            .expect("a URL");
        around.register(&[
            (baps[0].signer(), &baps[0].url),
            (baps[1].signer(), &baps[1].url),
            (&bpp, &nowhere),
        ]);
        Self { around, baps }
    }

    /// Starts the server, on the store that the last one left.
    pub fn start(&self) -> Running {
        Self::start_as(&mut self.around.serve(Path::new(BINARY)))
    }

    /// Starts a command that becomes the server.
    pub fn start_as(command: &mut Command) -> Running {
        let process = Process::start(command);
        let process = process.expect("a process");
        let at = process.ready(WAIT).expect("ready");
        Running {
            process,
            admin: Admin::at(at.admin).expect("a client"),
            cancel: format!("http://{}/cancel", at.public)
                .parse()
                .expect("a URL"),
        }
    }

    /// The BAP that placed the order, as contexts name it.
    pub fn bap_of(&self, order: Numbered) -> Bap {
        let handle = &self.baps[order.bap()];
        Bap {
            id: handle.signer().subscriber_id.clone(),
            uri: handle.url.to_string(),
        }
    }

    pub async fn hand_over(&self, running: &Running, orders: impl Iterator<Item = u64>) {
        let orders = orders.map(Numbered);
        let documents: Vec<_> = orders
            .map(|order| order.document(&self.bap_of(order)).expect("a document"))
            .collect();
        running.admin.hand_over(&documents).await.expect("taken in");
    }

    /// A cancel of the order by the BAP that placed it.
    pub fn cancel(&self, order: Numbered, message: &str) -> String {
        order.cancel(&self.bap_of(order), message)
    }

    /// Signs and posts a cancel of the order; whatever goes wrong is no answer.
    pub async fn post(&self, running: &Running, order: Numbered, body: &str) -> Option<Reply> {
        let bap = &self.baps[order.bap()];
        bap.sign_and_post(&running.cancel, body.to_owned())
            .await
            .ok()
    }

    /// How the BAPs answer from now on.
    pub fn answer(&self, answer: &Answer) {
        self.baps.iter().for_each(|bap| bap.answer(answer.clone()));
    }

    /// Every callback that came in, in the form that the audit takes.
    pub fn received(&self) -> Vec<Callback> {
        let baps = self.baps.iter().enumerate();
        let read = |(index, bap): (usize, &BapHandle)| {
            let received = bap.all().into_iter();
            let read = move |r: Received| Callback::read(index, &r.body, r.verdict);
            received.filter_map(read).collect::<Vec<_>>()
        };
        baps.flat_map(read).collect()
    }
}

impl Running {
    /// The body of a callback, byte for byte as it will leave.
    pub async fn body_of(&self, id: u64) -> String {
        let shown = self.admin.text(&format!("/callbacks/{id}")).await;
        let shown = shown.expect("the callback is there");
        let shown: Shown<'_> = serde_json::from_str(&shown).expect("JSON with a body");
        shown.body.get().to_owned()
    }
}

/// Whether an answer is an ACK.
pub fn is_ack(reply: &Reply) -> bool {
    reply.status == 200 && reply.json()["message"]["ack"]["status"] == "ACK"
}
