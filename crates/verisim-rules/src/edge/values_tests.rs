//! Boundary values by hand, and what must hold of all.

use super::*;
use crate::edge::form::Format;

fn find<'a>(cases: &'a [Case], text: &str) -> &'a Case {
    let has = |c: &&Case| matches!(&c.value, Value::Number(t) | Value::Text(t) if t == text);
    cases.iter().find(has).unwrap_or_else(|| panic!("{text} is not there"))
}

fn of(kind: Kind) -> Vec<Case> {
    values(&Field::new("x", kind), false)
}

fn integer(bits: Option<u8>, signed: bool, least: Option<i128>, greatest: Option<i128>) -> Kind {
    Kind::Integer { bits, signed, least, greatest, multiple: None }
}

#[test]
fn integers_at_their_bounds() {
    let cases = of(integer(Some(32), true, Some(1), Some(99)));
    for (text, fault) in [
        ("1", None),
        ("2", None),
        ("98", None),
        ("99", None),
        ("50", None),
        ("0", Some(Fault::BelowLeast)),
        ("100", Some(Fault::AboveGreatest)),
        ("2147483648", Some(Fault::AboveGreatest)),
        ("1.5", Some(Fault::NotWhole)),
        ("abc", Some(Fault::NotNumber)),
        ("1,000", Some(Fault::NotNumber)),
        ("NaN", Some(Fault::NotNumber)),
    ] {
        assert_eq!(find(&cases, text).fault, fault, "{text}");
    }
    let free = of(integer(Some(64), true, None, None));
    assert!(find(&free, "-9223372036854775808").valid() && find(&free, "-9223372036854775808").core);
    assert_eq!(find(&free, "9223372036854775808").fault, Some(Fault::BeyondType));
    assert!(find(&free, "-0").valid() && find(&free, "9007199254740993").valid());
    let unsigned = of(integer(Some(64), false, None, None));
    assert!(find(&unsigned, "18446744073709551615").valid());
    assert_eq!(find(&unsigned, "-1").fault, Some(Fault::BeyondType));
    let any = of(integer(None, true, None, None));
    assert_eq!(find(&any, &"1".repeat(40)).fault, Some(Fault::BeyondType));
    let tens = of(Kind::Integer { bits: None, signed: true, least: Some(5), greatest: Some(95), multiple: Some(10) });
    assert!(find(&tens, "10").core && find(&tens, "90").core);
    assert_eq!(find(&tens, "91").fault, Some(Fault::NotMultiple));
}

#[test]
fn money_at_its_minor_unit() {
    let money = |scale, currency: &str| {
        of(Kind::Decimal { digits: 10, scale, least: Some(0), greatest: None, currency: Some(currency.into()) })
    };
    let euro = money(2, "EUR");
    assert!(find(&euro, "0.01").valid() && find(&euro, "99999999.99").core);
    assert_eq!(find(&euro, "0.005").fault, Some(Fault::TooManyDecimals));
    assert_eq!(find(&euro, "-0.01").fault, Some(Fault::BelowLeast));
    assert_eq!(find(&euro, "100000000.00").fault, Some(Fault::TooManyDigits));
    let yen = money(0, "JPY");
    assert!(find(&yen, "1").valid());
    assert_eq!(find(&yen, "0.5").fault, Some(Fault::TooManyDecimals));
    let dinar = money(3, "KWD");
    assert!(find(&dinar, "0.001").valid());
    assert_eq!(find(&dinar, "0.0005").fault, Some(Fault::TooManyDecimals));
}

#[test]
fn floats_have_neighbours() {
    let cases = of(Kind::Float { bits: 64, least: Some(0.0), greatest: Some(1.0) });
    assert!(find(&cases, "5e-324").valid() && find(&cases, "0.9999999999999999").valid());
    assert_eq!(find(&cases, "1.0000000000000002").fault, Some(Fault::AboveGreatest));
    assert_eq!(find(&cases, "-5e-324").fault, Some(Fault::BelowLeast));
    assert!(find(&cases, "-0.0").valid());
    let single = of(Kind::Float { bits: 32, least: None, greatest: None });
    assert!(find(&single, "3.4028235e38").core);
    assert_eq!(find(&single, "1.8e308").fault, Some(Fault::BeyondType));
    assert_eq!(find(&single, "3.5e38").fault, Some(Fault::BeyondType));
    assert_eq!(find(&single, "Infinity").fault, Some(Fault::NotNumber));
}

