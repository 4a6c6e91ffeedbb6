//! Which addresses a callback may go to, checked before each attempt.
//!
//! Two halves, and both are needed. [`check`] looks at the URL as parsed: an address written as
//! a literal never reaches a resolver, whatever its spelling. [`Guarded`] sits inside the HTTP
//! client as its resolver and hands on only public addresses, so the address that was checked is
//! the address that is dialled, and a name cannot change its meaning in between.
//! Whether a URL belongs to the subscriber at all was settled before the callback was stored.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::address::is_public;

/// Why an address is not dialled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not an absolute URL, or one that programs read differently.
    #[error("not a URL that may be called: {0}")]
    Malformed(&'static str),
    /// Another scheme than https.
    #[error("callbacks need https, got {0}")]
    Scheme(String),
    /// A user name or password in front of the host.
    #[error("a callback URL has no user name")]
    Credentials,
    /// A fragment, which is never sent.
    #[error("a callback URL has no fragment")]
    Fragment,
    /// A port that belongs to another service.
    #[error("port {0} belongs to another service; callbacks go to 443 or to 1024 and up")]
    Port(u16),
    /// A name that only means something inside a machine or a cloud.
    #[error("{0} is a local name")]
    Name(String),
    /// An address that is not on the public internet.
    #[error("{0} is not a public address")]
    Address(IpAddr),
}

/// How far callbacks of a network may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// https to the public internet.
    Public,
    /// http and private addresses as well: development and sandboxes.
    Anywhere,
}

impl Reach {
    /// What a network's `allow_http_callbacks` allows.
    #[must_use]
    pub fn of(allow_http_callbacks: bool) -> Self {
        if allow_http_callbacks {
            Self::Anywhere
        } else {
            Self::Public
        }
    }
}

/// Reads a callback URL and refuses it when it must not be called.
///
/// # Errors
/// Says which rule it breaks.
pub fn check(text: &str, reach: Reach) -> Result<Url, Error> {
    // The parser mends these silently; whoever vouched for the URL may have read it otherwise.
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(Error::Malformed(
            "it has a space, control character or backslash",
        ));
    }
    // So are missing and surplus slashes, and then a path becomes the host.
    if text
        .split_once("://")
        .is_none_or(|(_, rest)| rest.starts_with('/'))
    {
        return Err(Error::Malformed("it needs scheme://host"));
    }
    let url = Url::parse(text).map_err(|_| Error::Malformed("it does not parse"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::Credentials);
    }
    match (url.scheme(), reach) {
        ("https", Reach::Public) => check_public(&url)?,
        ("https" | "http", Reach::Anywhere) => {}
        (other, _) => return Err(Error::Scheme(other.to_owned())),
    }
    Ok(url)
}

fn check_public(url: &Url) -> Result<(), Error> {
    if url.fragment().is_some() {
        return Err(Error::Fragment);
    }
    match url.host() {
        None => return Err(Error::Malformed("it has no host")),
        Some(Host::Ipv4(v4)) => check_address(v4.into())?,
        Some(Host::Ipv6(v6)) => check_address(v6.into())?,
        Some(Host::Domain(name)) => check_name(name)?,
    }
    check_port(url.port_or_known_default().unwrap_or(443))
}

fn check_address(address: IpAddr) -> Result<(), Error> {
    if is_public(address) {
        Ok(())
    } else {
        Err(Error::Address(address))
    }
}

/// Names that are somebody's inside (RFC 6761, 6762, 8375) and the metadata services of clouds.
/// Their addresses are blocked too; this says it without asking the resolver.
const LOCAL_NAMES: [&str; 9] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "home.arpa",
    "metadata",
    "metadata.goog",
    "metadata.tencentyun.com",
    "instance-data",
];

fn check_name(name: &str) -> Result<(), Error> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    // The URL parser has read every name that ends in a number as an address, but for these.
    if bare.split('.').any(str::is_empty) {
        return Err(Error::Malformed("its host has an empty part"));
    }
    let is_under = |local: &&str| {
        let rest = bare.strip_suffix(*local);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    match LOCAL_NAMES.iter().any(is_under) {
        true => Err(Error::Name(name.to_owned())),
        false => Ok(()),
    }
}

/// Data stores and the like above 1023 that a stranger has no reason to make us call.
const SERVICE_PORTS: [u16; 10] = [
    2375, 2379, 3306, 5432, 5672, 6379, 9042, 9200, 11_211, 27_017,
];

fn check_port(port: u16) -> Result<(), Error> {
    match port == 443 || (port >= 1024 && !SERVICE_PORTS.contains(&port)) {
        true => Ok(()),
        false => Err(Error::Port(port)),
    }
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A resolver that hands on the public ones of the addresses another one finds.
#[derive(Clone)]
pub struct Guarded(pub Arc<dyn Resolve>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            check_name(name.as_str())?;
            let found: Vec<SocketAddr> = inner.resolve(name).await?.collect();
            Ok(Box::new(public_only(found)?.into_iter()) as Addrs)
        })
    }
}

/// Drops what is not public; when nothing is left, names the first that was dropped.
fn public_only(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Error> {
    let (public, blocked): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|address| is_public(address.ip()));
    match (public.is_empty(), blocked.first()) {
        (true, Some(address)) => Err(Error::Address(address.ip())),
        _ => Ok(public),
    }
}

/// The guard's own error among the causes of a failed request.
#[must_use]
pub fn cause_of(error: &reqwest::Error) -> Option<&Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(blocked) = error.downcast_ref::<Error>() {
            return Some(blocked);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
