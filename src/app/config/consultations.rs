//! The section `[consultations]`: the door of partners' apps, and who they are.
//!
//! Gathers `http::consultations::Settings`, and the webhooks of the network whose bookings the door is
//! for. The door is there when its section is.

use std::collections::BTreeMap;

use url::Url;

use super::fault::Problem;
use super::section::Section;
use super::values::{Word, invalid};
use super::{Environment, Surroundings, signing_key};
use crate::crypto::bearer::{Algorithm, Bearer};
use crate::crypto::webhook::Key;
use crate::domain::ids::SubscriberId;
use crate::domain::order::Party;
use crate::http::consultations::{PartnerSettings, Settings};
use crate::networks;
use crate::networks::webhook::Webhook;

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
    let found = networks.iter_mut().find(|one| one.name.as_str() == name);
    if found.is_none() {
        section.fault("network", invalid("the name of a [network.NAME] section"));
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
    key.and_then(|found| found.key)
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
        let client_id: Option<String> = partner.required("client_id");
        let hip_ids: Vec<String> = partner.list("hip_ids", None);
        let client_id = client_id.unwrap_or_default();
        webhooks.extend(webhook(&mut partner, around, &client_id, &hip_ids));
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

fn webhook(
    partner: &mut Section<'_>,
    around: &Surroundings,
    client_id: &str,
    hip_ids: &[String],
) -> Option<Webhook> {
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
    let client = SubscriberId::parse(&format!("client:{client_id}"));
    Some(Webhook {
        url,
        client: client.ok()?,
        client_id: client_id.to_owned(),
        business_id,
        hip_ids: hip_ids.to_vec(),
        key: key.map(|found| found.key),
    })
}
