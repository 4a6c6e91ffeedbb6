//! The doors: the route table, whole, on one screen.
//!
//! Two listeners. The public one answers the networks and health; the admin one, on loopback
//! by default, serves the provider and its operator behind tokens; a third, for metrics alone, is
//! there if configured. No decisions are made here.

pub mod admin;
pub mod body;
pub mod bookings;
pub mod connection;
pub mod consultations;
mod door;
pub mod health;
pub mod heard;
pub mod held;
pub mod limits;
pub mod network;
pub mod on_subscribe;
mod proof;
pub mod reasons;
pub mod refusals;
pub mod reply;
pub mod site;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::guard;
use actix_web::http::header::HeaderName;
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PathConfig, QueryConfig, ServiceConfig};
use actix_web::{HttpResponse, Route};
use ipnet::IpNet;

use self::admin::access::{Scope, Tokens};
use self::admin::failures::Failures;
use crate::engine::Engine;
use crate::engine::intake::Policies;
use crate::networks::{Kind, Networks};

/// Every answer carries its own id, so that people can speak about one.
pub static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The `[http]` and `[limits]` sections.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where doors, `on_subscribe` and health listen.
    pub bind: SocketAddr,
    /// Where orders, callbacks and metrics listen.
    pub admin_bind: SocketAddr,
    /// Where `/metrics` is served without a token, if anywhere.
    pub metrics_bind: Option<SocketAddr>,
    /// How long a stopping server still takes requests, so that a balancer can notice.
    pub stop_grace: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The largest body taken from a network, in bytes.
    pub body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How many bytes of a body must come each second, once it has taken two; 0 means no limit.
    pub body_bytes_per_second: usize,
    /// How long the head of a request may take to arrive.
    pub head_timeout: Duration,
    /// How long a connection is kept on which nothing comes, or no answer is taken.
    pub keep_alive: Duration,
    /// Requests in hand at once on the public listener, those that still come in among them.
    pub in_flight: usize,
    /// Requests worked on at once: their body is there, their answer is not.
    pub at_work: usize,
    /// Open connections on the public listener.
    pub connections: usize,
    /// Open connections of one address, but of no trusted proxy; 0 means no limit.
    pub connections_per_address: usize,
    /// Requests per second from one address; 0 means no limit.
    pub per_address_per_second: u32,
    /// Requests per second signed by one subscriber; 0 means no limit.
    pub per_subscriber_per_second: u32,
    /// Orders per minute that one subscriber asks for and that are not there for it; 0 means no
    /// limit.
    pub not_found_per_minute: u32,
}

/// What the handlers reach: built once in `app`, shared by all workers.
pub struct Doors {
    /// The use case.
    pub engine: Arc<Engine>,
    /// The joined networks.
    pub networks: Arc<Networks>,
    /// The policies that orders are taken in with.
    pub policies: Policies,
    /// The door of booking apps, where it is open.
    pub bookings: Option<bookings::Door>,
    /// The door of partners' apps, where it is open.
    pub consultations: Option<consultations::Settings>,
    /// What is let in.
    pub limits: limits::Limits,
    /// How much of a body is read.
    pub body_limits: body::Limits,
    /// The last refusals.
    pub refusals: refusals::Refusals,
    /// What the registries said of us.
    pub heard: heard::Heard,
    /// Whether the server takes requests.
    pub readiness: health::Readiness,
    /// The admin tokens that hold at present.
    pub tokens: Arc<Tokens>,
    /// Who showed wrong ones.
    pub failures: Failures,
    /// Renders the metrics.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
}

