//! Cases against the judge and the constraints, one by one.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::edge::check::Judge;

const ORDER: &str = r#"
name = "order"
zone = "Europe/Berlin"

[fields.quantity]
type = "integer"
bits = 16
min = 1
max = 99

[fields.amount]
type = "decimal"
digits = 8
currency = "EUR"
min = 0

[fields.state]
type = "enum"
values = ["new", "paid", "shipped"]

[fields.note]
type = "text"
max_length = 40
nullable = true

[fields.ordered]
type = "date"
min = 2020-01-01
max = 2029-12-31

[fields.shipped]
type = "date"
min = 2020-01-01
max = 2029-12-31
nullable = true

[[constraints]]
check = "shipped == null || shipped >= ordered"

[[constraints]]
check = "state != 'shipped' || shipped != null"

[[constraints]]
check = "state != 'paid' || amount > 0"
"#;

/// Every row is what it says: a valid one has no fault, an invalid one exactly one.
fn honest(form: &Form, made: &Cases) {
    let judges: Vec<Judge<'_>> = form.fields.iter().map(Judge::new).collect();
    let expressions: Vec<Expression> = form.constraints.iter().map(|c| expression::read(c).unwrap()).collect();
    for row in &made.rows {
        let faults = judges.iter().zip(&row.values).filter(|(j, v)| j.fault(v).is_some()).count();
        let broken =
            expressions.iter().filter(|e| broken(form, std::slice::from_ref(*e), &row.values).is_some()).count();
        // A date before all that a constraint allows breaks both; it is said.
        let both = row.fault.as_ref().is_some_and(|f| f.contains(", and so breaks "));
        assert_eq!(both, faults == 1 && broken > 0, "{row:?}");
        let broken = if both { 0 } else { broken };
        assert_eq!(faults + broken, usize::from(row.fault.is_some()), "{row:?}");
    }
}

#[test]
fn an_order_has_valid_rows_and_rows_with_one_fault() {
    let form = Form::read(Path::new("order.toml"), ORDER).unwrap();
    let made = cases(&form, &Settings::default()).unwrap();
    honest(&form, &made);
    let report = &made.report;
    assert_eq!(report.combinations.required, report.combinations.covered);
    assert!(report.combinations.excluded > 0);
    assert_eq!(report.valid + report.invalid, made.rows.len());
    assert!(report.constraints.iter().all(|c| c.broken > 0), "{report:?}");
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    let faults: Vec<&str> = made.rows.iter().filter_map(|r| r.fault.as_deref()).collect();
    for wanted in [
        "quantity: below the least (one below the least)",
        "amount: too many digits after the point (half a unit)",
        "ordered: not a date (leap day of a century that has none)",
        "note: too long (one longer)",
        "state: null (missing)",
        "breaks state != 'paid' || amount > 0",
    ] {
        assert!(faults.contains(&wanted), "{wanted}: {faults:#?}");
    }
    // Each combined pair of two fields that no constraint names is there.
    let said = report.to_string();
    assert!(said.contains("pairs: 343 of 343 covered, 12 excluded by constraints"), "{said}");
    let amounts = report.fields[1].combined;
    let mut pairs: Vec<(&Value, &Value)> =
        made.rows[..report.valid].iter().map(|r| (&r.values[0], &r.values[1])).collect();
    pairs.sort_by_key(|p| format!("{p:?}"));
    pairs.dedup();
    assert!(pairs.len() >= report.fields[0].combined * amounts);
    assert_eq!(cases(&form, &Settings::default()).unwrap(), made);
    let bare = cases(&form, &Settings { invalid: false, odd: false, ..Settings::default() }).unwrap();
    assert!(bare.report.invalid == 0 && bare.rows.len() < report.valid);
    honest(&form, &bare);
}

