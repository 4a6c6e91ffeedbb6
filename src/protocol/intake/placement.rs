//! Where an order document is placed: the dialect of its context, and who placed it.

use serde_json::Value;

use super::{Error, id, member};
use crate::domain::ids::{SubscriberId, TransactionId};
use crate::domain::order::Placement;
use crate::protocol::Dialect;

/// The dialect, by the version and domain that the context names.
pub(super) fn dialect(context: &Value) -> Result<Dialect, Error> {
    let version = context["version"]
        .as_str()
        .or(context["core_version"].as_str());
    let domain = context["domain"].as_str();
    let dialect = version.and_then(|version| Dialect::in_domain(version, domain));
    let expected = "expected 0.9.x or 1.x, on UHI 0.7.1, in domains of ONDC 1.2.x, 2.0.x or 2.1.x";
    dialect.ok_or_else(|| member("context.version", expected))
}

/// Who placed it, and in which session.
pub(super) fn read(dialect: Dialect, context: &Value) -> Result<Placement, Error> {
    let names = dialect.members();
    let [bap_id_at, bap_uri_at] =
        [names.bap_id, names.bap_uri].map(|name| format!("context.{name}"));
    let bap_uri = context[names.bap_uri].as_str();
    let bap_uri = bap_uri.ok_or_else(|| member(&bap_uri_at, "expected a string"))?;
    Ok(Placement {
        bap: id(&bap_id_at, &context[names.bap_id], SubscriberId::parse)?,
        bap_uri: bap_uri.to_owned(),
        transaction: id(
            "context.transaction_id",
            &context["transaction_id"],
            TransactionId::parse,
        )?,
    })
}
