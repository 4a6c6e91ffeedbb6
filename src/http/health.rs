//! Whether the process lives, and whether it should be sent requests.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use super::Doors;

/// Turned off when the server is about to stop.
#[derive(Debug, Default)]
pub struct Readiness {
    draining: AtomicBool,
}

impl Readiness {
    /// From now on `/health/ready` says no, while requests are still answered.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the server is about to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// `GET /health/live`: never touches the store.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live", "version": env!("CARGO_PKG_VERSION")}))
}

/// `GET /health/ready`: 200 or 503, with the reason per check.
pub async fn ready(doors: Data<Doors>) -> HttpResponse {
    let store = doors.engine.store().writable();
    let draining = doors.readiness.is_draining();
    let ready = store.is_ok() && !draining;
    let body = json!({
        "status": if ready { "ready" } else { "not ready" },
        "checks": {
            "store": store.err().map_or_else(|| "ok".to_owned(), |error| error.to_string()),
            "accepting": if draining { "the server is stopping" } else { "ok" },
        },
    });
    match ready {
        true => HttpResponse::Ok().json(body),
        false => HttpResponse::ServiceUnavailable().json(body),
    }
}
