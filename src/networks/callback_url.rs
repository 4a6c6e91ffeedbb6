//! Where a callback may go: the caller's `bap_uri`, once it agrees with the registry.

use url::Url;

use super::CallbackRule;

/// Why a `bap_uri` is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a URL that can be called.
    #[error("expected an http or https URL without user, query or fragment")]
    NotCallable,
    /// Not where the registry says the caller lives.
    #[error("it does not agree with the registered URL (rule: {0})")]
    Disagrees(&'static str),
}

/// Checks `bap_uri` against the caller's registered URLs; any of them may match.
///
/// Dot segments are removed before paths are compared, and a path matches only at a segment
/// boundary: `/beckn` covers `/beckn/v1` but not `/beckn2`.
///
/// # Errors
/// Says which rule failed; never names the registered URL.
pub fn check(rule: CallbackRule, bap_uri: &str, registered: &[&Url]) -> Result<Url, Error> {
    let asked = callable(bap_uri)?;
    let agrees = |known: &&Url| match rule {
        CallbackRule::Registry => same_origin(known, &asked) && path_covers(known, &asked),
        CallbackRule::Host => known.host() == asked.host(),
        CallbackRule::Exact => same_origin(known, &asked) && path(known) == path(&asked),
    };
    match registered.iter().any(agrees) {
        true => Ok(asked),
        false => Err(Error::Disagrees(rule.word())),
    }
}

/// Reads a callback base URL.
///
/// # Errors
/// When it is no http(s) URL, or carries a user, a query or a fragment.
pub fn callable(bap_uri: &str) -> Result<Url, Error> {
    let url = Url::parse(bap_uri).map_err(|_| Error::NotCallable)?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        true => Ok(url),
        false => Err(Error::NotCallable),
    }
}

/// The URL an `on_cancel` is posted to.
#[must_use]
pub fn on_cancel(base: &Url) -> String {
    of(base, "on_cancel")
}

/// The URL of an action: exactly one slash between base and action.
#[must_use]
pub fn of(base: &Url, action: &str) -> String {
    format!("{}/{action}", base.as_str().trim_end_matches('/'))
}

/// The base URL that [`of`] was given.
#[must_use]
pub fn base_of(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(base, _)| base)
}

/// `host:port`, by which deliveries are limited and kept apart.
#[must_use]
pub fn lane(base: &Url) -> String {
    let host = base.host_str().unwrap_or_default();
    format!(
        "{host}:{}",
        base.port_or_known_default().unwrap_or_default()
    )
}

/// The same of an address that a caller names. Where the rule lets it name any port, the host is
/// one lane: else each port more would have places of its own.
#[must_use]
pub fn lane_of_caller(rule: CallbackRule, base: &Url) -> String {
    match rule {
        CallbackRule::Registry | CallbackRule::Exact => lane(base),
        CallbackRule::Host => base.host_str().unwrap_or_default().to_owned(),
    }
}

fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host() == b.host()
        && a.port_or_known_default() == b.port_or_known_default()
}

fn path(url: &Url) -> &str {
    url.path().trim_end_matches('/')
}

fn path_covers(known: &Url, asked: &Url) -> bool {
    let rest = path(asked).strip_prefix(path(known));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees(rule: CallbackRule, registered: &str, asked: &str) -> bool {
        check(rule, asked, &[&Url::parse(registered).expect("a URL")]).is_ok()
    }

    #[test]
    fn by_default_origin_must_be_equal_and_the_path_below() {
        let registry = |known, asked| agrees(CallbackRule::Registry, known, asked);
        assert!(registry(
            "https://a.example/beckn",
            "https://a.example/beckn"
        ));
        assert!(registry(
            "https://a.example/beckn/",
            "https://A.example:443/beckn/v1/"
        ));
        assert!(registry("https://a.example", "https://a.example/any/where"));
        for other in [
            "http://a.example/beckn",
            "https://b.example/beckn",
            "https://a.example.evil.example/beckn",
            "https://a.example:8443/beckn",
            "https://a.example/beckn2",
            "https://a.example/beckn/../admin",
            "https://a.example/beckn/%2e%2e/admin",
            "https://a.example@b.example/beckn",
            "https://a.example\\@b.example/beckn",
            "https://user@a.example/beckn",
            "https://a.example/beckn?x=1",
            "https://a.example/beckn#x",
            "ftp://a.example/beckn",
            "/beckn",
            "",
        ] {
            assert!(!registry("https://a.example/beckn", other), "{other}");
        }
    }

    #[test]
    fn host_and_exact_are_wider_and_narrower() {
        assert!(agrees(
            CallbackRule::Host,
            "https://a.example/x",
            "http://a.example:8080/y"
        ));
        assert!(!agrees(
            CallbackRule::Host,
            "https://a.example/x",
            "https://b.example/x"
        ));
        assert!(agrees(
            CallbackRule::Exact,
            "https://a.example/x",
            "https://a.example/x/"
        ));
        assert!(!agrees(
            CallbackRule::Exact,
            "https://a.example/x",
            "https://a.example/x/y"
        ));
    }

    #[test]
    fn a_host_whose_every_port_may_be_called_is_one_lane() {
        let lane = |rule, url| lane_of_caller(rule, &Url::parse(url).expect("a URL"));
        let (one, other) = ("https://a.example/x", "http://A.example:8080/y");
        assert_eq!(lane(CallbackRule::Host, one), "a.example");
        assert_eq!(lane(CallbackRule::Host, other), "a.example");
        for rule in [CallbackRule::Registry, CallbackRule::Exact] {
            assert_eq!(lane(rule, one), "a.example:443");
            assert_eq!(lane(rule, other), "a.example:8080");
        }
    }

    #[test]
    fn one_slash_stands_between_base_and_action() {
        for base in ["https://a.example/b", "https://a.example/b/"] {
            let base = Url::parse(base).expect("a URL");
            for action in ["on_cancel", "on_update"] {
                let url = of(&base, action);
                assert_eq!(url, format!("https://a.example/b/{action}"));
                assert_eq!(base_of(&url), "https://a.example/b");
            }
            assert_eq!(lane(&base), "a.example:443");
        }
    }
}
