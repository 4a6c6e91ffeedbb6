//! `GET /networks`: who we are on each joined network, and what its registry said of us;
//! `POST /networks/purge`: forget what the registries said of others.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;

use super::audit::Deed;
use super::{Problem, prove};
use crate::domain::ids::{KeyId, SubscriberId};
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
    let (signer, next) = (settings.signer.active(), settings.signer.next());
    let next = next.map(|next| {
        let fingerprint = next.key.verifying_key().fingerprint();
        json!({"key_id": next.key_id, "signing_key": fingerprint})
    });
    let challenge = settings.handshake.challenge.get();
    json!({
        "name": network.name(),
        "domains": settings.domains,
        "subscriber_id": settings.subscriber_id,
        "subscriber_url": settings.subscriber_url.as_str(),
        "key_id": signer.key_id,
        "signing_key": signer.key.verifying_key().fingerprint(),
        "next": next,
        "encryption_key": challenge.map(|challenge| challenge.public_key.fingerprint()),
        "registry_key": settings.handshake.registry_signing_key.as_ref().map(|k| k.fingerprint()),
        "registry": settings.registry.url.as_str(),
        "registry_answers": !network.registry.is_resting(),
        "heard": doors.heard.of(network.name()),
    })
}

/// What is to be forgotten: of one subscriber, on one network or on all.
#[derive(Debug, Deserialize)]
pub struct Purge {
    /// The subscriber, however its id is spelled.
    subscriber: String,
    /// Only this key of it.
    key_id: Option<String>,
    /// Only on this network.
    network: Option<String>,
}

/// Forgets keys, so that the registry is asked again before they are used; answers
/// `{"purged": [{"network", "subscriber", "key_id"}]}` with those that were known.
pub async fn purge(
    doors: Data<Doors>,
    request: HttpRequest,
    asked: Query<Purge>,
) -> Result<HttpResponse, Problem> {
    let token = prove(&doors, &request)?;
    let bad = |error: crate::domain::ids::Error| Problem::bad_request(error.to_string());
    let id = SubscriberId::parse(&asked.subscriber).map_err(bad)?;
    let key_id = asked.key_id.as_deref().map(KeyId::parse).transpose();
    let key_id = key_id.map_err(bad)?;
    let is_meant = |network: &&Network| {
        let named = asked.network.as_deref();
        named.is_none_or(|name| network.name().as_str() == name)
    };
    let networks: Vec<_> = doors.networks.iter().filter(is_meant).collect();
    if networks.is_empty() {
        return Err(Problem::not_found("no network has this name"));
    }
    let deed = Deed {
        token: &token,
        action: "registry.purge",
        network: asked.network.as_ref().map(|_| networks[0].name()),
        target: Some(id.as_str()),
    };
    deed.note(&doors).await?;
    let mut purged = Vec::new();
    for network in networks {
        for known in network.registry.purge(&id, key_id.as_ref()).await {
            purged.push(
                json!({"network": network.name(), "subscriber": known.subscriber,
                "key_id": known.key_id}),
            );
        }
    }
    info!(subscriber.id = %id, keys = purged.len(), token = %token, "what registries said of it is forgotten");
    Ok(HttpResponse::Ok().json(json!({"purged": purged})))
}
