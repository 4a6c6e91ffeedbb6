//! The `on_cancel` that leaves: a context spliced from the one it answers, and the provider's
//! own document with only what a cancellation changes.

use chrono::{DateTime, SecondsFormat, Utc};

use super::answer;
use super::kind::Kind;
use super::raw::{self, RawObject, quote};
use super::{Dialect, ondc, quote as order_quote, uhi, v0_9, v1};
use crate::domain::decide::Denial;
use crate::domain::ids::MessageId;
use crate::domain::order::{Cancellation, Pending};

/// A stored document that cannot be read back as what intake accepted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A member is not the JSON it was.
    #[error("the order document cannot be spliced: {0}")]
    Shape(#[from] raw::Error),
    /// The quote is not what it was.
    #[error("the order document cannot be priced: {0}")]
    Quote(#[from] order_quote::Error),
    /// The document holds no such member.
    #[error("the order document has no {0}")]
    Missing(&'static str),
}

/// Who we are in the context of a callback.
#[derive(Debug, Clone, Copy)]
pub struct Us<'a> {
    /// Our subscriber id, as registered.
    pub bpp_id: &'a str,
    /// Our subscriber URL.
    pub bpp_uri: &'a str,
    /// How long we say that our messages are valid, where the network wants to know.
    pub ttl_seconds: Option<u32>,
}

/// How a network wants its callbacks.
#[derive(Debug, Clone, Copy)]
pub struct Style<'a> {
    /// What its error numbers go by.
    pub kind: Kind,
    /// Our subscriber id, for networks that say who cancelled by id.
    pub bpp_id: &'a str,
    /// The state of a cancelled 0.9.x order.
    pub cancelled_word: &'a str,
    /// UHI: the tag that holds a reason in free text, if any.
    pub text_tag: Option<&'a str>,
    /// UHI: whether the check-in PIN is left in a cancelled order.
    pub sends_pin: bool,
}

