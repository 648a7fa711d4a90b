#![allow(clippy::unwrap_used)]

use super::super::Value;
use super::super::tests::{mean, plan, refused, repeats, run, run_with, variance};

const PENDULUM: &str = "[ode]\nuntil = 100\nevery = 0.01\nequations = { dangle = 'speed', dspeed = '-g / length * sin(angle)' }\n\
                        parameters = { g = 9.81, length = 1 }\ninitial = { angle = ANGLE, speed = 0 }\n";

/// Energy is constant, whatever the angle.
#[test]
fn a_pendulum_keeps_its_energy() {
    for angle in ["0.1", "2.5"] {
        let made = run(&PENDULUM.replace("ANGLE", angle), 1);
        let energy: Vec<f64> = made
            .numbers("angle")
            .iter()
            .zip(made.numbers("speed"))
            .map(|(a, s)| 0.5 * s * s - 9.81 * a.cos())
            .collect();
        assert_eq!(energy.len(), 10_001);
        assert!(energy.iter().all(|e| (e - energy[0]).abs() < 1e-5), "{angle}");
    }
}

/// 2 pi sqrt(l / g) for small angles; by the arithmetic-geometric mean for large ones.
#[test]
fn a_pendulum_has_its_period() {
    for angle in [0.001f64, 2.0] {
        let made = run(&PENDULUM.replace("ANGLE", &angle.to_string()), 1);
        let (angles, times) = (made.numbers("angle"), made.numbers("time"));
        let downs: Vec<f64> = (1..angles.len())
            .filter(|&k| angles[k - 1] > 0.0 && angles[k] <= 0.0)
            .map(|k| times[k - 1] + 0.01 * angles[k - 1] / (angles[k - 1] - angles[k]))
            .collect();
        let period = (downs[downs.len() - 1] - downs[0]) / (downs.len() - 1) as f64;
        let (mut a, mut b) = (1.0, (angle / 2.0).cos());
        for _ in 0..30 {
            (a, b) = (0.5 * (a + b), f64::sqrt(a * b));
        }
        let expected = std::f64::consts::TAU * (1.0 / 9.81f64).sqrt() / a;
        assert!((period - expected).abs() < 1e-5 * expected, "{angle}: {period}, not {expected}");
    }
}

/// The final size: ln(s) = -R0 (1 - s) for those never ill.
#[test]
fn an_epidemic_has_its_final_size() {
    let text = "[ode]\nunit = '1d'\nuntil = 400\nevery = 1\nequations = { ds = '-infected', di = 'infected - i * 0.2', dr = '0.2 * i' }\n\
                parameters = { r0 = 2.5 }\nlet = { infected = 'r0 * 0.2 * s * i' }\ninitial = { s = '1 - 1e-9', i = 1e-9, r = 0 }\nstiff = STIFF\n";
    for stiff in ["false", "true"] {
        let made = run(&text.replace("STIFF", stiff), 1);
        let (s, i, r) = (made.numbers("s"), made.numbers("i"), made.numbers("r"));
        assert!((0..s.len()).all(|k| (s[k] + i[k] + r[k] - 1.0).abs() < 1e-7));
        let never = s[s.len() - 1];
        assert!((never.ln() + 2.5 * (1.0 - never)).abs() < 1e-6, "{stiff}: {never}");
    }
}

/// A capacitor is charged to the voltage but for exp(-t / RC); the closed form, to the solver's tolerance.
#[test]
fn a_circuit_charges_as_in_its_closed_form() {
    let text = "[ode]\nuntil = '50ms'\nevery = '1ms'\nequations.du = '(volts - u) / (r * c)'\nparameters = { volts = 5, r = 1e4, c = 1e-6 }\ninitial.u = 0\n";
    for more in ["", "stiff = true\n"] {
        let made = run(&text.replace("[ode]\n", &format!("[ode]\n{more}")), 1);
        for (t, u) in made.numbers("time").iter().zip(made.numbers("u")) {
            let expected = 5.0 * (1.0 - (-t / 0.01).exp());
            assert!((u - expected).abs() < 1e-6, "{t}: {u}, not {expected}");
        }
        assert_eq!(made.rows(), 51);
    }
}

/// Robertson's reactions, at the values that Hairer and Wanner print.
#[test]
fn a_stiff_system_is_solved() {
    let text = "[ode]\nuntil = 40\nevery = 4\nstiff = true\nequations = { dx = '-0.04 * x + 1e4 * y * z', dy = '0.04 * x - 1e4 * y * z - 3e7 * y * y', dz = '3e7 * y * y' }\n\
                initial = { x = 1, y = 0, z = 0 }\n";
    let made = run(text, 1);
    assert!((made.numbers("x")[10] - 0.715_827).abs() < 1e-5, "{}", made.numbers("x")[10]);
    assert!((made.numbers("y")[10] - 9.1855e-6).abs() < 1e-9);
}

