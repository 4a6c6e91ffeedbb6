//! Whether the process lives, and whether it should be sent requests.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;
use tokio::sync::watch;

use super::Doors;

/// Turned off when the server is about to stop.
#[derive(Debug)]
pub struct Readiness {
    draining: watch::Sender<bool>,
}

impl Default for Readiness {
    fn default() -> Self {
        let draining = watch::Sender::new(false);
        Self { draining }
    }
}

impl Readiness {
    /// From now on `/health/ready` says no, while requests are still answered.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Whether the server is about to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Returns when the server is about to stop.
    pub async fn drained(&self) {
        let mut draining = self.draining.subscribe();
        // The sender lives as long as this, so the wait ends in no other way.
        let _ = draining.wait_for(|draining| *draining).await;
    }
}

/// `GET /health/live`: never touches the store.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live", "version": env!("CARGO_PKG_VERSION")}))
}

/// `GET /health/ready`: 200 or 503, with the reason per check. A registry that does not answer
/// is a warning: keys that are known still work.
pub async fn ready(doors: Data<Doors>) -> HttpResponse {
    let store = doors.engine.store().writable();
    let draining = doors.readiness.is_draining();
    let ready = store.is_ok() && !draining;
    let body = json!({
        "status": if ready { "ready" } else { "not ready" },
        "checks": {
            "store": store.err().map_or_else(|| "ok".to_owned(), |error| error.to_string()),
            "accepting": if draining { "the server is stopping" } else { "ok" },
            "registries": registries(&doors),
        },
    });
    match ready {
        true => HttpResponse::Ok().json(body),
        false => HttpResponse::ServiceUnavailable().json(body),
    }
}

fn registries(doors: &Doors) -> String {
    let resting = doors.networks.iter().filter(|n| n.registry.is_resting());
    let names: Vec<_> = resting.map(|network| network.name().as_str()).collect();
    match names[..] {
        [] => "ok".to_owned(),
        _ => format!("warning: no answer for {}", names.join(", ")),
    }
}
