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
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::config::{self, Config};
use super::{api_keys, listeners, retention};
use crate::delivery;
use crate::delivery::provider::Endpoint;
use crate::delivery::send::Sender;
use crate::engine::Engine;
use crate::engine::intake::Policies;
use crate::hook::Hook;
use crate::http::admin::access::Tokens;
use crate::http::admin::failures::Failures;
use crate::http::body::Limits as BodyLimits;
use crate::http::bookings::{self, keys::Keys};
use crate::http::heard::Heard;
use crate::http::limits::Limits;
use crate::http::refusals::Refusals;
use crate::http::{self, Doors};
use crate::networks::Networks;
use crate::overdue;
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
    delivery: JoinHandle<Result<(), delivery::worker::Error>>,
    retention: JoinHandle<()>,
    /// Ends delivery and pruning.
    stop_background: watch::Sender<bool>,
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
        let public = listen(config.http.bind)?;
        let admin = listen(config.http.admin_bind)?;
        let (public_address, admin_address) = (public.local_addr()?, admin.local_addr()?);
        let metrics_listener = config.http.metrics_bind.map(listen).transpose()?;
        let metrics_address = metrics_listener.as_ref().map(TcpListener::local_addr);
        let metrics_address = metrics_address.transpose()?;
        let tokens = Arc::new(Tokens::default());
        tokens.replace(config.admin_tokens.ready()?);
        let sled = open(&config.store).await?;
        let store: Arc<dyn Store> = sled.clone();
        let client = registry::client(REGISTRY_TIMEOUT)?;
        let networks = Arc::new(Networks::join(config.networks, &client));
        let events = config.delivery.events.as_ref();
        store.push_events(events.map(Endpoint::event_target));
        let worker = delivery::worker::Worker::new(
            store.clone(),
            networks.clone(),
            config.delivery.clone(),
            Utc::now,
        )?;
        let (asked_at, asking) = config.provider.hook.unzip();
        let engine = Arc::new(Engine::new(store.clone(), asking));
        let sender = Sender::new(
            &config.delivery,
            Utc::now,
            Arc::new(delivery::guard::System),
        )?;
        let hook = (sender, asked_at);
        let hook = Arc::new(Hook::new(engine.clone(), networks.clone(), hook, Utc::now));
        let (stop_background, stopped) = watch::channel(false);
        // Ends by itself once told to: what is being asked then is asked again at the next start.
        tokio::spawn(hook.run(stopped.clone()));
        let (deciding, joined) = (engine.clone(), networks.clone());
        tokio::spawn(overdue::run(deciding, joined, Utc::now, stopped.clone()));
        let pruning = retention::run(store.clone(), config.retention, stopped.clone());
        let retention = tokio::spawn(pruning);
        let mut watched = config.watched;
        watched.extend(config.admin_tokens.watched(&tokens));
        let bookings = config.bookings.map(|configured| {
            let keys = Arc::new(Keys::default());
            let mut file = api_keys::watched(configured.keys_file, config.environment, &keys);
            file.look();
            watched.push(file);
            bookings::Door {
                settings: configured.settings,
                keys,
                failures: Failures::default(),
            }
        });
        // Ends by itself once told to; nothing waits for it.
        tokio::spawn(config::watch(watched, stopped.clone()));
        let delivery = tokio::spawn(async move {
            let mut stopped = stopped;
            // A sender that is gone means the same as one that says stop.
            worker
                .run(async move { drop(stopped.wait_for(|stop| *stop).await) })
                .await
        });
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
            tokens: Arc::clone(&tokens),
            failures: Failures::default(),
            metrics: Box::new(metrics),
        });
        let mut handles = vec![
            listeners::public(public, &doors, &config.http)?,
            listeners::few(admin, &doors, http::admin_routes)?,
        ];
        if let Some(listener) = metrics_listener {
            handles.push(listeners::few(listener, &doors, http::metrics_routes)?);
        }
        let metrics = metrics_address.map(tracing::field::display);
        info!(public = %public_address, admin = %admin_address, metrics, "the server is ready");
        let server = Self {
            public_address,
            admin_address,
            metrics_address,
            doors,
            handles,
            delivery,
            retention,
            stop_background,
            store: sled,
        };
        Ok(server)
    }

    /// Returns when a write has failed, or delivery has ended by itself; the process should
    /// end then, and recover from what is on disk when it is started again.
    pub async fn failed(&mut self) -> String {
        let ended = tokio::select! {
            why = self.store.stopped() => return why,
            ended = &mut self.delivery => ended,
        };
        let why = match ended {
            Ok(Ok(())) => "delivery ended".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        // Delivery may hear of a failed write a moment before the store has said why.
        let cause = tokio::time::timeout(CAUSE_WAIT, self.store.stopped());
        cause.await.unwrap_or(why)
    }

    /// Stops: not ready at once, requests still taken for `grace`, then everything in hand is
    /// finished and the store is written out. Callbacks that are owed then are due at the next
    /// start, for leases end with the store.
    pub async fn stop(self, grace: Duration) {
        self.doors.readiness.drain();
        info!(
            grace_seconds = grace.as_secs_f32(),
            "the server is stopping"
        );
        tokio::time::sleep(grace).await;
        let doors = join_all(self.handles.iter().map(|handle| handle.stop(true)));
        // The receiver is gone when delivery has already ended.
        let _ = self.stop_background.send(true);
        let mut delivery = self.delivery;
        let all = async { tokio::join!(doors, settled(&mut delivery)) };
        if tokio::time::timeout(STOP, all).await.is_err() {
            warn!("not all that was in hand could be finished");
            delivery.abort();
        }
        if let Err(error) = self.retention.await {
            error!(%error, "pruning did not end well");
        }
        self.store.close().await;
        info!("the server has stopped");
    }
}

/// Waits for the attempts in flight.
async fn settled(delivery: &mut JoinHandle<Result<(), delivery::worker::Error>>) {
    if delivery.is_finished() {
        return;
    }
    match delivery.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => error!(%error, "delivery ended with an error"),
        Err(error) => error!(%error, "delivery did not end well"),
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
