#![allow(clippy::unwrap_used)]
use std::collections::HashSet;

use super::name::is_key_name;
use super::space::place;
use super::*;
use proptest::prelude::*;

fn shape(keys: &[&str]) -> Option<Shape> {
    Shape::of(keys.iter().copied())
}

fn pattern(parts: Vec<Part>) -> Shape {
    Shape::Pattern { parts, check: None, spare: None }
}

/// The shape alone, without what it knows of the real keys.
fn bare(shape: Option<Shape>) -> Option<Shape> {
    let mut shape = shape?;
    if let Shape::Number { spare, .. } | Shape::Uuid { spare, .. } | Shape::Pattern { spare, .. } = &mut shape {
        *spare = None;
    }
    Some(shape)
}

fn key(shape: &Shape, row: u64, seed: u64) -> String {
    let mut out = String::new();
    shape.push(row, seed, &mut out);
    out
}

#[test]
fn shapes_are_recognised() {
    let sequence =
        |prefix: &str, start, step, width| Some(Shape::Sequence { prefix: prefix.to_owned(), start, step, width });
    assert_eq!(shape(&["1", "2", "3"]), sequence("", 4, 1, 0));
    assert_eq!(shape(&["3", "1", "2"]), sequence("", 4, 1, 0));
    assert_eq!(shape(&["10", "20", "30"]), sequence("", 40, 10, 0));
    assert_eq!(shape(&["-1", "-2", "-3"]), sequence("", -4, -1, 0));
    assert_eq!(shape(&["CU-0001", "CU-0002"]), sequence("CU-", 3, 1, 4));
    assert_eq!(shape(&["C9", "C10", "C11"]), sequence("C", 12, 1, 0));
    let number = Shape::Number { prefix: String::new(), low: 67, high: 72940, width: 0, spare: None };
    assert_eq!(bare(shape(&["9046", "67", "72940"])), Some(number));
    let padded = Shape::Number { prefix: String::new(), low: 0, high: 99_999, width: 5, spare: None };
    assert_eq!(bare(shape(&["00123", "90210", "04000"])), Some(padded));
    let uuid = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
    let uuids = bare(shape(&[uuid, "16fd2706-8baf-433b-82eb-8c7fada847da"]));
    assert_eq!(uuids, Some(Shape::Uuid { upper: false, version: 4, spare: None }));
    let plate = [Part::Upper, Part::Upper, Part::Literal('-'), Part::Digit];
    assert_eq!(bare(shape(&["AB-1", "CD-2"])), Some(pattern(plate.to_vec())));
    assert_eq!(shape(&["Braund, Mr. Owen", "Heikkinen, Miss"]), None);
}

#[test]
fn keys_keep_their_shape() {
    let plate = shape(&["AB-12", "CX-34", "QZ-90"]).unwrap();
    let made = key(&plate, 0, 7);
    assert_eq!(shape(&[&made, "ZA-55"]).is_some(), made.len() == 5);
    assert_eq!(made.as_bytes()[2], b'-');
    let uuid = key(&Shape::Uuid { upper: false, version: 4, spare: None }, 3, 7);
    assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
    assert!("89ab".contains(&uuid[19..20]), "variant of {uuid}");
}

#[test]
fn keys_stay_unique_beyond_their_space() {
    let shape = pattern(vec![Part::Digit]);
    let made: HashSet<String> = (0..35).map(|row| key(&shape, row, 1)).collect();
    assert_eq!(made.len(), 35);
    let shape = Shape::Number { prefix: String::new(), low: 5, high: 9, width: 0, spare: None };
    let made: HashSet<i128> = (0..23).map(|row| shape.number(row, 1).unwrap()).collect();
    assert_eq!(made.len(), 23);
}

