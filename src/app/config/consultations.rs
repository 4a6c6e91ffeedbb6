//! The section `[consultations]`: the door of partners' apps, and who they are.
//!
//! Gathers `http::consultations::Settings`, and the webhooks of the network whose bookings the door is
//! for. The door is there when its section is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use super::fault::Problem;
use super::section::Section;
use super::values::{Word, invalid};
use super::watched::Watched;
use super::{Environment, Surroundings, secret_file, signing_key};
use crate::crypto::bearer::{Algorithm, Bearer};
use crate::crypto::webhook::Key;
use crate::domain::order::Party;
use crate::http::consultations::{PartnerSettings, Settings};
use crate::networks;
use crate::networks::Kind;
use crate::networks::webhook::{Webhook, client};

/// The reason of a cancellation whose request has none.
const DEFAULT_REASON: &str = "PATIENT_UNABLE_TO_VISIT_PHYSICALLY";

impl Word for Algorithm {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("HS256", Algorithm::Hs256),
        ("RS256", Algorithm::Rs256),
        ("EdDSA", Algorithm::EdDsa),
    ];
}

/// Reads the section, if there is one. `networks` are those that were read; the one of the door is
/// told of the partners' webhooks.
pub fn read(
    root: &mut Section<'_>,
    around: &Surroundings,
    networks: &mut [networks::Settings],
) -> Option<Settings> {
    if !root.has("consultations") {
        return None;
    }
    let mut section = root.section("consultations");
    let network = network(&mut section, networks);
    let default_reason = section.or("default_reason", DEFAULT_REASON.to_owned());
    if let Some(network) = &network {
        check_reason(&section, network, &default_reason);
    }
    let bearer = bearer(&mut section, around);
    let (partners, webhooks) = partners(&mut section, around);
    section.finish();
    let network = network?;
    network.webhooks = webhooks;
    Some(Settings {
        network: network.name.clone(),
        bearer: bearer?,
        default_reason,
        partners,
    })
}

fn network<'a>(
    section: &mut Section<'_>,
    networks: &'a mut [networks::Settings],
) -> Option<&'a mut networks::Settings> {
    let name: String = section.required("network")?;
    let mut networks = networks.iter_mut();
    let found = networks.find(|one| one.name.as_str() == name);
    if !found.as_ref().is_some_and(|one| one.kind == Kind::Uhi) {
        let expected = "the name of a [network.NAME] section of kind \"uhi\"";
        section.fault("network", invalid(expected));
    }
    found
}

fn check_reason(section: &Section<'_>, network: &networks::Settings, reason: &str) {
    let mut known = network.reasons.iter().filter(|known| known.id == reason);
    let of_patients = |by: &[Party]| by.is_empty() || by.contains(&Party::Customer);
    let fits = known.any(|known| of_patients(&known.by) && !known.text_required);
    if !fits && !network.reasons.is_empty() {
        let expected = "a reason of the network that customers may give without words";
        section.fault("default_reason", invalid(expected));
    }
}

fn bearer(section: &mut Section<'_>, around: &Surroundings) -> Option<Bearer> {
    let algorithm: Option<Algorithm> = section.required("algorithm");
    let issuer: Option<String> = section.required("issuer");
    let audience: Option<String> = section.required("audience");
    let names = ["token_key", "token_key_file"];
    let key = signing_key::private_key(section, names, around, |text| {
        let bearer = |algorithm, issuer: &String, audience: &String| {
            Bearer::new(algorithm, text.trim().as_bytes(), issuer, audience)
        };
        match (algorithm, &issuer, &audience) {
            (Some(algorithm), Some(issuer), Some(audience)) => {
                bearer(algorithm, issuer, audience).map(Some)
            }
            _ => Ok(None),
        }
    });
    if !section.is_given(names[0]) && !section.is_given(names[1]) {
        let expected = "the name of a file with the secret or public key of the tokens".to_owned();
        section.missing("token_key_file", expected);
    }
    let (bearer, path) = key.and_then(|found| Some((found.key?, found.path)))?;
    let renewed = bearer.clone();
    follow(around, path, "the key of partners' tokens", move |text| {
        renewed.renew(text.as_bytes()).map_err(|e| e.to_string())
    });
    Some(bearer)
}

