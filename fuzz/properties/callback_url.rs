//! Where a callback may go: a `bap_uri` is taken only when it lies where the registry says, and
//! what is dialled is never an inside address, by a list written down anew.
//!
//! The first line is the `bap_uri`, the second the registered URL, the third an IP address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use beckn_bpp::delivery::address::is_public;
use beckn_bpp::delivery::guard::{self, Reach};
use beckn_bpp::networks::CallbackRule;
use beckn_bpp::networks::callback_url::{self, base_of, on_cancel};
use url::{Host, Url};

use super::lines;

/// Holds for every pair of URLs, and for every address.
pub fn holds(data: &[u8]) {
    let Some([asked, registered, address]) = lines::<3>(data) else {
        return;
    };
    if let Ok(address) = address.parse::<IpAddr>() {
        assert!(!(is_public(address) && is_inside(address)), "{address}");
    }
    for reach in [Reach::Public, Reach::Anywhere] {
        if let Ok(url) = guard::check(asked, reach) {
            guarded(asked, &url, reach);
        }
    }
    let default = "https://bap.example.org/beckn";
    let registered = Url::parse(registered).or_else(|_| Url::parse(default));
    let registered = registered.expect("a URL");
    for rule in [
        CallbackRule::Registry,
        CallbackRule::Host,
        CallbackRule::Exact,
    ] {
        if let Ok(url) = callback_url::check(rule, asked, &[&registered]) {
            agrees(rule, &url, &registered);
            goes_where_it_was_judged(&url);
        }
    }
}

fn guarded(asked: &str, url: &Url, reach: Reach) {
    assert!(url.username().is_empty() && url.password().is_none());
    assert!(url.has_host() && matches!(url.scheme(), "http" | "https"));
    assert_eq!(
        guard::check(url.as_str(), reach).as_ref(),
        Ok(url),
        "{asked}"
    );
    if reach == Reach::Anywhere {
        return;
    }
    assert!(url.scheme() == "https" && url.fragment().is_none());
    match url.host().expect("a host") {
        Host::Ipv4(v4) => assert!(!is_inside(v4.into()), "{asked} is {v4}"),
        Host::Ipv6(v6) => assert!(!is_inside(v6.into()), "{asked} is {v6}"),
        Host::Domain(name) => {
            // A resolver must not read it as a number, nor as something of this machine.
            let last = name
                .trim_end_matches('.')
                .rsplit('.')
                .next()
                .unwrap_or_default();
            let hex = last
                .strip_prefix("0x")
                .filter(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
            assert!(
                hex.is_none() && last.parse::<u64>().is_err(),
                "{asked} is {name}"
            );
            let local = ["localhost", "local", "localdomain", "internal", ""];
            assert!(!local.contains(&last), "{asked} is {name}");
        }
    }
}

fn agrees(rule: CallbackRule, url: &Url, registered: &Url) {
    assert_eq!(url.host(), registered.host());
    assert!(url.username().is_empty() && url.query().is_none() && url.fragment().is_none());
    if matches!(rule, CallbackRule::Host) {
        return;
    }
    assert_eq!(url.origin(), registered.origin());
    let segments = |url: &Url| -> Vec<String> {
        let path = url.path().trim_end_matches('/').to_owned();
        path.split('/').map(str::to_owned).collect()
    };
    let (asked, known) = (segments(url), segments(registered));
    assert!(asked.starts_with(&known), "{url} {registered}");
    assert!(!matches!(rule, CallbackRule::Exact) || asked == known);
    assert!(
        !asked
            .iter()
            .any(|segment| segment == ".." || segment == ".")
    );
}

/// What is stored is a text; what is dialled later is read from it again.
fn goes_where_it_was_judged(base: &Url) {
    let text = on_cancel(base);
    assert_eq!(base_of(&text), base.as_str().trim_end_matches('/'));
    let again = Url::parse(&text).expect("a URL with one more segment");
    assert_eq!(again.origin(), base.origin());
    assert!(again.path().ends_with("/on_cancel") && again.query().is_none());
}

/// Every network that is somebody's inside, as its first address and length of prefix.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_inside_v4(v4),
        IpAddr::V6(v6) => is_inside_v6(v6),
    }
}

fn is_inside_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || address == Ipv4Addr::new(168, 63, 129, 16)
}

fn is_inside_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let [.., a, b, c, d] = address.octets();
    let last_four = Ipv4Addr::new(a, b, c, d);
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_inside_v4(last_four),
        _ => {
            first & 0xe000 != 0x2000
                || first == 0x2002
                || (first == 0x2001 && (second < 0x200 || second == 0xdb8))
                || (first == 0x3fff && second < 0x1000)
        }
    }
}
