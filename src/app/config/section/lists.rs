//! Lists: a TOML array, or a variable with one or with commas between.

use serde_json::json;

use super::Section;
use crate::app::config::fault::Place;
use crate::app::config::tree::{Node, Value, parse_value};
use crate::app::config::values::{Setting, invalid};

impl Section<'_> {
    /// A list; without a default its absence is a fault. Faulty items are reported one by one.
    pub fn list<T: Setting>(&mut self, name: &'static str, default: Option<Vec<T>>) -> Vec<T> {
        let shown = |items: &[T]| json!(items.iter().map(Setting::shown).collect::<Vec<_>>());
        let Some(node) = self.take(name) else {
            match &default {
                Some(default) => self.show(name, shown(default), Place::Default),
                None => self.missing(name, "a list such as [\"a\", \"b\"]".to_owned()),
            }
            return default.unwrap_or_default();
        };
        let nodes = self.items(name, &node);
        let each = nodes.iter().enumerate();
        let items: Vec<T> = each
            .filter_map(|(i, item)| self.item(&format!("{name}[{}]", i + 1), item))
            .collect();
        self.show(name, shown(&items), node.place);
        items
    }

    /// The items of a list: a TOML array, or a variable with one or with commas between.
    pub(super) fn items(&self, name: &'static str, node: &Node) -> Vec<Node> {
        let parsed = match &node.value {
            Value::Untyped(text) if text.trim_start().starts_with('[') => {
                parse_value(text, &node.place)
            }
            Value::Untyped(text) => return separated(text, &node.place),
            value => Some(value.clone()),
        };
        let Some(Value::List(items)) = parsed else {
            self.fault(name, invalid("a list such as [\"a\", \"b\"]"));
            return Vec::new();
        };
        items
    }
}

/// The items of a comma list.
fn separated(text: &str, place: &Place) -> Vec<Node> {
    let words = text.split(',').map(str::trim);
    let node = |word: &str| Node {
        place: place.clone(),
        value: Value::Untyped(word.to_owned()),
    };
    match text.trim() {
        "" => Vec::new(),
        _ => words.map(node).collect(),
    }
}
