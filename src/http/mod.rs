//! The doors: public routes for the networks, admin routes for the provider.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

/// The `[http]` section.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where doors, `on_subscribe` and health listen.
    pub bind: SocketAddr,
    /// Where orders, callbacks and metrics listen.
    pub admin_bind: SocketAddr,
    /// SHA-256 of the admin token.
    pub admin_token_sha256: [u8; 32],
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The largest body taken from a network, in bytes.
    pub body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// Requests in hand at once on the public listener.
    pub in_flight: usize,
    /// Open connections on the public listener.
    pub connections: usize,
    /// Requests per second from one address; 0 means no limit.
    pub per_address_per_second: u32,
    /// Requests per second signed by one subscriber; 0 means no limit.
    pub per_subscriber_per_second: u32,
}
