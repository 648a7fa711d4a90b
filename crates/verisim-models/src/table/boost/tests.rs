use verisim_data::rng::{below, uniform};

use super::*;

const SPANS: [Span; 4] = [
    Span { tokens: 3, scalar: false, ordered: false },
    Span { tokens: 4, scalar: false, ordered: true },
    Span { tokens: 5, scalar: false, ordered: false },
    Span { tokens: 40, scalar: false, ordered: true },
];
/// `P(b | a)`.
const GIVEN: [[f64; 4]; 3] = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4], [0.05, 0.45, 0.05, 0.45]];

fn pick(p: &[f64], rng: &mut Stream) -> u32 {
    let u = uniform(rng);
    let mut sum = 0.0;
    let at = p.iter().position(|p| {
        sum += p;
        u < sum
    });
    at.unwrap_or(p.len() - 1) as u32
}

/// `a` by fixed shares, `b` given `a`, `c` a function of `a` and of whether `b` is large, and `d` noise around ten times `b`.
fn table(rows: usize) -> Encoded {
    let mut rng = stream(1, "table", 0);
    let mut out = Encoded::zeros(&SPANS, rows);
    for i in 0..rows {
        let a = pick(&[0.5, 0.3, 0.2], &mut rng);
        let b = pick(&GIVEN[a as usize], &mut rng);
        out.tokens[0][i] = a;
        out.tokens[1][i] = b;
        out.tokens[2][i] = function(a, b);
        out.tokens[3][i] = 10 * b + below(&mut rng, 10) as u32;
    }
    out
}

fn function(a: u32, b: u32) -> u32 {
    [[4, 0, 2], [1, 4, 3]][usize::from(b > 1)][a as usize]
}

fn share(data: &Encoded, holds: impl Fn(usize) -> bool) -> f64 {
    (0..data.rows).filter(|&i| holds(i)).count() as f64 / data.rows as f64
}

fn draw(model: &Boosted, rows: usize, allowed: &Allowed) -> Encoded {
    model.draw(rows, allowed, u64::MAX, &mut stream(2, "draw", 0)).unwrap().encoded
}

fn digits_only(model: &Boosted) -> bool {
    model.factors.iter().all(|f| matches!(f, Factor::Digits(_)))
}

#[test]
fn conditional_distributions_are_recovered() {
    let data = table(20_000);
    let drawn = draw(&fit(&Config::default(), &SPANS, &data, 1).unwrap(), 100_000, &Allowed::any(4));
    for (a, given) in GIVEN.iter().enumerate() {
        let of_a: Vec<usize> = (0..drawn.rows).filter(|&i| drawn.tokens[0][i] == a as u32).collect();
        let made = drawn.take(&of_a);
        for (b, p) in given.iter().enumerate() {
            let q = share(&made, |i| made.tokens[1][i] == b as u32);
            assert!((p - q).abs() < 0.02, "P(b = {b} | a = {a}) is {p}, {q} in the draw");
        }
    }
}

/// Rows that are shuffled column by column have the same marginals, and would fail this.
#[test]
fn a_function_of_two_columns_is_reproduced() {
    let kept = |data: &Encoded| share(data, |i| data.tokens[2][i] == function(data.tokens[0][i], data.tokens[1][i]));
    let near = |data: &Encoded| share(data, |i| data.tokens[3][i] / 10 == data.tokens[1][i]);
    let data = table(5000);
    let drawn = draw(&fit(&Config::default(), &SPANS, &data, 1).unwrap(), 20_000, &Allowed::any(4));
    assert!(kept(&drawn) > 0.98 && near(&drawn) > 0.98, "{} {}", kept(&drawn), near(&drawn));
    let mut apart = drawn;
    apart.tokens[0].rotate_left(1);
    apart.tokens[3].rotate_left(2);
    assert!(kept(&apart) < 0.6 && near(&apart) < 0.6);
}

#[test]
fn marginals_are_those_of_the_table() {
    let mut data = table(3000);
    let mut rng = stream(5, "apart", 0);
    for tokens in &mut data.tokens {
        let order = permutation(&mut rng, tokens.len());
        *tokens = order.iter().map(|&i| tokens[i]).collect();
    }
    let drawn = draw(&fit(&Config::default(), &SPANS, &data, 1).unwrap(), 200_000, &Allowed::any(4));
    for (j, span) in SPANS.iter().enumerate() {
        for t in 0..span.tokens {
            let of = |data: &Encoded| share(data, |i| data.tokens[j][i] == t);
            let (p, q) = (of(&data), of(&drawn));
            assert!((p - q).abs() < 0.01 + 0.1 * p, "column {j}, token {t}: {p} in the table, {q} in the draw");
        }
    }
}

