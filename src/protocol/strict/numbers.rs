//! Looks at numbers as they are written.
//!
//! A parsed float forgets its spelling: `1.0000000000000000000001` is `1.0` to one reader and
//! not to another. This walks the text of JSON that [`build`](super::build) has already found
//! good, and only when it met a number that is no plain integer.

use super::{Error, NumberFault};

/// Refuses minus zero and numbers of more than `max_digits` significant digits.
pub(super) fn check(text: &str, max_digits: usize) -> Result<(), Error> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = after_string(bytes, at + 1),
            b'-' | b'0'..=b'9' => {
                let end = after_number(bytes, at);
                check_one(&bytes[at..end], max_digits)
                    .map_err(|fault| Error::Number { fault, at_byte: at })?;
                at = end;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

fn after_string(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

fn after_number(bytes: &[u8], at: usize) -> usize {
    let part = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    at + bytes[at..].iter().take_while(|b| part(b)).count()
}

/// Leading zeros do not count: `0.00012345678901234567` is an honest float of 17 digits.
fn check_one(number: &[u8], max_digits: usize) -> Result<(), NumberFault> {
    let mantissa = number.iter().take_while(|b| !matches!(b, b'e' | b'E'));
    let digits = mantissa.filter(|b| b.is_ascii_digit());
    let significant = digits.skip_while(|b| **b == b'0').count();
    if significant == 0 && number[0] == b'-' {
        return Err(NumberFault::MinusZero);
    }
    if significant > max_digits {
        return Err(NumberFault::TooManyDigits);
    }
    Ok(())
}
