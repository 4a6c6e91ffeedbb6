//! Killed while the provider's back end is down, or is being asked: it hears of everything, and
//! every question has its outcome.

use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::provider::{self, ProviderHandle};
use serde_json::{Value, json};

use crate::outside::orders::Numbered;
use crate::outside::surroundings::listener;
use crate::pushed::in_order_of_each_order;
use crate::town::{Running, Town, WAIT, is_ack};

/// A town whose server has a back end.
pub fn with_back_end(hook_wait: Option<&str>) -> (Town, ProviderHandle) {
    let town = Town::new();
    let provider = provider::start(listener().expect("a free port")).expect("a back end");
    let secret = town.around.directory.path().join("provider.secret");
    std::fs::write(secret, provider::SECRET).expect("written");
    let asked = hook_wait.map(|wait| {
        let url = &provider.hook_url;
        format!("hook_url = \"{url}\"\nhook_wait = \"{wait}\"\n")
    });
    let events = &provider.events_url;
    let section = format!(
        "[provider]\nsecret_file = \"provider.secret\"\nevents_url = \"{events}\"\n{}",
        asked.unwrap_or_default()
    );
    let file = town.around.config_file();
    let text = std::fs::read_to_string(&file).expect("readable");
    std::fs::write(file, format!("{text}{section}")).expect("written");
    (town, provider)
}

pub async fn cancel(town: &Town, running: &Running, order: Numbered, message: &str) {
    let body = town.cancel(order, message);
    let reply = town.post(running, order, &body).await.expect("an answer");
    assert!(is_ack(&reply), "{reply:?}");
}

