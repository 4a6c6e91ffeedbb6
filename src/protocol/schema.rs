//! Checks a message against the JSON Schema of its version, before it is decoded.
//!
//! The schemas are our own (`schemas/`, compiled in): they demand what we need to act and to
//! answer, and let every unknown member pass. Used on a `/cancel` once its signature holds; an
//! `on_cancel` is checked in tests only, for its order is the provider's own document. Terms,
//! tables of reasons and what a network adds are not looked at here.

use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::Dialect;
use super::path::{self, Segment, clip};

/// The longest piece of a message that an error shows, in characters.
const MAX_SHOWN: usize = 64;

/// Which message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A request to cancel.
    Cancel,
    /// The callback that answers it.
    OnCancel,
}

/// The first rule of the schema that a message breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} {text}")]
pub struct Error {
    /// The member, as in `message.order_id`.
    pub path: String,
    /// What it should be and what it is; what a stranger wrote is escaped and cut.
    pub text: String,
}

/// Checks a message.
///
/// # Errors
/// Names the first member that breaks a rule.
pub fn check(kind: Kind, dialect: Dialect, message: &Value) -> Result<(), Error> {
    let validator = validator(kind, dialect);
    // The yes-or-no pass builds no error and is several times cheaper.
    if validator.is_valid(message) {
        return Ok(());
    }
    validator.validate(message).map_err(|error| explain(&error))
}

macro_rules! compiled {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Validator> =
            LazyLock::new(|| compile(include_str!(concat!("../../schemas/", $file))));
    };
}

compiled!(CANCEL_V0_9, "cancel-0.9.json");
compiled!(CANCEL_V1, "cancel-1.x.json");
compiled!(CANCEL_UHI, "cancel-uhi-0.7.1.json");
compiled!(ON_CANCEL_V0_9, "on_cancel-0.9.json");
compiled!(CANCEL_ONDC_MOBILITY, "cancel-ondc-mobility.json");
compiled!(CANCEL_ONDC_RETAIL, "cancel-ondc-retail.json");
compiled!(ON_CANCEL_ONDC_MOBILITY, "on_cancel-ondc-mobility.json");
compiled!(ON_CANCEL_ONDC_RETAIL, "on_cancel-ondc-retail.json");
compiled!(ON_CANCEL_V1, "on_cancel-1.x.json");
compiled!(ON_CANCEL_UHI, "on_cancel-uhi-0.7.1.json");

fn validator(kind: Kind, dialect: Dialect) -> &'static Validator {
    match (kind, dialect) {
        (Kind::Cancel, Dialect::V0_9) => &CANCEL_V0_9,
        (Kind::Cancel, Dialect::V1) => &CANCEL_V1,
        (Kind::Cancel, Dialect::Uhi) => &CANCEL_UHI,
        (Kind::Cancel, Dialect::OndcMobility) => &CANCEL_ONDC_MOBILITY,
        (Kind::Cancel, Dialect::OndcRetail | Dialect::OndcB2b) => &CANCEL_ONDC_RETAIL,
        (Kind::OnCancel, Dialect::OndcMobility) => &ON_CANCEL_ONDC_MOBILITY,
        (Kind::OnCancel, Dialect::OndcRetail | Dialect::OndcB2b) => &ON_CANCEL_ONDC_RETAIL,
        (Kind::OnCancel, Dialect::Uhi) => &ON_CANCEL_UHI,
        (Kind::OnCancel, Dialect::V0_9) => &ON_CANCEL_V0_9,
        (Kind::OnCancel, Dialect::V1) => &ON_CANCEL_V1,
    }
}

fn compile(text: &str) -> Validator {
    let schema = serde_json::from_str(text).expect("our schemas are JSON, tests read them all");
    jsonschema::options()
        .should_validate_formats(true)
        // A time that passes here must also be readable for the decoder.
        .with_format("date-time", is_instant)
        // Linear time whatever a stranger sends; our patterns need no more.
        .with_pattern_options(PatternOptions::regex())
        .build(&schema)
        .expect("our schemas are valid, tests compile them all")
}

fn is_instant(text: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

fn explain(error: &ValidationError<'_>) -> Error {
    let mut segments: Vec<Segment> = error.instance_path().into_iter().map(segment).collect();
    // A missing member is at fault itself, not the object around it.
    if let ValidationErrorKind::Required { property } = error.kind() {
        let key = property.as_str().unwrap_or_default();
        segments.push(Segment::Key(key.to_owned()));
    }
    Error {
        path: path::render(&segments),
        text: text(error),
    }
}

fn segment(step: LocationSegment<'_>) -> Segment {
    match step {
        LocationSegment::Property(key) => Segment::Key(key.into_owned()),
        LocationSegment::Index(at) => Segment::Index(at),
    }
}

fn text(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Rule;
    let got = shown(error.instance());
    match error.kind() {
        Rule::Required { .. } => "is required".to_owned(),
        // Where another type belongs, anything may stand: a name or a number of a person too.
        Rule::Type { kind } => {
            let got = kind_of(error.instance());
            format!("must be {}, got {got}", type_name(kind))
        }
        Rule::Constant { expected_value } => format!("must be {expected_value}, got {got}"),
        Rule::Enum { options } => format!("must be one of {options}, got {got}"),
        Rule::Pattern { pattern } => format!("must match {pattern}, got {got}"),
        Rule::MinLength { limit } => format!("must have at least {limit} character"),
        Rule::MaxLength { limit } => format!("must have at most {limit} characters, got {got}"),
        Rule::Format { format } => format!("must be a {format}, got {got}"),
        Rule::AnyOf { context } => any_of(context, &got),
        other => format!("breaks the rule {}, got {got}", other.keyword()),
    }
}

/// Says in words what the alternatives have in common: members of which one must be there, or
/// values of which one must be it.
fn any_of(alternatives: &[Vec<ValidationError<'static>>], got: &str) -> String {
    let wanted = |error: &ValidationError<'_>| match error.kind() {
        ValidationErrorKind::Required { property } => Some(format!("needs {property}")),
        ValidationErrorKind::Constant { expected_value } => Some(format!("is {expected_value}")),
        ValidationErrorKind::Enum { options } => Some(format!("is one of {options}")),
        _ => None,
    };
    let firsts = alternatives.iter().filter_map(|errors| errors.first());
    let wanted: Vec<String> = firsts.filter_map(wanted).collect();
    format!("fits no alternative ({}), got {got}", wanted.join(" or "))
}

fn type_name(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(name) => format!("of type {name}"),
        TypeKind::Multiple(_) => "of another type".to_owned(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A code, an id or a time is shown, escaped and cut; of a container only the kind, never a
/// person's data.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => kind_of(value).to_owned(),
        Value::String(text) => format!("\"{}\"", clip(text, MAX_SHOWN)),
        other => clip(&other.to_string(), MAX_SHOWN),
    }
}

#[cfg(test)]
mod ondc_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod uhi_tests;
#[cfg(test)]
mod v1_tests;
