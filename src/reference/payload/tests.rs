//! Bounds at their edges, and agreement with serde_json on everything else.

use serde::de::IgnoredAny;

use super::mutation::{decode_mutations, on_a_small_stack};
use super::{DIGITS, LEVELS, PayloadError, Token, check, walk};

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn levels_are_allowed_up_to_the_bound_and_not_beyond() {
    assert_eq!(check(&nested(LEVELS)), Ok(()));
    assert_eq!(
        check(&nested(LEVELS + 1)),
        Err(PayloadError::TooDeep(LEVELS))
    );
    let objects = format!("{}1{}", r#"{"a":"#.repeat(LEVELS), "}".repeat(LEVELS));
    assert_eq!(check(&objects), Ok(()));
    let objects = format!(r#"[{objects}]"#);
    assert!(matches!(check(&objects), Err(PayloadError::TooDeep(_))));
    // Levels are counted inside each other, not one after the other.
    assert_eq!(check(&format!("[{}1]", "[],".repeat(10_000))), Ok(()));
    let refused = on_a_small_stack(|| check(&"[".repeat(1_000_000)));
    assert_eq!(refused, Err(PayloadError::TooDeep(LEVELS)));
}

#[test]
fn digits_are_allowed_up_to_the_bound_and_not_beyond() {
    let digits = |count: usize| "7".repeat(count);
    for number in [
        digits(DIGITS),
        format!("-{}", digits(DIGITS)),
        format!("0.{}", digits(DIGITS - 1)),
        format!("1e{}", digits(DIGITS - 1)),
    ] {
        assert_eq!(check(&number), Ok(()), "{number}");
    }
    for number in [
        digits(DIGITS + 1),
        format!("-{}", digits(DIGITS + 1)),
        format!("{}.5e3", digits(DIGITS - 1)),
        digits(100_000),
    ] {
        let refused = check(&number).unwrap_err();
        assert!(matches!(refused, PayloadError::TooLong(_, 0)), "{refused}");
    }
    let refused = check(&format!(r#"{{"n": {}}}"#, digits(5_000))).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a number of 5000 digits at byte 6; at most 4300 are allowed"
    );
}

#[test]
fn half_of_a_surrogate_pair_is_refused_and_a_whole_one_is_a_character() {
    for half in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\ud800x""#,
        r#"{"\udfff":1}"#,
    ] {
        let refused = check(half).unwrap_err();
        assert!(
            matches!(refused, PayloadError::LoneSurrogate(_)),
            "{half}: {refused}"
        );
    }
    let mut tokens = Vec::new();
    walk(r#"["\ud83d\ude00","\u0000"]"#, |token| tokens.push(token)).unwrap();
    let text = |text: &str| Token::Text(text.to_owned());
    assert_eq!(
        tokens,
        [Token::Array, text("😀"), text("\0"), Token::ArrayEnd]
    );
}

#[test]
fn what_is_valid_and_odd_is_accepted() {
    for text in [
        "1e999999",
        "-0",
        "-0.0",
        "1E+5",
        "18446744073709551616",
        r#"{"a":1,"a":2}"#,
        r#""\u0000""#,
        " [ ] ",
        "{}",
        r#""""#,
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

#[test]
fn mutations_are_judged_as_serde_json_judges_them() {
    let seeds = [
        r#"{"id":"a","n":[1,-2.5e3,0,null,true,false],"o":{"é":"\u00e9\n\"","x":{}}}"#,
        r#"[[[[]]],{"a":{"b":{"c":"\ud83d\ude00"}}},"",0]"#,
        "12345678901234567890.25",
    ];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec());
    let words: [&[u8]; 12] = [
        b"[",
        b"]",
        b"{\"a\":",
        b"}",
        b",",
        b"1",
        b"\\ud800",
        b"\"",
        b"e",
        b"\\",
        b"\xef\xbb\xbf",
        b"0",
    ];
    decode_mutations(&seeds, &words, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        // Is not recursive either, and has no bounds.
        let expected = serde_json::from_str::<IgnoredAny>(text);
        match check(text) {
            Ok(()) => assert!(expected.is_ok(), "{text}"),
            Err(refusal) => assert!(
                expected.is_err() || refusal.is_of_the_bounds(),
                "{refusal}: {text}"
            ),
        }
    });
}