#[test]
fn conditions_give_what_filtering_gives() {
    let model = fit(&Config::default(), &SPANS, &table(10_000), 1).unwrap();
    let mut allowed = Allowed::any(4);
    allowed.restrict(1, vec![false, true, false, true]);
    allowed.restrict(3, (0..40).map(|t| t % 10 < 7).collect());
    let all = draw(&model, 150_000, &Allowed::any(4));
    let filtered = all.take(&allowed.matching(&all));
    let asked = model.draw(40_000, &allowed, u64::MAX, &mut stream(3, "draw", 0)).unwrap();
    assert_eq!(allowed.matching(&asked.encoded).len(), 40_000);
    let rate = filtered.rows as f64 / all.rows as f64;
    assert!((40_000.0 / asked.tried as f64 - rate).abs() < 0.01, "{} tries at a rate of {rate}", asked.tried);
    for a in 0..3u32 {
        let of = |data: &Encoded| share(data, |i| data.tokens[0][i] == a);
        let (p, q) = (of(&filtered), of(&asked.encoded));
        // Four standard deviations of a difference of two shares.
        let noise = 4.0 * (p * (1.0 - p) * (1.0 / filtered.rows as f64 + 1.0 / 40_000.0)).sqrt();
        assert!((p - q).abs() < noise, "a = {a}: {p} filtered, {q} asked for");
    }
}

#[test]
fn tries_run_out() {
    let model = fit(&Config::default(), &SPANS, &table(2000), 1).unwrap();
    for (column, width) in [(0, 3), (2, 5), (3, 40)] {
        let mut never = Allowed::any(4);
        never.restrict(column, vec![false; width]);
        let drawn = model.draw(10, &never, 500, &mut stream(2, "draw", 0)).unwrap();
        assert_eq!((drawn.encoded.rows, drawn.tried), (0, 500));
    }
    assert_eq!(model.draw(0, &Allowed::any(4), 500, &mut stream(2, "draw", 0)).unwrap().tried, 0);
}

#[test]
fn a_fit_is_the_same_on_any_number_of_threads() {
    let data = table(1500);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit(&Config::default(), &SPANS, &data, 1).unwrap().weights())
    };
    assert_eq!(on(1), on(4));
    assert_ne!(on(1), fit(&Config::default(), &SPANS, &data, 2).unwrap().weights());
}

#[test]
fn weights_make_the_same_model() {
    let data = table(5000);
    let model = fit(&Config::default(), &SPANS, &data, 1).unwrap();
    let weights = model.weights();
    let mut taken = weights.clone();
    let back = Boosted::from_weights(&Config::default(), &SPANS, &mut taken).unwrap();
    assert!(taken.nothing_left().is_ok());
    assert_eq!(back.weights(), weights);
    assert_eq!(draw(&back, 1000, &Allowed::any(4)).tokens, draw(&model, 1000, &Allowed::any(4)).tokens);
}

#[test]
fn damaged_weights_are_refused() {
    // Each column tells a little of the next, which suits digits better than a tree.
    let data = hills(3000);
    let spans = [Span { tokens: 60, scalar: false, ordered: true }; 3];
    let model = fit(&Config::default(), &spans, &data, 1).unwrap();
    assert!(digits_only(&model));
    let weights = model.weights();
    let refused = |damage: &dyn Fn(&mut Weights)| {
        let mut weights = weights.clone();
        damage(&mut weights);
        let error = Boosted::from_weights(&Config::default(), &spans, &mut weights).err().unwrap();
        assert!(error.to_string().contains("tensor"), "{error}");
    };
    let words = |name: &str, damage: &dyn Fn(&mut Vec<u32>)| {
        refused(&|weights| {
            let (_, mut v) = weights.take_u32(name).unwrap();
            damage(&mut v);
            weights.put_u32(name, &[v.len()], v);
        });
    };
    let bytes = |name: &str, damage: &dyn Fn(&mut Vec<u8>)| {
        refused(&|weights| {
            let (_, mut v) = weights.take_u8(name).unwrap();
            damage(&mut v);
            weights.put_u8(name, &[v.len()], v);
        });
    };
    words("order", &|v| v[0] = v[1]);
    words("1.ranked", &|v| v[0] = v[1]);
    words("1.ranked", &|v| v[0] = 60);
    words("1.counts", &|v| v.truncate(3));
    words("1.trees", &|v| v[0] = u32::MAX);
    words("1.trees", &|v| v.push(0));
    words("1.trees", &|v| v.clear());
    bytes("1.depths", &|v| v[0] = 200);
    bytes("1.depths", &|v| v[0] += 1);
    bytes("1.questions", &|v| v[0] = 77);
    bytes("1.questions", &|v| v.truncate(2));
    bytes("1.bins", &|v| v.truncate(2));
    refused(&|weights| {
        let (_, mut v) = weights.take_f32("1.leaves").unwrap();
        v[0] = f32::NAN;
        weights.put_f32("1.leaves", &[v.len()], v);
    });
    refused(&|weights| {
        let _ = weights.take_f32("1.leaves").unwrap();
    });
}

