use verisim_data::rng::{stream, uniform};

use super::*;

const SPANS: [Span; 4] = [
    Span { tokens: 3, scalar: false, ordered: false },
    Span { tokens: 4, scalar: false, ordered: true },
    Span { tokens: 5, scalar: false, ordered: false },
    Span { tokens: 40, scalar: false, ordered: true },
];
/// `P(b | a)`.
const GIVEN: [[f64; 4]; 3] = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 0.0, 0.5]];

fn pick(p: &[f64], rng: &mut Stream) -> u32 {
    let mut u = uniform(rng);
    p.iter()
        .position(|p| {
            u -= p;
            u < 0.0
        })
        .unwrap_or(p.len() - 1) as u32
}

/// `a` by fixed shares, `b` given `a`, `c` a function of `a`, and `d` noise around ten times `b`.
fn table(rows: usize) -> Encoded {
    let mut rng = stream(1, "table", 0);
    let mut out = Encoded::zeros(&SPANS, rows);
    for i in 0..rows {
        let a = pick(&[0.5, 0.3, 0.2], &mut rng);
        let b = pick(&GIVEN[a as usize], &mut rng);
        out.tokens[0][i] = a;
        out.tokens[1][i] = b;
        out.tokens[2][i] = [4, 0, 2][a as usize];
        out.tokens[3][i] = 10 * b + below(&mut rng, 10) as u32;
    }
    out
}

/// Without a pull towards ancestors, so that leaves are what was counted.
fn config() -> Config {
    Config { min_leaf: Some(20), backoff: Some(0.0), ..Config::default() }
}

fn share(data: &Encoded, holds: impl Fn(usize) -> bool) -> f64 {
    (0..data.rows).filter(|&i| holds(i)).count() as f64 / data.rows as f64
}

fn draw(trees: &Trees, rows: usize, allowed: &Allowed) -> Encoded {
    trees.draw(rows, allowed, u64::MAX, &mut stream(2, "draw", 0)).unwrap().encoded
}

#[test]
fn conditional_distributions_are_recovered() {
    let data = table(20_000);
    let trees = fit(&config(), &SPANS, &data, 1).unwrap();
    let drawn = draw(&trees, 100_000, &Allowed::any(4));
    for a in 0..3u32 {
        let of_a = |data: &Encoded| data.take(&(0..data.rows).filter(|&i| data.tokens[0][i] == a).collect::<Vec<_>>());
        let (real, made) = (of_a(&data), of_a(&drawn));
        for b in 0..4u32 {
            let p = share(&real, |i| real.tokens[1][i] == b);
            let q = share(&made, |i| made.tokens[1][i] == b);
            // Three standard deviations of the draw, and one row for a share of zero or one.
            let noise = 3.0 * (p * (1.0 - p) / made.rows as f64).sqrt() + 1.0 / made.rows as f64;
            assert!((p - q).abs() < noise, "P(b = {b} | a = {a}) is {p} in the table, {q} in the draw");
        }
    }
}

#[test]
fn a_function_of_another_column_is_reproduced() {
    let drawn = draw(&fit(&config(), &SPANS, &table(5000), 1).unwrap(), 20_000, &Allowed::any(4));
    assert_eq!(share(&drawn, |i| drawn.tokens[2][i] == [4, 0, 2][drawn.tokens[0][i] as usize]), 1.0);
    assert_eq!(share(&drawn, |i| drawn.tokens[3][i] / 10 == drawn.tokens[1][i]), 1.0);
}

#[test]
fn the_pull_towards_ancestors_mixes_them_in() {
    let data = table(5000);
    let pulled = fit(&Config { backoff: Some(500.0), ..config() }, &SPANS, &data, 1).unwrap();
    let drawn = draw(&pulled, 20_000, &Allowed::any(4));
    let kept = share(&drawn, |i| drawn.tokens[2][i] == [4, 0, 2][drawn.tokens[0][i] as usize]);
    assert!(kept > 0.5 && kept < 0.95, "{kept}");
}

