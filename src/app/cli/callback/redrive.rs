//! `callback redrive`: one callback, or all that the filter finds, to the end of the list.

use serde_json::{Value, json};

use super::super::admin::{Client, encoded};
use super::super::output;

/// How many are asked for at once: the server answers soon, and is free for others in between.
const PAGE: usize = 100;

/// How many of a dry run, the most that the server lists: it writes nothing, and a page does not
/// know how much of the room for previews of an order the pages before it have filled.
const DRY_PAGE: usize = 1_000;

/// Sends one again.
pub(super) async fn one(client: &Client, id: u64, json: bool) -> anyhow::Result<()> {
    let path = format!("/callbacks/{id}/redrive");
    let answer = client.post(&path, &json!({})).await?;
    show(&answer, "redriven", json);
    Ok(())
}

/// Sends all again that are dead, or says which it would be.
pub(super) async fn all(
    client: &Client,
    subscriber: Option<&str>,
    dry_run: bool,
    json: bool,
) -> anyhow::Result<()> {
    let name = if dry_run { "would_redrive" } else { "redriven" };
    let limit = if dry_run { DRY_PAGE } else { PAGE };
    let filter = subscriber.map(|id| format!("&subscriber={}", encoded(id)));
    let filter = filter.unwrap_or_default();
    let (mut taken, mut skipped) = (Vec::new(), Vec::new());
    let mut after = 0;
    loop {
        let path =
            format!("/callbacks/redrive?limit={limit}&after={after}&dry_run={dry_run}{filter}");
        let page = client.post(&path, &json!({})).await?;
        taken.extend(numbers(&page[name]));
        skipped.extend(numbers(&page["skipped"]));
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    let mut answer = json!({name: taken, "skipped": skipped});
    if dry_run {
        answer["dry_run"] = json!(true);
    }
    show(&answer, name, json);
    Ok(())
}

fn numbers(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

fn show(answer: &Value, name: &str, json: bool) {
    if json {
        output::json(answer);
        return;
    }
    let done = match name {
        "redriven" => "redriven",
        _ => "would be redriven",
    };
    println!("{}", counted(&answer[name], done));
    if !numbers(&answer["skipped"]).is_empty() {
        let left = "left as they are, because the order was erased, an outcome has overtaken the \
                    price, or too many prices of the order wait";
        println!("{}", counted(&answer["skipped"], left));
    }
}

fn counted(list: &Value, what: &str) -> String {
    let numbers: Vec<String> = numbers(list).iter().map(Value::to_string).collect();
    match numbers.as_slice() {
        [] => format!("0 {what}"),
        some => format!("{} {what}: {}", some.len(), some.join(", ")),
    }
}
