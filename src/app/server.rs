//! Builds each component once and runs them until stopped.
//!
//! The order of starting is the order of dependence: store, networks, engine, delivery, doors.
//! Stopping goes the other way round: readiness off, doors closed, deliveries settled, store
//! flushed.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use anyhow::Context as _;
use chrono::Utc;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tracing::info;

use super::background::{Background, Parts};
use super::config::{self, Config, Environment, Watched};
use super::{api_keys, listeners};
use crate::engine::Engine;
use crate::engine::intake::Policies;
use crate::http::admin::access::Tokens;
use crate::http::admin::failures::Failures;
use crate::http::body::Limits as BodyLimits;
use crate::http::bookings::{self, keys::Keys};
use crate::http::heard::Heard;
use crate::http::limits::Limits;
use crate::http::refusals::Refusals;
use crate::http::{self, Doors};
use crate::networks::Networks;
use crate::registry;
use crate::store::sled::SledStore;
use crate::store::{self, Store};

/// The longest any question to a registry may take; each network may set less.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a store that has failed may take to say why.
const CAUSE_WAIT: Duration = Duration::from_secs(1);

/// The longest a stop waits, after its grace, for requests and callbacks in hand. With a grace
/// of 5 s this leaves 2 s of 25 to write out the store.
const STOP: Duration = Duration::from_secs(18);

/// A running server.
pub struct Server {
    /// Where the networks reach it.
    pub public_address: SocketAddr,
    /// Where the provider reaches it.
    pub admin_address: SocketAddr,
    /// Where metrics are served without a token, if anywhere.
    pub metrics_address: Option<SocketAddr>,
    doors: Data<Doors>,
    handles: Vec<ServerHandle>,
    background: Background,
    store: Arc<SledStore>,
}

impl Server {
    /// Starts everything; returns once both listeners answer.
    ///
    /// # Errors
    /// When the store cannot be opened or an address is taken.
    pub async fn start(
        config: Config,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        // A provider may have been installed before, by a test or an embedding program.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bound = Bound::to(&config.http)?;
        let tokens = Arc::new(Tokens::default());
        tokens.replace(config.admin_tokens.ready()?);
        let sled = open(&config.store).await?;
        let store: Arc<dyn Store> = sled.clone();
        let client = registry::client(REGISTRY_TIMEOUT)?;
        let networks = Arc::new(Networks::join(config.networks, &client));
        let (asked_at, asking) = config.provider.hook.unzip();
        let engine = Arc::new(Engine::new(store.clone(), asking));
        let mut watched = config.watched;
        watched.extend(config.admin_tokens.watched(&tokens));
        let bookings = config
            .bookings
            .map(|door| booking_door(door, config.environment, &mut watched));
        let parts = Parts {
            store,
            networks: Arc::clone(&networks),
            engine: Arc::clone(&engine),
            asked_at,
            watched,
        };
        let background = Background::start(parts, &config.delivery, config.retention)?;
        let doors = Data::new(Doors {
            engine,
            networks,
            policies: Policies {
                configured: config.policies,
                read: config::inline_policy,
            },
            consultations: config.consultations,
            bookings,
            limits: Limits::new(&config.http),
            body_limits: BodyLimits {
                bytes: config.http.body_bytes,
                deadline: config.http.body_timeout,
                per_second: config.http.body_bytes_per_second,
            },
            refusals: Refusals::default(),
            heard: Heard::default(),
            readiness: http::health::Readiness::default(),
            tokens,
            failures: Failures::default(),
            metrics: Box::new(metrics),
        });
        let [public_address, admin_address] = [bound.public_address, bound.admin_address];
        let metrics_address = bound.metrics_address;
        let handles = bound.serve(&doors, &config.http)?;
        let metrics = metrics_address.map(tracing::field::display);
        info!(public = %public_address, admin = %admin_address, metrics, "the server is ready");
        Ok(Self {
            public_address,
            admin_address,
            metrics_address,
            doors,
            handles,
            background,
            store: sled,
        })
    }

