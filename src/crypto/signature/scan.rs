//! Cuts a signature header into its six parameters; what they mean is for `header`.
//!
//! A quoted-string scanner, not a split on commas: subscriber ids are the sender's to choose.
//! It takes what the networks really send (any case of the scheme, any order, blanks around
//! commas, bare digits for the times) and nothing else, so that no two readers can see
//! different parameters in one header.

use super::error::{Excerpt, Fault};
use super::members::Members;

/// The longest header that is looked at, in bytes.
pub const MAX_HEADER_BYTES: usize = 4096;

const SCHEME: &str = "Signature";
const NAMES: [&str; 6] = [
    "keyId",
    "algorithm",
    "created",
    "expires",
    "headers",
    "signature",
];

/// The six values, without their quotes.
pub(super) struct Parameters<'a> {
    pub(super) key_id: &'a str,
    pub(super) algorithm: &'a str,
    pub(super) created: &'a str,
    pub(super) expires: &'a str,
    pub(super) headers: &'a str,
    pub(super) signature: &'a str,
}

/// Reads the whole header, each parameter exactly once.
pub(super) fn parameters(header: &str) -> Result<Parameters<'_>, Fault> {
    check_bytes(header)?;
    let mut rest = after_scheme(header.trim_matches(BLANK))?;
    let mut found = [None; NAMES.len()];
    loop {
        let (index, after_name) = name(rest)?;
        let (value, after_value) = value(NAMES[index], after_name)?;
        if found[index].replace(value).is_some() {
            return Err(Fault::Repeated(NAMES[index]));
        }
        match after_comma(NAMES[index], after_value)? {
            Some(next) => rest = next,
            None => return all_given(found),
        }
    }
}

/// What HTTP calls optional white space.
const BLANK: [char; 2] = [' ', '\t'];

/// The length and the characters of a header of any scheme.
pub(super) fn check_bytes(header: &str) -> Result<(), Fault> {
    if header.len() > MAX_HEADER_BYTES {
        return Err(Fault::TooLong(header.len()));
    }
    let printable = |c: char| matches!(c, ' '..='~' | '\t');
    match header.char_indices().find(|(_, c)| !printable(*c)) {
        Some((at, got)) => Err(Fault::Character { got, at }),
        None => Ok(()),
    }
}

fn after_scheme(header: &str) -> Result<&str, Fault> {
    let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
    if scheme.eq_ignore_ascii_case(SCHEME) {
        return Ok(rest.trim_start_matches(' '));
    }
    Err(Fault::Scheme(Excerpt::of(fit_to_show(header))))
}

/// What of an `Authorization` header may be shown and kept: ours whole, of another scheme its
/// name. What follows that, or a word that could be a token, may be a secret.
#[must_use]
pub fn fit_to_show(header: &str) -> &str {
    // UHI's has no scheme: it is ours when it has the members of a signature.
    if Members::read(header).is_ok_and(|members| members.parameters().is_ok()) {
        return header;
    }
    let (scheme, _) = header.split_once(' ').unwrap_or((header, ""));
    let is_name = scheme.len() <= 16 && scheme.bytes().all(|b| b.is_ascii_alphabetic());
    match is_name {
        true if scheme.eq_ignore_ascii_case(SCHEME) => header,
        true => scheme,
        false => "another text",
    }
}

/// The parameter's place in [`NAMES`], and what follows its `=`. Only the first `=` counts:
/// base64 has its own.
fn name(text: &str) -> Result<(usize, &str), Fault> {
    let (name, rest) = text
        .split_once('=')
        .ok_or_else(|| Fault::Name(Excerpt::of(text)))?;
    match NAMES.iter().position(|known| *known == name) {
        Some(index) => Ok((index, rest)),
        None => Err(Fault::Unknown(Excerpt::of(name))),
    }
}

/// The value, and what follows it.
fn value<'a>(name: &'static str, text: &'a str) -> Result<(&'a str, &'a str), Fault> {
    let Some(quoted) = text.strip_prefix('"') else {
        return bare_value(name, text);
    };
    let (value, rest) = quoted.split_once('"').ok_or(Fault::Unterminated(name))?;
    match value.contains(['\\', '\t']) {
        true => Err(Fault::Forbidden(name)),
        false => Ok((value, rest)),
    }
}

/// The older drafts of HTTP signatures write the two times as bare integers.
fn bare_value<'a>(name: &'static str, text: &'a str) -> Result<(&'a str, &'a str), Fault> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    if digits == 0 || !matches!(name, "created" | "expires") {
        return Err(Fault::Unquoted(name));
    }
    Ok(text.split_at(digits))
}

/// Where the next parameter begins; nothing at the end of the header.
fn after_comma<'a>(after: &'static str, text: &'a str) -> Result<Option<&'a str>, Fault> {
    let text = text.trim_start_matches(BLANK);
    if text.is_empty() {
        return Ok(None);
    }
    match text.strip_prefix(',') {
        Some(rest) => Ok(Some(rest.trim_start_matches(BLANK))),
        None => Err(Fault::Separator {
            after,
            got: Excerpt::of(text),
        }),
    }
}

fn all_given<'a>(found: [Option<&'a str>; NAMES.len()]) -> Result<Parameters<'a>, Fault> {
    let given = |index: usize| found[index].ok_or(Fault::Missing(NAMES[index]));
    Ok(Parameters {
        key_id: given(0)?,
        algorithm: given(1)?,
        created: given(2)?,
        expires: given(3)?,
        headers: given(4)?,
        signature: given(5)?,
    })
}