/// What the callback says.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// The order is cancelled.
    Cancelled(&'a Cancellation),
    /// What it would cost.
    Quoted(&'a Cancellation),
    /// The provider looks into it; the outcome follows by an `on_update`.
    Initiated(&'a Pending),
    /// It was looked into and is not cancelled.
    Kept(Kept<'a>),
    /// It cannot be cancelled: `error` without `message`.
    Denied(&'a Denial),
}

/// An order that is not cancelled after all.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// What was asked for.
    pub pending: &'a Pending,
    /// Why not, in a sentence for people.
    pub note: Option<&'a str>,
    /// When that was decided.
    pub at: DateTime<Utc>,
    /// Whether the order is over; else it goes on as it is.
    pub is_over: bool,
}

/// RFC 3339 in UTC with milliseconds and `Z`, as every network takes it.
#[must_use]
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The context of a callback, from the raw context of the request it answers or, with a new
/// `message` id, from the one the order was placed with.
///
/// `key` and `ttl` were the sender's and are dropped, or replaced where the network wants a
/// `ttl`; unknown members stay as they came.
///
/// # Errors
/// When the text is no JSON object.
pub fn context(
    from: &str,
    us: Us<'_>,
    message: Option<&MessageId>,
    now: DateTime<Utc>,
) -> Result<String, Error> {
    let names = dialect_of(from).unwrap_or(Dialect::V1).members();
    let mut context = RawObject::parse(from)?;
    context.set("action", quote("on_cancel"));
    context.set(names.bpp_id, quote(us.bpp_id));
    context.set(names.bpp_uri, quote(us.bpp_uri));
    if let Some(message) = message {
        context.set("message_id", quote(message.as_str()));
    }
    context.set("timestamp", quote(&rfc3339(now)));
    context.remove("key");
    match us.ttl_seconds {
        Some(seconds) => context.set("ttl", quote(&format!("PT{seconds}S"))),
        None => drop(context.remove("ttl")),
    }
    Ok(context.text())
}

/// The same message with another action in its context, and every other value as written.
///
/// # Errors
/// When the bytes are no message.
pub fn renamed(body: &[u8], action: &str) -> Result<String, Error> {
    let mut message = RawObject::from_slice(body)?;
    let context = message.get("context").ok_or(Error::Missing("context"))?;
    let context = context.to_owned();
    let mut context = RawObject::parse(&context)?;
    context.set("action", quote(action));
    let context = context.to_string();
    message.set("context", context);
    Ok(message.to_string())
}

/// The dialect of a raw context, under either name of its version.
#[must_use]
pub fn dialect_of(context: &str) -> Option<Dialect> {
    let context = RawObject::parse(context).ok()?;
    let version = context
        .get_str("version")
        .or_else(|| context.get_str("core_version"))?;
    Dialect::in_domain(&version, context.get_str("domain").as_deref())
}

/// The whole body. `document` is the stored order document, `context` comes from [`context`].
///
/// `dialect` is the request's and shapes an error. An order stays in the dialect it was handed
/// over in, whichever the request speaks: else it would say in one member that it is cancelled
/// and in another that it is not.
///
/// # Errors
/// When the document cannot be read back.
pub fn encode(
    dialect: Dialect,
    context: &str,
    document: &str,
    content: Content<'_>,
    style: &Style<'_>,
) -> Result<String, Error> {
    if let Content::Denied(denial) = content {
        let error = denied(dialect, context, style.kind, denial);
        return Ok(format!(r#"{{"context":{context},"error":{error}}}"#));
    }
    let document = RawObject::parse(document)?;
    let placed = document.get("context");
    let dialect = placed.and_then(dialect_of).unwrap_or(dialect);
    let order = document.get("order").ok_or(Error::Missing("order"))?;
    let mut order = RawObject::parse(order)?;
    change(&mut order, dialect, content, (style, placed))?;
    let order = order.text();
    let parts = [
        r#"{"context":"#,
        context,
        r#","message":{"order":"#,
        &order,
        "}}",
    ];
    Ok(parts.concat())
}

/// The stored document with a cancellation in it that leaves an order to go on, or that goes on
/// itself.
///
/// # Errors
/// When the document cannot be read back.
pub fn written(
    document: &str,
    cancellation: &Cancellation,
    style: &Style<'_>,
) -> Result<String, Error> {
    let mut whole = RawObject::parse(document)?;
    let placed = whole.get("context").map(str::to_owned);
    let placed = placed.as_deref();
    let dialect = placed.and_then(dialect_of);
    let order = whole.get("order").ok_or(Error::Missing("order"))?;
    let order = order.to_owned();
    let mut order = RawObject::parse(&order)?;
    let dialect = dialect.ok_or(Error::Missing("version"))?;
    let content = Content::Cancelled(cancellation);
    change(&mut order, dialect, content, (style, placed))?;
    let order = order.text();
    whole.set("order", order);
    Ok(whole.text())
}

/// What the content changes in an order, which was `placed` with this context.
fn change(
    order: &mut RawObject<'_>,
    dialect: Dialect,
    content: Content<'_>,
    (style, placed): (&Style<'_>, Option<&str>),
) -> Result<(), Error> {
    use ondc::{mobility, retail};
    let bap = placed.and_then(|context| RawObject::parse(context).ok());
    let bap = bap.as_ref().and_then(|context| context.get_str("bap_id"));
    let parties = retail::Parties {
        bap: bap.as_deref().unwrap_or_default(),
        bpp: style.bpp_id,
    };
    match (dialect, content) {
        (Dialect::V0_9, Content::Cancelled(c)) => v0_9::cancelled(order, c, style.cancelled_word),
        (Dialect::V0_9, Content::Quoted(c)) => v0_9::quoted(order, c),
        (Dialect::V1, Content::Cancelled(c)) => v1::cancelled(order, c),
        (Dialect::V1, Content::Quoted(c)) => v1::quoted(order, c),
        (Dialect::Uhi, Content::Cancelled(c)) => {
            uhi::message::cancelled(order, c, style);
            Ok(())
        }
        (Dialect::OndcRetail, Content::Cancelled(c)) => retail::cancelled(order, c, parties),
        (Dialect::OndcRetail, Content::Quoted(c)) => retail::quoted(order, c),
        (Dialect::OndcB2b, Content::Cancelled(c)) => retail::cancelled_b2b(order, c, parties),
        (Dialect::OndcB2b, Content::Quoted(c)) => retail::quoted_b2b(order, c),
        (Dialect::OndcMobility, Content::Cancelled(c)) => mobility::cancelled(order, c),
        (Dialect::OndcMobility, Content::Quoted(c)) => mobility::quoted(order, c),
        (_, Content::Initiated(pending)) => {
            mobility::initiated(order, pending);
            Ok(())
        }
        (_, Content::Kept(kept)) => {
            mobility::kept(order, &kept);
            Ok(())
        }
        // UHI has no way to ask for a price.
        (Dialect::Uhi, Content::Quoted(_)) | (_, Content::Denied(_)) => Ok(()),
    }
}

fn denied(dialect: Dialect, context: &str, kind: Kind, denial: &Denial) -> String {
    let context = RawObject::parse(context).unwrap_or_default();
    let domain = context.get_str("domain").unwrap_or_default();
    let (code, kind) = (kind.profile().denied)(&domain, denial);
    let sentence = &denial.sentence();
    let error = answer::Error {
        code,
        kind,
        message: sentence,
        path: None,
    };
    error.to_json(dialect).to_string()
}

#[cfg(test)]
mod tests;
