#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn found(texts: &[&str]) -> Option<Numeral> {
    detect(texts.iter().copied()).map(|f| f.numeral)
}

fn written(numeral: &Numeral, x: f64) -> String {
    let mut out = Vec::new();
    numeral.push(x, &mut out);
    String::from_utf8(out).unwrap()
}

/// Every form is found, read and written back letter for letter.
#[test]
fn what_people_write_comes_back() {
    let columns: [(&[&str], f64); 24] = [
        (&["1.234,56", "12,50", "1.000.000,00"], 1234.56),
        (&["1,234,567", "12", "345,678"], 1_234_567.0),
        (&["$1,000.00", "$12.50", "-$3.25"], 1000.0),
        (&["(12.50)", "3.00", "1,250.75"], -12.5),
        (&["€ 5,00", "€ 1.205,10", "€ -3,50"], 5.0),
        (&["12 %", "3 %", "100 %"], 12.0),
        (&["12.5%", "3.0%"], 12.5),
        (&["757,56", "59,10", "215,74"], 757.56),
        (&["1 234,5 kg", "12,5 kg"], 1234.5),
        (&["CHF 1'200.50", "CHF 3.00"], 1200.5),
        (&["1.234,56 €", "0,99 €"], 1234.56),
        (&["5-", "7", "12-"], -5.0),
        (&["+3.5", "-2.5", "+10.0"], 3.5),
        (&["8033.00", "1.50"], 8033.0),
        (&[".5", "1.5", "-.25"], 0.5),
        (&["8.844e-03", "1.200e+01"], 0.008_844),
        (&["1E5", "2.5E7"], 1e5),
        (&["1.1489271908522434e-18", "2.1485688957797147e-18", "2e-18"], 1.148_927_190_852_243_4e-18),
        (&["3.049268407216105e+250", "2.871711041853309e+250", "3.2207684327226466e+251"], 3.049_268_407_216_105e250),
        (&["1_000_000", "25"], 1e6),
        (&["3.0", "12.0"], 3.0),
        (&["75kg", "80kg"], 75.0),
        (&["1\u{202f}234,50 €", "3,00 €"], 1234.5),
        (&["($1,000.00)", "$5.00"], -1000.0),
    ];
    for (texts, first) in columns {
        let numeral = found(texts).unwrap_or_else(|| panic!("{texts:?}"));
        assert_eq!(numeral.value(texts[0]), Some(first), "{texts:?}: {numeral:?}");
        for text in texts {
            assert_eq!(written(&numeral, numeral.value(text).unwrap()), *text, "{numeral:?}");
        }
        assert_eq!(numeral.problem(), None);
    }
}

#[test]
fn what_is_no_number_is_none() {
    for texts in [
        &["A-12", "A-13"][..],
        &["12", "n/a"],
        &["1.2.3", "4.5.6"],
        &["12:30", "09:15"],
        &["10.0.0.1", "10.0.0.2"],
        &["1,23,4", "5,6,7"],
        &["$5", "€5"],
        &["5 kg", "5 lb"],
        &["2021-03-04", "2021-03-05"],
        &["1234.567", "1,234.5"],
        &["Room 12", "Room 13"],
        &["", "1"],
        &["-", "1"],
    ] {
        assert_eq!(found(texts), None, "{texts:?}");
    }
}

#[test]
fn a_comma_that_may_be_either_is_said() {
    let found = detect(["1,234", "12,345"].into_iter()).unwrap();
    assert!(found.ambiguous && found.numeral.group == Some(','));
    assert!(!detect(["1,234", "1,234,567"].into_iter()).unwrap().ambiguous);
    let decimal = detect(["0,234", "12,345"].into_iter()).unwrap();
    assert!(decimal.numeral.comma && !decimal.ambiguous);
}

#[test]
fn an_example_tells_the_form() {
    let numeral = example("1.234,56 €").unwrap();
    assert_eq!((numeral.comma, numeral.group, numeral.after.as_str()), (true, Some('.'), " €"));
    assert!(example("12,5").unwrap().comma);
    assert_eq!(example("1,234").unwrap().group, Some(','));
    assert_eq!(example("abc"), None);
}

#[test]
fn words_and_plain_numbers_are_read_beside_the_form() {
    let mut numeral = found(&["1.234,56 €", "0,99 €"]).unwrap();
    numeral.words = vec!["n.v.".to_owned()];
    assert_eq!(numeral.value("12.5"), Some(12.5));
    assert!(numeral.value("n.v.").unwrap().is_nan());
    assert_eq!(numeral.value("unknown"), None);
}

#[test]
fn wide_numbers_keep_every_digit() {
    let wide = Wide { decimals: 3, low: -5_000, high: 12_345_678_901_234_567_890_123 };
    assert_eq!(units("12345678901234567890.123", 3), Some(12_345_678_901_234_567_890_123));
    assert_eq!(units("-5", 3), Some(-5_000));
    assert_eq!(units("1.2345", 3), None);
    assert_eq!(units("1.2340", 3), Some(1_234));
    assert_eq!(wide.text(-5_000), "-5.000");
    assert_eq!(wide.text(12_345_678_901_234_567_890_123), "12345678901234567890.123");
    assert_eq!(wide.value("-5.000"), Some(0.0));
    assert_eq!(wide.value("0.001"), Some(5_001.0));
    assert_eq!(wide.units(5_001.0, 77), 1);
    // Past 2^53 the last digits are anybody's; the first are kept, and so is the range.
    let far = wide.value("9345678901234567890.123").unwrap();
    let made = wide.text(wide.units(far, 0x1234_5678_9abc_def0));
    assert!(made.starts_with("93456789012345") && made.len() == "9345678901234567890.123".len(), "{made}");
    assert_eq!(wide.units(1e300, 5), wide.high);
}

proptest! {
    #[test]
    fn any_text_is_read_or_not(texts in prop::collection::vec("[-+0-9.,eE()$€% ']{0,10}|\\PC{0,6}", 1..8)) {
        if let Some(found) = detect(texts.iter().map(String::as_str)) {
            for text in &texts {
                prop_assert!(found.numeral.value(text).is_some() || text.contains(['e', 'E']), "{:?} {}", found, text);
            }
        }
        let _ = texts.first().and_then(|t| example(t));
    }

    #[test]
    fn amounts_come_back(cents in prop::collection::vec(-100_000_000_i64..100_000_000, 2..30), comma: bool) {
        let group = if comma { '.' } else { ',' };
        let form = Numeral { comma, group: Some(group), after: " €".to_owned(), fixed: Some(2), ..Numeral::default() };
        let texts: Vec<String> = cents.iter().map(|&c| written(&form, c as f64 / 100.0)).collect();
        let numeral = detect(texts.iter().map(String::as_str)).unwrap().numeral;
        for (text, c) in texts.iter().zip(&cents) {
            let x = numeral.value(text).unwrap();
            prop_assert_eq!(x, *c as f64 / 100.0);
            prop_assert_eq!(&written(&numeral, x), text);
        }
    }
}
