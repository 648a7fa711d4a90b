#![allow(clippy::unwrap_used)]

use super::super::Value;
use super::super::tests::{mean, plan, refused, repeats, run, run_with};

const PATIENT: &str = r#"
    [machine]
    start = 2020-01-01
    unit = "1d"
    until = 3650
    columns = ["severity", "visits", "smoker"]
    [machine.attributes]
    visits = 0
    smoker = "smokes"
    risk = "smoker ? 0.3 : 0.1"
    [machine.kinds]
    smoker = "yes"
    [machine.states.healthy]
    delay = { exponential = "30d" }
    next = [{ to = "ill", share = "risk" }, { to = "healthy" }]
    [machine.states.ill]
    set = { severity = { choose = { mild = 3, severe = 1 } } }
    count = ["visits"]
    emit = "diagnosis"
    next = [{ when = "severity == 'severe'", to = [{ to = "ward", share = 0.5 }, { to = "dies" }] }, { to = "healthy" }]
    [machine.states.ward]
    call = "stay"
    next = "healthy"
    [machine.states.dies]
    emit = "death"
    [machine.machines.stay.admitted]
    emit = "admission"
    delay = "1d"
    next = "treated"
    [machine.machines.stay.treated]
    delay = { gamma = [2, 3] }
    emit = "discharge"
"#;

#[test]
fn a_patients_way_is_written_row_by_row() {
    let plan = plan(PATIENT);
    assert_eq!(plan.inputs(), ["smokes"]);
    let (mut diagnoses, mut deaths) = ([0.0; 2], 0);
    for seed in 0..400 {
        let smokes = seed % 2 == 1;
        let made = run_with(&plan, seed, &[Value::Yes(smokes)]).unwrap();
        let (times, events, states) = (made.numbers("time"), made.texts("event"), made.texts("state"));
        assert!(times.windows(2).all(|w| w[0] <= w[1]));
        let visits = made.numbers("visits");
        for (k, event) in events.iter().enumerate() {
            match event.as_str() {
                "admission" => {
                    assert_eq!(states[k], "stay.admitted");
                    // Unless the ten years are over first.
                    assert!(events.get(k + 1).is_none_or(|next| next == "discharge"));
                }
                "death" => assert_eq!(k + 1, events.len()),
                "diagnosis" => {
                    assert_eq!(visits[k], events[..=k].iter().filter(|e| *e == "diagnosis").count() as f64)
                }
                _ => {}
            }
        }
        diagnoses[usize::from(smokes)] += events.iter().filter(|e| *e == "diagnosis").count() as f64;
        deaths += events.iter().filter(|e| *e == "death").count();
        assert!(times.iter().all(|t| *t < 1_577_836_800e6 + 3650.0 * 86_400e6));
    }
    // One in eight diagnoses is the last.
    let all = diagnoses[0] + diagnoses[1];
    assert!((deaths as f64 / all - 0.125).abs() < 0.03, "{deaths} of {all}");
    // Smokers fall ill thrice as often, so more of them die earlier than the ten years are over.
    assert!(diagnoses[1] > diagnoses[0], "{diagnoses:?}");
}

/// The mean delay is the distribution's, and shares are met.
#[test]
fn delays_and_shares_are_as_said() {
    let text = "[machine]\nunit = '1h'\ncolumns = ['n']\n[machine.states.a]\ndelay = { exponential = '2h' }\ncount = ['n']\nemit = 'a'\n\
                next = [{ to = 'a', share = 0.999 }, { to = 'b' }]\n[machine.states.b]\n";
    let plan = plan(text);
    let (mut gaps, mut runs) = (Vec::new(), Vec::new());
    for seed in 0..60 {
        let times = run_with(&plan, seed, &[]).unwrap().numbers("time");
        runs.push(times.len() as f64);
        gaps.extend(times.windows(2).map(|w| w[1] - w[0]));
    }
    let n = gaps.len() as f64;
    assert!((mean(&gaps) - 2.0).abs() < 4.0 * 2.0 / n.sqrt(), "{}", mean(&gaps));
    assert!((mean(&runs) - 1000.0).abs() < 4.0 * 1000.0 / 60f64.sqrt(), "{}", mean(&runs));
}

