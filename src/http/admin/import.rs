//! `POST /orders`: many orders, one a line; one answer a line, in order.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::orders::taken_in;
use super::{Problem, prove};
use crate::engine::intake::Placing;
use crate::http::Doors;

/// Lines stored at the same time: enough to share one flush among many.
const TOGETHER: usize = 64;

/// Takes in newline-delimited orders. A bad line is reported by number; the rest is taken in.
pub async fn import(
    doors: Data<Doors>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    // Where nothing can be stored, one answer will do for all.
    doors.engine.store().writable()?;
    let lines = body.split(|byte| *byte == b'\n').enumerate();
    let filled = lines.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace));
    let results = futures_util::stream::iter(filled)
        .map(|(index, line)| take_in(&doors, index + 1, line))
        .buffered(TOGETHER);
    let lines: Vec<String> = results.map(|result| format!("{result}\n")).collect().await;
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .body(lines.concat()))
}

async fn take_in(doors: &Doors, number: usize, line: &[u8]) -> Value {
    let placing = Placing {
        networks: &doors.networks,
        policies: &doors.policies,
    };
    match doors.engine.take_in(&placing, line, None, Utc::now()).await {
        Ok(taken) => {
            let mut answer = taken_in(&taken);
            answer["line"] = json!(number);
            answer
        }
        Err(error) => json!({"line": number, "result": "refused", "error": error.to_string()}),
    }
}