/// A ball that falls from 1 m bounces where it must, and loses a share each time.
#[test]
fn a_ball_bounces() {
    let text = "[ode]\nuntil = 2\nevery = 0.05\nequations = { dheight = 'speed', dspeed = '-9.81' }\ninitial = { height = 1, speed = 0 }\n\
                events.bounce = { when = 'height', crossing = 'down', set = { height = 0, speed = '-0.8 * speed' } }\n";
    let made = run(text, 1);
    let (heights, events, times) = (made.numbers("height"), made.texts("event"), made.numbers("time"));
    let first = (2.0 / 9.81f64).sqrt();
    let after = |t: f64, k: i32| t - first * (1.0 + 2.0 * (1..k).map(|j| 0.8f64.powi(j)).sum::<f64>());
    for (k, t) in times.iter().enumerate() {
        let expected = if *t < first {
            1.0 - 0.5 * 9.81 * t * t
        } else {
            let bounce = (1..).take_while(|b| after(*t, *b) >= 0.0).last().unwrap();
            let since = after(*t, bounce);
            0.8f64.powi(bounce) * 9.81 * first * since - 0.5 * 9.81 * since * since
        };
        assert!((heights[k] - expected).abs() < 1e-6, "{t}: {}, not {expected}", heights[k]);
    }
    assert_eq!(events.iter().filter(|e| e.contains("bounce")).count(), 3);
    let forever = run_with(&plan(&text.replace("until = 2", "until = 9")), 1, &[]).err().map(|e| e.to_string());
    assert!(forever.is_none_or(|e| e.contains("`events.bounce` happens without end")));
}

#[test]
fn an_event_ends_the_run() {
    let text = "[ode]\nuntil = 100\nevery = 1\nequations.dx = '1'\ninitial.x = 0\nevents.there = { when = 'x - 2.5', stop = true }\n";
    let made = run(text, 1);
    assert_eq!(made.rows(), 4);
    assert!((made.numbers("time")[3] - 2.5).abs() < 1e-9);
    assert_eq!(made.texts("event"), ["", "", "", "there"]);
}

#[test]
fn sensors_do_what_they_are_said_to() {
    let text = "[ode]\nuntil = 20000\nevery = 1\nequations.dx = '0'\ninitial.x = 2\nshow = ['x']\n\
                [ode.measures]\nplain = { of = '3 * x' }\nnoisy = { of = 'x', noise = 0.5 }\nbiased = { of = 'x', gain = 2, bias = 1, drift = 0.001 }\n\
                walks = { of = 'x', wander = 0.1 }\nlimited = { of = 'x', noise = 5, least = 0, greatest = 4 }\nsteps = { of = 'x', noise = 1, step = 0.25 }\n\
                gaps = { of = 'x', drop = 0.05 }\nholes = { of = 'x', drop = 0.02, drop_length = 5 }\nheavy = { of = 'x', noise = { student = 5 } }\nby = { of = 'x', noise = 'x / 4' }\n";
    let made = run(text, 3);
    let all = |name: &str| made.numbers(name);
    assert!(all("plain").iter().all(|x| (x - 6.0).abs() < 1e-9) && all("x").iter().all(|x| *x == 2.0));
    let noisy = all("noisy");
    assert!((mean(&noisy) - 2.0).abs() < 0.015 && (variance(&noisy).sqrt() - 0.5).abs() < 0.01);
    assert!((variance(&all("by")).sqrt() - 0.5).abs() < 0.01);
    assert!((all("biased")[10_000] - 15.0).abs() < 1e-9);
    let walks = all("walks");
    let steps: Vec<f64> = walks.windows(2).map(|w| w[1] - w[0]).collect();
    assert!((variance(&steps).sqrt() - 0.1).abs() < 0.002 && variance(&walks) > 1.0);
    let limited = all("limited");
    assert!(limited.iter().all(|x| (0.0..=4.0).contains(x)) && limited.iter().filter(|x| **x == 4.0).count() > 5_000);
    assert!(all("steps").iter().all(|x| (x * 4.0).fract() == 0.0));
    let missing = |name: &str| all(name).iter().filter(|x| x.is_nan()).count() as f64 / 20_001.0;
    assert!((missing("gaps") - 0.05).abs() < 0.007, "{}", missing("gaps"));
    // One in fifty begins a hole of five: 5 / (5 + 49).
    assert!((missing("holes") - 5.0 / 54.0).abs() < 0.015, "{}", missing("holes"));
    assert!((variance(&all("heavy")) - 5.0 / 3.0).abs() < 0.15);
}

