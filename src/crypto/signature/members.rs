//! Reads UHI's signature header, a JSON object, into its six parameters; what they mean is for
//! `header`.
//!
//! All values are texts; the two times are taken as whole numbers too. A member given twice is
//! refused, so that no two readers can see different parameters; others than the six are none of
//! ours, for the signature does not cover them and nothing here acts on them.

use std::borrow::Cow;

use serde::Deserialize;

use super::error::{Excerpt, Fault};
use super::scan::{Parameters, check_bytes};

/// The six members; serde refuses one that is there twice.
#[derive(Debug, Deserialize)]
pub(super) struct Members<'a> {
    #[serde(borrow, rename = "keyId")]
    key_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    algorithm: Option<Cow<'a, str>>,
    #[serde(borrow)]
    headers: Option<Cow<'a, str>>,
    #[serde(borrow)]
    signature: Option<Cow<'a, str>>,
    created: Option<Seconds>,
    expires: Option<Seconds>,
}

/// A time as a text, whichever way it was written.
#[derive(Debug, Deserialize)]
#[serde(from = "Written")]
struct Seconds(String);

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Number(u64),
}

impl From<Written> for Seconds {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(text) => Self(text),
            Written::Number(number) => Self(number.to_string()),
        }
    }
}

impl<'a> Members<'a> {
    /// Reads the whole header.
    pub(super) fn read(header: &'a str) -> Result<Self, Fault> {
        check_bytes(header)?;
        if !header.trim_ascii_start().starts_with('{') {
            // What stands here may be another scheme's token, which is not to be repeated.
            return Err(Fault::NotJson(Excerpt::of("another text")));
        }
        serde_json::from_str(header)
            .map_err(|error| Fault::NotJson(Excerpt::of(&error.to_string())))
    }

    /// Its parameters, all of which must be there.
    pub(super) fn parameters(&self) -> Result<Parameters<'_>, Fault> {
        Ok(Parameters {
            key_id: given("keyId", self.key_id.as_deref())?,
            algorithm: given("algorithm", self.algorithm.as_deref())?,
            created: given("created", self.created.as_ref().map(|time| &*time.0))?,
            expires: given("expires", self.expires.as_ref().map(|time| &*time.0))?,
            headers: given("headers", self.headers.as_deref())?,
            signature: given("signature", self.signature.as_deref())?,
        })
    }
}

fn given<'a>(name: &'static str, value: Option<&'a str>) -> Result<&'a str, Fault> {
    value.ok_or(Fault::Missing(name))
}