#[test]
fn texts_at_their_lengths_and_of_all_kinds() {
    let cases = of(Kind::Text { shortest: 1, longest: Some(10), pattern: None, format: None });
    assert!(find(&cases, "aaaaaaaaaa").core);
    assert_eq!(find(&cases, "aaaaaaaaaaa").fault, Some(Fault::TooLong));
    assert_eq!(find(&cases, "").fault, Some(Fault::TooShort));
    assert!(find(&cases, &"\u{1f600}".repeat(10)).valid());
    assert!(find(&cases, "caf\u{e9}").valid() && find(&cases, "cafe\u{301}").valid());
    assert!(find(&cases, "=1+1").valid());
    let code = of(Kind::Text { shortest: 0, longest: Some(6), pattern: Some("^[A-Z]{2}[0-9]+$".into()), format: None });
    assert!(find(&code, "AA0").core && find(&code, "ZZ9999").core);
    assert_eq!(find(&code, "zz9999").fault, Some(Fault::Pattern));
    let mail = of(Kind::Text { shortest: 0, longest: None, pattern: None, format: Some(Format::Email) });
    assert!(find(&mail, "a@b.c").core);
    assert_eq!(find(&mail, "a..b@example.org").fault, Some(Fault::Format));
    let mut state = Field::new("state", Kind::TEXT);
    state.values = vec![Value::Text("new".into()), Value::Text("paid".into())];
    let cases = values(&state, false);
    assert!(find(&cases, "new").core && find(&cases, "paid").core);
    assert_eq!(find(&cases, "NEW").fault, Some(Fault::NotAllowed));
    assert_eq!(cases.iter().filter(|c| c.valid()).count(), 2);
}

#[test]
fn dates_and_summer_time() {
    let cases = of(Kind::Date { least: Some("2020-01-01".into()), greatest: Some("2030-12-31".into()) });
    assert!(find(&cases, "2024-02-29").core && find(&cases, "2020-01-02").valid());
    assert_eq!(find(&cases, "2019-12-31").fault, Some(Fault::BelowLeast));
    assert_eq!(find(&cases, "2031-01-01").fault, Some(Fault::AboveGreatest));
    assert_eq!(find(&cases, "1900-02-29").fault, Some(Fault::NotDate));
    let free = of(Kind::Date { least: None, greatest: None });
    assert!(find(&free, "0001-01-01").core && find(&free, "9999-12-31").core && find(&free, "2038-01-20").valid());
    let zone = Some("Europe/Berlin".to_owned());
    let cases = of(Kind::Timestamp { zone, offset: None, least: None, greatest: None });
    assert_eq!(find(&cases, "2024-03-31T02:15:00").fault, Some(Fault::Skipped));
    assert!(find(&cases, "2024-03-31T01:59:59").valid());
    for text in ["2024-10-27T02:15:00", "2024-10-27T02:15:00+02:00", "2024-10-27T02:15:00+01:00"] {
        assert!(find(&cases, text).valid(), "{text}");
    }
    let stamp =
        of(Kind::Timestamp { zone: None, offset: Some(false), least: Some("2020-01-01".into()), greatest: None });
    assert!(find(&stamp, "2038-01-19T03:14:08").valid());
    assert_eq!(find(&stamp, "2019-12-31T23:59:59").fault, Some(Fault::BelowLeast));
    assert_eq!(find(&stamp, "2024-06-15T12:00:00Z").fault, Some(Fault::OffsetGiven));
    assert!(of(Kind::Time).iter().any(|c| c.fault == Some(Fault::NotTime)));
}

#[test]
fn missing_values_are_as_the_field_says() {
    let mut field = Field::new("x", Kind::Boolean);
    let missing = |field: &Field, documents| {
        let cases = values(field, documents);
        let of = |v: Value| cases.iter().find(|c| c.value == v).map(|c| c.fault);
        (of(Value::Null), of(Value::Absent))
    };
    assert_eq!(missing(&field, false), (Some(Some(Fault::Null)), None));
    assert_eq!(missing(&field, true), (Some(Some(Fault::Null)), Some(Some(Fault::Absent))));
    field.nullable = true;
    field.required = false;
    assert_eq!(missing(&field, true), (Some(None), Some(None)));
}

/// The names of a kind of text are each once, and no text is another's.
#[test]
fn texts_are_named_once() {
    let mut names: Vec<&str> = texts::TEXTS.iter().map(|t| t.0).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 80);
}
