//! Orders of a market at this door: what a guest says in words leaves as a code of its domain.

use beckn_bpp::app::api_keys::{self, ApiKeys};
use beckn_bpp::http::bookings::keys::Scope;
use beckn_bpp::mock::orders::{BASKET_1, RIDE_1, Sample};
use beckn_bpp::protocol::Dialect;
use beckn_bpp::protocol::schema::{self, Kind};
use chrono::Utc;
use serde_json::{Value, json};

use crate::app::{Answer, answer};
use crate::market::Market;

/// A market with the door open, and a key to it.
async fn open(settings: &str) -> (Market, String) {
    let ids = ("bap.example.org", "bpp.example.org");
    let domains = ["ONDC:TRV10", "ONDC:RET10"];
    let mut market = Market::start_as(ids, &domains, &format!("{settings}\n[bookings]")).await;
    let (key, text) = api_keys::new("app", &Scope::ALL, Vec::new(), Utc::now()).expect("a key");
    let file = market.app.directory.path().join("api-keys.toml");
    ApiKeys { keys: vec![key] }.write(&file).expect("written");
    market.app.restart().await;
    for sample in [RIDE_1, BASKET_1] {
        market.hand_over(&market.order(sample)).await;
    }
    (market, text.to_string())
}

async fn cancel(market: &Market, key: &str, id: &str, by: &str) -> Answer {
    let url = market.app.url(&format!("/v1/bookings/{id}/cancel"));
    let asked = market.app.http.post(url).header("X-Api-Key", key);
    let body = json!({"reason": "Guest is ill", "cancelled_by": by}).to_string();
    answer(asked.header("Content-Type", "application/json").body(body)).await
}

/// The order as its buyer app hears of it, unasked and in the shape of its domain.
async fn heard(market: &Market, sample: Sample) -> Value {
    let mut heard = market.last().await;
    let context = &heard["context"];
    assert_eq!(context["action"], "on_cancel");
    assert_eq!(
        context["transaction_id"],
        sample.transaction().expect("a sample")
    );
    let dialect = Dialect::in_domain(sample.version, Some(sample.domain)).expect("spoken");
    assert_eq!(schema::check(Kind::OnCancel, dialect, &heard), Ok(()));
    heard["message"]["order"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ride_and_a_basket_are_cancelled_in_words_and_leave_with_a_buyers_code_of_their_own() {
    let (market, key) = open("").await;
    let ride = cancel(&market, &key, RIDE_1.id, "customer").await;
    assert_eq!(ride.status, 200, "{}", ride.text);
    assert_eq!(ride.body["data"]["status"], "cancelled");
    let order = heard(&market, RIDE_1).await;
    assert_eq!(order["status"], "CANCELLED");
    assert_eq!(order["cancellation"]["cancelled_by"], "CONSUMER");
    let reason = &order["cancellation"]["reason"]["descriptor"];
    assert_eq!(
        *reason,
        json!({"code": "005", "short_desc": "Guest is ill"})
    );
    let basket = cancel(&market, &key, BASKET_1.id, "partner").await;
    assert_eq!(basket.status, 200, "{}", basket.text);
    let order = heard(&market, BASKET_1).await;
    assert_eq!(order["state"], "Cancelled");
    assert_eq!(
        order["cancellation"],
        json!({"cancelled_by": "bap.example.org", "reason": {"id": "010"}})
    );
    // The provider's systems hear the guest's own words.
    let events = market.app.get("/events?after=0").await.body;
    for (event, code) in [(0, "005"), (1, "010")] {
        let reason = &events["events"][event]["reason"];
        assert_eq!(*reason, json!({"id": code, "text": "Guest is ill"}));
    }
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn which_codes_stand_for_words_is_the_operators_choice() {
    let (market, key) = open("reason_in_words = [\"006\", \"004\"]").await;
    assert_eq!(
        cancel(&market, &key, RIDE_1.id, "partner").await.status,
        200
    );
    let order = heard(&market, RIDE_1).await;
    assert_eq!(order["cancellation"]["reason"]["descriptor"]["code"], "004");
    assert_eq!(
        cancel(&market, &key, BASKET_1.id, "customer").await.status,
        200
    );
    let order = heard(&market, BASKET_1).await;
    assert_eq!(order["cancellation"]["reason"]["id"], "006");
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_wants_a_reason_and_has_no_codes_takes_the_words() {
    let door = super::Door::open().await;
    let mut app = door.app;
    app.reconfigure(|text| {
        text.replacen(
            "kind = \"beckn\"",
            "kind = \"beckn\"\nreason_required = true",
            1,
        )
    })
    .await;
    let door = super::Door { app, ..door };
    door.app.hand_over(beckn_bpp::mock::orders::O1).await;
    let body = json!({"reason": "Guest is ill"});
    let answer = door.cancel(beckn_bpp::mock::orders::O1.id, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    door.app.stop().await;
}
