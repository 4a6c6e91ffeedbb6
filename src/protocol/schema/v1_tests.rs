//! What the schema of 1.x wants of a cancelled order beyond that of 0.9.x.

use serde_json::{Value, json};

use super::tests::{fault, on_cancel, with};
use super::{Dialect, Kind, check};

#[test]
fn the_state_word_is_free_in_0_9_and_listed_in_1_x() {
    let state = |word: Value| with(on_cancel(Dialect::V0_9), "/message/order/state", Some(word));
    assert_eq!(
        check(Kind::OnCancel, Dialect::V0_9, &state(json!("Cancelado"))),
        Ok(())
    );
    fault(Kind::OnCancel, Dialect::V0_9, &state(json!("")));
    let status = |word: &str| {
        with(
            on_cancel(Dialect::V1),
            "/message/order/status",
            Some(json!(word)),
        )
    };
    for word in [
        "ACTIVE",
        "COMPLETE",
        "CANCELLED",
        "SOFT_CANCEL",
        "CANCELLATION_INITIATED",
    ] {
        assert_eq!(check(Kind::OnCancel, Dialect::V1, &status(word)), Ok(()));
    }
    for word in ["Cancelled", "CANCELED", "", "SOFT-CANCEL"] {
        let error = fault(Kind::OnCancel, Dialect::V1, &status(word));
        assert_eq!(error.path, "message.order.status");
    }
}

#[test]
fn a_cancelled_order_of_1_x_says_who_and_when() {
    let pointer = "/message/order/cancellation";
    fault(
        Kind::OnCancel,
        Dialect::V1,
        &with(on_cancel(Dialect::V1), pointer, None),
    );
    let soft = with(on_cancel(Dialect::V1), pointer, None);
    let soft = with(soft, "/message/order/status", Some(json!("SOFT_CANCEL")));
    assert_eq!(check(Kind::OnCancel, Dialect::V1, &soft), Ok(()));
    for (key, value) in [
        ("cancelled_by", json!("BAP")),
        ("cancelled_by", json!(null)),
        ("time", json!("yesterday")),
        ("reason", json!("3")),
        ("reason", json!({"id": 3})),
        ("reason", json!({"descriptor": "x"})),
    ] {
        let pointer = format!("{pointer}/{key}");
        fault(
            Kind::OnCancel,
            Dialect::V1,
            &with(on_cancel(Dialect::V1), &pointer, Some(value)),
        );
    }
}
