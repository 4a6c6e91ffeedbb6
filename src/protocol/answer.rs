//! ACK and NACK bodies, and the error object, as each dialect writes them (BECKN-005).

use serde_json::{Value, json};

use super::Dialect;

/// The body of an ACK.
pub const ACK: &str = r#"{"message":{"ack":{"status":"ACK"}}}"#;
/// The same on UHI, whose schema wants an `error` in every answer.
pub const ACK_UHI: &str = r#"{"message":{"ack":{"status":"ACK"}},"error":{}}"#;

/// The `error` member of a NACK or of an `on_cancel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error<'a> {
    /// The network's number.
    pub code: &'a str,
    /// Not in the 1.x family: `CONTEXT-ERROR`, `CORE-ERROR`, ...
    pub kind: &'a str,
    /// A sentence.
    pub message: &'a str,
    /// The member at fault.
    pub path: Option<&'a str>,
}

impl Error<'_> {
    /// The object in the dialect's shape: `type` and `path`, or only `paths` in the 1.x family.
    #[must_use]
    pub fn to_json(&self, dialect: Dialect) -> Value {
        let mut error = match dialect.has_typed_errors() {
            true => json!({"type": self.kind, "code": self.code}),
            false => json!({"code": self.code}),
        };
        if let Some(path) = self.path {
            let member = match dialect.has_typed_errors() {
                true => "path",
                false => "paths",
            };
            error[member] = json!(path);
        }
        error["message"] = json!(self.message);
        error
    }
}

/// The body of a NACK; `error` stands beside `message`, never inside it.
#[must_use]
pub fn nack(dialect: Dialect, error: &Error<'_>) -> Value {
    json!({"message": {"ack": {"status": "NACK"}}, "error": error.to_json(dialect)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nack_has_the_shape_of_its_dialect() {
        let path = Some("message.order_id");
        let error = Error {
            code: "30010",
            kind: "CORE-ERROR",
            message: "Order not found",
            path,
        };
        assert_eq!(
            nack(Dialect::V1, &error),
            json!({"message": {"ack": {"status": "NACK"}}, "error": {
                "code": "30010", "paths": "message.order_id", "message": "Order not found"}})
        );
        assert_eq!(
            nack(Dialect::V0_9, &error)["error"],
            json!({"type": "CORE-ERROR", "code": "30010", "path": "message.order_id",
                "message": "Order not found"})
        );
    }
}
