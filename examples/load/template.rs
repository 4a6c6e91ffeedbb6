//! A text cut once where values go, so that a message is put together by copying alone.
//! The values are ids, times and URLs of our own: nothing is escaped.

/// A text with places for values.
pub struct Template {
    /// What stands before each place, and which value goes there.
    pieces: Vec<(String, usize)>,
    tail: String,
}

impl Template {
    /// Cuts a text at every mark; the mark's position in the list is that of its value.
    pub fn cut(text: &str, marks: &[&str]) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        let next = |rest: &str| {
            let found = marks.iter().enumerate();
            let found = found.filter_map(|(value, mark)| Some((rest.find(mark)?, value)));
            found.min()
        };
        while let Some((at, value)) = next(rest) {
            pieces.push((rest[..at].to_owned(), value));
            rest = &rest[at + marks[value].len()..];
        }
        let tail = rest.to_owned();
        Self { pieces, tail }
    }

    /// The text with these values.
    pub fn fill(&self, values: &[&str]) -> String {
        let mut text = String::with_capacity(4_096);
        for (piece, value) in &self.pieces {
            text.push_str(piece);
            text.push_str(values[*value]);
        }
        text + &self.tail
    }
}
