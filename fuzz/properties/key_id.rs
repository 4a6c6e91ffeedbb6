//! The keyId inside an otherwise good header: accepted exactly when it is two ids and the
//! algorithm, and the ids are those that everything else here takes for ids.

use beckn_bpp::crypto::signature::Header;
use beckn_bpp::domain::ids::{KeyId, SubscriberId};

/// Base64 of 64 zero bytes.
const SIGNATURE: &str =
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";

/// Holds for every text between the quotes of a keyId.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // A quote ends the value, and what follows is another matter; no value has a backslash.
    if text.contains(['"', '\\']) || text.len() > 3_000 {
        return;
    }
    let header = format!(
        "Signature keyId=\"{text}\",algorithm=\"ed25519\",created=\"1\",expires=\"2\",\
         headers=\"(created) (expires) digest\",signature=\"{SIGNATURE}\""
    );
    let read = Header::parse(&header).ok();
    let parts: Vec<&str> = text.split('|').collect();
    let expected = match parts[..] {
        [subscriber, key, "ed25519"] => SubscriberId::parse(subscriber)
            .ok()
            .zip(KeyId::parse(key).ok()),
        _ => None,
    };
    let read_ids = read.map(|header| (header.subscriber_id, header.key_id));
    let expected_ids = expected.map(|(id, key)| {
        ids_compare_by_their_text(&id);
        (id.to_string(), key.to_string())
    });
    assert_eq!(read_ids, expected_ids);
}

/// The scheme and slashes at the end do not count; everything else does.
fn ids_compare_by_their_text(id: &SubscriberId) {
    let is_other = |text: String| SubscriberId::parse(&text).is_ok_and(|other| !id.is(&other));
    let is_same = |text: String| SubscriberId::parse(&text).map_or(true, |same| id.is(&same));
    if !id.as_str().starts_with("http") {
        assert!(is_same(format!("{id}/")) && is_same(format!("https://{id}//")));
        assert!(is_same(format!("http://{id}")));
    }
    if id.as_str().len() < 240 {
        assert!(is_other(format!("{id}.x")) && is_other(format!("{id}/x")));
        assert!(is_other(format!("x{id}")) && is_other(format!("https://x.{id}")));
    }
}
