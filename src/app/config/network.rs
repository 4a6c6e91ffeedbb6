//! The sections `[network.NAME]`: who we are on each joined network, and whom we ask there.
//!
//! Gathers `networks::Settings`. What production refuses (decisions, sections 5 and 7) is
//! checked here, beside the keys it is about.

use std::collections::BTreeMap;
use std::net::IpAddr;

use url::{Host, Url};

use super::fault::Problem;
use super::section::Section;
use super::signing_key;
use super::values::{Word, invalid};
use super::{Environment, Surroundings, handshake, kind, reasons, registry};
use crate::domain::ids::NetworkName;
use crate::networks::{CallbackRule, Kind, Settings};
use crate::registry::Settings as RegistrySettings;

/// `none` is the network of orders that are on no network.
const RESERVED: [&str; 1] = ["none"];

impl Word for CallbackRule {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("registry", CallbackRule::Registry),
        ("host", CallbackRule::Host),
        ("exact", CallbackRule::Exact),
    ];
}

/// Reads all networks out of `root`.
pub fn read(root: &mut Section<'_>, around: &Surroundings) -> Vec<Settings> {
    let named = root.sections("network");
    if named.is_empty() && !root.has_faults_below("network") {
        let expected = "at least one section [network.NAME]".to_owned();
        root.fault(
            "network",
            Problem::Missing {
                expected,
                variable: None,
            },
        );
    }
    let mut paths = BTreeMap::new();
    let read = |(name, section)| network(name, section, around, &mut paths);
    named.into_iter().filter_map(read).collect()
}

/// Asks for every key before it gives up on any, so that all faults are found.
fn network(
    name: String,
    mut section: Section<'_>,
    around: &Surroundings,
    paths: &mut BTreeMap<String, String>,
) -> Option<Settings> {
    super::check_name(&section, &name, &RESERVED);
    let kind: Option<Kind> = section.required("kind");
    // What is read by a wrong kind is not used, but its faults are found.
    let of = kind.unwrap_or(Kind::Beckn);
    let domains = domains(&mut section);
    kind::check_domains(&section, of, &domains);
    let subscriber_id = section.required("subscriber_id");
    let subscriber_url = subscriber_url(&mut section, around.environment, paths);
    let signer = signing_key::read(&mut section, around, of, subscriber_id.as_ref());
    let is_development = around.environment == Environment::Development;
    let allow_http = section.or("allow_http", is_development);
    let registry = registry::read(&mut section, allow_http, of, &domains);
    let handshake = handshake::read(&mut section, around);
    let callback_rule = section.or("callback_url", CallbackRule::Registry);
    let default_version = default_version(&mut section, of, &domains);
    let allow_http_callbacks = section.or("allow_http_callbacks", is_development);
    let of_kind = kind::read(&mut section, of, allow_http);
    let cancelled_word = section.or("cancelled_word", "Cancelled".to_owned());
    let reasons = reasons::read(&mut section, of);
    section.finish();
    let (signer, registry) = (signer?, registry?);
    Some(Settings {
        name: NetworkName::parse(&name).ok()?,
        kind: kind?,
        domains,
        subscriber_id: subscriber_id?,
        subscriber_url: subscriber_url?,
        registry: RegistrySettings {
            signer: Some(signer.clone()),
            ..registry
        },
        signer,
        handshake,
        callback_rule,
        default_version,
        restamp: of_kind.restamp,
        allow_http_callbacks,
        reasons: reasons.codes,
        domain_reasons: reasons.of_domains,
        unknown_reasons: reasons.unknown_numbers,
        reasons_ignore_zeros: reasons.ignore_zeros,
        reasons_in_on_cancel: reasons.in_on_cancel,
        reason_in_words: reasons.in_words,
        reason_required: of_kind.reason_required,
        cancelled_word,
        time_zone: of_kind.time_zone,
        settle_within: of_kind.settle_within,
        text_tag: of_kind.text_tag,
        sends_pin: of_kind.sends_pin,
        audit: of_kind.audit,
        webhooks: Vec::new(),
    })
}

fn domains(section: &mut Section<'_>) -> Vec<String> {
    let domains = section.list("domains", None);
    if domains.is_empty() && section.is_given("domains") && !section.has_faults_below("domains") {
        section.fault("domains", invalid("at least one value of context.domain"));
    }
    domains
}

fn subscriber_url(
    section: &mut Section<'_>,
    environment: Environment,
    paths: &mut BTreeMap<String, String>,
) -> Option<Url> {
    let url: Url = section.required("subscriber_url")?;
    if environment == Environment::Production {
        let rule = match (url.scheme(), is_private(&url)) {
            ("http", _) => Some("the network has to reach us over https"),
            (_, true) => Some("no network can reach a private or loopback address"),
            _ => None,
        };
        if let Some(rule) = rule {
            section.fault("subscriber_url", Problem::Production(rule.to_owned()));
        }
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let owner = section.key().to_owned();
    if let Some(other) = paths.insert(path, owner) {
        let rule = format!("{other} has the same path, and one path serves one network");
        section.fault("subscriber_url", Problem::Conflict(rule));
    }
    Some(url)
}

/// Only what is written is looked at: names are not resolved here.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => is_private_address(ip.into()),
        Some(Host::Ipv6(ip)) => is_private_address(ip.to_canonical()),
        None => true,
    }
}

/// Whether an address is of no use on the internet; `0.0.0.0` and `::` are none at all.
pub(super) fn is_private_address(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            // 100.64.0.0/10 is shared by a carrier's customers (RFC 6598).
            let is_shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || is_shared
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}

fn default_version(section: &mut Section<'_>, kind: Kind, domains: &[String]) -> String {
    let default = kind::default_version(kind, domains);
    let version: String = section.or("default_version", default.to_owned());
    let parts = version.split('.').count();
    if parts != 3 || kind.dialect(&version, None).is_none() {
        let versions = kind.profile().versions;
        let expected = format!("a version {versions}, such as {default:?}");
        section.fault("default_version", Problem::Invalid(expected));
    }
    version
}
