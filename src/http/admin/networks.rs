//! `GET /networks`: who we are on each joined network, and what its registry said of us.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::{Problem, prove};
use crate::http::Doors;
use crate::networks::Network;

/// Answers `{"networks": [...]}`; public halves of keys only.
pub async fn list(doors: Data<Doors>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let networks: Vec<_> = doors.networks.iter().map(|n| view(&doors, n)).collect();
    Ok(HttpResponse::Ok().json(json!({"networks": networks})))
}

fn view(doors: &Doors, network: &Network) -> Value {
    let settings = &network.settings;
    let verifying = settings.signer.key.verifying_key();
    let challenge = settings.handshake.challenge.as_ref();
    json!({
        "name": network.name(),
        "domains": settings.domains,
        "subscriber_id": settings.subscriber_id,
        "subscriber_url": settings.subscriber_url.as_str(),
        "key_id": settings.signer.key_id,
        "signing_key": verifying.fingerprint(),
        "encryption_key": challenge.map(|challenge| challenge.public_key.fingerprint()),
        "registry_key": settings.handshake.registry_signing_key.as_ref().map(|k| k.fingerprint()),
        "registry": settings.registry.url.as_str(),
        "heard": doors.heard.of(network.name()),
    })
}