#[test]
fn a_guard_waits_for_a_condition_or_for_so_long() {
    let text = "[machine]\nstart = 2024-01-30T12:00:00\nunit = '1d'\nuntil = 900\n[machine.states.a]\n\
                wait = { until = 'month(time) == 3', every = '6h' }\nemit = 'march'\nnext = 'b'\n[machine.states.b]\n\
                wait = { until = 'x > 3', at_most = 2 }\nemit = 'late'\nnext = 'c'\n[machine.states.c]\nwait = 'x > 3'\nemit = 'never'\n\
                [machine.attributes]\nx = 1\n";
    let made = run(text, 1);
    assert_eq!(made.texts("event"), ["march", "late"]);
    let march = 1_709_251_200e6;
    assert_eq!(made.numbers("time"), [march, march + 2.0 * 86_400e6]);
}

#[test]
fn a_table_of_shares_is_looked_up() {
    let text = "[machine]\nstates.a.next = { by = ['age', 'sex'], to = ['x', 'y'], rows = [['0..40', '*', 1, 0], ['40..', 'f', 0, 1], ['*', 'm', 0.5, 0.5]] }\n\
                states.x.emit = 'x'\nstates.y.emit = 'y'\n";
    let plan = plan(text);
    let event = |seed, age: f64, sex: &str| {
        run_with(&plan, seed, &[Value::Number(age), sex.into()]).map(|m| m.texts("event")[0].clone())
    };
    assert!((0..50).all(|s| event(s, 39.9, "f").unwrap() == "x" && event(s, 40.0, "f").unwrap() == "y"));
    let x = (0..400).filter(|s| event(*s, 50.0, "m").unwrap() == "x").count();
    assert!((160..240).contains(&x), "{x}");
    assert!(event(1, 50.0, "d").unwrap_err().to_string().contains("has no row for"));
}

#[test]
fn circles_without_end_are_an_error() {
    let error = |text: &str| run_with(&plan(text), 1, &[]).err().unwrap().to_string();
    assert!(
        error("[machine]\nmax_steps = 50\nstates.a.next = 'a'")
            .contains("`max_steps` were reached in the state `a` at time 0")
    );
    assert!(error("[machine]\nstates.a.call = 'm'\nmachines.m.b.call = 'm'").contains("call itself"));
    assert!(error("[machine]\nstates.a.delay = { normal = [-5, 1] }").contains("`states.a.delay` came to"));
    assert!(error("[machine]\nstates.a.wait = { until = 't < 0', every = 0.001 }").contains("did not hold"));
}

#[test]
fn seen_states_are_counted() {
    let made = run(
        "[machine]\nstates.a.emit = 'e'\nstates.a.next = [{ to = 'b', when = 'seen.a == 3' }, { to = 'a' }]\nstates.b.emit = 'end'",
        1,
    );
    assert_eq!(made.texts("event"), ["e", "e", "e", "end"]);
}

#[test]
fn runs_repeat() {
    repeats(&PATIENT.replace("\"smokes\"", "true"));
}

#[test]
fn mistakes_are_named() {
    for (text, said) in [
        ("states.a.next = 'b'", "`states.a.next` names the state `b`, which there is not; there are a"),
        ("states.a.next = [{ to = 'a', share = 0.7 }, { to = 'a', share = 0.6 }]", "shares of 1.29"),
        ("states.a.next = [{ to = 'a' }, { to = 'a', share = 0.6 }]", "only the last"),
        ("states.a.next = [{ to = 'a', share = 0.5, when = 'true' }]", "`when` and `share`"),
        ("states.a.next = []", "empty list"),
        ("states.a.call = 'm'", "`states.a.call` names the machine `m`"),
        ("states.a.delay = -1", "`states.a.delay` must not be below 0"),
        ("states.a.delay = '1 +'", "`states.a.delay` has the expression"),
        ("states.a.wat = 1", "unknown field `wat`"),
        ("states.a.set = { t = 1 }", "is the name of the time"),
        ("columns = ['x']\nstates.a.emit = 'e'", "`columns` names the attribute `x`"),
        ("columns = ['x']\nattributes.x = 'age'\nstates.a.emit = 'e'", "`kinds` must say of which kind `x` is"),
        ("initial = 'z'\nstates.a.emit = 'e'", "`initial` names the state `z`"),
        ("max_steps = 0\nstates.a.emit = 'e'", "`max_steps` must be above 0"),
        ("states = {}", "`states` must have a state"),
        ("unit = '3 parsecs'\nstates = {}", "length of time"),
        ("start = 'soon +'\nstates.a.emit = 'e'", "`start` has the expression"),
        ("states.a.set = { x = { choose = { a = -1 } } }", "needs weights"),
        ("states.a.next = { by = ['x'], to = ['a'], rows = [['*']] }", "row 1 of its table has 1 entries"),
    ] {
        let what = refused(&format!("[machine]\n{text}\n"));
        assert!(what.contains(said), "{text}: {what}");
    }
}
