//! Where the members of a JSON object and the items of an array begin and end.
//!
//! An order is cut on every cancel, level by level, so this passes over each value without
//! building or checking it: it counts brackets and skips strings. That is enough because the
//! text has been judged before, by [`strict`](super::super::strict), and is only taken apart
//! here; a text that was not may be cut in a wrong place, never beyond its end.

use super::Error;

/// Room for the members of most objects, so that the list of them does not grow step by step.
const MEMBERS: usize = 16;

/// The members of an object: each key as written, quotes included, and its value.
pub(super) fn members(text: &str) -> Result<Vec<(&str, &str)>, Error> {
    let mut members = Vec::with_capacity(MEMBERS);
    let mut cutter = Cutter { text, at: 0 };
    cutter.list(b'{', b'}', |cutter| {
        let key = cutter.string()?;
        cutter.expect(b':')?;
        cutter.skip_space();
        members.push((key, cutter.value()?));
        Ok(())
    })?;
    Ok(members)
}

/// The items of an array.
pub(super) fn items(text: &str) -> Result<Vec<&str>, Error> {
    let mut items = Vec::new();
    let mut cutter = Cutter { text, at: 0 };
    cutter.list(b'[', b']', |cutter| {
        items.push(cutter.value()?);
        Ok(())
    })?;
    Ok(items)
}

struct Cutter<'a> {
    text: &'a str,
    /// The next byte; always at the border of a character where a part begins or ends.
    at: usize,
}

impl<'a> Cutter<'a> {
    /// Reads the whole text as one list of entries between two brackets.
    fn list(
        &mut self,
        open: u8,
        close: u8,
        mut entry: impl FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.skip_space();
        if self.peek() != Some(open) {
            return Err(Error::Other(if open == b'{' {
                "an object"
            } else {
                "an array"
            }));
        }
        self.at += 1;
        self.skip_space();
        if self.peek() != Some(close) {
            loop {
                self.skip_space();
                entry(self)?;
                self.skip_space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    _ => break,
                }
            }
        }
        self.expect(close)?;
        self.skip_space();
        match self.at == self.text.len() {
            true => Ok(()),
            false => self.fault(),
        }
    }

    fn value(&mut self) -> Result<&'a str, Error> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{' | b'[') => self.nested(),
            _ => self.scalar(),
        }
    }

    fn string(&mut self) -> Result<&'a str, Error> {
        let start = self.at;
        self.expect(b'"')?;
        match end_of_string(self.text.as_bytes(), self.at) {
            Some(end) => {
                self.at = end;
                self.since(start)
            }
            None => self.fault(),
        }
    }

    /// From a bracket to the one that closes it.
    fn nested(&mut self) -> Result<&'a str, Error> {
        let (bytes, start) = (self.text.as_bytes(), self.at);
        let (mut at, mut depth) = (start, 0_usize);
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'"' => match end_of_string(bytes, at) {
                    Some(end) => at = end,
                    None => break,
                },
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.at = at;
                return self.since(start);
            }
        }
        self.fault()
    }

    fn scalar(&mut self) -> Result<&'a str, Error> {
        let start = self.at;
        let ends = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'}' | b']');
        while self.peek().is_some_and(|byte| !ends(byte)) {
            self.at += 1;
        }
        match self.at > start {
            true => self.since(start),
            false => self.fault(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes one byte, after any white space.
    fn expect(&mut self, wanted: u8) -> Result<(), Error> {
        self.skip_space();
        match self.peek() == Some(wanted) {
            true => {
                self.at += 1;
                Ok(())
            }
            false => self.fault(),
        }
    }

    fn since(&self, start: usize) -> Result<&'a str, Error> {
        self.text
            .get(start..self.at)
            .ok_or(Error::NotJson { at_byte: start })
    }

    fn fault<T>(&self) -> Result<T, Error> {
        Err(Error::NotJson { at_byte: self.at })
    }
}

/// Where a string ends that begins behind a quote at `at`: behind its closing quote.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = quote_or_backslash(bytes, at)?;
        match bytes[at] {
            b'"' => return Some(at + 1),
            // What is escaped is one byte of a short escape, or the `u` before digits.
            _ => at += 2,
        }
    }
}

/// Looked through eight bytes at a time: most strings are shorter than it takes to begin a search
/// by vectors, and longer than is quick byte by byte.
fn quote_or_backslash(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*word);
        let found = bytes_equal(word, b'"') | bytes_equal(word, b'\\');
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(at + found)
}

/// Sets the highest bit of the first byte of the word that is this one, and none before it.
fn bytes_equal(word: u64, byte: u8) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let differs = word ^ (LOW * u64::from(byte));
    differs.wrapping_sub(LOW) & !differs & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_read_beyond_the_end(text in "[\\[\\]{}\",:\\\\a1é \n]{0,24}") {
            for part in members(&text).into_iter().flatten() {
                prop_assert!(text.contains(part.0) && text.contains(part.1));
            }
            for part in items(&text).into_iter().flatten() {
                prop_assert!(text.contains(part));
            }
        }

        #[test]
        fn the_parts_are_those_that_a_parser_sees(
            texts in proptest::collection::vec("[\\[\\]{}\",:\\\\a1é\u{1} \n]{0,40}", 0..6),
        ) {
            let array = serde_json::json!([texts, {"a": texts}, 1.5, null, true]).to_string();
            let object = serde_json::json!({"x\"y": texts, "z": {"a": [texts]}}).to_string();
            let parsed: Vec<&serde_json::value::RawValue> =
                serde_json::from_str(&array).expect("JSON");
            let seen: Vec<&str> = parsed.iter().map(|value| value.get()).collect();
            prop_assert_eq!(items(&array).expect("an array"), seen);
            let again: String = members(&object)
                .expect("an object")
                .iter()
                .map(|(key, value)| format!(",{key}:{value}"))
                .collect();
            prop_assert_eq!(format!("{{{}}}", &again[1..]), object);
        }
    }
}
