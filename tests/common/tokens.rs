//! Cuts Rust source into the few tokens that a look at its imports needs.
//!
//! Comments vanish, a string becomes one token that begins with a quote, and everything under
//! `#[cfg(test)]` can be taken out. Not a parser: it knows where an item ends and no more.

/// The tokens of a file: words, `::`, single signs, and strings with their quote in front.
pub fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let rest = &chars[at..];
        let is = |text: &str| text.chars().eq(rest.iter().copied().take(text.len()));
        if is("//") {
            at += rest.iter().take_while(|c| **c != '\n').count();
        } else if is("/*") {
            at += comment(rest);
        } else if let Some((length, string)) = string(rest) {
            at += length;
            tokens.push(string);
        } else if is_word(c) {
            let word: String = rest.iter().copied().take_while(|c| is_word(*c)).collect();
            at += word.chars().count();
            tokens.push(word);
        } else if c.is_whitespace() {
            at += 1;
        } else {
            let sign = if is("::") { "::".to_owned() } else { c.into() };
            at += sign.len();
            tokens.push(sign);
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How long a block comment is; they nest.
fn comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] if depth == 1 => return at + 2,
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

/// A string, byte string, raw string or character: its length and its token.
fn string(rest: &[char]) -> Option<(usize, String)> {
    let prefix = rest
        .iter()
        .take_while(|c| matches!(c, 'b' | 'r' | 'c'))
        .count();
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let raw = rest[..prefix].contains(&'r');
    let start = prefix + hashes + 1;
    match rest.get(prefix + hashes)? {
        '"' if prefix <= 2 && (raw || hashes == 0) => {}
        '\'' if prefix <= 1 && hashes == 0 => return character(rest, start),
        _ => return None,
    }
    let end: Vec<char> = std::iter::once('"').chain(vec!['#'; hashes]).collect();
    let mut at = start;
    while at < rest.len() && !rest[at..].starts_with(&end) {
        at += if rest[at] == '\\' && !raw { 2 } else { 1 };
    }
    let text: String = rest[start..at.min(rest.len())].iter().collect();
    Some((at + end.len(), format!("\"{text}")))
}

/// `'x'` or `'\n'`; a lifetime is no character.
fn character(rest: &[char], start: usize) -> Option<(usize, String)> {
    let length = match rest.get(start)? {
        '\\' => 2 + rest[start + 2..].iter().take_while(|c| **c != '\'').count(),
        _ => 1,
    };
    let closed = rest.get(start + length) == Some(&'\'');
    closed.then(|| (start + length + 1, "\"".to_owned()))
}

/// The tokens without items under `#[cfg(test)]`, and the test modules that are in files of
/// their own: name, and the file where `#[path]` says so.
pub fn without_tests(tokens: &[String]) -> (Vec<String>, Vec<(String, Option<String>)>) {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut files, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        if !tokens[at..].iter().take(MARK.len()).eq(MARK.iter()) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let length = item(&tokens[at..]);
        let item = &tokens[at..at + length];
        if let [.., word, name, end] = item
            && word == "mod"
            && end == ";"
        {
            let path = item
                .windows(3)
                .find(|part| part[0] == "path" && part[1] == "=");
            let path = path.map(|part| part[2].trim_start_matches('"').to_owned());
            files.push((name.clone(), path));
        }
        at += length;
    }
    (kept, files)
}

/// How many tokens an item has, its attributes included.
fn item(tokens: &[String]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" if depth == 1 => return at + 1,
            "}" | ")" | "]" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Every path with a `::` in it, groups spelt out: `a::{b, c::*}` is `a::b` and `a::c::*`.
pub fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let goes_on = tokens.get(at + 1).is_some_and(|next| next == "::");
        at += match tokens[at].starts_with(is_word) && goes_on {
            true => path(&tokens[at..], &mut Vec::new(), &mut found),
            false => 1,
        };
    }
    found
}

/// Follows one path to its ends; returns how many tokens it took.
fn path(tokens: &[String], before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let depth = before.len();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if token == "{" {
            at += group(&tokens[at..], before, found);
            before.truncate(depth);
            return at;
        }
        before.push(token.clone());
        at += 1;
        match tokens.get(at) {
            Some(sign) if sign == "::" => at += 1,
            _ => break,
        }
    }
    found.push(before.clone());
    before.truncate(depth);
    at
}

fn group(tokens: &[String], before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let mut at = 1;
    while let Some(token) = tokens.get(at) {
        at += match token.as_str() {
            "}" => return at + 1,
            "," => 1,
            // `name as other`: the other name is of no interest.
            "as" => 2,
            _ => path(&tokens[at..], before, found),
        };
    }
    at
}