#[test]
fn missing_and_empty_differ_in_both_files() {
    let row = |fault: Option<&str>, values: Vec<Value>| Row { fault: fault.map(str::to_owned), values };
    let text = |t: &str| Value::Text(t.to_owned());
    let made = Cases {
        fields: vec!["a".into(), "b\"c".into()],
        rows: vec![
            row(None, vec![text(""), Value::Null]),
            row(Some("a: x"), vec![Value::Absent, text("1\n\"2\"")]),
            row(None, vec![Value::Number("-0".into()), Value::Boolean(true)]),
            row(None, vec![Value::Number("inf".into()), Value::Number("1e400".into())]),
        ],
        report: Report::default(),
        documents: false,
    };
    let mut csv = Vec::new();
    made.write_csv(&mut csv).unwrap();
    let wanted = "case,expected,fault,\"a\",\"b\"\"c\"\n1,valid,,\"\",\n2,invalid,\"a: x\",,\"1\n\"\"2\"\"\"\n3,valid,,-0,true\n4,valid,,inf,1e400\n";
    assert_eq!(String::from_utf8(csv).unwrap(), wanted);
    let mut json = Vec::new();
    made.write_json(&mut json).unwrap();
    let json = String::from_utf8(json).unwrap();
    let lines: Vec<&str> = json.lines().collect();
    assert_eq!(lines[0], r#"{"case":1,"expected":"valid","fault":null,"record":{"a":"","b\"c":null}}"#);
    assert_eq!(lines[1], r#"{"case":2,"expected":"invalid","fault":"a: x","record":{"b\"c":"1\n\"2\""}}"#);
    assert!(lines[2].ends_with(r#""record":{"a":-0,"b\"c":true}}"#));
    assert!(lines[3].ends_with(r#""record":{"a":"inf","b\"c":1e400}}"#));
}

#[test]
fn fields_of_documents_are_in_their_objects() {
    let number = |n: &str| Value::Number(n.to_owned());
    let names = ["id", "a.x", "b", "a.y.z", "b.c", "a.w"];
    let values = vec![number("1"), number("2"), number("3"), number("4"), number("5"), Value::Absent];
    let mut made = Cases {
        fields: names.map(str::to_owned).to_vec(),
        rows: vec![Row { fault: None, values }],
        report: Report::default(),
        documents: true,
    };
    let written = |made: &Cases| {
        let mut out = Vec::new();
        made.write_json(&mut out).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
        line["record"].to_string()
    };
    assert_eq!(written(&made), r#"{"id":1,"a":{"x":2,"y":{"z":4}},"b":3,"b.c":5}"#);
    made.documents = false;
    assert_eq!(written(&made), r#"{"id":1,"a.x":2,"b":3,"a.y.z":4,"b.c":5}"#);
}

#[test]
fn what_cannot_be_is_said() {
    let said = |text: &str, settings: Settings| {
        let form = Form::read(Path::new("f"), text).unwrap();
        cases(&form, &settings).unwrap_err().to_string()
    };
    let bad = Settings { strength: 0, ..Settings::default() };
    assert!(said("[fields.a]\ntype = \"boolean\"", bad).contains("`strength` must be 1 to 6"));
    let text = "[fields.a]\ntype = \"integer\"\nmin = 1\nmax = 2\n[[constraints]]\ncheck = \"a > 5\"";
    assert!(said(text, Settings::default()).contains("leave no row"));
    let text = "[fields.a]\ntype = \"integer\"\n[[constraints]]\ncheck = \"b > 5\"";
    assert!(said(text, Settings::default()).contains("names `b`, which is no field; there are a"));
    let text = "[fields.a]\ntype = \"integer\"\n[[constraints]]\ncheck = \"a + 1\"";
    assert!(said(text, Settings::default()).contains("is a number and not yes or no"));
    let text = "[fields.a]\ntype = \"text\"\npattern = \"^a$\"\nmin_length = 3";
    assert!(said(text, Settings::default()).contains("give it `examples`"));
    let one = Form::read(Path::new("f"), "[fields.a]\ntype = \"boolean\"").unwrap();
    assert_eq!(cases(&one, &Settings::default()).unwrap().report.strength, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever the form, rows are what they say and combinations are covered.
    #[test]
    fn cases_are_honest(
        least in -1000i64..1000, width in 0i64..500, longest in 1usize..30, scale in 0u8..4,
        nullable in any::<bool>(), rule in 0..3u8, documents in any::<bool>(),
    ) {
        let text = format!(
            "documents = {documents}\n[fields.n]\ntype = \"integer\"\nmin = {least}\nmax = {}\n[fields.d]\ntype = \"decimal\"\n\
             digits = 9\nscale = {scale}\nnullable = {nullable}\n[fields.t]\ntype = \"text\"\nmax_length = {longest}\n\
             [fields.f]\ntype = \"float\"\nmax = {width}\nrequired = {nullable}\n[[constraints]]\ncheck = \"{}\"\n",
            least + width,
            ["d == null || d >= n || d < n", "n + f >= n || f < 0", "size(t) > 0 || d == null || d > 1"][usize::from(rule)],
        );
        let form = Form::read(Path::new("f"), &text).unwrap();
        let made = cases(&form, &Settings::default()).unwrap();
        honest(&form, &made);
        prop_assert_eq!(made.report.combinations.required, made.report.combinations.covered);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// No form that is read makes anything panic, whatever its bounds.
    #[test]
    fn odd_forms_are_cases_or_errors(
        kind in 0usize..9, a in any::<i64>(), b in any::<i64>(), x in any::<f64>(), small in 0u8..70,
        keys in prop::collection::vec(0usize..12, 0..5),
    ) {
        let kinds = ["integer", "decimal", "float", "boolean", "text", "enum", "date", "time", "timestamp"];
        let x = if x.is_finite() { x } else { 0.0 };
        let said = [
            format!("min = {a}"), format!("max = {b}"), format!("bits = {small}"), format!("digits = {small}"),
            format!("scale = {small}"), format!("min = {x:?}"), format!("min_length = {small}"), format!("max_length = {small}"),
            "pattern = \"^[a-c]{3,}x?|(é|ß)$\"".to_owned(), "values = [\"a\", 1, true]".to_owned(),
            "min = 9999-12-31".to_owned(), "zone = \"America/New_York\"".to_owned(),
        ];
        let mut keys = keys;
        keys.sort_unstable();
        keys.dedup();
        let lines: Vec<&str> = keys.iter().map(|&k| said[k].as_str()).collect();
        let text = format!("[fields.a]\ntype = \"{}\"\n{}\n[fields.b]\ntype = \"boolean\"", kinds[kind], lines.join("\n"));
        if let Ok(form) = Form::read(Path::new("f"), &text)
            && let Ok(made) = cases(&form, &Settings { odd: false, ..Settings::default() })
        {
            honest(&form, &made);
        }
    }
}