/// Real keys of each kind, made here, and what a new key must look like.
#[test]
fn new_keys_are_of_the_alphabet_and_none_is_real() {
    let words: Vec<u64> = (0..200).map(|i| mix(i ^ 0x5eed)).collect();
    let text = |w: u64, alphabet: &[u8], len: usize| -> String {
        (0..len).map(|i| alphabet[(mix(w ^ (i as u64) << 40) % alphabet.len() as u64) as usize] as char).collect()
    };
    let columns: Vec<(Vec<String>, &[u8])> = vec![
        (words.iter().map(|&w| text(w, Part::HexUpper.alphabet(), 32)).collect(), Part::HexUpper.alphabet()),
        (words.iter().map(|&w| text(w, Part::Hex.alphabet(), 40)).collect(), Part::Hex.alphabet()),
        (words.iter().map(|&w| text(w, Part::Base32.alphabet(), 16)).collect(), Part::Base32.alphabet()),
        (words.iter().map(|&w| text(w, Part::Base58.alphabet(), 27)).collect(), Part::Base58.alphabet()),
        (words.iter().map(|&w| text(w, Part::Base64Url.alphabet(), 22)).collect(), Part::Base64Url.alphabet()),
        (
            words.iter().map(|&w| format!("sha256:{}", text(w, Part::Hex.alphabet(), 64))).collect(),
            b"sha256:0123456789abcdef",
        ),
        (words.iter().map(|&w| (w % 900 + 100).to_string()).collect(), Part::Digit.alphabet()),
        (words.iter().map(|&w| w.to_string()).collect(), Part::Digit.alphabet()),
        (
            words.iter().map(|&w| text(w, Part::LowerDigit.alphabet(), 5 + w as usize % 4)).collect(),
            Part::LowerDigit.alphabet(),
        ),
    ];
    for (mut keys, alphabet) in columns {
        keys.sort_unstable();
        keys.dedup();
        keys.sort_by_key(|k| mix(k.len() as u64 ^ k.bytes().fold(0, |h, b| mix(h ^ u64::from(b)))));
        let shape = Shape::of(keys.iter().map(String::as_str)).unwrap_or_else(|| panic!("{:?}", &keys[..2]));
        let made: HashSet<String> = (0..2_000).map(|row| key(&shape, row, 7)).collect();
        assert_eq!(made.len(), 2_000, "{shape:?}");
        assert!(keys.iter().all(|k| !made.contains(k)), "{shape:?}");
        assert!(made.iter().all(|k| k.bytes().all(|b| alphabet.contains(&b))), "{:?} {:?}", shape, made.iter().next());
        let lengths = |keys: &mut dyn Iterator<Item = &String>| keys.map(String::len).collect::<HashSet<usize>>();
        let (was, is) = (lengths(&mut keys.iter()), lengths(&mut made.iter()));
        // Three digits are too few for 2,000 new keys.
        assert!(was == is || keys[0].len() == 3, "{was:?} {is:?}");
        let stored = serde_json::to_string(&shape).unwrap();
        assert_eq!(serde_json::from_str::<Shape>(&stored).unwrap(), shape);
    }
}

#[test]
fn check_digits_stay_right() {
    let body = |i: u64, len: usize| format!("{:0len$}", mix(i) % 10_u64.pow(len as u32));
    let with = |check: Check, mut text: Vec<u8>| {
        check.set(&mut text);
        String::from_utf8(text).unwrap()
    };
    for (check, keys) in [
        (
            Check::Luhn,
            (0..60).map(|i| with(Check::Luhn, format!("4{}0", body(i, 14)).into_bytes())).collect::<Vec<_>>(),
        ),
        (Check::Ean, (0..60).map(|i| with(Check::Ean, format!("{}0", body(i, 12)).into_bytes())).collect()),
        (Check::Isbn10, (0..60).map(|i| with(Check::Isbn10, format!("{}0", body(i, 9)).into_bytes())).collect()),
        (Check::Iban, (0..60).map(|i| with(Check::Iban, format!("DE00{}", body(i, 18)).into_bytes())).collect()),
    ] {
        assert!(keys.iter().all(|k| check.is_kept(k)));
        let shape = Shape::of(keys.iter().map(String::as_str)).unwrap();
        let made: HashSet<String> = (0..3_000).map(|row| key(&shape, row, 0)).collect();
        assert_eq!(made.len(), 3_000, "{check:?}");
        assert!(made.iter().all(|k| check.is_kept(k)) && keys.iter().all(|k| !made.contains(k)), "{check:?}");
    }
}

#[test]
fn a_running_number_goes_on_after_the_last() {
    let shape = shape(&["7", "9", "8"]).unwrap();
    assert_eq!([0, 1].map(|row| key(&shape, row, 5)), ["10", "11"]);
}

#[test]
fn names_of_keys() {
    for name in ["id", "PassengerId", "customer_id", "ID", "PolicyNumber", "order no", "uuid", "id_customer"] {
        assert!(is_key_name(name), "{name}");
    }
    for name in
        ["idle", "fnlwgt", "education-num-years", "number of rooms", "house_price_index", "monkey", "paid", "Age"]
    {
        assert!(!is_key_name(name), "{name}");
    }
}

proptest! {
    #[test]
    fn shuffling_is_a_permutation(size in 1_u64..300, seed: u64) {
        let all: HashSet<u128> = (0..size).map(|i| shuffled(i.into(), size.into(), seed)).collect();
        prop_assert_eq!(all.len() as u64, size);
        prop_assert!(all.iter().all(|&x| x < size.into()));
        prop_assert!((0..u128::from(size)).all(|i| place(shuffled(i, size.into(), seed), size.into(), seed) == i));
    }

    #[test]
    fn uuids_and_long_patterns_are_unique(seed: u64, first in 0..u64::MAX / 2) {
        for shape in [Shape::Uuid { upper: true, version: 7, spare: None }, pattern(vec![Part::Hex; 64])] {
            let made: HashSet<String> = (first..first + 200).map(|row| key(&shape, row, seed)).collect();
            prop_assert_eq!(made.len(), 200);
        }
    }
}
