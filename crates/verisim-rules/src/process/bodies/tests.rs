#![allow(clippy::unwrap_used)]

use super::super::Value;
use super::super::tests::{Made, mean, plan, refused, repeats, run, run_with};

/// Rows of one body.
fn of(made: &Made, body: &str, column: &str) -> Vec<f64> {
    made.numbers(column).into_iter().zip(made.texts("body")).filter(|(_, b)| b == body).map(|(x, _)| x).collect()
}

#[test]
fn a_body_falls_freely() {
    for (dimensions, at, v) in [(2, "[0, 100]", "[3, 1]"), (3, "[0, 100, 0]", "[3, 1, 0]")] {
        let text = format!(
            "[bodies]\nuntil = 3\nevery = 0.1\ndimensions = {dimensions}\nbodies.stone = {{ shape = {{ ball = 0.1 }}, at = {at}, velocity = {v} }}\n"
        );
        let made = run(&text, 1);
        for (k, (x, y)) in made.numbers("x").iter().zip(made.numbers("y")).enumerate() {
            let t = k as f64 * 0.1;
            assert!((x - 3.0 * t).abs() < 1e-3, "{t}: {x}");
            assert!((y - (100.0 + t - 4.905 * t * t)).abs() < 0.02, "{t}: {y}");
        }
        assert!(made.numbers("contact").iter().all(|c| *c == 0.0));
        assert_eq!(made.rows(), 31);
    }
}

/// A rod on a hinge, I = m l^2 / 3 around its end: 2 pi sqrt(2 l / (3 g)) for small angles.
#[test]
fn a_rod_on_a_hinge_swings_with_its_period() {
    for (dimensions, post, rod, at, joint) in [
        (
            2,
            "{ kind = 'fixed', shape = { ball = 0.01 }, at = [0, 0] }",
            "[0.02, 1]",
            "[0.0249979, -0.499375]",
            "at = [0, 0], to = [0, 0.5]",
        ),
        (
            3,
            "{ kind = 'fixed', shape = { ball = 0.01 }, at = [0, 0, 0] }",
            "[0.02, 1, 0.02]",
            "[0.0249979, -0.499375, 0]",
            "at = [0, 0, 0], to = [0, 0.5, 0]",
        ),
    ] {
        let turn = if dimensions == 2 { "[0.05]" } else { "[0, 0, 0.05]" };
        let text = format!(
            "[bodies]\nuntil = 16\nevery = 0.01\ndimensions = {dimensions}\nbodies = {{ post = {post}, rod = {{ shape = {{ box = {rod} }}, at = {at}, turn = {turn} }} }}\n\
             joints.hinge = {{ kind = 'hinge', between = ['post', 'rod'], {joint} }}\n"
        );
        let x = of(&run(&text, 1), "rod", "x");
        let downs: Vec<f64> = (1..x.len())
            .filter(|&k| x[k - 1] > 0.0 && x[k] <= 0.0)
            .map(|k| k as f64 - x[k] / (x[k] - x[k - 1]))
            .collect();
        let period = (downs[downs.len() - 1] - downs[0]) / (downs.len() - 1) as f64 * 0.01;
        let expected = std::f64::consts::TAU * (2.0 / 3.0 / 9.81f64).sqrt();
        assert!((period / expected - 1.0).abs() < 0.003, "{dimensions}: {period}, not {expected}");
    }
}

/// A pushed box slides v^2 / (2 mu g) far, and touches the floor all the way.
#[test]
fn friction_stops_a_sliding_box() {
    let text = "[bodies]\nuntil = 3\nevery = 0.05\nbodies = { floor = { kind = 'fixed', shape = { ground = {} }, at = [0, 0], friction = 0.4 }, \
                crate = { shape = { box = [1, 0.2] }, at = [0, 0.1], velocity = [4, 0], friction = 0.4 } }\n";
    let made = run(text, 1);
    let x = made.numbers("x");
    let expected = 16.0 / (2.0 * 0.4 * 9.81);
    assert!((x[x.len() - 1] - expected).abs() < 0.05, "{}, not {expected}", x[x.len() - 1]);
    assert!(made.numbers("contact")[1..].iter().all(|c| *c == 1.0));
    assert_eq!(made.texts("touches")[5], "floor");
}

/// A ball that keeps 0.8 of its speed comes back to 0.64 of its height.
#[test]
fn a_ball_bounces_to_its_height() {
    let text = "[bodies]\nuntil = 2\nevery = 0.005\nbodies = { floor = { kind = 'fixed', shape = { ground = {} }, at = [0, 0], bounce = 0.8 }, \
                ball = { shape = { ball = 0.05 }, at = [0, 2.05], bounce = 0.8 } }\n";
    let y = run(text, 1).numbers("y");
    let low = (0..y.len()).find(|&k| y[k + 1] > y[k]).unwrap();
    let top = y[low..].iter().copied().fold(0.0, f64::max) - 0.05;
    assert!((top - 1.28).abs() < 0.04, "{top}");
}

