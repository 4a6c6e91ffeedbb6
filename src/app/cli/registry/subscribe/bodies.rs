//! What is sent to a registry: the bodies of either form, made of one network's section.
//!
//! The company behind a subscriber is not in the configuration: ONDC's form takes it from a file
//! that the operator wrote, and everything that is wrong with it is said at once.

use std::path::Path;

use anyhow::{Context as _, bail};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Arguments, Form, VALID_DAYS};
use crate::app::cli::Misconfigured;
use crate::crypto::signature::Signer;
use crate::networks::Settings;
use crate::protocol::registry;
use crate::protocol::subscription::{Applicant, ENTITY_FILLED_IN, ENTITY_NEEDS, OndcRequest};

/// Every request that the command is to send.
pub(super) fn of(
    settings: &Settings,
    arguments: &Arguments,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<Value>> {
    let signer = settings.signer.active();
    let mut applicant = applicant(settings, &signer, now, arguments.valid_days);
    applicant.cities = &arguments.cities;
    applicant.country = arguments.country.as_deref();
    let by_network = match settings.registry.form {
        registry::Form::Ondc => Form::Ondc,
        registry::Form::Core | registry::Form::Uhi => Form::Core,
    };
    match (arguments.form.unwrap_or(by_network), &arguments.entity) {
        (Form::Core, _) => Ok(core(settings, &applicant)),
        (Form::Ondc, Some(file)) if !arguments.cities.is_empty() => {
            ondc(settings, applicant, &entity(file)?)
        }
        (Form::Ondc, _) => bail!(Misconfigured(
            "ONDC's form needs --entity FILE and --city CODE (see --help)".to_owned()
        )),
    }
}

fn applicant<'a>(
    settings: &'a Settings,
    signer: &'a Signer,
    now: DateTime<Utc>,
    valid_days: u32,
) -> Applicant<'a> {
    let challenge = settings.handshake.challenge.get();
    Applicant {
        subscriber_id: settings.subscriber_id.as_str(),
        url: settings.subscriber_url.as_str().trim_end_matches('/'),
        key_id: &signer.key_id,
        signing_public_key: signer.key.verifying_key().to_base64(),
        encryption_public_key: challenge.map(|challenge| challenge.public_key.to_base64()),
        valid_from: now,
        valid_until: now + TimeDelta::days(valid_days.into()),
        cities: &[],
        country: None,
    }
}

fn core(settings: &Settings, applicant: &Applicant<'_>) -> Vec<Value> {
    let one = |domain: &String| applicant.core(domain, &Uuid::new_v4().to_string());
    settings.domains.iter().map(one).collect()
}

/// The core form with nothing but what the configuration has.
pub(in crate::app::cli) fn of_configuration(settings: &Settings, now: DateTime<Utc>) -> Vec<Value> {
    let signer = settings.signer.active();
    core(settings, &applicant(settings, &signer, now, VALID_DAYS))
}

fn ondc(
    settings: &Settings,
    mut applicant: Applicant<'_>,
    entity: &Map<String, Value>,
) -> anyhow::Result<Vec<Value>> {
    let needed = |what: &str| {
        let name = &settings.name;
        Misconfigured(format!("ONDC's form needs {what} in [network.{name}]"))
    };
    let request_id = settings.handshake.site_request_id.as_deref();
    let request_id = request_id.ok_or_else(|| needed("site_verification_request_id"))?;
    let challenge = settings.handshake.challenge.get();
    let challenge = challenge.ok_or_else(|| needed("encryption_key_file"))?;
    // ONDC reads encryption keys as DER.
    applicant.encryption_public_key = Some(challenge.public_key.to_spki_base64());
    let on = OndcRequest {
        request_id,
        base_path: settings.subscriber_url.path().trim_end_matches('/'),
        domains: &settings.domains,
    };
    Ok(vec![applicant.ondc(entity, &on)])
}

/// Reads the company's part, and says at once everything that is wrong with it.
fn entity(file: &Path) -> anyhow::Result<Map<String, Value>> {
    let shown = file.display();
    let text = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    let entity: Map<String, Value> =
        serde_json::from_slice(&text).with_context(|| format!("{shown} is no JSON object"))?;
    let missing = ENTITY_NEEDS
        .iter()
        .filter(|name| !entity.contains_key(**name));
    let missing: Vec<_> = missing.copied().collect();
    let extra = ENTITY_FILLED_IN
        .iter()
        .filter(|name| entity.contains_key(**name));
    let extra: Vec<_> = extra.copied().collect();
    let mut faults = Vec::new();
    if !missing.is_empty() {
        faults.push(format!("it lacks {}", missing.join(", ")));
    }
    if !extra.is_empty() {
        let extra = extra.join(", ");
        faults.push(format!(
            "{extra} come from the configuration: take them out"
        ));
    }
    match faults.is_empty() {
        true => Ok(entity),
        false => bail!("{shown}: {}", faults.join("; ")),
    }
}
