//! The signature header: accepted exactly when a regular expression of the grammar accepts it,
//! with the same fields, and it reads back from its own text.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beckn_bpp::crypto::signature::{CREATED_AHEAD_SECONDS, Header, MAX_HEADER_BYTES, Scheme};
use beckn_bpp::domain::ids::{KeyId, SubscriberId};
use regex::Regex;

use super::is_one_short_line;

/// Compiles an expression of the oracle.
fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}

const PARAMETER: &str = r#"([A-Za-z]+)=(?:"([ !#-\[\]-~]*)"|([0-9]+))"#;

static PARAMETERS: LazyLock<Regex> = LazyLock::new(|| regex(PARAMETER));
static WHOLE: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"^[ \t]*(?i:signature) +({PARAMETER}(?:[ \t]*,[ \t]*{PARAMETER})*)[ \t]*$"
    ))
});
static KEY_ID: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^([!#-\[\]-{}~]{1,255})\|([!#-\[\]-{}~]{1,255})\|ed25519$"));
static SECONDS: LazyLock<Regex> = LazyLock::new(|| regex("^[1-9][0-9]{0,18}$"));
static LIST: LazyLock<Regex> = LazyLock::new(|| regex(r"^\(created\) ?\(expires\) ?digest$"));
static SIGNATURE: LazyLock<Regex> = LazyLock::new(|| regex("^[A-Za-z0-9+/]{85}[AQgw]==$"));

/// Holds for every text of a header.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match (Header::parse(text), oracle(text)) {
        (Ok(header), Some(expected)) => {
            assert_eq!(header, expected);
            assert_eq!(Header::parse(&header.to_string()), Ok(header.clone()));
            assert!(SubscriberId::parse(&header.subscriber_id).is_ok());
            assert!(KeyId::parse(&header.key_id).is_ok());
            window_is_kept(&header);
        }
        (Err(error), None) => assert!(is_one_short_line(&error.to_string()), "{error}"),
        (read, expected) => panic!("read {read:?}, expected {expected:?}"),
    }
}

/// What the grammar says, by another way than a scanner.
fn oracle(text: &str) -> Option<Header> {
    if text.len() > MAX_HEADER_BYTES {
        return None;
    }
    let body = WHOLE.captures(text)?.get(1)?.as_str();
    let mut given = BTreeMap::new();
    for parameter in PARAMETERS.captures_iter(body) {
        let quoted = parameter.get(2).map(|value| value.as_str());
        let bare = parameter.get(3).map(|value| value.as_str());
        let name = parameter.get(1)?.as_str();
        let is_time = matches!(name, "created" | "expires");
        let value = quoted.or(bare.filter(|_| is_time))?;
        if given.insert(name, value).is_some() {
            return None;
        }
    }
    let key_id = KEY_ID.captures(given.get("keyId")?)?;
    let time = |name| SECONDS.find(given.get(name)?)?.as_str().parse::<i64>().ok();
    let (created, expires) = (time("created")?, time("expires")?);
    let signature = SIGNATURE.find(given.get("signature")?)?.as_str();
    let fits = given.len() == 6
        && given.get("algorithm") == Some(&"ed25519")
        && LIST.is_match(given.get("headers")?)
        && created <= expires;
    fits.then_some(Header {
        scheme: Scheme::Beckn,
        subscriber_id: key_id[1].to_owned(),
        key_id: key_id[2].to_owned(),
        created,
        expires,
        signature: STANDARD.decode(signature).ok()?.try_into().ok()?,
    })
}

/// 5 s ahead allowed, 0 s late, at most an hour wide: at each border and one second beyond it.
fn window_is_kept(header: &Header) {
    let (created, expires) = (i128::from(header.created), i128::from(header.expires));
    let ahead = i128::from(CREATED_AHEAD_SECONDS);
    for now in [
        created - ahead - 1,
        created - ahead,
        created,
        expires,
        expires + 1,
    ] {
        let Ok(seconds) = i64::try_from(now) else {
            continue;
        };
        let fits = created <= now + ahead && now <= expires && expires - created <= 3_600;
        assert_eq!(header.check_window(seconds, 3_600).is_ok(), fits, "{now}");
    }
}