#[test]
fn motors_turn_and_hold() {
    let base = "kind = 'fixed', shape = { ball = 0.01 }, at = [0, 0]";
    let arm = "shape = { box = [1, 0.1] }, at = [0.5, 0]";
    let text = |motor: &str| {
        format!(
            "[bodies]\nuntil = 4\nevery = 0.02\ngravity = [0, 0]\nbodies = {{ base = {{ {base} }}, arm = {{ {arm} }} }}\n\
             joints.shoulder = {{ kind = 'hinge', between = ['base', 'arm'], to = [-0.5, 0], motor = {motor} }}\n"
        )
    };
    let made = run(&text("{ speed = 2 }"), 1);
    let spin = made.numbers("spin");
    assert!((mean(&spin[100..]) - 2.0).abs() < 0.02, "{}", mean(&spin[100..]));
    let turn = run(&text("{ position = 1.2 }"), 1).numbers("rotation");
    assert!((turn[turn.len() - 1] - 1.2).abs() < 0.01, "{}", turn[turn.len() - 1]);
    // It follows what moves.
    let made = run(&text("{ position = 't < 2 ? 0.5 : -0.5', stiffness = 400, damping = 40 }"), 1);
    let turn = made.numbers("rotation");
    assert!((turn[99] - 0.5).abs() < 0.02 && (turn[200] + 0.5).abs() < 0.02, "{} {}", turn[99], turn[200]);
}

#[test]
fn many_boxes_fall_into_a_heap() {
    let text = "[bodies]\nuntil = 3\nevery = 0.1\ndimensions = 3\nstep = 0.004\n[bodies.bodies]\nfloor = { kind = 'fixed', shape = { ground = {} }, at = [0, 0, 0] }\n\
                crate = { count = 12, shape = { box = [{ uniform = [0.2, 0.4] }, 0.3, 0.3] }, at = [{ normal = [0, 0.1] }, '0.5 + 0.5 * number', { normal = [0, 0.1] }], turn = [0, { uniform = [0, 3] }, 0] }\n";
    let made = run(text, 2);
    let names = made.texts("body");
    assert_eq!([&names[0], &names[11], &names[12]], ["crate1", "crate12", "crate1"]);
    let y = made.numbers("y");
    let first: Vec<f64> = y[..12].to_vec();
    assert!(first.iter().enumerate().all(|(k, y)| (y - 0.5 - 0.5 * k as f64).abs() < 1e-6));
    let last = &y[y.len() - 12..];
    assert!(last.iter().all(|y| (0.09..3.0).contains(y)), "{last:?}");
    let turns: Vec<f64> = ["qx", "qy", "qz", "qw"].iter().map(|q| made.numbers(q)[100].powi(2)).collect();
    assert!((turns.iter().sum::<f64>() - 1.0).abs() < 1e-5);
    repeats(text);
}

/// Two rods on hinges: the energy stays, though the motion is chaotic.
#[test]
fn a_double_pendulum_keeps_its_energy() {
    let text = "[bodies]\nuntil = 5\nevery = 0.01\nstep = 0.0005\n[bodies.bodies]\npost = { kind = 'fixed', shape = { ball = 0.01 }, at = [0, 0] }\n\
                upper = { shape = { box = [1, 0.05] }, at = [0.5, 0], mass = 1 }\nlower = { shape = { box = [1, 0.05] }, at = [1.5, 0], mass = 1 }\n\
                [bodies.joints]\na = { kind = 'hinge', between = ['post', 'upper'], to = [-0.5, 0] }\nb = { kind = 'hinge', between = ['upper', 'lower'], at = [0.5, 0], to = [-0.5, 0] }\n";
    let made = run(text, 1);
    let energy = |k: usize| {
        ["upper", "lower"]
            .iter()
            .map(|body| {
                let [y, vx, vy, spin] = ["y", "vx", "vy", "spin"].map(|c| of(&made, body, c)[k]);
                9.81 * y + 0.5 * (vx * vx + vy * vy) + 0.5 * (1.0 + 0.0025) / 12.0 * spin * spin
            })
            .sum::<f64>()
    };
    for k in [100, 250, 500] {
        assert!((energy(k) - energy(0)).abs() < 0.6, "{k}: {} {}", energy(k), energy(0));
    }
    // The rods stay joined.
    let (ux, uy, ur) = (of(&made, "upper", "x"), of(&made, "upper", "y"), of(&made, "upper", "rotation"));
    let (lx, ly, lr) = (of(&made, "lower", "x"), of(&made, "lower", "y"), of(&made, "lower", "rotation"));
    assert!((0..501).all(|k| {
        let (ex, ey) = (
            ux[k] + 0.5 * ur[k].cos() - lx[k] + 0.5 * lr[k].cos(),
            uy[k] + 0.5 * ur[k].sin() - ly[k] + 0.5 * lr[k].sin(),
        );
        ex.hypot(ey) < 0.01
    }));
}

