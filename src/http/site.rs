//! `GET /ondc-site-verification.html`: the page that proves to a registry that a host is ours.
//!
//! It stands at the root of the host, not below a network's path, and exists when a network has
//! a request id configured. It shows signatures over ids that the operator wrote, nothing else.

use actix_web::http::header::HOST;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{Doors, body, network};
use crate::networks::{Network, Networks};

/// Where registries look.
pub const PATH: &str = "/ondc-site-verification.html";

/// Whether any network has something to show.
#[must_use]
pub fn is_served(networks: &Networks) -> bool {
    networks.iter().any(has_request_id)
}

fn has_request_id(network: &Network) -> bool {
    network.settings.handshake.site_request_id.is_some()
}

/// Shows the signature for the host that was asked, or of every network when a proxy in
/// between has put another name there.
pub async fn show(doors: Data<Doors>, request: HttpRequest) -> HttpResponse {
    let _place = match doors.limits.admit(&request) {
        Ok(place) => place,
        Err(refusal) => return network::refuse_unread(&doors, &refusal),
    };
    let asked = body::header(&request, &HOST).unwrap_or_default();
    let is_asked = |network: &&Network| {
        let url = &network.settings.subscriber_url;
        let host = url.host_str().unwrap_or_default();
        without_port(asked).eq_ignore_ascii_case(host)
    };
    let all: Vec<_> = doors
        .networks
        .iter()
        .filter(|n| has_request_id(n))
        .collect();
    let meant: Vec<_> = all.iter().copied().filter(is_asked).collect();
    let shown = if meant.is_empty() { all } else { meant };
    let tags = shown.into_iter().flat_map(Network::site_signatures);
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(page(tags))
}

fn without_port(host: &str) -> &str {
    let digits = |c: char| c.is_ascii_digit();
    host.trim_end_matches(digits)
        .strip_suffix(':')
        .unwrap_or(host)
}

/// Base64 needs no escaping in HTML.
fn page(signatures: impl Iterator<Item = String>) -> String {
    let tag = |signature| format!("<meta name='ondc-site-verification' content='{signature}'/>");
    let tags: String = signatures.map(tag).collect();
    format!("<!DOCTYPE html><html><head>{tags}</head><body>Site verification</body></html>\n")
}