/// Takes a key again whenever its file changes; `renew` says whether it is another one.
fn follow(
    around: &Surroundings,
    path: Option<PathBuf>,
    what: &'static str,
    renew: impl Fn(&str) -> Result<bool, String> + Send + 'static,
) {
    let Some(path) = path else { return };
    let environment = around.environment;
    let take = move |path: &Path| {
        let text = secret_file::open(path, environment)?;
        let renewed = renew(&text);
        let is_other =
            renewed.map_err(|e| secret_file::wrong(path, format!("holds no key: {e}")))?;
        Ok(is_other.then(|| format!("{what} is another from now on")))
    };
    around.watch(Watched::new(path, take));
}

type Partners = (BTreeMap<String, PartnerSettings>, Vec<Webhook>);

fn partners(section: &mut Section<'_>, around: &Surroundings) -> Partners {
    let named = section.sections("partner");
    if named.is_empty() && !section.has_faults_below("partner") {
        let expected = "at least one section [consultations.partner.NAME]".to_owned();
        let variable = None;
        section.fault("partner", Problem::Missing { expected, variable });
    }
    let (mut partners, mut webhooks) = (BTreeMap::new(), Vec::new());
    for (name, mut partner) in named {
        super::check_name(&partner, &name, &[]);
        let client_id = client_id(&mut partner);
        let hip_ids: Vec<String> = partner.list("hip_ids", None);
        let webhook = webhook(&mut partner, around, &client_id, &hip_ids);
        if let Some(webhook) = &webhook {
            check_alone(&partner, webhook, &webhooks);
        }
        webhooks.extend(webhook);
        if partners
            .insert(client_id, PartnerSettings { hip_ids })
            .is_some()
        {
            let rule = "another partner has the same client_id".to_owned();
            partner.fault("client_id", Problem::Conflict(rule));
        }
        partner.finish();
    }
    (partners, webhooks)
}

/// Clients are counted, listed and held as subscribers are, so theirs must be such an id.
fn client_id(partner: &mut Section<'_>) -> String {
    let client_id: Option<String> = partner.required("client_id");
    let client_id = client_id.unwrap_or_default();
    if partner.is_given("client_id") && client(&client_id).is_err() {
        let expected = "the `sub` of the partner's tokens, in at most 248 characters of printable \
                        ASCII without space, quote or '|': clients are listed and held by it";
        partner.fault("client_id", invalid(expected));
    }
    client_id
}

/// One booking has one webhook: which of two partners hears of it must not be left to chance.
fn check_alone(partner: &Section<'_>, webhook: &Webhook, before: &[Webhook]) {
    let shared = |other: &&Webhook| {
        other
            .hip_ids
            .iter()
            .any(|hip| webhook.hip_ids.contains(hip))
    };
    if let Some(other) = before.iter().find(shared) {
        let rule = format!(
            "client {} has a webhook_url and one of these facilities too, and one partner alone \
             hears of a booking",
            other.client_id
        );
        partner.fault("hip_ids", Problem::Conflict(rule));
    }
}

/// What is of no use to a partner that has no address for webhooks.
const OF_WEBHOOK: [&str; 4] = [
    "business_id",
    "allow_http",
    "webhook_key",
    "webhook_key_file",
];

fn webhook(
    partner: &mut Section<'_>,
    around: &Surroundings,
    client_id: &str,
    hip_ids: &[String],
) -> Option<Webhook> {
    if !partner.has("webhook_url") {
        partner.no_use(&OF_WEBHOOK, "no webhook is sent without a webhook_url");
    }
    let url: Option<Url> = partner.optional("webhook_url");
    let business_id = partner.or("business_id", client_id.to_owned());
    let allow_http = partner.or("allow_http", around.environment == Environment::Development);
    let names = ["webhook_key", "webhook_key_file"];
    let key = signing_key::private_key(partner, names, around, |text| {
        Ok::<_, std::convert::Infallible>(Key::new(text.trim()))
    });
    let url = url?;
    if url.scheme() == "http" && !allow_http {
        let rule = "the line to a partner is not private: use https, or, where it is, set \
                    allow_http = true";
        partner.fault("webhook_url", Problem::Production(rule.to_owned()));
    }
    let key = key.map(|found| {
        let renewed: Key = found.key.clone();
        follow(
            around,
            found.path,
            "the key of a partner's webhook",
            move |text| Ok(renewed.renew(text)),
        );
        found.key
    });
    Some(Webhook {
        url,
        client: client(client_id).ok()?,
        client_id: client_id.to_owned(),
        business_id,
        hip_ids: hip_ids.to_vec(),
        key,
    })
}
