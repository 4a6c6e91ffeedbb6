//! Foreign parties for developers and tests: a registry, buyer apps, a gateway and a partner's app,
//! seen only over HTTP.
//!
//! They know the network's wire format and signatures as any stranger would, and nothing of how
//! this server works inside: imports stop at `domain`, `crypto` and `protocol`. They keep what
//! they hear in memory without a bound and are not made for the open internet. They run inside
//! the caller's tokio runtime, which needs more than one thread, with rustls' provider installed.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use tokio::sync::Notify;
use url::Url;

pub mod bap;
pub mod cancel_message;
pub mod gateway;
pub mod orders;
pub mod partner;
pub mod provider;
pub mod registry;

/// Why a mock party did not start or could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener cannot be served.
    #[error("the listener cannot be served: {0}")]
    Listen(#[from] io::Error),
    /// The HTTP client cannot be built, or a request got no complete answer.
    #[error("the request got no answer: {0}")]
    Http(#[from] reqwest::Error),
}

/// A running HTTP server; it stops when told to, or with the runtime.
struct Running {
    handle: ServerHandle,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

impl Running {
    fn spawn(server: Server) -> Self {
        Self {
            handle: server.handle(),
            task: tokio::spawn(server),
        }
    }

    /// Ends at once: a request that is left hanging on purpose would hold a gentle stop.
    async fn stop(self) {
        self.handle.stop(false).await;
        // Its result is of no use to a caller that no longer wants the server.
        let _ = self.task.await;
    }
}

/// `http://address` of the listener, with a path below it.
fn url_of(listener: &TcpListener, path: &str) -> io::Result<Url> {
    let address = listener.local_addr()?;
    Url::parse(&format!("http://{address}{path}")).map_err(io::Error::other)
}

/// What `look` finds, waiting for it at most `timeout`; it looks again whenever something arrived.
async fn awaited<T>(
    arrived: &Notify,
    timeout: Duration,
    look: impl Fn() -> Option<T>,
) -> Option<T> {
    let wait = async {
        loop {
            // Listen before looking: what arrives in between is not missed.
            let next = arrived.notified();
            if let Some(found) = look() {
                return found;
            }
            next.await;
        }
    };
    tokio::time::timeout(timeout, wait).await.ok()
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()
}
