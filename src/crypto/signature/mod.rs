//! Signatures of requests: a header over two times and the body's digest, in two schemes.
//!
//! A signed request goes through three steps, cheap first: [`Header::parse`] (the grammar),
//! [`Header::check_window`] (the times), and, once the registry has named the key,
//! [`Header::verify`] (the bytes). [`Signer`] makes the same header for what we send. Every
//! refusal has one fixed word ([`Error::word`]). [`Scheme`] is what Beckn (BECKN-006) and UHI do
//! differently. Whose key it is, whether it may be used and whether the signer is the caller are
//! questions for the layers above.

mod error;
mod header;
mod keyring;
mod members;
mod scan;
mod scheme;
mod signer;

#[cfg(test)]
mod odd_headers;
#[cfg(test)]
mod properties;

pub use error::{Error, Excerpt, Fault};
pub use header::{CREATED_AHEAD_SECONDS, Header};
pub use keyring::Keyring;
pub use scan::{MAX_HEADER_BYTES, fit_to_show};
pub use scheme::Scheme;
pub use signer::Signer;

/// The only algorithm there is: exactly this word, in both places of the header.
pub const ALGORITHM: &str = "ed25519";