#[test]
fn faults_are_made_and_labelled() {
    let text = "[ode]\nuntil = 100\nevery = 1\nequations.dx = 'rate'\nparameters.rate = 1\ninitial.x = 0\n\
                measures = { a = { of = 'x' }, b = { of = 'x' } }\nshow = ['x']\n\
                [ode.faults]\nstuck = { on = 'a', kind = 'stuck', from = 20, lasts = 10 }\nshift = { on = 'b', kind = 'offset', from = 25, lasts = 10, size = 7 }\n\
                gone = { on = 'b', kind = 'dropout', from = 80 }\nnever = { on = 'b', kind = 'scale', from = 0, size = 9, chance = 0 }\n\
                leak = { on = 'rate', kind = 'scale', from = 50, lasts = 10, size = 0.5 }\n";
    let made = run(text, 1);
    let (a, b, x, faults) = (made.numbers("a"), made.numbers("b"), made.numbers("x"), made.texts("fault"));
    let near = |x: f64, y: f64| (x - y).abs() < 1e-6;
    assert!((20..30).all(|k| near(a[k], 20.0)) && near(a[30], 30.0));
    assert!(near(b[24], 24.0) && near(b[25], 32.0) && near(b[34], 41.0) && near(b[35], 35.0));
    assert!(b[80..].iter().all(|x| x.is_nan()) && !b[79].is_nan());
    // The leak is in the world, not in the sensor: half the rate for ten units.
    assert!(near(x[50], 50.0) && near(x[60], 55.0) && near(x[100], 95.0) && near(a[60], 55.0));
    assert_eq!(
        [&faults[19], &faults[20], &faults[27], &faults[32], &faults[55], &faults[99]],
        ["", "stuck", "stuck+shift", "shift", "leak", "gone"]
    );
}

/// Two on one parameter, one within the other: what is left when one ends is the other.
#[test]
fn faults_of_one_parameter_go_together() {
    let text = "[ode]\nuntil = 50\nevery = 10\nequations.dx = 'rate'\nparameters.rate = 1\ninitial.x = 0\n\
                faults = { a = { on = 'rate', kind = 'scale', from = 10, lasts = 30, size = 3 }, b = { on = 'rate', kind = 'offset', from = 20, lasts = 10, size = 4 } }\n";
    let x = run(text, 1).numbers("x");
    for (x, expected) in x.iter().zip([0.0, 10.0, 40.0, 110.0, 140.0, 150.0]) {
        assert!((x - expected).abs() < 1e-6, "{x}, not {expected}");
    }
}

#[test]
fn the_clock_may_be_uneven() {
    let text = "[ode]\nstart = 2024-01-01\nuntil = 1000\nevery = 1\njitter = 0.1\nequations.dx = '1'\ninitial.x = 0\n";
    let made = run(text, 1);
    let times: Vec<f64> = made.numbers("time").iter().map(|t| (t - 1_704_067_200e6) / 1e6).collect();
    assert!(times.windows(2).all(|w| w[0] < w[1]));
    let off: Vec<f64> = times.iter().enumerate().skip(1).take(999).map(|(k, t)| t - k as f64).collect();
    assert!((variance(&off).sqrt() - 0.1).abs() < 0.01);
    // What is seen is the state of that moment.
    assert!(times.iter().zip(made.numbers("x")).all(|(t, x)| (t - x).abs() < 1e-5));
}

#[test]
fn parameters_are_drawn_and_read_the_parent() {
    let text = "[ode]\nuntil = 1\nevery = 1\nequations.dx = '-k * x + load'\nparameters = { k = { uniform = ['low', 'low + 1'] }, twice = '2 * k' }\ninitial.x = 'twice'\nshow = ['k', 'x']\n";
    let plan = plan(text);
    assert_eq!(plan.inputs(), ["low", "load"]);
    let made = run_with(&plan, 1, &[Value::Number(3.0), Value::Number(0.0)]).unwrap();
    let (k, x) = (made.numbers("k")[0], made.numbers("x"));
    assert!((3.0..4.0).contains(&k) && x[0] == 2.0 * k);
    assert!((x[1] - 2.0 * k * (-k).exp()).abs() < 1e-7);
    let wrong = run_with(&plan, 1, &[Value::Number(3.0), "heavy".into()]).err().unwrap().to_string();
    assert!(wrong.contains("`load`") && wrong.contains("no number"), "{wrong}");
}

