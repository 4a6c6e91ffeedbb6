//! `/callbacks`: what is owed, what became of it, and doing it again.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use tracing::info;

use super::audit::Deed;
use super::{Problem, prove, read};
use crate::domain::ids::SubscriberId;
use crate::http::Doors;
use crate::store::{Callback, CallbackFilter, CallbackId, CallbackState, Claimed};

/// The most callbacks listed or redriven at once.
const MAX_LISTED: usize = 1_000;

/// What the audit entries call sending again.
const REDRIVE: &str = "callback.redrive";

/// Query of `GET /callbacks` and of a redrive by filter.
#[derive(Debug, Deserialize)]
pub struct Listing {
    state: Option<CallbackState>,
    subscriber: Option<String>,
    after: Option<CallbackId>,
    limit: Option<usize>,
    #[serde(default)]
    dry_run: bool,
}

/// `GET /callbacks`: oldest first, a page at a time.
pub async fn list(
    doors: Data<Doors>,
    request: HttpRequest,
    listing: Query<Listing>,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let filter = filter(&listing)?;
    let callbacks = doors.engine.store().callbacks(&filter).await?;
    let next = next_page(&callbacks, &filter);
    Ok(HttpResponse::Ok().json(json!({"callbacks": callbacks, "next": next})))
}

/// What the next page comes after, where there may be one.
fn next_page(page: &[Callback], filter: &CallbackFilter) -> Option<CallbackId> {
    let last = page.last().filter(|_| page.len() == filter.limit);
    last.map(|callback| callback.id)
}

/// A callback with the exact body it carries.
#[derive(Serialize)]
struct WithBody<'a> {
    #[serde(flatten)]
    callback: &'a Callback,
    erased: bool,
    body: Option<&'a RawValue>,
}

/// `GET /callbacks/{id}`.
pub async fn show(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<u64>,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let claimed = find(&doors, CallbackId(*id)).await?;
    let body = std::str::from_utf8(&claimed.body).ok();
    let body = body.and_then(|text| serde_json::from_str(text).ok());
    Ok(HttpResponse::Ok().json(WithBody {
        callback: &claimed.callback,
        erased: claimed.is_erased(),
        body,
    }))
}

async fn find(doors: &Doors, id: CallbackId) -> Result<Claimed, Problem> {
    let found = doors.engine.store().callback(id).await?;
    found.ok_or_else(|| Problem::not_found(format!("no callback {}", id.0)))
}

/// `POST /callbacks/{id}/redrive`: a dead callback gets a new run of the schedule.
pub async fn redrive(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<u64>,
) -> Result<HttpResponse, Problem> {
    let token = prove(&doors, &request)?;
    let store = doors.engine.store();
    let id = CallbackId(*id);
    let claimed = find(&doors, id).await?;
    if claimed.is_erased() {
        let detail = format!("callback {} was erased: nothing is left to send", id.0);
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let deed = Deed {
        token: &token,
        action: REDRIVE,
        network: Some(&claimed.callback.order.network),
        target: Some(&id.0.to_string()),
    };
    deed.note(&doors).await?;
    let redriven = store.redrive(&[id], &token, Utc::now()).await?;
    if redriven.is_empty() {
        let detail = format!(
            "callback {} is not dead, or a price that an outcome has overtaken, or one of an \
             order of which too many wait",
            id.0
        );
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    info!(callback.id = id.0, token = %token, "a callback is redriven");
    Ok(HttpResponse::Ok().json(json!({"redriven": redriven})))
}

/// `POST /callbacks/redrive?subscriber=&dry_run=&after=`: the dead callbacks that the filter
/// finds, a page at a time. Those that may not be sent again are named, and stay.
pub async fn redrive_many(
    doors: Data<Doors>,
    request: HttpRequest,
    listing: Query<Listing>,
) -> Result<HttpResponse, Problem> {
    let token = prove(&doors, &request)?;
    let filter = CallbackFilter {
        state: Some(CallbackState::Dead),
        ..filter(&listing)?
    };
    let store = doors.engine.store();
    let found = store.callbacks(&filter).await?;
    let next = next_page(&found, &filter);
    let ids: Vec<_> = found.iter().map(|callback| callback.id).collect();
    let skipped = |taken: &[CallbackId]| -> Vec<CallbackId> {
        let left = ids.iter().filter(|id| !taken.contains(id));
        left.copied().collect()
    };
    if listing.dry_run {
        let fit = store.would_redrive(&ids).await?;
        let answer = json!({"dry_run": true, "would_redrive": fit, "skipped": skipped(&fit),
            "next": next});
        return Ok(HttpResponse::Ok().json(answer));
    }
    let deed = Deed {
        token: &token,
        action: REDRIVE,
        network: None,
        target: listing.subscriber.as_deref(),
    };
    deed.note(&doors).await?;
    let redriven = store.redrive(&ids, &token, Utc::now()).await?;
    info!(count = redriven.len(), token = %token, "callbacks are redriven");
    let skipped = skipped(&redriven);
    Ok(HttpResponse::Ok().json(json!({"redriven": redriven, "skipped": skipped, "next": next})))
}

/// Body of hold and release.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whom {
    subscriber: Option<String>,
}

/// `POST /callbacks/hold`: stops sending, to one subscriber or to all, until released.
pub async fn hold(
    doors: Data<Doors>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let whom = meant(&doors, &request, &body, "callback.hold").await?;
    doors.engine.store().hold(whom.as_ref()).await?;
    answer_holds(&doors).await
}

/// `POST /callbacks/release`: sends again.
pub async fn release(
    doors: Data<Doors>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let whom = meant(&doors, &request, &body, "callback.release").await?;
    doors.engine.store().release(whom.as_ref()).await?;
    answer_holds(&doors).await
}

/// Who is meant by whoever has a token for this; the audit is told.
async fn meant(
    doors: &Doors,
    request: &HttpRequest,
    body: &[u8],
    action: &'static str,
) -> Result<Option<SubscriberId>, Problem> {
    let token = prove(doors, request)?;
    let whom = whom(body)?;
    let deed = Deed {
        token: &token,
        action,
        network: None,
        target: whom.as_ref().map(SubscriberId::as_str),
    };
    deed.note(doors).await?;
    Ok(whom)
}

/// `GET /callbacks/holds`.
pub async fn holds(doors: Data<Doors>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    answer_holds(&doors).await
}

async fn answer_holds(doors: &Doors) -> Result<HttpResponse, Problem> {
    let holds = doors.engine.store().holds().await?;
    Ok(HttpResponse::Ok().json(json!({"holds": holds})))
}

fn whom(body: &[u8]) -> Result<Option<SubscriberId>, Problem> {
    let whom: Whom = match body.is_empty() {
        true => Whom::default(),
        false => read(body)?,
    };
    whom.subscriber.as_deref().map(subscriber).transpose()
}

fn subscriber(text: &str) -> Result<SubscriberId, Problem> {
    SubscriberId::parse(text).map_err(|error| Problem::bad_request(format!("subscriber: {error}")))
}

fn filter(listing: &Listing) -> Result<CallbackFilter, Problem> {
    Ok(CallbackFilter {
        state: listing.state,
        subscriber: listing.subscriber.as_deref().map(subscriber).transpose()?,
        order: None,
        after: listing.after,
        limit: listing.limit.unwrap_or(100).clamp(1, MAX_LISTED),
    })
}
