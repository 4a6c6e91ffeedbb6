//! An order and its cancellation, as people read them.

use serde_json::Value;

use super::path;
use crate::app::cli::admin::Client;
use crate::app::cli::output;

pub(super) async fn run(
    client: &Client,
    id: &str,
    network: Option<&str>,
    json: bool,
) -> anyhow::Result<()> {
    let order = client.get(&path(id, "", network)).await?;
    if json {
        output::json(&order);
        return Ok(());
    }
    println!(
        "order       {} on {}",
        output::text(&order, "id"),
        output::text(&order, "network")
    );
    println!(
        "state       {} (version {})",
        output::text(&order, "state"),
        order["version"]
    );
    println!(
        "placed by   {}",
        output::text(&order["placed_by"], "bap_id")
    );
    println!(
        "price       {}, paid {}",
        output::money(&order["price"]),
        output::money(&order["paid"])
    );
    let policy = &order["policy"];
    println!(
        "terms       {}, version {}",
        output::text(policy, "name"),
        output::text(policy, "version")
    );
    for part in order["parts"].as_array().into_iter().flatten() {
        let cancellation = &part["cancellation"];
        println!(
            "without     fulfilment {}",
            output::text(&cancellation["portion"], "fulfillment")
        );
        print_cancellation(cancellation);
    }
    if order["cancellation"].is_object() {
        print_cancellation(&order["cancellation"]);
    }
    let pending = &order["pending_cancellation"];
    if pending.is_object() {
        println!(
            "asked for   at {} because of {}: cancel it, or refuse",
            output::time(pending, "at"),
            output::text(&pending["reason"], "id")
        );
    }
    if order["erased_at"].is_string() {
        println!(
            "erased      at {}: no document, no messages",
            output::time(&order, "erased_at")
        );
    }
    Ok(())
}

pub(super) fn print_cancellation(cancellation: &Value) {
    let by = output::text(cancellation, "by");
    let token = cancellation["token"].as_str();
    let token = token.map(|name| format!(", asked for by token {name}"));
    println!(
        "cancelled   by {by} at {}{}",
        output::time(cancellation, "at"),
        token.unwrap_or_default()
    );
    let reason = &cancellation["reason"];
    println!(
        "reason      {} {}",
        output::text(reason, "id"),
        output::text(reason, "text")
    );
    let charge = &cancellation["charge"];
    let [fee, refund, due] = ["fee", "refund", "due"].map(|part| output::money(&charge[part]));
    println!("fee         {fee}, refund {refund}, due {due}");
    let rto = &cancellation["rto"];
    if rto.is_object() {
        let [of, id, state] = ["of", "id", "state"].map(|part| output::text(rto, part));
        println!(
            "comes back  {of} by {id}: {state}, for {}",
            output::money(&rto["charge"])
        );
    }
    if cancellation["terms"].is_object() {
        println!(
            "by terms    {}",
            output::text(&cancellation["terms"], "sentence")
        );
    }
}
