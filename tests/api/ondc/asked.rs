//! Tickets whose provider is asked first: the buyer app is told at once that it is, and hears of the
//! outcome by an `on_update`.

use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::orders::{RIDE_1, TICKET_1};
use beckn_bpp::mock::provider::{self, ProviderHandle};
use serde_json::{Value, json};

use crate::app::{WAIT, listener};
use crate::market::Market;

struct Asked {
    market: Market,
    provider: ProviderHandle,
    ticket: Value,
    _secret: tempfile::TempDir,
}

fn confirm() -> Value {
    json!({"cancellation_reason_id": "005", "descriptor": {"code": "CONFIRM_CANCEL"}})
}

impl Asked {
    /// With a back end that does not answer before it is told to.
    async fn start() -> Self {
        let provider = provider::start(listener()).expect("a back end");
        provider.answer_questions(Answer::Raw {
            status: 503,
            body: "".into(),
        });
        let secret = tempfile::tempdir().expect("a directory");
        let file = secret.path().join("provider.secret");
        std::fs::write(&file, provider::SECRET).expect("written");
        let settings = format!(
            "[provider]\nsecret_file = \"{}\"\nhook_url = \"{}\"\nhook_wait = \"1m\"\n\
             [policy.default]\n[[policy.default.rule]]\npercent = \"25\"\n",
            file.display(),
            provider.hook_url
        );
        let ids = ("bap.example.org", "bpp.example.org");
        let domains = ["ONDC:TRV10", "ONDC:TRV11"];
        let market = Market::start_as(ids, &domains, &settings).await;
        let ticket = market.order(TICKET_1);
        market.hand_over(&ticket).await;
        Self {
            market,
            provider,
            ticket,
            _secret: secret,
        }
    }

    /// A confirmed cancel of the ticket, answered at once; the request.
    async fn cancel(&self) -> Value {
        let request = self.market.cancel_of(&self.ticket, confirm());
        let answer = self.market.answered(&request).await;
        assert_eq!(answer["context"]["action"], "on_cancel");
        let order = &answer["message"]["order"];
        assert_eq!(order["status"], "CANCELLATION_INITIATED");
        assert_eq!(order["quote"], self.ticket["message"]["order"]["quote"]);
        request
    }

    async fn questions(&self, count: usize) {
        let all = |provider: &ProviderHandle| provider.questions().len() >= count;
        assert!(self.provider.until(WAIT, all).await, "a question in time");
    }

    /// The `on_update` that follows the answer to a request.
    async fn update(&self, request: &Value) -> Value {
        let id = request["context"]["message_id"].as_str().expect("an id");
        let both = self.market.bap.received_times(id, 2, WAIT).await;
        let update = both.expect("an on_update in time").remove(1);
        assert_eq!(update.verdict, Ok(()), "the signature holds");
        assert_eq!(update.json()["context"]["action"], "on_update");
        update.json()["message"]["order"].take()
    }

    async fn order(&self) -> Value {
        self.market.app.get("/orders/ticket_1").await.body
    }

    async fn stop(self) {
        self.market.stop().await;
        self.provider.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_is_initiated_and_what_the_provider_allows_follows_as_an_update() {
    let asked = Asked::start().await;
    let first = asked.cancel().await;
    asked.questions(1).await;
    let second = asked.cancel().await;
    let shown = asked.order().await;
    assert_eq!(
        shown["pending_cancellation"]["request"],
        first["context"]["message_id"]
    );
    assert_eq!(
        shown["undecided"]["proposed"]["charge"]["fee"]["value"],
        "30.00"
    );
    let allow = json!({"decision": "allow", "fee": "12.00"});
    asked.provider.decide(&allow);
    let order = asked.update(&first).await;
    assert_eq!(order["status"], "CANCELLED");
    assert_eq!(order["cancellation"]["cancelled_by"], "CONSUMER");
    assert_eq!(order["quote"]["price"]["value"], "12");
    let shown = asked.order().await;
    assert_eq!(shown["state"], "Cancelled");
    assert_eq!(
        (&shown["pending_cancellation"], &shown["undecided"]),
        (&Value::Null, &Value::Null)
    );
    asked.market.app.settled().await;
    let id = second["context"]["message_id"].as_str().expect("an id");
    let all = asked.market.bap.all();
    let of_second = all
        .iter()
        .filter(|one| one.message_id.as_deref() == Some(id));
    assert_eq!(of_second.count(), 1, "one update is for the order");
    let questions = asked.provider.questions();
    let ids: std::collections::BTreeSet<_> = questions.iter().map(|one| &one.message_id).collect();
    assert_eq!(ids.len(), 1);
    let session = first["context"]["transaction_id"].as_str().expect("an id");
    let timeline = asked
        .market
        .app
        .get(&format!("/transactions/{session}"))
        .await;
    for action in ["on_cancel", "on_update"] {
        assert!(timeline.text.contains(action), "{}", timeline.text);
    }
    asked.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_refuses_goes_on_as_it_was_and_can_be_cancelled_later() {
    let mut asked = Asked::start().await;
    let request = asked.cancel().await;
    asked.questions(1).await;
    asked.market.app.restart().await;
    let why = "You are past the gate";
    asked
        .provider
        .decide(&json!({"decision": "refuse", "reason": why}));
    let order = asked.update(&request).await;
    assert_eq!(order["status"], "ACTIVE");
    let told = &order["cancellation"]["additional_description"]["short_desc"];
    assert_eq!(told, why);
    let shown = asked.order().await;
    assert_eq!(
        (&shown["state"], &shown["pending_cancellation"]),
        (&json!("Confirmed"), &Value::Null)
    );
    asked.provider.decide(&json!({"decision": "allow"}));
    let again = asked.cancel().await;
    assert_eq!(asked.update(&again).await["status"], "CANCELLED");
    asked.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_answer_in_the_back_ends_place() {
    let asked = Asked::start().await;
    let request = asked.cancel().await;
    let note = json!({"note": "The gate let you through"});
    let answer = asked.market.provider("ticket_1", "refuse", &note).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["state"], "Confirmed");
    assert_eq!(asked.update(&request).await["status"], "ACTIVE");
    asked.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ride_is_answered_when_it_is_decided_and_a_price_at_once() {
    let asked = Asked::start().await;
    let soft = json!({"cancellation_reason_id": "005", "descriptor": {"code": "SOFT_CANCEL"}});
    let priced = asked
        .market
        .answered(&asked.market.cancel_of(&asked.ticket, soft))
        .await;
    assert_eq!(priced["message"]["order"]["status"], "SOFT_CANCEL");
    assert!(asked.provider.questions().is_empty());
    let ride = asked.market.order(RIDE_1);
    asked.market.hand_over(&ride).await;
    let request = asked.market.cancel_of(&ride, confirm());
    asked.market.send(&request).await;
    asked.questions(1).await;
    assert_eq!(
        asked.market.bap.all().len(),
        1,
        "the price of the ticket alone"
    );
    asked.provider.decide(&json!({"decision": "allow"}));
    let id = request["context"]["message_id"].as_str().expect("an id");
    let callback = asked.market.bap.received(id, WAIT).await.expect("in time");
    assert_eq!(callback.json()["message"]["order"]["status"], "CANCELLED");
    asked.stop().await;
}
