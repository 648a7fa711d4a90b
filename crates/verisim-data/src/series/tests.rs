use super::*;
use crate::kind::Data;
use crate::table::{Column, Table};
use crate::watch::Quiet;

fn read(name: &str, text: &str, settings: Settings) -> (Series, Source) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let source = Source { series: Some(settings), ..Source::of(path) };
    (Series::read(&source, &mut Quiet).unwrap(), source)
}

fn csv(table: &Table) -> String {
    let mut text = table.names.join(",") + "\n";
    let columns: Vec<_> = (0..table.names.len()).map(|j| table.text(j).unwrap()).collect();
    for i in 0..table.rows {
        let cell = |c: &arrow_array::StringArray| {
            if arrow_array::Array::is_valid(c, i) { c.value(i).to_owned() } else { String::new() }
        };
        text += &(columns.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

/// Stores, each with a region, by month; not in order.
fn panel() -> String {
    let mut text = String::from("store,region,month,sales,open\n");
    for month in (1..=12).rev() {
        for store in 0..5 {
            let region = if store < 3 { "north" } else { "south" };
            text += &format!(
                "S{store:03},{region},2024-{month:02}-01,{},{}\n",
                100 * store + month,
                ["yes", "no"][month % 2]
            );
        }
    }
    text
}

#[test]
fn a_panel_is_recognised_and_parted() {
    let (series, source) = read(
        "panel.csv",
        &panel(),
        Settings { key: Some(Names::One("store".into())), order: Some("month".into()), ..Settings::default() },
    );
    let (shape, sequences, notes) = Shape::of(&series, &source).unwrap();
    assert_eq!(sequences.count(), 5);
    assert!(sequences.lengths().all(|l| l == 12));
    assert_eq!(shape.context.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["store", "region"]);
    assert_eq!(shape.clock, Clock { unit: Unit::Month, rest: 0.0, every: Some(1.0), start: Some(648.0) });
    assert!(!shape.has_start() && !shape.has_gap());
    assert!(
        notes.iter().any(|n| n.contains("5 sequences by store, 12 steps each, by `month`, every month")),
        "{notes:?}"
    );
    let Column::Number(sales) = &sequences.steps.columns[0] else { panic!() };
    assert_eq!(sales[..3], [1.0, 2.0, 3.0]);
    // Put together again with the keys as they come.
    let rows = shape.render(Made { sequences, starts: None }, 0, 1, false).unwrap();
    assert_eq!(rows.names, ["store", "region", "month", "sales", "open"]);
    assert_eq!(rows.rows, 60);
    assert!(csv(&rows).contains(",north,2024-12-01,12,yes\n"), "{}", csv(&rows));
}

#[test]
fn a_file_without_words_about_it_is_understood() {
    // Grouped by key.
    let mut text = String::from("country,continent,year,pop\n");
    for c in 0..20 {
        for y in 0..12 {
            text += &format!("land{c},{},{},{}\n", ["A", "B", "C"][c % 3], 1952 + 5 * y, 1000 * c + 37 * y * y);
        }
    }
    let (series, source) = read("g.csv", &text, Settings::default());
    let (shape, sequences, _) = Shape::of(&series, &source).unwrap();
    assert_eq!((shape.key.as_slice(), sequences.count()), (&["country".to_owned()][..], 20));
    assert_eq!(shape.order.as_ref().unwrap().name, "year");
    assert_eq!((shape.clock.every, shape.clock.start), (Some(5.0), Some(1952.0)));
    // One long series, and one without any time.
    let mut text = String::from("date,a,b\n");
    for d in 0..40 {
        text += &format!("2024-01-{:02} {:02}:00,{},{}\n", 1 + d / 24, d % 24, d * d % 17, (d as f64 * 0.7).sin());
    }
    let (series, source) = read("l.csv", &text, Settings::default());
    let (shape, sequences, notes) = Shape::of(&series, &source).unwrap();
    assert_eq!((shape.key.len(), sequences.count(), sequences.steps.rows), (0, 1, 40));
    assert_eq!(shape.clock.every, Some(3600.0));
    let short = "it is short: models can only put together anew what it has shown";
    assert!(notes.iter().any(|n| n.contains("one long series") && n.contains(short)), "{notes:?}");
    let text: String = std::iter::once("x,y\n".to_owned())
        .chain((0..40).map(|i| format!("{},{}\n", (i * 7) % 11, (i as f64).cos())))
        .collect();
    let (series, source) = read("n.csv", &text, Settings::default());
    let (shape, _, notes) = Shape::of(&series, &source).unwrap();
    assert!(shape.order.is_none() && notes.iter().any(|n| n.contains("in the order of the file")), "{notes:?}");
}

#[test]
fn a_table_of_people_is_no_series() {
    let mut text = String::from("age,income,city,id\n");
    for i in 0..200u64 {
        let mix = |k: u64| crate::rng::mix(i * 31 + k);
        text += &format!("{},{},c{},{}\n", 20 + mix(1) % 50, mix(2) % 90_000, mix(3) % 7, i);
    }
    let (series, _) = read("p.csv", &text, Settings::default());
    let schema = find::detected(&series.table).unwrap();
    assert_eq!(recognise(&series.table, &schema).unwrap(), None);
}

#[test]
fn events_have_gaps_and_starts() {
    let mut text = String::from("patient,time,event\n");
    for p in 0..10u64 {
        let mut time = 1000 * p;
        for e in 0..(3 + p % 4) {
            text += &format!("p{p},{time},{}\n", ["in", "exam", "out"][e as usize % 3]);
            time += 1 + crate::rng::mix(p * 9 + e) % 50;
        }
    }
    let (series, source) = read(
        "e.csv",
        &text,
        Settings { key: Some(Names::One("patient".into())), order: Some("time".into()), ..Settings::default() },
    );
    let (shape, sequences, _) = Shape::of(&series, &source).unwrap();
    assert!(shape.has_start() && shape.has_gap());
    let names = |s: crate::table::Schema| s.fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(shape.step_fields()), ["time (since the step before)", "event"]);
    assert_eq!(names(shape.context_fields()), ["time (first)", "steps (number)", "patient"]);
    let Column::Number(gaps) = &sequences.steps.columns[0] else { panic!() };
    assert!(gaps[0].is_nan() && gaps[1] >= 1.0);
    let times = sequences.times.clone();
    let again = shape.parse(&shape.render(Made { sequences, starts: None }, 0, 1, false).unwrap()).unwrap();
    assert_eq!(again.times, times);
}

#[test]
fn a_wide_file_is_unfolded_and_folded() {
    let mut text = String::from("label");
    (0..20).for_each(|t| text += &format!(",t{t}"));
    for i in 0..30 {
        text += &format!("\n{}", i % 3);
        (0..20).for_each(|t| text += &format!(",{}", i * 100 + t));
    }
    text.push('\n');
    let (series, source) = read("w.csv", &text, Settings::default());
    assert_eq!((series.table.rows, series.table.names.len()), (600, 4));
    let (shape, sequences, _) = Shape::of(&series, &source).unwrap();
    assert_eq!((sequences.count(), sequences.steps.rows), (30, 600));
    let rows = shape.render(Made { sequences, starts: None }, 0, 1, false).unwrap();
    assert_eq!(csv(&rows), text);
    assert_eq!(shape.rows(false).fields.len(), 21);
}

#[test]
fn months_are_counted_and_found_again() {
    let day = |text: &str| crate::table::date::DateFormat::new("%Y-%m-%d").parse(text).unwrap();
    let times = ["1949-01-15", "1949-02-15", "1968-02-15", "1970-01-15", "2024-12-15"].map(day);
    let (clock, counted) = Clock::of(&times, &[0, 5], true);
    assert_eq!((clock.unit, clock.every), (Unit::Month, None));
    assert_eq!(counted[1] - counted[0], 1.0);
    counted.iter().zip(times).for_each(|(&c, t)| assert_eq!(clock.time(c), t));
    let days = ["2024-02-28", "2024-02-29", "2024-03-01"].map(day);
    let (clock, _) = Clock::of(&days, &[0, 3], true);
    assert_eq!((clock.unit, clock.every), (Unit::Day, Some(1.0)));
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let text = panel();
    let fails = |settings: Settings| {
        let (series, source) = read("panel.csv", &text, settings);
        Shape::of(&series, &source).unwrap_err().to_string()
    };
    let key = || Some(Names::One("store".into()));
    let said = fails(Settings { key: key(), order: Some("mont".into()), ..Settings::default() });
    assert!(said.contains("did you mean `month`"), "{said}");
    let said = fails(Settings { key: key(), order: Some("region".into()), ..Settings::default() });
    assert!(said.contains("neither a date nor a number"), "{said}");
    let said = fails(Settings {
        key: key(),
        order: Some("month".into()),
        context: Some(vec!["sales".into()]),
        ..Settings::default()
    });
    assert!(said.contains("changes within a sequence"), "{said}");
}

#[test]
fn what_wanders_is_learnt_as_its_change_and_comes_back() {
    let mut text = String::from("who,t,counter,size,mood\n");
    for w in 0..30u64 {
        let (mut counter, mut size) = (w * 50, 10f64.powf(w as f64 / 6.0));
        for t in 0..15 {
            text += &format!("w{w:02},{t},{counter},{size:.4},{}\n", crate::rng::mix(w * 100 + t) % 90);
            counter += crate::rng::mix(w * 77 + t) % 5;
            size *= 1.0 + 0.02 * (crate::rng::mix(w * 13 + t) % 3) as f64;
        }
    }
    let (series, source) = read(
        "c.csv",
        &text,
        Settings { key: Some(Names::One("who".into())), order: Some("t".into()), ..Settings::default() },
    );
    let (shape, sequences, _) = Shape::of(&series, &source).unwrap();
    let changes = Change::choose(&shape, &sequences);
    let found: Vec<(usize, bool)> = changes.iter().map(|c| (c.column, c.log)).collect();
    assert_eq!(found, [(0, false), (1, true)], "{changes:?}");
    let mut changed = sequences.clone();
    let levels = to_changes(&mut changed, &changes, 0);
    assert_eq!(levels.len(), 2);
    let Column::Number(steps) = &changed.steps.columns[0] else { panic!() };
    assert!(steps[0].is_nan() && steps[1..15].iter().all(|s| (0.0..5.0).contains(s)));
    to_levels(&mut changed, &changes, 0, None);
    for (before, after) in sequences.steps.columns.iter().zip(&changed.steps.columns) {
        let (Column::Number(a), Column::Number(b)) = (before, after) else { continue };
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs() + 1e-9));
    }
    // After a past the first step is a change too.
    let mut on = sequences.take(&[3]);
    let ends: Vec<Vec<f64>> = levels.iter().map(|l| vec![l[4 * 15 - 1]]).collect();
    to_changes(&mut on, &changes, 0);
    for column in &mut on.steps.columns[..2] {
        if let Column::Number(values) = column {
            values[0] = 0.0;
        }
    }
    to_levels(&mut on, &changes, 0, Some(&ends));
    let Column::Number(counter) = &on.steps.columns[0] else { panic!() };
    assert_eq!(counter[0], ends[0][0]);
}
