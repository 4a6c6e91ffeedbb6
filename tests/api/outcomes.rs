//! What leaves after an ACK: the table of outcomes, row by row.

use beckn_bpp::mock::orders::TRIP_1;
use serde_json::json;

use crate::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellable_order_leaves_as_a_verified_on_cancel() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    let message = app.cancel_of(TRIP_1);
    let reply = app.send(&message).await;
    assert_eq!(
        (reply.status, reply.json()),
        (200, json!({"message": {"ack": {"status": "ACK"}}}))
    );
    let callback = app.callback(&message.message).await;
    assert_eq!(callback.json()["message"]["order"]["state"], "Cancelled");
    app.stop().await;
}
