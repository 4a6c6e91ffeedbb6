//! `GET /orders/{id}/cancellation-preview`: what it would cost, now and at each coming step.

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{OnNetwork, Problem, find, prove, time};
use crate::domain::order::{Order, Party};
use crate::domain::policy::{Asked, Door};
use crate::domain::preview::Step;
use crate::engine::preview::Stage;
use crate::http::Doors;

/// Query of `GET /orders/{id}/cancellation-preview`.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    network: Option<String>,
    /// Who would cancel; without it, the customer.
    by: Option<Party>,
    /// Where the wish would come in; without it, the network for an order that is on one.
    door: Option<Door>,
    /// From when on; without it, now.
    at: Option<DateTime<Utc>>,
}

/// Answers with the steps; once the order is cancelled, with the cancellation and no steps.
///
/// # Errors
/// 404 where there is no such order.
pub async fn show(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<String>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let on = OnNetwork {
        network: wanted.network.clone(),
    };
    let key = find(&doors, &id, &on).await?;
    let default_door = match key.network.as_str() == crate::engine::intake::NO_NETWORK {
        true => Door::Admin,
        false => Door::Network,
    };
    let asked = Asked {
        by: wanted.by.unwrap_or(Party::Customer),
        door: wanted.door.unwrap_or(default_door),
        at: wanted.at.unwrap_or_else(Utc::now),
    };
    let preview = doors.engine.preview(&key, &asked).await?;
    Ok(HttpResponse::Ok().json(view(&preview.order, &preview.stages, &asked)))
}

fn view(order: &Order, stages: &[Stage], asked: &Asked) -> Value {
    let steps: Vec<Value> = stages.iter().flat_map(of_stage).collect();
    let policy = &order.policy;
    let version = Some(&policy.version).filter(|version| !version.is_empty());
    json!({
        "id": order.key.id,
        "network": order.key.network,
        "state": order.state.word(),
        "by": asked.by,
        "door": asked.door,
        "at": time(asked.at),
        "price": order.price,
        "paid": order.paid,
        "starts_at": order.starts_at().map(time),
        "policy": {"name": policy.name, "version": version},
        "steps": steps,
        "cancellation": order.cancellation,
    })
}

fn of_stage(stage: &Stage) -> Vec<Value> {
    let view = |step: &Step| {
        let terms = &step.terms;
        let charge = terms.charge.as_ref();
        json!({
            "fulfillment_state": stage.fulfillment_state,
            "state": stage.order_state.word(),
            "from": time(step.from),
            "until": step.until.map(time),
            "allowed": terms.denial.is_none(),
            "why_not": terms.denial.as_ref().map(|denial| denial.sentence()),
            "fee": charge.map(|charge| charge.fee),
            "refund": charge.map(|charge| charge.refund),
            "due": charge.map(|charge| charge.due),
            "reason_required": terms.reason_required,
            "terms": terms.basis,
        })
    };
    stage.steps.iter().map(view).collect()
}