    /// Returns when a write has failed, or delivery has ended by itself; the process should
    /// end then, and recover from what is on disk when it is started again.
    pub async fn failed(&mut self) -> String {
        let why = tokio::select! {
            why = self.store.stopped() => return why,
            why = self.background.failed() => why,
        };
        // Delivery may hear of a failed write a moment before the store has said why.
        let cause = tokio::time::timeout(CAUSE_WAIT, self.store.stopped());
        cause.await.unwrap_or(why)
    }

    /// Stops: not ready at once, requests still taken for `grace`, then everything in hand is
    /// finished and the store is written out. Callbacks that are owed then are due at the next
    /// start, for leases end with the store.
    ///
    /// # Errors
    /// When a write has failed, before or meanwhile: says why.
    pub async fn stop(self, grace: Duration) -> anyhow::Result<()> {
        self.doors.readiness.drain();
        info!(
            grace_seconds = grace.as_secs_f32(),
            "the server is stopping"
        );
        // Nothing can be acknowledged any more once a write has failed.
        let _ = tokio::time::timeout(grace, self.store.stopped()).await;
        let doors = join_all(self.handles.iter().map(|handle| handle.stop(true)));
        self.background.stop(STOP, doors).await;
        self.store.close().await;
        // Asked last: closing writes as well, and nobody has listened since the stop began.
        if let Some(why) = self.store.stopped().now_or_never() {
            anyhow::bail!("the store failed while the server stopped: {why}");
        }
        info!("the server has stopped");
        Ok(())
    }
}

/// The door of booking apps, and its file of keys among those that are watched.
fn booking_door(
    configured: config::Bookings,
    environment: Environment,
    watched: &mut Vec<Watched>,
) -> bookings::Door {
    let keys = Arc::new(Keys::default());
    let mut file = api_keys::watched(configured.keys_file, environment, &keys);
    file.look();
    watched.push(file);
    bookings::Door {
        settings: configured.settings,
        keys,
        failures: Failures::default(),
    }
}

/// Addresses that are taken, and not served yet.
struct Bound {
    public: TcpListener,
    admin: TcpListener,
    metrics: Option<TcpListener>,
    public_address: SocketAddr,
    admin_address: SocketAddr,
    metrics_address: Option<SocketAddr>,
}

impl Bound {
    fn to(settings: &http::Settings) -> anyhow::Result<Self> {
        let public = listen(settings.bind)?;
        let admin = listen(settings.admin_bind)?;
        let metrics = settings.metrics_bind.map(listen).transpose()?;
        let metrics_address = metrics.as_ref().map(TcpListener::local_addr);
        Ok(Self {
            public_address: public.local_addr()?,
            admin_address: admin.local_addr()?,
            metrics_address: metrics_address.transpose()?,
            public,
            admin,
            metrics,
        })
    }

    fn serve(
        self,
        doors: &Data<Doors>,
        settings: &http::Settings,
    ) -> std::io::Result<Vec<ServerHandle>> {
        let mut handles = vec![
            listeners::public(self.public, doors, settings)?,
            listeners::few(self.admin, doors, http::admin_routes)?,
        ];
        if let Some(listener) = self.metrics {
            handles.push(listeners::few(listener, doors, http::metrics_routes)?);
        }
        Ok(handles)
    }
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address} (is another server running there?)"))
}

async fn open(settings: &store::Settings) -> Result<Arc<SledStore>, store::Error> {
    match settings.clone() {
        store::Settings::Sled {
            path,
            cache_bytes,
            min_free,
        } => {
            let opening = move || SledStore::open_watched(&path, cache_bytes, min_free, Utc::now());
            let store = tokio::task::spawn_blocking(opening).await;
            let store = store.map_err(|error| store::Error::Stopped(error.to_string()))??;
            Ok(Arc::new(store))
        }
    }
}
