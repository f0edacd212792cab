//! What is kept of a text, and what two texts are compared by.
#![allow(clippy::unwrap_used)]

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::limits::MAX_JSON_DEPTH;

fn why(text: &str) -> (String, Why) {
    let unfit = keep(text).unwrap_err();
    (unfit.pointer, unfit.why)
}

#[test]
fn equal_values_compare_equal_whatever_their_texts() {
    for (one, other) in [
        (
            r#"{ "b": 1, "a": [true, null] }"#,
            r#"{"a":[true,null],"b":1}"#,
        ),
        (r#"{"a":1.0,"b":[1e2,-0]}"#, r#"{"b":[100,0],"a":1}"#),
        (r#""\u00e9\/""#, r#""é/""#),
    ] {
        assert_eq!(keep(one), keep(other), "{one}");
    }
    for (one, other) in [("1", "2"), ("0.1", "0.10000000000000001"), ("1", "\"1\"")] {
        assert_ne!(keep(one), keep(other), "{one}");
    }
}

#[test]
fn a_text_is_kept_but_for_space_order_and_escapes() {
    for (text, kept) in [
        ("null", "null"),
        (" [ ] ", "[]"),
        ("{ }", "{}"),
        ("[[],{},[{}],[1,[2,[3]]]]", "[[],{},[{}],[1,[2,[3]]]]"),
        (
            "{\"a\":{\"b\":[1,-2,3.0,1E+3,1.50e-9,12345678901234567890123]},\t\"c\":null}",
            r#"{"a":{"b":[1,-2,3.0,1E+3,1.50e-9,12345678901234567890123]},"c":null}"#,
        ),
        (
            r#" { "b" : [ true , "x" ] , "a" : 117.63333139400017 } "#,
            r#"{"a":117.63333139400017,"b":[true,"x"]}"#,
        ),
        (
            r#"{"b":1,"a":-0,"c":{"z":-0.0,"y":[{"q":1,"p":2}]}}"#,
            r#"{"a":-0,"b":1,"c":{"y":[{"p":2,"q":1}],"z":-0.0}}"#,
        ),
        (
            r#"{"":0,"\u0000":1,"\n":2,"\u00e9":3,"ж":4,"{\"[":"]}\\"}"#,
            "{\"\":0,\"\\u0000\":1,\"\\n\":2,\"{\\\"[\":\"]}\\\\\",\"é\":3,\"ж\":4}",
        ),
        (
            r#""a\/b\u2028\ud83d\ude00\\\"\t\u0001""#,
            "\"a/b\u{2028}😀\\\\\\\"\\t\\u0001\"",
        ),
    ] {
        assert_eq!(keep(text).unwrap().as_str(), kept, "{text}");
        assert_eq!(keep(kept).unwrap().as_str(), kept, "what is kept stays so");
    }
}

#[test]
fn a_value_and_its_text_are_kept_alike() {
    let value = serde_json::json!({"b": [1.5, "x"], "a": {"c": null, "b": 3.0}});
    assert_eq!(
        of_value(&value).as_str(),
        r#"{"a":{"b":3.0,"c":null},"b":[1.5,"x"]}"#
    );
    assert_eq!(
        of_value(&value),
        keep(r#"{"b":[15e-1,"x"],"a":{"c":null,"b":3}}"#).unwrap()
    );
}

#[test]
fn what_cannot_be_kept_is_told_apart() {
    for bad in [
        "",
        "{",
        "[1,]",
        "{\"a\"}",
        "1 2",
        "nul",
        "{1:2}",
        "01",
        "\"\u{1}\"",
    ] {
        assert!(matches!(why(bad).1, Why::Syntax(_)), "{bad}");
    }
    for (text, pointer) in [
        (r#""\ud800""#, ""),
        (r#"{"a":["x","\udc00\ud800"]}"#, "/a/1"),
        (r#"{"a/b":{"\ud83d":1}}"#, "/a~1b"),
    ] {
        assert_eq!(
            why(text),
            (pointer.to_owned(), Why::LoneSurrogate),
            "{text}"
        );
    }
    for (text, pointer, key) in [
        (r#"{"a":1,"a":1}"#, "", "a"),
        (r#"[{"x":{"a":1,"b":2,"\u0061":3}}]"#, "/0/x", "a"),
    ] {
        let repeated = Why::RepeatedKey(key.to_owned());
        assert_eq!(why(text), (pointer.to_owned(), repeated), "{text}");
    }
    assert_eq!(
        why(r#"{"n":[1e400]}"#),
        ("/n/0".to_owned(), Why::OutOfRange)
    );
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(keep(&nested(MAX_JSON_DEPTH)).is_ok());
    for depth in [MAX_JSON_DEPTH + 1, 100_000] {
        assert_eq!(why(&nested(depth)), (String::new(), Why::TooDeep));
    }
    let member = format!("{{\"a\":{}}}", nested(MAX_JSON_DEPTH));
    let members = JsonText::new(&member).unwrap().members();
    assert_eq!(members.unwrap_err().why, Why::TooDeep);
}

/// A number as somebody might write it: coordinates, integers of any length, exponents, zeros.
fn number(random: &mut StdRng) -> String {
    let digits = |random: &mut StdRng, most: usize| -> String {
        let count = random.random_range(1..=most);
        (0..count)
            .map(|_| char::from(b'0' + random.random_range(0..10)))
            .collect()
    };
    let sign = if random.random_bool(0.5) { "-" } else { "" };
    match random.random_range(0..5) {
        0 => format!(
            "{sign}{}.{}",
            random.random_range(0..180),
            digits(random, 17)
        ),
        1 => format!("{sign}{}{}", random.random_range(1..10), digits(random, 40)),
        2 => format!("{sign}0.{}", digits(random, 30)),
        3 => {
            let exponent = random.random_range(-300..300);
            format!(
                "{sign}{}.{}e{exponent}",
                random.random_range(0..10),
                digits(random, 20)
            )
        }
        _ => format!("{sign}0"),
    }
}

#[test]
fn a_thousand_numbers_keep_their_texts_and_equal_their_other_spellings() {
    let mut random = StdRng::seed_from_u64(5);
    for _ in 0..1_000 {
        let number = number(&mut random);
        let text = format!(r#"{{"at":[{number},{{"x":{number}}}],"n":"{number}"}}"#);
        let kept = keep(&text).unwrap();
        assert_eq!(kept.as_str(), text);
        // The same decimal with its point one place further.
        let (mantissa, exponent) = number.split_once('e').unwrap_or((&number, "0"));
        let exponent: i32 = exponent.parse().unwrap();
        let other = format!(
            "{mantissa}{}",
            if mantissa.contains('.') { "0" } else { ".0" }
        );
        let other = text.replace(&format!(":{number}}}"), &format!(":{other}e{exponent}}}"));
        assert_eq!(keep(&other).unwrap(), kept, "{number}");
        // What canonical form says equals what the number is, as far as a double can tell.
        let canonical = number::canonical(&number);
        let value = |text: &str| text.parse::<f64>().unwrap() + 0.0;
        assert_eq!(value(&canonical), value(&number), "{number} {canonical}");
        assert_eq!(number::canonical(&canonical), canonical, "{number}");
    }
}

#[test]
fn scalars_are_the_top_level_strings_numbers_and_booleans() {
    let text = r#"{"region":"e\u0075","level":3.0,"staff":true,"tags":["x"],"none":null}"#;
    let attributes = attributes(text).unwrap();
    let scalars: Vec<_> = attributes
        .scalars
        .iter()
        .map(|(k, v)| (&**k, &**v))
        .collect();
    assert_eq!(
        scalars,
        [("level", "3.0"), ("region", "eu"), ("staff", "true")]
    );
    assert!(attributes.text.as_str().contains(r#""level":3.0"#));
    assert!(super::attributes("[]").is_err());
}

#[test]
fn parts_of_a_text_are_found_as_they_came() {
    let text =
        JsonText::new(r#" {"a" : [ 1.0 , {"x":"]"} ], "\u0062":"c\u0064", "n":null} "#).unwrap();
    let fields = text.fields().unwrap();
    let keys: Vec<_> = fields.keys().map(|key| &**key).collect();
    assert_eq!(keys, ["a", "b", "n"]);
    let elements = fields["a"].elements().unwrap();
    assert_eq!(elements[0].as_str(), "1.0");
    assert_eq!(elements[1].as_str(), r#"{"x":"]"}"#);
    assert_eq!(fields["b"].string().unwrap(), "cd");
    assert!(fields["n"].is_null() && !fields["b"].is_null());
    assert_eq!(fields["a"].string().unwrap_err().why, Why::NoString);
    assert_eq!(fields["a"].fields().unwrap_err().why, Why::NoObject);
    assert!(fields["b"].elements().is_none());
}
