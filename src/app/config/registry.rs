//! Whom a network asks for keys: the settings of its section that begin with `registry_`, and
//! the keys it has pinned.
//!
//! Gathers `registry::Settings`; who signs the questions is added by the network.

use std::time::Duration;

use url::Url;

use super::fault::Problem;
use super::section::Section;
use super::values::{Word, invalid};
use crate::crypto::keys::VerifyingKey;
use crate::networks::Kind;
use crate::protocol::registry::{Form, Scope};
use crate::registry::{Pin, Settings};

impl Word for Form {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("core", Form::Core),
        ("ondc", Form::Ondc),
        ("uhi", Form::Uhi),
    ];
}

/// Reads the part of a network's section that its registry is asked by.
pub fn read(
    section: &mut Section<'_>,
    allow_http: bool,
    kind: Kind,
    domains: &[String],
) -> Option<Settings> {
    let url: Option<Url> = section.required("registry_url");
    let lookup_url: Option<Url> = section.optional("registry_lookup_url");
    check_line(section, allow_http, &[&url, &lookup_url]);
    let form = section.or("registry_form", kind.profile().registry_form);
    let scope = scope(section, form, domains);
    let pins = section.tables("pin").into_iter().filter_map(pin).collect();
    // The address does not matter where only the numbers are wanted.
    let somewhere = Url::parse("https://registry.invalid").ok();
    let default = Settings::at(url.clone().or(somewhere)?);
    let settings = Settings {
        url: default.url,
        lookup_url,
        form,
        scope,
        signer: None,
        pins,
        cache_ttl: section.or("registry_cache_ttl", default.cache_ttl),
        stale: section.or("registry_stale", default.stale),
        negative_ttl: section.or("registry_negative_ttl", default.negative_ttl),
        timeout: section.or("registry_timeout", default.timeout),
        lookups_per_second: section.or("registry_lookups_per_second", default.lookups_per_second),
    };
    check(section, &settings);
    url.map(|_| settings)
}

fn check_line(section: &Section<'_>, allow_http: bool, urls: &[&Option<Url>; 2]) {
    for (name, url) in ["registry_url", "registry_lookup_url"]
        .into_iter()
        .zip(urls)
    {
        if url.as_ref().is_some_and(|url| url.scheme() == "http") && !allow_http {
            let rule = "whoever sits on the line could hand us their keys: use https, or, where \
                        the line is yours, set allow_http = true";
            section.fault(name, Problem::Production(rule.to_owned()));
        }
    }
}

/// Both of the other networks are India's; UHI has one city so far.
fn scope(section: &mut Section<'_>, form: Form, domains: &[String]) -> Scope {
    let mut or = |name, default: Option<&str>| match default {
        Some(default) => Some(section.or(name, default.to_owned())),
        None => section.optional(name),
    };
    let (country, city) = match form {
        Form::Core => (None, None),
        Form::Ondc => (Some("IND"), None),
        Form::Uhi => (Some("IND"), Some("std:011")),
    };
    Scope {
        domains: domains.to_vec(),
        country: or("registry_country", country),
        city: or("registry_city", city),
    }
}

fn pin(mut section: Section<'_>) -> Option<Pin> {
    let subscriber = section.required("subscriber_id");
    let key: Option<VerifyingKey> = section.required("public_key");
    section.finish();
    Some(Pin {
        subscriber: subscriber?,
        key: key?,
    })
}

fn check(section: &Section<'_>, settings: &Settings) {
    // A revoked key must stop working within ten minutes, a new one must not wait longer.
    let bounds = [
        ("registry_cache_ttl", settings.cache_ttl, 10),
        ("registry_negative_ttl", settings.negative_ttl, 10),
        ("registry_stale", settings.stale, 60),
    ];
    for (name, time, minutes) in bounds {
        if time > Duration::from_secs(minutes * 60) {
            let rule = if minutes == 60 { "1h" } else { "10m" };
            section.fault(name, invalid(&format!("at most \"{rule}\"")));
        }
    }
    if settings.timeout.is_zero() {
        section.fault("registry_timeout", invalid("more than 0"));
    }
    if settings.lookups_per_second == 0 {
        section.fault("registry_lookups_per_second", invalid("at least 1"));
    }
}