impl Doors {
    /// The answer of a door of others. While the server stops it ends its connection too: whoever
    /// keeps it would meet a closed one when the grace ends.
    fn parting(&self, mut response: HttpResponse) -> HttpResponse {
        if self.readiness.is_draining() {
            let head = response.head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
        response
    }
}

/// What the networks reach: one path per action, below each network's own path.
pub fn public_routes(config: &mut ServiceConfig, doors: &Data<Doors>) {
    // Each worker has its own routes, and so its own turnstile.
    let turnstile = Data::new(limits::Turnstile::default());
    config
        .app_data(doors.clone())
        .app_data(turnstile)
        .configure(health_routes);
    if site::is_served(&doors.networks) {
        let read = guard::Any(guard::Get()).or(guard::Head());
        config.service(web::resource(site::PATH).guard(read).to(site::show));
    }
    if doors.bookings.is_some() {
        config.configure(bookings::routes);
    }
    if doors.consultations.is_some() {
        let door = web::resource(consultations::PATH)
            .app_data(QueryConfig::default().error_handler(|e, _| consultations::bad_query(&e)))
            .route(web::post().to(consultations::cancel))
            .route(web::get().to(consultations::status))
            .default_service(web::to(consultations::no_such_method));
        config.service(door);
    }
    for network in doors.networks.iter() {
        let name = network.name().clone();
        let path = format!("{}/{}", network.base_path(), on_subscribe::ACTION);
        config.service(web::resource(path).to(move |doors, request, payload| {
            on_subscribe::answer(doors, name.clone(), request, payload)
        }));
        if network.settings.kind != Kind::Uhi {
            let name = network.name().clone();
            let path = format!("{}/{}", network.base_path(), reasons::ACTION);
            config.service(web::resource(path).to(move |doors, request, payload| {
                reasons::answer(doors, name.clone(), request, payload)
            }));
        }
        let name = network.name().clone();
        let path = format!("{}/{{action}}", network.base_path());
        config.service(web::resource(path).to(move |doors, request, payload| {
            network::answer(doors, name.clone(), request, payload)
        }));
    }
    config.default_service(web::to(network::nowhere));
}

/// One endpoint of the provider and its operator.
type Endpoint = (Method, &'static str, Scope, fn() -> Route);

/// What the provider and its operator reach, each with the one scope that it needs: what changes
/// orders `Orders`, what is only looked at `Read`, what else changes something `Operate`. The
/// first that fits a request answers it.
pub const ENDPOINTS: &[Endpoint] = {
    use Scope::{Metrics, Operate, Orders, Read};
    use admin::{
        audit, callbacks, events, evidence, import, networks, operate, orders, preview,
        transactions,
    };
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    &[
        (GET, "/orders", Read, || web::to(orders::list)),
        (POST, "/orders", Orders, || web::to(import::import)),
        (GET, "/orders/{id}", Read, || web::to(orders::show)),
        (Method::PUT, "/orders/{id}", Orders, || web::to(orders::put)),
        (Method::PATCH, "/orders/{id}", Orders, || {
            web::to(orders::patch)
        }),
        (POST, "/orders/{id}/cancel", Orders, || {
            web::to(orders::cancel)
        }),
        (POST, "/orders/{id}/refuse", Orders, || {
            web::to(orders::refuse)
        }),
        (POST, "/orders/{id}/erase", Operate, || {
            web::to(orders::erase)
        }),
        (GET, "/orders/{id}/cancellation-preview", Read, || {
            web::to(preview::show)
        }),
        (GET, "/events", Read, || web::to(events::after)),
        (GET, "/callbacks", Read, || web::to(callbacks::list)),
        (GET, "/callbacks/holds", Read, || web::to(callbacks::holds)),
        (POST, "/callbacks/hold", Operate, || {
            web::to(callbacks::hold)
        }),
        (POST, "/callbacks/release", Operate, || {
            web::to(callbacks::release)
        }),
        (POST, "/callbacks/redrive", Operate, || {
            web::to(callbacks::redrive_many)
        }),
        (GET, "/callbacks/{id}", Read, || web::to(callbacks::show)),
        (POST, "/callbacks/{id}/redrive", Operate, || {
            web::to(callbacks::redrive)
        }),
        (GET, "/transactions/{id}", Read, || {
            web::to(transactions::show)
        }),
        (GET, "/transactions/{id}/evidence", Read, || {
            web::to(evidence::export)
        }),
        (GET, "/networks", Read, || web::to(networks::list)),
        (POST, "/networks/purge", Operate, || {
            web::to(networks::purge)
        }),
        (GET, "/refusals", Read, || web::to(operate::refusals)),
        (GET, "/audit", Read, || web::to(audit::list)),
        (GET, "/metrics", Metrics, || web::to(operate::metrics)),
    ]
};

/// Every endpoint behind its guard, and health without one.
pub fn admin_routes(config: &mut ServiceConfig, doors: &Data<Doors>) {
    config
        .app_data(doors.clone())
        .app_data(QueryConfig::default().error_handler(|e, _| admin::bad_query(&e)))
        .app_data(PathConfig::default().error_handler(|e, _| admin::bad_path(&e)))
        .configure(health_routes);
    for (method, path, scope, route) in ENDPOINTS {
        let resource = web::resource(*path)
            .guard(guard::Method(method.clone()))
            .app_data(*scope)
            .wrap(from_fn(admin::access::guard))
            .route(route());
        config.service(resource);
    }
    config.default_service(web::to(admin::nowhere));
}

/// What a collector of metrics reaches, without a token: figures, and nothing of any order.
pub fn metrics_routes(config: &mut ServiceConfig, doors: &Data<Doors>) {
    config
        .app_data(doors.clone())
        .configure(health_routes)
        .route("/metrics", web::get().to(admin::operate::open_metrics));
}

fn health_routes(config: &mut ServiceConfig) {
    config
        .route("/health/live", web::get().to(health::live))
        .route("/health/ready", web::get().to(health::ready));
}
