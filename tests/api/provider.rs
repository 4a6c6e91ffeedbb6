//! The provider's back end: events are pushed to it, and it is asked before a cancellation is final.

mod asked;
mod doors;
mod meanwhile;
mod secrets;
mod told;
mod waiting;

use beckn_bpp::mock::bap::Received;
use beckn_bpp::mock::orders::{O3, Sample, TRIP_1};
use beckn_bpp::mock::provider::{self, ProviderHandle};
use serde_json::Value;

use crate::app::{TestApp, WAIT, listener};

/// A server with a back end.
pub struct BackEnd {
    pub app: TestApp,
    pub provider: ProviderHandle,
}

impl BackEnd {
    /// With events pushed and no questions.
    pub async fn told() -> Self {
        Self::with(
            |provider| format!("events_url = \"{}\"", provider.events_url),
            "",
        )
        .await
    }

    /// With questions, and events pushed.
    pub async fn asked(more: &str) -> Self {
        let settings = |provider: &ProviderHandle| {
            let (events, hook) = (&provider.events_url, &provider.hook_url);
            format!("events_url = \"{events}\"\nhook_url = \"{hook}\"\n{more}")
        };
        Self::with(settings, "").await
    }

    pub async fn with(settings: impl FnOnce(&ProviderHandle) -> String, sections: &str) -> Self {
        let provider = provider::start(listener()).expect("a back end");
        let secret = provider::SECRET;
        let settings = settings(&provider);
        let mut app = TestApp::start().await;
        std::fs::write(app.directory.path().join("provider.secret"), secret).expect("written");
        app.reconfigure(|text| {
            format!("{text}\n[provider]\nsecret_file = \"provider.secret\"\n{settings}\n{sections}")
        })
        .await;
        Self { app, provider }
    }

    /// Cancels a sample as its BAP; returns the message id.
    pub async fn cancel(&self, sample: Sample) -> String {
        let message = self.app.cancel_of(sample);
        let reply = self.app.send(&message).await;
        let ack = &reply.json()["message"]["ack"]["status"];
        assert_eq!(ack, "ACK", "{}", reply.json());
        message.message
    }

    pub async fn events_come(&self, count: usize) -> Vec<Received> {
        let all = |provider: &ProviderHandle| provider.events().len() >= count;
        assert!(
            self.provider.until(WAIT, all).await,
            "{count} events in time"
        );
        self.provider.events()
    }

    pub async fn questions_come(&self, count: usize) -> Vec<Received> {
        let all = |provider: &ProviderHandle| provider.questions().len() >= count;
        assert!(
            self.provider.until(WAIT, all).await,
            "{count} questions in time"
        );
        self.provider.questions()
    }

    pub async fn order(&self, sample: Sample) -> Value {
        self.app.get(&format!("/orders/{}", sample.id)).await.body
    }

    pub async fn stop(self) {
        self.app.stop().await;
        self.provider.stop().await;
    }
}

/// Samples that are confirmed: one of each version.
pub const SAMPLES: [Sample; 2] = [TRIP_1, O3];
