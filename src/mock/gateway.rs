//! The gateway of a health network, as far as a provider meets it after the booking: it takes a
//! copy of each `on_cancel` and keeps it with the verdict on its signature.
//!
//! It is a receiver like [`bap`], at the path of the audit copies; its URL is what
//! `gateway_url` names.

use std::net::TcpListener;

use url::Url;

use super::bap::{self, BapHandle};
use super::{Error, url_of};
use crate::crypto::signature::Signer;

/// Below which path a gateway has its interface for providers.
const PREFIX: &str = "/api/v1/uhi";

/// A running gateway.
pub struct GatewayHandle {
    /// Its base URL.
    pub url: Url,
    /// What it received; the `on_cancel_audit` copies, oldest first.
    pub inbox: BapHandle,
}

/// Starts a gateway on the listener.
///
/// # Errors
/// When the listener cannot be served or the HTTP client cannot be built.
pub fn start(
    listener: TcpListener,
    signer: Signer,
    registry_url: &Url,
) -> Result<GatewayHandle, Error> {
    let url = url_of(&listener, "/")?;
    let inbox = bap::receive_at(listener, signer, registry_url, (PREFIX, "on_cancel_audit"))?;
    Ok(GatewayHandle { url, inbox })
}
