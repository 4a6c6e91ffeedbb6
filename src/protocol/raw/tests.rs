//! That one member changes and every other keeps its bytes.

use super::*;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

const ORDER: &str = r#"{ "id":"O\u0031", "n":1.10,"e" : 1e5,
  "big":12345678901234567890.000,"state":"Active","quote":{ "a" : [ 1, 2.50 ] },
  "t\u0061gs":null, "é":"\/" }"#;

#[test]
fn a_changed_member_leaves_the_others_as_written() {
    let mut order = RawObject::parse(ORDER).expect("an object");
    order.set_str("state", "Cancelled \"now\"");
    assert_eq!(
        order.to_string(),
        r#"{"id":"O\u0031","n":1.10,"e":1e5,"big":12345678901234567890.000,"state":"Cancelled \"now\"","quote":{ "a" : [ 1, 2.50 ] },"t\u0061gs":null,"é":"\/"}"#
    );
}

#[test]
fn members_are_found_by_their_decoded_key() {
    let mut order = RawObject::parse(ORDER).expect("an object");
    assert_eq!(order.get("tags"), Some("null"));
    assert_eq!(order.get("t\\u0061gs"), None);
    assert_eq!(order.get_str("id").as_deref(), Some("O1"));
    assert_eq!(order.get_str("é").as_deref(), Some("/"));
    assert_eq!(order.get_str("n"), None);
    assert_eq!(order.get_str("absent"), None);
    assert_eq!((order.len(), order.is_empty()), (8, false));
    order.set("tags", "[]");
    assert!(order.to_string().contains(r#""t\u0061gs":[]"#));
    assert_eq!(order.remove("tags").as_deref(), Some("[]"));
    assert_eq!((order.remove("tags"), order.len()), (None, 7));
}

#[test]
fn a_new_member_comes_last_and_its_key_is_escaped() {
    let mut order = RawObject::default();
    assert_eq!(order.to_string(), "{}");
    order.set("b", "1");
    order.set("a\"\n", "2".to_owned());
    assert_eq!(order.to_string(), "{\"b\":1,\"a\\\"\\n\":2}");
}

#[test]
fn members_of_members_are_changed_the_same_way() {
    let text = r#"{"fulfillments":[{"id":"F1","eta":1.50},{"id":"F2"}],"z":0}"#;
    let mut order = RawObject::parse(text).expect("an object");
    let mut list = order.array("fulfillments").expect("an array");
    let mut first = list.object(0).expect("an object");
    first.set("state", r#"{"descriptor":{"code":"CANCELLED"}}"#);
    let first = first.to_string();
    assert!(list.set(0, first) && !list.set(2, "1"));
    list.push("3.0");
    let list = list.to_string();
    order.set("fulfillments", list);
    assert_eq!(
        order.to_string(),
        r#"{"fulfillments":[{"id":"F1","eta":1.50,"state":{"descriptor":{"code":"CANCELLED"}}},{"id":"F2"},3.0],"z":0}"#
    );
    assert!(order.object("z").is_none() && order.array("z").is_none());
}

#[test]
fn an_array_keeps_its_items_as_written() {
    let mut list = RawArray::parse(" [ 1.10 ,\"a\\u0062\", { \"x\" : 1 } ] ").expect("an array");
    assert_eq!(list.to_string(), "[1.10,\"a\\u0062\",{ \"x\" : 1 }]");
    assert_eq!(list.get_str(1).as_deref(), Some("ab"));
    assert_eq!(
        (list.get(0), list.get(3), list.get_str(0)),
        (Some("1.10"), None, None)
    );
    list.retain(|item| item != "1.10");
    assert_eq!((list.len(), list.iter().next()), (2, Some("\"a\\u0062\"")));
    assert!(RawArray::default().is_empty());
}

#[test]
fn what_is_no_object_is_refused() {
    for text in [
        "",
        "[]",
        "1",
        "{",
        "{}x",
        "{\"a\":}",
        "{1:1}",
        "{\"\\ud800\":1}",
        "null",
    ] {
        assert!(RawObject::parse(text).is_err(), "{text}");
    }
    for text in ["", "{}", "1", "[", "[]x", "[1,]"] {
        assert!(RawArray::parse(text).is_err(), "{text}");
    }
    let twice = RawObject::parse(r#"{"a":1,"\u0061":2}"#);
    assert!(matches!(twice, Err(Error::DuplicateKey)));
    assert!(matches!(
        RawObject::from_slice(b"{\"\xff\":1}"),
        Err(Error::NotUtf8(_))
    ));
}

#[test]
fn plain_members_are_not_copied() {
    let order = RawObject::from_slice(br#"{"a":"b"}"#).expect("an object");
    let borrowed = |text: &Cow<'_, str>| matches!(text, Cow::Borrowed(_));
    assert!(
        order
            .members
            .iter()
            .all(|m| borrowed(&m.key) && borrowed(&m.raw))
    );
    assert!(matches!(order.get_str("a"), Some(Cow::Borrowed("b"))));
}

/// Raw texts with spellings that a parser would not give back.
fn raw() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("1.10".to_owned()),
        Just("1e5".to_owned()),
        Just("-0".to_owned()),
        Just("1e999".to_owned()),
        Just("12345678901234567890.000".to_owned()),
        Just("{ \"a\" : [ 1.0, \"\\u0061\" ] }".to_owned()),
        Just("[\n]".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        ".{0,12}".prop_map(|text| quote(&text)),
    ]
}

proptest! {
    #[test]
    fn setting_one_member_keeps_the_bytes_of_all_others(
        members in prop::collection::btree_map(".{0,8}", raw(), 1..12),
        pick in any::<prop::sample::Index>(),
        new in raw(),
    ) {
        let written: Vec<_> = members.iter().map(|(k, v)| format!("{}:{v}", quote(k))).collect();
        let text = format!("{{{}}}", written.join(","));
        let at = pick.index(members.len());
        let key = members.keys().nth(at).expect("within");

        let mut object = RawObject::parse(&text).expect("an object");
        prop_assert_eq!(object.to_string(), text.clone());
        object.set(key, new.clone());

        let mut expected = written.clone();
        expected[at] = format!("{}:{new}", quote(key));
        prop_assert_eq!(object.to_string(), format!("{{{}}}", expected.join(",")));
        object.remove(key);
        expected.remove(at);
        prop_assert_eq!(object.to_string(), format!("{{{}}}", expected.join(",")));
    }

    #[test]
    fn a_quoted_text_is_the_text_again(text in any::<String>()) {
        let literal = quote(&text);
        let back = decode_str(&literal);
        prop_assert_eq!(back.as_deref(), Some(text.as_str()));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}:,\"a\\\\u061 0-9.-]{0,24}") {
        if let Ok(object) = RawObject::parse(&text) {
            let again = object.to_string();
            prop_assert_eq!(RawObject::parse(&again).expect("an object"), object);
        }
    }
}