/// Three numbers, each near the one before: what trees of small steps tell better than one of large.
fn hills(rows: usize) -> Encoded {
    let mut rng = stream(9, "hills", 0);
    let mut out = Encoded::zeros(&[Span { tokens: 60, scalar: false, ordered: true }; 3], rows);
    for i in 0..rows {
        let mut at = uniform(&mut rng);
        for column in &mut out.tokens {
            column[i] = (at * 60.0) as u32;
            at = (at + 0.6 * (uniform(&mut rng) + uniform(&mut rng) - 1.0)).rem_euclid(2.0);
            at = at.min(1.999_9 - at).clamp(0.0, 0.999);
        }
    }
    out
}

#[test]
fn any_small_table_is_learnt() {
    for rows in [1, 2, 3, 30, 250] {
        let data = table(rows);
        let model = fit(&Config::default(), &SPANS, &data, 1).unwrap();
        let drawn = draw(&model, 50, &Allowed::any(4));
        assert_eq!(drawn.rows, 50);
        for (made, real) in drawn.tokens.iter().zip(&data.tokens) {
            assert!(made.iter().all(|t| real.contains(t)), "a token that never occurred, of {rows} rows");
        }
    }
    let one = [Span { tokens: 1, scalar: false, ordered: true }];
    let model = fit(&Config::default(), &one, &Encoded::zeros(&one, 100), 1).unwrap();
    assert_eq!(draw(&model, 5, &Allowed::any(1)).tokens, [[0; 5]]);
    let back = Boosted::from_weights(&Config::default(), &one, &mut model.weights()).unwrap();
    assert_eq!(back.weights(), model.weights());
}

#[test]
fn a_wide_table_has_few_numbers() {
    let spans = vec![Span { tokens: 30, scalar: false, ordered: true }; 600];
    let mut rng = stream(4, "wide", 0);
    let mut data = Encoded::zeros(&spans, 60);
    for j in 0..600 {
        for i in 0..60 {
            let copied = j % 2 == 1 && uniform(&mut rng) < 0.95;
            data.tokens[j][i] = if copied { data.tokens[j - 1][i] } else { below(&mut rng, 30) as u32 };
        }
    }
    let model = fit(&Config::default(), &spans, &data, 1).unwrap();
    let weights = model.weights();
    assert!(weights.count() < 600 * 600, "{} numbers", weights.count());
    let back = Boosted::from_weights(&Config::default(), &spans, &mut weights.clone()).unwrap();
    assert_eq!(back.weights(), weights);
    assert_eq!(draw(&back, 40, &Allowed::any(600)).tokens, draw(&model, 40, &Allowed::any(600)).tokens);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let good = Config::default();
    assert!(good.check().is_ok());
    for (bad, key) in [
        (Config { privacy: 1.5, ..good.clone() }, "privacy"),
        (Config { depth: Some(9), ..good.clone() }, "depth"),
        (Config { depth: Some(0), ..good.clone() }, "depth"),
        (Config { min_rows: Some(-1.0), ..good.clone() }, "min_rows"),
        (Config { shrinkage: Some(f64::NAN), ..good.clone() }, "shrinkage"),
        (Config { rate: 0.0, ..good.clone() }, "rate"),
        (Config { bins: 1, ..good.clone() }, "bins"),
    ] {
        assert!(bad.check().unwrap_err().to_string().contains(key));
    }
}