#[test]
fn conditions_give_what_filtering_gives() {
    let trees = fit(&config(), &SPANS, &table(20_000), 1).unwrap();
    let mut allowed = Allowed::any(4);
    allowed.restrict(1, vec![false, true, false, true]);
    allowed.restrict(3, (0..40).map(|t| t % 10 < 7).collect());
    let all = draw(&trees, 150_000, &Allowed::any(4));
    let filtered = all.take(&allowed.matching(&all));
    let asked = trees.draw(40_000, &allowed, u64::MAX, &mut stream(3, "draw", 0)).unwrap();
    assert_eq!(allowed.matching(&asked.encoded).len(), 40_000);
    let rate = filtered.rows as f64 / all.rows as f64;
    assert!((40_000.0 / asked.tried as f64 - rate).abs() < 0.01, "{} tries at a rate of {rate}", asked.tried);
    for a in 0..3u32 {
        let (p, q) = (
            share(&filtered, |i| filtered.tokens[0][i] == a),
            share(&asked.encoded, |i| asked.encoded.tokens[0][i] == a),
        );
        // Four standard deviations of a difference of two shares.
        let noise = 4.0 * (p * (1.0 - p) * (1.0 / filtered.rows as f64 + 1.0 / 40_000.0)).sqrt();
        assert!((p - q).abs() < noise, "a = {a}: {p} filtered, {q} asked for");
    }
}

#[test]
fn tries_run_out() {
    let trees = fit(&config(), &SPANS, &table(2000), 1).unwrap();
    let mut never = Allowed::any(4);
    never.restrict(2, vec![false, true, false, false, false]);
    let drawn = trees.draw(10, &never, 500, &mut stream(2, "draw", 0)).unwrap();
    assert_eq!((drawn.encoded.rows, drawn.tried), (0, 500));
}

#[test]
fn weights_make_the_same_model() {
    for config in [config(), Config { trees: 3, honest: true, ..config() }] {
        let trees = fit(&config, &SPANS, &table(5000), 1).unwrap();
        let weights = trees.weights();
        let back = Trees::from_weights(&config, &SPANS, &mut weights.clone()).unwrap();
        assert_eq!(back.weights(), weights);
        assert_eq!(draw(&back, 1000, &Allowed::any(4)).tokens, draw(&trees, 1000, &Allowed::any(4)).tokens);
    }
}

#[test]
fn damaged_weights_are_refused() {
    let weights = fit(&config(), &SPANS, &table(5000), 1).unwrap().weights();
    let refused = |name: &str, damage: &dyn Fn(&mut Vec<u32>)| {
        let mut weights = weights.clone();
        let (_, mut numbers) = weights.take_u32(name).unwrap();
        damage(&mut numbers);
        weights.put_u32(name, &[numbers.len()], numbers);
        let error =
            Trees::from_weights(&config(), &SPANS, &mut weights).err().unwrap_or_else(|| panic!("{name} was taken"));
        assert!(error.to_string().contains("tensor"), "{error}");
    };
    refused("order", &|v| v[0] = v[1]);
    refused("order", &|v| v.truncate(3));
    refused("order", &|v| v[0] = 99);
    refused("1.0.cumulative", &|v| v[1] = u32::MAX);
    refused("1.0.cumulative", &|v| v.iter_mut().for_each(|c| *c = 0));
    refused("1.0.tokens", &|v| v[0] = 99);
    refused("1.0.tokens", &|v| v.push(0));
    // A node is feature, bin, right, start, end: the root goes right to itself, beyond the last, by a feature that is not there.
    refused("1.0.nodes", &|v| v[2] = 0);
    refused("1.0.nodes", &|v| v[2] = u32::MAX - 1);
    refused("1.0.nodes", &|v| v[0] = 1);
    refused("1.0.nodes", &|v| v[4] = u32::MAX);
    refused("1.0.nodes", &|v| v[3] = v[4]);
    refused("1.0.nodes", &|v| v.clear());
    let mut short = weights.clone();
    let (_, mut bins) = short.take_u8("2.bins").unwrap();
    bins.pop();
    short.put_u8("2.bins", &[bins.len()], bins);
    assert!(Trees::from_weights(&config(), &SPANS, &mut short).is_err());
    assert!(Trees::from_weights(&Config { trees: 2, ..config() }, &SPANS, &mut weights.clone()).is_err());
}

