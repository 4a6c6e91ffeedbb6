//! The listeners: how connections are taken, and when they are let go.
//!
//! Those for the provider and for metrics are the HTTP layer as it comes. The public one has [`Connection`] between
//! each socket and the HTTP layer, for strangers.

use std::net::TcpListener;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::{AppConfig, Server, ServerHandle};
use actix_web::rt::net::TcpStream;
use actix_web::web::{Data, PayloadConfig, ServiceConfig};
use actix_web::{App, HttpServer};

use crate::http::connection::{Connection, Patience};
use crate::http::{self, Doors, Settings};

/// The longest a stop waits for requests in hand, in seconds: as long as a body may take.
const STOP_SECONDS: u64 = 10;

/// The most bytes of orders taken in one admin request.
const ADMIN_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Connections that a worker takes over its share of what is configured, to tell them so.
const TOLD: usize = 256;

/// Serves the networks.
///
/// # Errors
/// When the listener cannot be used.
pub fn public(
    listener: TcpListener,
    doors: &Data<Doors>,
    settings: &Settings,
) -> std::io::Result<ServerHandle> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let (doors, keep_alive) = (doors.clone(), settings.keep_alive);
    let patience = Patience {
        head: settings.head_timeout,
        answer: keep_alive,
    };
    let server = Server::build()
        .workers(workers)
        .max_concurrent_connections(settings.connections.saturating_add(TOLD))
        .shutdown_timeout(STOP_SECONDS)
        .disable_signals();
    let stopping = server.graceful_shutdown_signal();
    let server = server.listen("public", listener, move || {
        let (doors, stopping) = (doors.clone(), stopping.clone());
        let routes = doors.clone();
        let app = App::new().configure(move |config| http::public_routes(config, &routes));
        let app = app.into_factory().map_err(|error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(keep_alive)
            // The connection sees to it, and not on its first request only.
            .client_request_timeout(Duration::ZERO)
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |io: TcpStream| {
            let peer = io.peer_addr().ok();
            let connection = Connection::new(io, doors.clone(), patience);
            async move { Ok::<_, DispatchError>((connection, Protocol::Http1, peer)) }
        })
        .and_then(http)
    })?;
    Ok(started(server.run()))
}

/// Serves those whose requests are few: the provider, its operator, who reads the metrics. One
/// worker is enough.
///
/// # Errors
/// When the listener cannot be used.
pub fn few(
    listener: TcpListener,
    doors: &Data<Doors>,
    routes: fn(&mut ServiceConfig, &Data<Doors>),
) -> std::io::Result<ServerHandle> {
    let doors = doors.clone();
    let server = HttpServer::new(move || {
        let doors = doors.clone();
        App::new()
            .app_data(PayloadConfig::new(ADMIN_BODY_BYTES))
            .configure(move |config| routes(config, &doors))
    })
    .workers(1)
    .shutdown_timeout(STOP_SECONDS)
    .disable_signals()
    .listen(listener)?;
    Ok(started(server.run()))
}

fn started(server: Server) -> ServerHandle {
    let handle = server.handle();
    tokio::spawn(server);
    handle
}
