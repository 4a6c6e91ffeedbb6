//! The ceiling: the least that any correct server must do for a `/cancel`, with the packages that
//! ours uses, as fast as it can be done. `examples/load` drives both and compares them.
//!
//! It proves the signature with one known key, puts request and callback on stable storage, says
//! ACK, then signs and posts the callback. It imports nothing of this crate, so that nothing of
//! it can slow it down. It deliberately knows no orders, registry, schemas, replays or retries,
//! and forgets what it has delivered: it is a measuring rod, not a server.

mod callback;
mod proof;
mod store;

use std::net::SocketAddr;
use std::path::PathBuf;

use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use clap::Parser;

use callback::Callbacks;
use proof::Key;
use store::Store;

/// The server has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ACK: &str = r#"{"message":{"ack":{"status":"ACK"}}}"#;

/// The least a correct server must do for a cancel; see `examples/load`.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8080")]
    bind: SocketAddr,
    /// Directory of the store
    #[arg(long)]
    data: PathBuf,
    /// The URL every callback is posted to
    #[arg(long)]
    callback: String,
    /// The one key that signs requests, base64 of 32 bytes; the developer BAP's by default
    #[arg(long, default_value = include_str!("../../keys/bap.public"))]
    public_key: String,
}

struct Parts {
    key: Key,
    store: Store,
    callbacks: Callbacks,
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let parts = Data::new(Parts {
        key: Key::parse(&arguments.public_key)?,
        store: Store::open(&arguments.data)?,
        callbacks: Callbacks::to(arguments.callback)?,
    });
    let app = move || {
        App::new()
            .app_data(parts.clone())
            .route("/cancel", web::post().to(cancel))
            .route("/health/ready", web::get().to(HttpResponse::Ok))
    };
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let server = HttpServer::new(app).workers(workers);
    let bound = server.bind(arguments.bind);
    bound
        .with_context(|| format!("cannot listen on {}", arguments.bind))?
        .run()
        .await?;
    Ok(())
}

async fn cancel(parts: Data<Parts>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = request.headers().get("authorization");
    let header = header.and_then(|value| value.to_str().ok());
    if !header.is_some_and(|header| parts.key.signed(header, &body)) {
        return HttpResponse::Unauthorized().finish();
    }
    let Some(callback) = callback::answering(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    if parts.store.keep(body, callback.clone()).await.is_err() {
        return HttpResponse::ServiceUnavailable().finish();
    }
    actix_web::rt::spawn(async move { parts.callbacks.post(callback).await });
    HttpResponse::Ok()
        .content_type("application/json")
        .body(ACK)
}
