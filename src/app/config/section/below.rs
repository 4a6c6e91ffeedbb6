//! What stands below a section: other sections, one or many.

use super::Section;
use crate::app::config::fault::Problem;
use crate::app::config::tree::{Node, Table, Value};

impl<'r> Section<'r> {
    /// A section below this one; empty when it is not there.
    pub fn section(&mut self, name: &'static str) -> Section<'r> {
        let key = self.key_of(name);
        let empty = Section::new(self.report, key, self.place.clone(), Table::new());
        match self.take(name) {
            None => empty,
            Some(node) => self.open(name, node).unwrap_or(empty),
        }
    }

    /// The sections `[name.NAME]`, by their NAME.
    pub fn sections(&mut self, name: &'static str) -> Vec<(String, Section<'r>)> {
        let mut inner = self.section(name);
        let entries = std::mem::take(&mut inner.left);
        let open = |(entry, node): (String, Node)| {
            let section = inner.open(&entry, node)?;
            Some((entry, section))
        };
        entries.into_iter().filter_map(open).collect()
    }

    /// The tables of `[[name]]`; a variable may have them as a TOML array.
    pub fn tables(&mut self, name: &'static str) -> Vec<Section<'r>> {
        let Some(node) = self.take(name) else {
            return Vec::new();
        };
        let items = self.items(name, &node).into_iter().enumerate();
        items
            .filter_map(|(i, item)| self.open(&format!("{name}[{}]", i + 1), item))
            .collect()
    }

    fn open(&self, name: &str, node: Node) -> Option<Section<'r>> {
        let key = self.key_of(name);
        if let Value::Table(table) = node.value {
            return Some(Section::new(self.report, key, node.place, table));
        }
        let expected = format!("a section with keys, such as [{key}]; `{name}` is no key here");
        self.push(key, node.place, None, Problem::Invalid(expected));
        None
    }
}