async fn state(running: &Running, order: Numbered) -> Value {
    let order = running.admin.get(&format!("/orders/{}", order.id())).await;
    order.expect("an order")["state"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_a_hanging_back_end_never_took_come_again_unchanged_after_a_kill() {
    let (town, provider) = with_back_end(None);
    provider.answer_events(Answer::Hang);
    let running = town.start();
    town.hand_over(&running, 0..2).await;
    for number in 0..2 {
        cancel(
            &town,
            &running,
            Numbered(number),
            &format!("message-{number}"),
        )
        .await;
    }
    assert!(
        provider
            .until(WAIT, |provider| provider.events().len() == 2)
            .await
    );
    running.process.kill();

    provider.answer_events(Answer::Ack);
    let running = town.start();
    assert!(
        provider
            .until(WAIT, |provider| provider.events().len() >= 4)
            .await
    );
    running.admin.quiet(WAIT).await.expect("quiet");
    let events = provider.events();
    for event in &events {
        assert_eq!(event.verdict, Ok(()));
        let same = |other: &&_| beckn_bpp::mock::bap::Received::json(other) == event.json();
        let attempts = events.iter().filter(same);
        assert!(
            attempts.clone().count() >= 2,
            "before the kill and after it"
        );
        let ids: std::collections::BTreeSet<_> = attempts.map(|one| &one.message_id).collect();
        assert_eq!(ids.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_again_after_a_kill_and_its_answer_decides() {
    let (town, provider) = with_back_end(Some("1m"));
    provider.answer_questions(Answer::Hang);
    let running = town.start();
    town.hand_over(&running, 0..2).await;
    let [first, second] = [Numbered(0), Numbered(1)];
    cancel(&town, &running, first, "message-0").await;
    cancel(&town, &running, second, "message-1").await;
    assert!(
        provider
            .until(WAIT, |provider| provider.questions().len() >= 2)
            .await
    );
    running.process.kill();

    provider.decide(&json!({"decision": "refuse", "reason": "Begun"}));
    let running = town.start();
    for (order, message) in [(first, "message-0"), (second, "message-1")] {
        let heard = town.baps[order.bap()].received(message, WAIT).await;
        let heard = heard.expect("an outcome").json();
        assert!(heard["error"]["message"].is_string(), "{heard}");
        assert_eq!(state(&running, order).await, "Confirmed");
    }
    let questions = provider.questions();
    let ids: std::collections::BTreeSet<_> = questions.iter().map(|one| &one.message_id).collect();
    assert_eq!(ids.len(), 2, "asked again under the same ids");
    running.admin.quiet(WAIT).await.expect("quiet");
    let told = in_order_of_each_order(&provider.events());
    for order in [first, second] {
        let expected = ["order.cancellation_pending", "order.cancellation_refused"];
        assert_eq!(told[&order.id()], expected);
    }
}

/// The server on another network than that of the orders, or on it again.
fn join(town: &Town, from: &str, to: &str) {
    let file = town.around.config_file();
    let text = std::fs::read_to_string(&file).expect("readable");
    let (from, to) = (format!("[network.{from}]"), format!("[network.{to}]"));
    assert!(text.contains(&from));
    std::fs::write(file, text.replace(&from, &to)).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_outcome_cannot_be_written_is_kept_and_outlives_the_time_and_a_kill() {
    let (town, provider) = with_back_end(Some("3s"));
    provider.answer_questions(Answer::Hang);
    let running = town.start();
    town.hand_over(&running, 0..2).await;
    let order = Numbered(1);
    cancel(&town, &running, order, "message-1").await;
    let asked = |count| provider.until(WAIT, move |all| all.questions().len() >= count);
    assert!(asked(1).await);
    running.process.kill();

    // Nobody could be told of an outcome.
    join(&town, "mobility", "elsewhere");
    let before = provider.questions().len();
    provider.decide(&json!({"decision": "refuse", "reason": "Begun"}));
    let running = town.start();
    assert!(asked(before + 1).await);
    // Until its time is over, and a while longer.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let again = provider.questions().len() - before;
    assert_eq!(again, 1, "an answer in hand is not asked for again");
    let counted = async |word: &str| {
        let series = format!("bpp_questions_total{{answer=\"{word}\"}}");
        running.admin.metric(&series).await.expect("metrics")
    };
    assert_eq!(counted("refuse").await, Some(1.0));
    assert_eq!(counted("silence").await, None);
    let log = running.process.log();
    let complaints = log
        .lines()
        .filter(|line| line.contains("cannot be decided"));
    assert_eq!(complaints.count(), 1, "{log}");
    running.process.kill();

    // The answer has died with the server, and its time is over: it is asked for once more.
    join(&town, "elsewhere", "mobility");
    let running = town.start();
    let heard = town.baps[order.bap()].received("message-1", WAIT).await;
    let heard = heard.expect("an outcome").json();
    assert_eq!(
        heard["error"]["message"]
            .as_str()
            .map(|text| text.contains("Begun")),
        Some(true)
    );
    assert_eq!(state(&running, order).await, "Confirmed");
    let questions = provider.questions();
    let ids: std::collections::BTreeSet<_> = questions.iter().map(|one| &one.message_id).collect();
    assert_eq!(ids.len(), 1, "always the same question");
    running.admin.quiet(WAIT).await.expect("quiet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_whose_time_ended_while_the_server_was_down_is_decided_by_the_terms() {
    let (town, provider) = with_back_end(Some("1s"));
    provider.answer_questions(Answer::Hang);
    let running = town.start();
    town.hand_over(&running, 0..2).await;
    let order = Numbered(1);
    cancel(&town, &running, order, "message-1").await;
    assert!(
        provider
            .until(WAIT, |provider| !provider.questions().is_empty())
            .await
    );
    running.process.kill();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;

    let running = town.start();
    let heard = town.baps[order.bap()].received("message-1", WAIT).await;
    let heard = heard.expect("an outcome").json();
    assert_eq!(heard["message"]["order"]["status"], "CANCELLED");
    assert_eq!(state(&running, order).await, "Cancelled");
    running.admin.quiet(WAIT).await.expect("quiet");
}
