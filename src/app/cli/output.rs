//! How answers are printed: for people by default, as JSON with `--json`.
//!
//! Answers go to standard output, and only they; what went wrong goes to standard error. There
//! are no colours, so nothing has to be switched off for a pipe or for NO_COLOR.

use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

/// Prints JSON, indented.
pub(super) fn json(value: &Value) {
    println!("{value:#}");
}

/// A member's text, or a dash.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("-")
}

/// A time to the millisecond, or a dash; other text as it is.
pub(super) fn time(value: &Value, key: &str) -> String {
    let text = text(value, key);
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => time.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true),
        Err(_) => text.to_owned(),
    }
}

/// An amount with its currency, or a dash.
pub(super) fn money(amount: &Value) -> String {
    match (amount["value"].as_str(), amount["currency"].as_str()) {
        (Some(value), Some(currency)) => format!("{value} {currency}"),
        _ => "-".to_owned(),
    }
}

/// Prints rows under a heading, columns aligned.
pub(super) fn table(heading: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([heading[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        println!("{}", padded.join("  ").trim_end());
    };
    line(&heading.iter().map(ToString::to_string).collect::<Vec<_>>());
    for row in rows {
        line(row);
    }
}