#[test]
fn noise_is_not_split_on() {
    let mut rng = stream(4, "noise", 0);
    let mut data = Encoded::zeros(&SPANS, 4000);
    for (column, span) in data.tokens.iter_mut().zip(&SPANS) {
        column.iter_mut().for_each(|t| *t = below(&mut rng, u64::from(span.tokens)) as u32);
    }
    let trees = fit(&Config { significance: Some(4.0), ..config() }, &SPANS, &data, 1).unwrap();
    assert!(trees.factors.iter().all(|f| f.trees[0].nodes.len() == 1), "a tree was grown on noise");
}

#[test]
fn leaves_are_not_smaller_than_they_may_be() {
    for honest in [false, true] {
        let config = Config { min_leaf: Some(150), honest, ..config() };
        let trees = fit(&config, &SPANS, &table(5000), 1).unwrap();
        for tree in trees.factors.iter().flat_map(|f| &f.trees) {
            for node in &tree.nodes {
                let rows = tree.cumulative[node.end as usize] - tree.cumulative[node.start as usize];
                assert!(rows >= 150, "a leaf of {rows} rows");
            }
        }
    }
}

/// With a negative `significance` a node without any possible split was once split into nothing.
#[test]
fn a_node_without_a_possible_split_stays_a_leaf() {
    let config = Config { significance: Some(-5.0), min_leaf: Some(20), ..Config::default() };
    let fitted = fit(&config, &SPANS, &table(200), 1).unwrap();
    Trees::from_weights(&config, &SPANS, &mut fitted.weights()).unwrap();
}

#[test]
fn small_tables_have_smaller_leaves() {
    let config = Config::default();
    assert_eq!((config.min_leaf(300), config.min_leaf(1600), config.min_leaf(1_000_000)), (20, 50, 70));
    assert_eq!(Config { min_leaf: Some(7), ..config }.min_leaf(300), 7);
}

/// A table of 30 rows and 600 columns, every other one a noisy copy of the one before it.
fn wide() -> (Vec<Span>, Encoded) {
    let spans = vec![Span { tokens: 30, scalar: false, ordered: true }; 600];
    let mut rng = stream(4, "wide", 0);
    let mut out = Encoded::zeros(&spans, 30);
    for j in 0..600 {
        for i in 0..30 {
            let copied = j % 2 == 1 && uniform(&mut rng) < 0.95;
            out.tokens[j][i] = if copied { out.tokens[j - 1][i] } else { below(&mut rng, 30) as u32 };
        }
    }
    (spans, out)
}

#[test]
fn a_wide_table_has_few_nodes_and_few_numbers() {
    let (spans, data) = wide();
    let config = Config { min_leaf: Some(8), significance: Some(0.0), ..Config::default() };
    let trees = fit(&config, &spans, &data, 1).unwrap();
    let nodes: usize = trees.factors.iter().flat_map(|f| &f.trees).map(|t| t.nodes.len()).sum();
    assert!((700..600 * 7).contains(&nodes), "{nodes} nodes");
    // A column keeps its leaves and the bins of the few columns that it looks at, not of all before it.
    let weights = trees.weights();
    assert!(weights.count() < 600 * 200, "{} numbers", weights.count());
    let back = Trees::from_weights(&config, &spans, &mut weights.clone()).unwrap();
    assert_eq!(back.weights(), weights);
    let draw = |trees: &Trees| trees.draw(40, &Allowed::any(600), u64::MAX, &mut stream(3, "draw", 0)).unwrap().encoded;
    assert_eq!(draw(&back).tokens, draw(&trees).tokens);
    // Pairs of copies go together, whichever of them is drawn first.
    let drawn = draw(&trees);
    let near =
        |j: usize| drawn.tokens[j].iter().zip(&drawn.tokens[j + 1]).filter(|(a, b)| (**a > 14) == (**b > 14)).count();
    let together: usize = (0..600).step_by(2).map(near).sum();
    assert!(together > 300 * 40 * 6 / 10, "{together}");
}

#[test]
fn a_column_that_is_not_drawn_before_is_refused() {
    let (spans, data) = wide();
    let mut weights = fit(&Config::default(), &spans, &data, 1).unwrap().weights();
    let (_, _) = weights.take_u32("5.seen").unwrap();
    weights.put_u32("5.seen", &[1], vec![5]);
    assert!(Trees::from_weights(&Config::default(), &spans, &mut weights).is_err());
}