#[test]
fn numbers_may_come_from_the_parent() {
    let plan = plan("[bodies]\nuntil = 1\nevery = 1\nbodies.a = { shape = { ball = 'size' }, at = [0, 'height'] }");
    assert_eq!(plan.inputs(), ["size", "height"]);
    let made = run_with(&plan, 1, &[Value::Number(0.5), Value::Number(7.0)]).unwrap();
    assert_eq!(made.numbers("y")[0], 7.0);
    let error = run_with(&plan, 1, &[Value::Number(-0.5), Value::Number(7.0)]).err().unwrap().to_string();
    assert!(error.contains("`bodies.a.shape` came to [-0.5]"), "{error}");
}

#[test]
fn mistakes_are_named() {
    let with = |more: &str| format!("[bodies]\nuntil = 1\nevery = 0.1\n{more}\n");
    let ball = "bodies.a = { shape = { ball = 1 }, at = [0, 0] }\n";
    for (text, said) in [
        ("bodies = {}".to_owned(), "`bodies` must have a body that moves"),
        ("dimensions = 4\nbodies = {}".to_owned(), "`dimensions` must be 2 or 3"),
        ("step = 0\nbodies = {}".to_owned(), "`step` must be above 0"),
        ("gravity = [1]\nbodies = {}".to_owned(), "`gravity` must have 2 numbers"),
        ("bodies.a = { shape = { ball = 0 }, at = [0, 0] }".to_owned(), "`bodies.a.shape` must have sizes above 0"),
        ("bodies.a = { shape = { box = [1] }, at = [0, 0] }".to_owned(), "`bodies.a.shape` must have 2 sides"),
        ("bodies.a = { shape = { cylinder = [1, 1] }, at = [0, 0] }".to_owned(), "needs `dimensions = 3`"),
        ("bodies.a = { shape = { ball = 1 }, at = [0] }".to_owned(), "`bodies.a.at` must have 2 numbers"),
        ("bodies.a = { shape = { ground = {} }, at = [0, 0] }".to_owned(), "must be fixed"),
        (
            "bodies.a = { shape = { ball = 1 }, at = [0, 0], friction = -1 }".to_owned(),
            "`bodies.a.friction` must be 0 or more",
        ),
        (
            format!("{ball}joints.j = {{ kind = 'hinge', between = ['a', 'b'] }}"),
            "`joints.j.between` names the body `b`",
        ),
        (format!("{ball}joints.j = {{ kind = 'hinge', between = ['a', 'a'] }}"), "must name two bodies"),
        (
            format!(
                "{ball}bodies.b = {{ shape = {{ ball = 1 }}, at = [0, 0] }}\njoints.j = {{ kind = 'socket', between = ['a', 'b'] }}"
            ),
            "`joints.j.kind`",
        ),
        (
            format!(
                "{ball}bodies.b = {{ shape = {{ ball = 1 }}, at = [0, 0] }}\njoints.j = {{ kind = 'hinge', between = ['a', 'b'], motor = {{}} }}"
            ),
            "`joints.j.motor` must have",
        ),
        (
            format!(
                "{ball}bodies.b = {{ shape = {{ ball = 1 }}, at = [0, 0] }}\njoints.j = {{ kind = 'slide', between = ['a', 'b'], axis = [0, 0] }}"
            ),
            "`joints.j.axis`",
        ),
        (
            format!(
                "{ball}bodies.b = {{ shape = {{ ball = 1 }}, at = [0, 0] }}\njoints.j = {{ kind = 'weld', between = ['a', 'b'], limits = [0, 1] }}"
            ),
            "hinge or slide",
        ),
    ] {
        let what = refused(&with(&text));
        assert!(what.contains(said), "{text}: {what}");
    }
    let far =
        run_with(&plan("[bodies]\nuntil = 1\nevery = 1\nbodies.a = { shape = { ball = 1 }, at = [0, 1e9] }"), 1, &[]);
    assert!(far.err().unwrap().to_string().contains("beyond 1000000"));
    let error = run_with(
        &plan("[bodies]\nuntil = 1\nevery = 'x'\nbodies.a = { shape = { ball = 1 }, at = [0, 0] }"),
        1,
        &[Value::Number(0.0)],
    );
    assert!(error.err().unwrap().to_string().contains("`every` came to 0"));
}
