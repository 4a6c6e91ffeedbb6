//! JSON objects as lists of raw texts, for tests that compare bytes.
//!
//! A test writes what it sends and what it expects member by member; nothing of the server's own
//! splicing is used, so a fault there cannot hide itself. Nothing is parsed here.

/// The members of an object in order, each value as the raw text it is written with.
#[derive(Debug, Clone)]
pub struct Members(Vec<(String, String)>);

impl Members {
    /// These members in this order.
    pub fn of<const N: usize>(members: [(&str, &str); N]) -> Self {
        let owned = |(key, raw): (&str, &str)| (key.to_owned(), raw.to_owned());
        Self(members.into_iter().map(owned).collect())
    }

    /// With this value: in the member's place, or at the end when it is new.
    #[must_use]
    pub fn set(mut self, key: &str, raw: &str) -> Self {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, value)) => raw.clone_into(value),
            None => self.0.push((key.to_owned(), raw.to_owned())),
        }
        self
    }

    /// With this text as a value; it may hold nothing that JSON escapes.
    #[must_use]
    pub fn text(self, key: &str, text: &str) -> Self {
        self.set(key, &format!("\"{text}\""))
    }

    /// Without this member.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.0.retain(|(known, _)| known != key);
        self
    }

    /// The raw text of a member.
    pub fn raw(&self, key: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map_or("", |(_, raw)| raw)
    }

    /// The object without white space between its members.
    pub fn compact(&self) -> String {
        self.join("{", ":", ",", "}")
    }

    /// The same object with odd white space between its members.
    pub fn spaced(&self) -> String {
        self.join("{ ", "\t: ", " ,\r\n  ", "\n}")
    }

    fn join(&self, open: &str, colon: &str, comma: &str, close: &str) -> String {
        let one = |(key, raw): &(String, String)| format!("\"{key}\"{colon}{raw}");
        let all: Vec<String> = self.0.iter().map(one).collect();
        format!("{open}{}{close}", all.join(comma))
    }
}
