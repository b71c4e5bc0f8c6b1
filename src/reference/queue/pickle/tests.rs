//! Against Python's own pickles, and against pickles that ask for too much.

use super::plain::{integer, integer_bytes};
use super::{LEVELS, Plain, call, read};
use crate::reference::payload;
use crate::reference::payload::mutation::{decode_mutations, on_a_small_stack};

fn json(pickled: &[u8]) -> Result<String, String> {
    read(pickled).map(|value| value.to_json())
}

#[test]
fn every_kind_of_value_survives() {
    let payload = r#"[["abc","é 🎉","",true,false,1.5,-7,18446744073709551615,-9223372036854775808],{"a":[],"o":{}},null]"#;
    let expected = format!(r#"["mod.f",null,["id",{payload}],{{}}]"#);
    assert_eq!(json(&call("mod.f", "id", payload)), Ok(expected));
}

#[test]
fn numbers_are_what_python_makes_of_them() {
    let long = "9".repeat(4_300);
    for (number, expected) in [
        ("12345678901234567890123", "12345678901234567890123"),
        ("-12345678901234567890123", "-12345678901234567890123"),
        (long.as_str(), long.as_str()),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("1e3", "1000.0"),
        ("1e999999", "1e999"),
        ("-1e999999", "-1e999"),
        ("255", "255"),
        ("-256", "-256"),
    ] {
        let expected = format!(r#"["f",null,["id",{expected}],{{}}]"#);
        assert_eq!(json(&call("f", "id", number)), Ok(expected));
    }
}

#[test]
fn integers_have_the_bytes_that_python_gives_them() {
    // int.to_bytes(…, "little", signed=True), as short as it goes.
    for (number, bytes) in [
        ("0", &[0x00][..]),
        ("127", &[0x7f]),
        ("128", &[0x80, 0x00]),
        ("-1", &[0xff]),
        ("-128", &[0x80]),
        ("-129", &[0x7f, 0xff]),
        ("65536", &[0x00, 0x00, 0x01]),
        ("-32768", &[0x00, 0x80]),
        ("18446744073709551616", &[0, 0, 0, 0, 0, 0, 0, 0, 1]),
    ] {
        assert_eq!(integer_bytes(number), bytes, "{number}");
        assert_eq!(integer(bytes), number);
    }
    assert_eq!(integer(&[]), "0");
}

#[test]
fn what_is_beyond_the_bounds_is_none_and_what_is_no_json_a_string() {
    let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
    let long = "1".repeat(4_301);
    for (payload, expected) in [
        (deep.as_str(), "null"),
        (&long, "null"),
        ("{oh", r#""{oh""#),
    ] {
        let expected = format!(r#"["f",null,["id",{expected}],{{}}]"#);
        assert_eq!(json(&call("f", "id", payload)), Ok(expected));
    }
}

#[test]
fn what_python_pickled_is_read() {
    // pickle.dumps(('mod.rqf', None, ('abc', {'n': 300, 'é': None, 'l': ['abc', 1.5]}), {'k': -1}), protocol=5) in Python 3.11.
    let pickled = b"\x80\x05\x95G\0\0\0\0\0\0\0(\x8c\x07mod.rqf\x94N\x8c\x03abc\x94}\x94(\x8c\x01n\x94M,\x01\x8c\x02\xc3\xa9\x94N\x8c\x01l\x94]\x94(h\x01G?\xf8\0\0\0\0\0\0eu\x86\x94}\x94\x8c\x01k\x94J\xff\xff\xff\xffst\x94.";
    let expected = r#"["mod.rqf",null,["abc",{"l":["abc",1.5],"n":300,"é":null}],{"k":-1}]"#;
    assert_eq!(json(pickled).as_deref(), Ok(expected));
}

#[test]
fn a_pickle_that_calls_something_is_refused() {
    // pickle.dumps(print, protocol=2) and protocol=5: GLOBAL and STACK_GLOBAL.
    for pickled in [
        &b"\x80\x02c__builtin__\nprint\nq\0."[..],
        b"\x80\x04\x95\x16\0\0\0\0\0\0\0\x8c\x08builtins\x94\x8c\x05print\x94\x93\x94.",
    ] {
        let refused = read(pickled).unwrap_err();
        assert!(refused.contains("is not plain data"), "{refused}");
    }
}

#[test]
fn nonsense_is_an_error() {
    let whole = call("mod.f", "id", r#"[1,{"a":2}]"#);
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err(), "{end}");
    }
    for nonsense in [
        &b"t."[..],
        b"s.",
        b"(u.",
        b"\x87.",
        b"h\x05.",
        b"\x94.",
        b"\x8a\xff.",
    ] {
        assert!(read(nonsense).is_err(), "{nonsense:?}");
    }
}

/// Lists inside each other, made in each of the ways that a pickle has.
fn nested(way: usize, levels: usize) -> Vec<u8> {
    let (open, close): (&[u8], &[u8]) = match way {
        0 => (b"(", b"t"),
        1 => (b"", b"\x85"),
        2 => (b"]", b"a"),
        3 => (b"](", b"e"),
        4 => (b"}X\x01\0\0\0a", b"s"),
        _ => (b"}(X\x01\0\0\0a", b"u"),
    };
    [&open.repeat(levels), &b"N"[..], &close.repeat(levels), b"."].concat()
}

#[test]
fn levels_are_bounded_in_every_way_to_nest() {
    for way in 0..6 {
        assert!(read(&nested(way, LEVELS)).is_ok(), "{way}");
        let refused = read(&nested(way, LEVELS + 1)).unwrap_err();
        assert_eq!(refused, format!("the call has more than {LEVELS} levels"));
        // Neither built nor dropped.
        let deep = nested(way, 500_000);
        assert!(on_a_small_stack(|| read(&deep).is_err()), "{way}");
    }
}

#[test]
fn a_payload_at_the_bound_is_published_and_read_back() {
    let levels = payload::LEVELS;
    let payload = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let called = json(&call("f", "id", &payload)).unwrap();
    assert!(called.contains(&payload));
}

#[test]
fn what_is_remembered_counts_each_time_that_it_occurs() {
    // A string of 100,000 bytes, then a list of a million times the same: 200 GB as JSON.
    let mut bomb = b"X\xa0\x86\x01\0".to_vec();
    bomb.extend([b'a'; 100_000]);
    bomb.extend(b"q\0](");
    bomb.extend(b"h\0".repeat(1_000_000));
    bomb.extend(b"e.");
    let refused = read(&bomb).unwrap_err();
    assert!(refused.contains("needs more than"), "{refused}");
    // A list that holds itself.
    assert!(read(b"]q\0h\0a.").unwrap_err().contains("occurs twice"));
    // Lengths beyond the end of the input.
    for huge in [
        &b"X\xff\xff\xff\xff."[..],
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x8b\xff\xff\xff\x7f.",
        b"\x8b\xff\xff\xff\xff.",
    ] {
        assert!(read(huge).is_err(), "{huge:?}");
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    let nan = [&b"G"[..], &f64::NAN.to_be_bytes(), b"."].concat();
    assert!(read(&nan).is_err());
}

#[test]
fn mutations_are_refused_or_read_within_the_bounds() {
    let python = b"\x80\x05\x95G\0\0\0\0\0\0\0(\x8c\x07mod.rqf\x94N\x8c\x03abc\x94}\x94(\x8c\x01n\x94M,\x01\x8c\x02\xc3\xa9\x94N\x8c\x01l\x94]\x94(h\x01G?\xf8\0\0\0\0\0\0eu\x86\x94}\x94\x8c\x01k\x94J\xff\xff\xff\xffst\x94.";
    let own = call(
        "f",
        "id",
        r#"{"a":[1,2.5,"x",null],"b":{"c":12345678901234567890123}}"#,
    );
    let seeds = [python.to_vec(), own, nested(0, 100), nested(5, 100)];
    let words: [&[u8]; 14] = [
        b"(",
        b"t",
        b"]",
        b"}",
        b"e",
        b"a",
        b"u",
        b"s",
        b"\x85",
        b"h\0",
        b"q\0",
        b"\x94",
        b"N",
        b"\x8b\x08\0\0\0",
    ];
    decode_mutations(&seeds, &words, |bytes| {
        if let Ok(value) = read(bytes) {
            let json = value.to_json();
            // Deeper than a payload by the tuples of the call, and else JSON.
            let refused = payload::check(&json).err();
            assert!(
                refused.is_none_or(|refusal| refusal.is_of_the_bounds()),
                "{json}"
            );
            let _ = matches!(value, Plain::List(_));
        }
    });
}
