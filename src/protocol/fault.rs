//! What is wrong with the body of a request that comes in beside the network, at a partner's door.

use super::strict;

/// Why a request cannot be read; names the member.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or JSON with a key twice.
    #[error(transparent)]
    Json(#[from] strict::Error),
    /// A member is missing or not usable.
    #[error("{member}: {what}")]
    Member {
        /// Which member.
        member: &'static str,
        /// What is wrong.
        what: String,
    },
}

/// A member that is missing or not usable.
pub(super) fn fault(member: &'static str, what: impl ToString) -> Error {
    let what = what.to_string();
    Error::Member { member, what }
}
