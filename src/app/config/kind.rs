//! What follows from a network's kind in its section: defaults, and settings that only one kind
//! has a use for.
//!
//! A setting without a use is a fault, not a silence: whoever writes `gateway_url` for a Beckn
//! network expects copies that nobody would send.

use chrono_tz::Tz;
use url::Url;

use super::fault::Problem;
use super::section::Section;
use super::values::{Setting, Word, invalid};
use crate::domain::ids::SubscriberId;
use crate::networks::{Audit, AuditAction, Kind, ReasonCode};
use crate::protocol::uhi::message::{CANCEL_REASON, CANCELLED_BY};

impl Word for Kind {
    const WORDS: &'static [(&'static str, Self)] = &[("beckn", Kind::Beckn), ("uhi", Kind::Uhi)];
    const LATER: &'static [&'static str] = &["ondc"];
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
    pub reason_required: bool,
    pub text_tag: Option<String>,
    pub sends_pin: bool,
    pub audit: Option<Audit>,
}

/// Reads it, once the kind is known.
pub fn read(section: &mut Section<'_>, kind: Kind, allow_http: bool) -> OfKind {
    let profile = kind.profile();
    OfKind {
        time_zone: section.or("time_zone", profile.time_zone),
        reason_required: section.or("reason_required", profile.reason_required),
        text_tag: text_tag(section, kind),
        sends_pin: sends_pin(section, kind),
        audit: audit(section, kind, allow_http),
    }
}

/// Reports a setting that this kind of network has no use for.
fn of_uhi(section: &Section<'_>, kind: Kind, name: &'static str) -> bool {
    let is_uhi = kind == Kind::Uhi;
    if !is_uhi && section.is_given(name) {
        let rule = "only a network of kind \"uhi\" has this".to_owned();
        section.fault(name, Problem::Conflict(rule));
    }
    is_uhi
}

fn sends_pin(section: &mut Section<'_>, kind: Kind) -> bool {
    let sends_pin = section.or("send_pin", false);
    of_uhi(section, kind, "send_pin") && sends_pin
}

/// The reference names of tags are not to be used for something else.
fn text_tag(section: &mut Section<'_>, kind: Kind) -> Option<String> {
    let name = "reason_text_tag";
    let tag: Option<String> = section.optional(name);
    let tag = tag.filter(|_| of_uhi(section, kind, name))?;
    if [CANCELLED_BY, CANCEL_REASON].contains(&&*tag) {
        section.fault(name, invalid("a tag that has no other meaning yet"));
    }
    Some(tag)
}

fn audit(section: &mut Section<'_>, kind: Kind, allow_http: bool) -> Option<Audit> {
    let action = section.or("audit_action", AuditAction::Unchanged);
    let Some(path) = kind.profile().audit_path else {
        section.optional::<Url>("gateway_url");
        of_uhi(section, kind, "gateway_url");
        of_uhi(section, kind, "audit_action");
        return None;
    };
    let gateway: Url = section.required("gateway_url")?;
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
    rows.map(|row| ReasonCode {
        id: row.id.to_owned(),
        text: row.text.to_owned(),
        by: vec![row.by],
        text_required: row.text_required,
    })
    .collect()
}
