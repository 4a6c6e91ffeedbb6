//! A distribution of times as people and scripts read it: four figures, in milliseconds.

#![allow(dead_code, reason = "each program uses a part of it")]

use serde_json::{Value, json};

/// A distribution, in milliseconds.
pub struct Spread {
    /// The median.
    pub p50: f64,
    /// All but one in a hundred.
    pub p99: f64,
    /// All but one in a thousand.
    pub p99_9: f64,
    /// The longest.
    pub max: f64,
}

impl Spread {
    /// Of these times in nanoseconds.
    pub fn of(mut nanoseconds: Vec<u64>) -> Self {
        nanoseconds.sort_unstable();
        let at = |share: f64| {
            let last = nanoseconds.len().saturating_sub(1);
            let index = (share * nanoseconds.len() as f64).ceil() as usize;
            let value = nanoseconds.get(index.saturating_sub(1).min(last));
            value.copied().unwrap_or(0) as f64 / 1e6
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
            p99_9: at(0.999),
            max: at(1.0),
        }
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let [p50, p99, p99_9, max] = [self.p50, self.p99, self.p99_9, self.max].map(round);
        json!({"p50": p50, "p99": p99, "p99.9": p99_9, "max": max})
    }

    /// As a line of a table.
    pub fn line(&self) -> String {
        let Self {
            p50,
            p99,
            p99_9,
            max,
        } = self;
        format!("{p50:>10.2} {p99:>10.2} {p99_9:>10.2} {max:>10.2}")
    }
}

/// Three decimals are more than a measurement is worth.
pub fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