#[test]
fn runs_repeat() {
    repeats(
        "[ode]\nuntil = 5\nevery = 0.1\nequations = { dx = 'v', dv = '-x' }\ninitial = { x = { normal = [0, 1] }, v = 0 }\nmeasures.m = { of = 'x', noise = 0.1 }",
    );
}

#[test]
fn mistakes_are_named() {
    let with = |more: &str| format!("until = 1\nevery = 0.1\n{more}\n");
    for (text, said) in [
        ("until = 1\nevery = 0\nequations.dx = '1'\ninitial.x = 0".to_owned(), "`every` must be above 0"),
        (with("equations = {}\ninitial = {}"), "`equations` must have an equation"),
        (with("equations.x = '1'\ninitial.x = 0"), "`equations.x` must begin with d"),
        (with("equations.dx = '1'\ninitial = {}"), "`initial.x` must be given"),
        (with("equations.dx = '1'\ninitial = { x = 0, y = 0 }"), "`initial.y` is no state"),
        (with("equations.dx = \"'a'\"\ninitial.x = 0"), "only numbers can stand"),
        (with("equations.dx = '1'\ninitial.x = 'x'"), "`initial.x` names `x`, which is not known yet"),
        (with("equations.dx = '1'\ninitial.x = 0\nparameters = { a = 'b', b = 1 }"), "`parameters.a` names `b`"),
        (
            with("equations.dx = '1'\ninitial.x = 0\nlet = { a = 'b', b = '1' }"),
            "`let.a` names itself or what stands after",
        ),
        (with("equations.dx = '1'\ninitial.x = 0\nparameters.x = 1"), "the name `x` to more than one"),
        (with("equations.dx = '1'\ninitial.x = 0\nshow = ['y']"), "`show` names the quantity `y`"),
        (with("equations.dx = '1'\ninitial.x = 0\nshow = ['x', 'x']"), "`x` twice"),
        (with("equations.dx = '1'\ninitial.x = 0\ntolerance = 1"), "`tolerance`"),
        (with("equations.dx = '1'\ninitial.x = 0\njitter = -1"), "`jitter`"),
        (with("equations.dx = '1'\ninitial.x = 0\nmeasures.m = { of = 'x', noise = -1 }"), "`measures.m.noise`"),
        (with("equations.dx = '1'\ninitial.x = 0\nmeasures.m = { of = 'x', step = 0 }"), "`measures.m.step`"),
        (with("equations.dx = '1'\ninitial.x = 0\nmeasures.m = { of = 'x', drop = 2 }"), "`measures.m.drop`"),
        (
            with("equations.dx = '1'\ninitial.x = 0\nfaults.f = { on = 'z', kind = 'stuck', from = 0 }"),
            "`faults.f.on` names",
        ),
        (
            with(
                "equations.dx = '1'\ninitial.x = 0\nmeasures.m.of = 'x'\nfaults.f = { on = 'm', kind = 'drift', from = 0 }",
            ),
            "`faults.f.size` must be given",
        ),
        (
            with(
                "equations.dx = '1'\ninitial.x = 0\nparameters.p = 1\nfaults.f = { on = 'p', kind = 'stuck', from = 0 }",
            ),
            "offset or scale",
        ),
        (
            with("equations.dx = '1'\ninitial.x = 0\nevents.e = { when = 'x', set = { y = '1' } }"),
            "`events.e.set` names the state `y`",
        ),
    ] {
        let what = refused(&format!("[ode]\n{text}\n"));
        assert!(what.contains(said), "{text}: {what}");
    }
    let error = |text: &str| run_with(&plan(&format!("[ode]\n{text}")), 1, &[]).err().unwrap().to_string();
    let grows = error("until = 2\nevery = 0.1\nequations.dx = 'x * x'\ninitial.x = 1");
    assert!(grows.contains("without bound"), "{grows}");
    let undefined = error("until = 2\nevery = 0.1\nequations.dx = 'sqrt(0 - x)'\ninitial.x = 1");
    assert!(undefined.contains("equations"), "{undefined}");
    let grows = error("until = 2\nevery = 0.1\nstiff = true\nequations.dx = 'x * x'\ninitial.x = 1");
    assert!(grows.contains("without bound"), "{grows}");
    let undefined = error("until = 2\nevery = 0.1\nstiff = true\nequations.dx = 'sqrt(0 - x)'\ninitial.x = 1");
    assert!(undefined.contains("equations"), "{undefined}");
}
