//! `[policy.NAME]`: rules in their order, and those that cannot be meant.

use beckn_bpp::domain::order::Party;

use crate::desk::{Desk, NETWORK, assert_faults, development};

#[test]
fn policies_become_ordered_rules() {
    let toml = development(NETWORK)
        + r#"
[[policy.default.rule]]
since_booking = "5m"

[[policy.default.rule]]
by = ["customer"]
before_start = "2h"
percent = 50
floor = "20"
cap = 100.00
currency = "INR"
reason_required = true
text = "half"

[[policy.default.rule]]
fulfillment_states = ["RIDE_STARTED"]
allowed = false
"#;
    let config = Desk::with(&toml).config(&[]);
    let policy = &config.policies["default"];
    assert_eq!(policy.name, "default");
    let [grace, half, never] = &policy.rules[..] else {
        panic!("three rules")
    };
    assert_eq!(grace.by, [Party::Customer, Party::Partner]);
    assert_eq!(grace.since_booking_seconds, Some(300));
    assert_eq!(half.by, [Party::Customer]);
    assert_eq!(half.before_start_seconds, Some(7_200));
    assert_eq!(half.fee.floor.map(|money| money.minor), Some(2_000));
    assert_eq!(half.fee.cap.map(|money| money.minor), Some(10_000));
    assert!(half.fee.percentage.is_some() && half.reason_required);
    assert_eq!(never.fulfillment_states, ["RIDE_STARTED"]);
    assert!(grace.allowed && !never.allowed);
}

#[test]
fn rules_that_cannot_be_meant_are_faults() {
    let toml = development(NETWORK)
        + r#"[policy.free]
[[policy.night.rule]]
amount = "30"
percent = "101"
before_start = "99999999d"
[[policy.night.rule]]
by = []
amount = "1.005"
floor = "-1"
currency = "INR"
[[policy.night.rule]]
allowed = false
percent = "5"
floor = "9"
cap = "8"
currency = "rupees"
after = "2h"
[[policy.night.rule]]
percent = "5"
floor = "9"
cap = "8"
currency = "INR"
[[policy.night.rule]]
cap = "8"
currency = "INR"
[[policy.night.rule]]
percent = "5"
currency = "INR"
"#;
    let rule = |number: u8, key: &str| format!("policy.night.rule[{number}].{key}");
    let expected = [
        (11, "policy.free".to_owned(), "another name than `free`"),
        (11, "policy.free.rule".to_owned(), "missing"),
        (13, rule(1, "amount"), "needs `currency`"),
        (14, rule(1, "percent"), "a share from 0 to 100"),
        (14, rule(1, "percent"), "one or the other"),
        (15, rule(1, "before_start"), "3650d"),
        (17, rule(2, "by"), "at least one of"),
        (18, rule(2, "amount"), "finer than INR allows"),
        (19, rule(2, "floor"), "not negative"),
        (23, rule(3, "percent"), "has no fee"),
        (24, rule(3, "floor"), "has no fee"),
        (25, rule(3, "cap"), "has no fee"),
        (26, rule(3, "currency"), "ISO 4217"),
        (27, rule(3, "after"), "unknown key"),
        (30, rule(4, "floor"), "above the cap"),
        (34, rule(5, "cap"), "needs the fee that it limits"),
        (38, rule(6, "currency"), "no amount"),
    ];
    let expected = expected
        .each_ref()
        .map(|(at, key, part)| (*at, key.as_str(), *part));
    assert_faults(&toml, &expected);
}
