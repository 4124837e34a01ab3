//! Tests of the reader of JSON and TOML.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;

fn refused(text: &str) -> String {
    json("test", text.as_bytes(), MAX_BYTES).unwrap_err().to_string()
}

#[test]
fn json_is_strict() {
    for (text, word) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("{} {}", "trailing"),
        ("{\"a\":1,\"a\":1}", "stands twice"),
        ("{\"a\":{\"b\":1,\"c\":2,\"b\":3}}", "stands twice"),
        ("{\"a\":1,\"\\u0061\":1}", "stands twice"),
        ("{\"a\":1,}", "trailing comma"),
        ("[1.5]", "floating point"),
        ("[1e3]", "floating point"),
        ("[18446744073709551616]", "floating point"),
        ("[NaN]", "expected"),
        ("[\"\\ud800\"]", "hex escape"),
        ("[\"\n\"]", "control character"),
        ("// a\n[]", "expected"),
    ] {
        let error = refused(text);
        assert!(error.contains(word), "{text}: {error}");
    }
    assert!(json("test", b"\xff", 10).unwrap_err().to_string().contains("not UTF-8 at byte 0"));
}

#[test]
fn bounds_hold() {
    let nested = |depth| [["["].repeat(depth).concat(), ["]"].repeat(depth).concat()].concat();
    assert!(json("test", nested(MAX_DEPTH).as_bytes(), MAX_BYTES).is_ok());
    assert!(refused(&nested(MAX_DEPTH + 1)).contains("nested more than 16 deep"));
    assert!(refused(&nested(100_000)).contains("nested more than 16 deep"));
    let wide = |count: usize| alloc::format!("[{}]", ["1"].repeat(count).join(","));
    assert!(json("test", wide(MAX_NODES - 1).as_bytes(), MAX_BYTES).is_ok());
    assert!(refused(&wide(MAX_NODES)).contains("more than 65536 values"));
    assert_eq!(
        json("test", b"[]   ", 4).unwrap_err().problem,
        FormProblem::TooLarge { what: "bytes", max: 4, actual: 5 }
    );
    assert!(json("test", b"[]  ", 4).is_ok());
}

#[test]
fn toml_is_read_by_the_same_rules() {
    let tree = toml("test", b"a = 1\n[b]\nc = [\"d\", true]\n", MAX_BYTES).unwrap();
    assert_eq!(tree, json("test", br#"{"a":1,"b":{"c":["d",true]}}"#, MAX_BYTES).unwrap());
    for text in ["a = 1\na = 2\n", "a = 1.5\n", "a = \n", "a = nan\n", "[a]\n[a]\n"] {
        assert!(toml("test", text.as_bytes(), MAX_BYTES).is_err(), "{text}");
    }
    let deep = alloc::format!("a = {}{}", "[".repeat(17), "]".repeat(17));
    assert!(toml("test", deep.as_bytes(), MAX_BYTES).is_err());
}

#[test]
fn an_error_says_where() {
    let tree = json("test", br#"{"a":[{"b":"x"},{"c\n":1}],"n":-1}"#, MAX_BYTES).unwrap();
    let root = Node::root("test", &tree).fields(&["a", "n"]).unwrap();
    let items = root.required("a").unwrap().list().unwrap();
    assert_eq!(items[0].fields(&["b"]).unwrap().required("b").unwrap().at, "$.a[0].b");
    assert_eq!(items[1].fields(&["b"]).unwrap_err().to_string(), "test: $.a[1]: unknown key \"c\\\\n\"");
    assert_eq!(
        items[0].fields(&["b"]).unwrap().required("d").unwrap_err().to_string(),
        "test: $.a[0]: has no \"d\""
    );
    let number = root.required("n").unwrap();
    assert_eq!(number.unsigned().unwrap_err().to_string(), "test: $.n: expected an unsigned integer, is -1");
    assert!(number.text().is_err() && number.boolean().is_err() && number.list().is_err());
    assert!(number.entries().is_err() && number.fields(&[]).is_err());
    assert_eq!(items[1].entries().unwrap()[0].1.at, "$.a[1][\"c\\n\"]");
}

#[test]
fn text_forms_are_canonical() {
    assert_eq!(hex("00fFa0"), Some(Vec::from([0, 255, 160])));
    for text in ["0", "0g", "000", "+1", "0x00", " 00"] {
        assert_eq!(hex(text), None, "{text}");
    }
    assert_eq!(base64("/+8="), Some(Vec::from([255, 239])));
    for text in ["/+8", "/+9=", "_-8=", "/+8=\n", " /+8=", "====", "A==="] {
        assert_eq!(base64(text), None, "{text}");
    }
    assert_eq!((decimal("0"), decimal("18446744073709551615")), (Some(0), Some(u64::MAX)));
    for text in ["", "00", "01", "+1", "-1", "18446744073709551616", "1 "] {
        assert_eq!(decimal(text), None, "{text}");
    }
}
