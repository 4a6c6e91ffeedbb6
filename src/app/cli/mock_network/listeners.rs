//! Who listens where: eight ports of loopback in a row, the fifth left to the cancel command.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context as _;
use url::Url;

/// How far behind the server's port the cancel command listens.
const CANCEL_COMMAND: u16 = 4;

/// A listener for each party.
pub(super) struct Listeners {
    pub(super) public: TcpListener,
    pub(super) admin: TcpListener,
    pub(super) registry: TcpListener,
    pub(super) bap: TcpListener,
    pub(super) eua: TcpListener,
    pub(super) gateway: TcpListener,
    pub(super) partner: TcpListener,
}

impl Listeners {
    /// On the ports from this one on; with 0, on any that are free.
    pub(super) fn from_port(first: u16) -> anyhow::Result<Self> {
        let listen = |offset| {
            let port = after(first, offset);
            TcpListener::bind(("127.0.0.1", port))
                .with_context(|| format!("port {port} is taken; choose others with --port"))
        };
        Ok(Self {
            public: listen(0)?,
            admin: listen(1)?,
            registry: listen(2)?,
            bap: listen(3)?,
            eua: listen(5)?,
            gateway: listen(6)?,
            partner: listen(7)?,
        })
    }
}

/// Port `first + offset`; no port stays none.
fn after(first: u16, offset: u16) -> u16 {
    match first {
        0 => 0,
        first => first.saturating_add(offset),
    }
}

/// Where the cancel command waits for callbacks, beside a server at this address.
pub(super) fn of_cancel_command(server: SocketAddr) -> SocketAddr {
    let port = after(server.port(), CANCEL_COMMAND);
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The URL of whoever listens here.
pub(super) fn url_of(listener: &TcpListener) -> anyhow::Result<Url> {
    Ok(Url::parse(&format!("http://{}", listener.local_addr()?))?)
}
