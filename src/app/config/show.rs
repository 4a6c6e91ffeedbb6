//! What `config show` and `config check` print.
//!
//! Works on what loading wrote down; secrets are masked there already.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::Config;
use super::report::Shown;
use crate::store;

/// Every setting with its value and where it comes from, as a table for people or as JSON.
#[must_use]
pub fn render_show(config: &Config, as_json: bool) -> String {
    if as_json {
        let settings: Vec<_> = config.shown.iter().map(as_object).collect();
        return format!("{:#}\n", json!({ "settings": settings }));
    }
    let width =
        |text: fn(&Shown) -> String| config.shown.iter().map(|s| text(s).chars().count()).max();
    let key_width = width(|setting| setting.key.clone()).unwrap_or(0);
    let value_width = width(|setting| for_people(&setting.value))
        .unwrap_or(0)
        .min(48);
    let mut table = String::new();
    for Shown { key, value, origin } in &config.shown {
        let value = for_people(value);
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{key:key_width$}  {value:value_width$}  {origin}");
    }
    table
}

/// One paragraph about a configuration without faults.
#[must_use]
pub fn render_check(config: &Config) -> String {
    let networks: Vec<_> = config.networks.iter().map(|n| n.name.to_string()).collect();
    let store::Settings::Sled { path, .. } = &config.store;
    format!(
        "ok: {} with {} ({}), {}\n    doors on {}, admin on {}, store in {}\n",
        config.environment.word(),
        counted(networks.len(), "network", "networks"),
        networks.join(", "),
        counted(config.policies.len(), "policy", "policies"),
        config.http.bind,
        config.http.admin_bind,
        path.display(),
    )
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn as_object(setting: &Shown) -> Json {
    json!({
        "key": setting.key,
        "value": setting.value,
        "origin": setting.origin.to_string(),
    })
}

fn for_people(value: &Json) -> String {
    match value {
        Json::Null => "(not set)".to_owned(),
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(Json::to_string).collect();
            format!("[{}]", items.join(", "))
        }
        Json::String(text) if text == super::mask::MASK => text.clone(),
        value => value.to_string(),
    }
}
