//! An error in one line, for people.

use std::error::Error;

/// The error with its causes, each once: many tell their cause in their own sentence.
#[must_use]
pub fn told(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let sentence = error.to_string();
        if !told.contains(&sentence) {
            told = format!("{told}: {sentence}");
        }
        cause = error.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("it cannot be read: {0}")]
        Telling(#[source] std::io::Error),
        #[error("it cannot be read")]
        Silent(#[source] std::io::Error),
    }

    #[test]
    fn a_cause_that_an_error_tells_itself_is_told_once() {
        let missing = || std::io::Error::other("there is none");
        let expected = "it cannot be read: there is none";
        assert_eq!(told(&Outer::Telling(missing())), expected);
        assert_eq!(told(&Outer::Silent(missing())), expected);
    }
}
