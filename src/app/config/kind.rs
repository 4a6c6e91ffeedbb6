//! What follows from a network's kind in its section: defaults, and settings that only one kind
//! has a use for.
//!
//! A setting without a use is a fault, not a silence: whoever writes `gateway_url` for a Beckn
//! network expects copies that nobody would send.

use std::time::Duration;

use chrono_tz::Tz;
use url::Url;

use super::fault::Problem;
use super::section::Section;
use super::values::{Setting, Word, invalid};
use crate::domain::ids::SubscriberId;
use crate::networks::{Audit, AuditAction, Kind, ReasonCode};
use crate::protocol::ondc;
use crate::protocol::uhi::message::{CANCEL_REASON, CANCELLED_BY};

impl Word for Kind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("beckn", Kind::Beckn),
        ("ondc", Kind::Ondc),
        ("uhi", Kind::Uhi),
    ];
}

impl Word for AuditAction {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("unchanged", AuditAction::Unchanged),
        ("on_cancel_audit", AuditAction::Renamed),
    ];
}

impl Setting for Tz {
    fn parse(text: &str) -> Result<Self, Problem> {
        let expected = "a time zone by its IANA name such as \"Asia/Kolkata\" or \"UTC\"";
        text.parse().map_err(|_| invalid(expected))
    }

    fn shown(&self) -> serde_json::Value {
        serde_json::json!(self.name())
    }
}

/// What only some kinds of network have.
pub struct OfKind {
    pub time_zone: Tz,
    pub restamp: bool,
    pub reason_required: bool,
    pub settle_within: Duration,
    pub text_tag: Option<String>,
    pub sends_pin: bool,
    pub audit: Option<Audit>,
}

/// The settings that only a health network has.
const OF_UHI: [&str; 4] = ["gateway_url", "audit_action", "reason_text_tag", "send_pin"];

/// The settings that a health network has no use for: its words and its reasons are its own, and
/// it is asked for no list of them.
const NOT_OF_UHI: [&str; 3] = ["cancelled_word", "reasons_in_on_cancel", "reason_table"];

/// Reads it, once the kind is known; before the settings that some kinds have no use for.
pub fn read(section: &mut Section<'_>, kind: Kind, allow_http: bool) -> OfKind {
    let profile = kind.profile();
    let of_any = OfKind {
        time_zone: section.or("time_zone", profile.time_zone),
        restamp: section.or("restamp", profile.restamp),
        reason_required: section.or("reason_required", profile.reason_required),
        settle_within: settle_within(section, kind),
        text_tag: None,
        sends_pin: false,
        audit: None,
    };
    if kind != Kind::Uhi {
        section.no_use(&OF_UHI, "only a network of kind \"uhi\" has this");
        return of_any;
    }
    section.no_use(&NOT_OF_UHI, "a network of kind \"uhi\" has no use for this");
    OfKind {
        text_tag: text_tag(section),
        sends_pin: section.or("send_pin", false),
        audit: audit(section, kind, allow_http),
        ..of_any
    }
}

/// A working day, so that people can look at what a machine has noted, and not so long that a
/// customer who is owed money complains elsewhere.
const SETTLE_WITHIN: Duration = Duration::from_secs(86_400);

const LONGEST_SETTLING: Duration = Duration::from_secs(30 * 86_400);

fn settle_within(section: &mut Section<'_>, kind: Kind) -> Duration {
    let name = "settle_within";
    if kind != Kind::Ondc {
        section.no_use(&[name], "only a network of kind \"ondc\" has this");
        return SETTLE_WITHIN;
    }
    let within = section.or(name, SETTLE_WITHIN);
    if within.is_zero() || within > LONGEST_SETTLING {
        section.fault(name, invalid("a duration from \"1ms\" to \"30d\""));
    }
    within
}

/// Version and domain together say what a message of ONDC looks like, so a domain of somebody
/// else's cannot be served there.
pub fn check_domains(section: &Section<'_>, kind: Kind, domains: &[String]) {
    let is_foreign = |domain: &String| !domain.starts_with(ondc::DOMAINS);
    if kind == Kind::Ondc && domains.iter().any(is_foreign) {
        let expected = format!("domains that begin with {:?}", ondc::DOMAINS);
        section.fault("domains", invalid(&expected));
    }
}

/// The version of answers to what cannot be read, where the section says none.
pub fn default_version(kind: Kind, domains: &[String]) -> &'static str {
    match kind {
        Kind::Ondc => ondc::default_version(domains),
        Kind::Beckn | Kind::Uhi => kind.profile().default_version,
    }
}

/// The reference names of tags are not to be used for something else.
fn text_tag(section: &mut Section<'_>) -> Option<String> {
    let name = "reason_text_tag";
    let tag: String = section.optional(name)?;
    if [CANCELLED_BY, CANCEL_REASON].contains(&&*tag) {
        section.fault(name, invalid("a tag that has no other meaning yet"));
    }
    Some(tag)
}

/// Copies are made where there is a gateway for them.
fn audit(section: &mut Section<'_>, kind: Kind, allow_http: bool) -> Option<Audit> {
    let action = section.or("audit_action", AuditAction::Unchanged);
    let gateway: Option<Url> = section.optional("gateway_url");
    if section.is_given("audit_action") && !section.is_given("gateway_url") {
        let rule = "no copies are made without a gateway_url".to_owned();
        section.fault("audit_action", Problem::Conflict(rule));
    }
    let (gateway, path) = (gateway?, kind.profile().audit_path?);
    if gateway.scheme() == "http" && !allow_http {
        let rule = "patients' data would cross the line in the clear: use https, or, where the \
                    line is yours, set allow_http = true";
        section.fault("gateway_url", Problem::Production(rule.to_owned()));
    }
    let base = gateway.as_str().trim_end_matches('/');
    Some(Audit {
        url: Url::parse(&format!("{base}/{path}")).ok()?,
        gateway: SubscriberId::parse(gateway.host_str()?).ok()?,
        action,
    })
}

/// The reasons that a network has where its section lists none.
pub fn reasons(kind: Kind) -> Vec<ReasonCode> {
    let rows = kind.profile().reasons.iter();
    rows.map(ReasonCode::from).collect()
}
