//! `GET /refusals` and `GET /metrics`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::{Problem, prove};
use crate::http::Doors;

/// The last refused requests, newest first.
pub async fn refusals(doors: Data<Doors>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    Ok(HttpResponse::Ok().json(json!({"refusals": doors.refusals.newest_first()})))
}

/// Metrics in the Prometheus text format.
pub async fn metrics(doors: Data<Doors>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    open_metrics(doors).await
}

/// The same for a listener that asks for no token.
pub async fn open_metrics(doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    let counts = doors.engine.store().counts().await?;
    metrics::gauge!("bpp_callbacks_pending").set(as_gauge(counts.callbacks_pending));
    metrics::gauge!("bpp_callbacks_dead").set(as_gauge(counts.callbacks_dead));
    metrics::gauge!("bpp_inflight_requests").set(as_gauge(doors.limits.in_hand() as u64));
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4")
        .body((doors.metrics)()))
}

/// A gauge is a float by its format; counts stay exact below 2^53.
#[allow(clippy::cast_precision_loss)]
fn as_gauge(count: u64) -> f64 {
    count as f64
}
