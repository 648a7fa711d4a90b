use super::*;
use verisim_data::rng::stream;

const BINS: u32 = 20;
const SPANS: [Span; 2] = [Span { tokens: BINS, scalar: false, ordered: true }; 2];
const RHO: f64 = 0.7;

/// A bivariate normal of correlation [`RHO`], cut into bins; those of the second column are of unequal size.
fn table(rows: usize) -> Encoded {
    let mut rng = stream(1, "table", 0);
    let mut out = Encoded::zeros(&SPANS, rows);
    for i in 0..rows {
        let x = draw_normal(&mut rng);
        let y = RHO * x + (1.0 - RHO * RHO).sqrt() * draw_normal(&mut rng);
        let bin = |p: f64| ((p * f64::from(BINS)) as u32).min(BINS - 1);
        out.tokens[0][i] = bin(normal::cdf(x));
        out.tokens[1][i] = bin(normal::cdf(y).powi(2));
    }
    out
}

fn classical() -> Config {
    Config { groups: 1, ..Config::default() }
}

fn shares(tokens: &[u32]) -> Vec<f64> {
    class_counts(tokens.iter().copied(), BINS).iter().map(|&c| f64::from(c) / tokens.len() as f64).collect()
}

fn draw(copula: &Copula, rows: usize, allowed: &Allowed) -> Encoded {
    copula.draw(rows, allowed, u64::MAX, &mut stream(2, "draw", 0)).unwrap().encoded
}

#[test]
fn marginals_are_exact() {
    let data = table(20_000);
    let copula = fit(&classical(), &SPANS, &data).unwrap();
    let drawn = draw(&copula, 100_000, &Allowed::any(2));
    for j in 0..2 {
        let real = shares(&data.tokens[j]);
        let mut before = 0.0;
        for (&c, p) in copula.components[0].cumulative[j].iter().zip(&real) {
            assert!((c - before - p).abs() < 1e-12);
            before = c;
        }
        for (p, q) in real.iter().zip(shares(&drawn.tokens[j])) {
            assert!(
                (p - q).abs() < 4.0 * (p * (1.0 - p) / 100_000.0).sqrt(),
                "column {j}: {p} in the table, {q} in the draw"
            );
        }
    }
}

#[test]
fn correlation_is_recovered_from_bins() {
    let copula = fit(&classical(), &SPANS, &table(20_000)).unwrap();
    let r = copula.components[0].correlation.of(0, 1, 2);
    assert!((r - RHO).abs() < 0.03, "{r}");
    // And again from what is drawn.
    let again = fit(&classical(), &SPANS, &draw(&copula, 20_000, &Allowed::any(2))).unwrap();
    assert!((again.components[0].correlation.of(0, 1, 2) - RHO).abs() < 0.03);
}

#[test]
fn scores_of_halves_are_those_of_a_half_normal() {
    // E[z | z > 0] = sqrt(2 / pi).
    let (scores, sd) = expected_scores(&[0.5, 1.0]);
    let half = (2.0 / std::f64::consts::PI).sqrt();
    assert!((scores[0] + half).abs() < 1e-12 && (scores[1] - half).abs() < 1e-12 && (sd - half).abs() < 1e-12);
}

#[test]
fn conditions_give_what_filtering_gives() {
    let copula = fit(&Config { groups: 4, ..Config::default() }, &SPANS, &table(20_000)).unwrap();
    assert!(copula.components.len() > 1);
    let mut one = Allowed::any(2);
    one.restrict(1, (0..BINS).map(|t| t > 14 || t == 3).collect());
    let mut two = one.clone();
    two.restrict(0, (0..BINS).map(|t| t % 2 == 0).collect());
    for allowed in [one, two] {
        let all = draw(&copula, 200_000, &Allowed::any(2));
        let filtered = all.take(&allowed.matching(&all));
        let asked = copula.draw(40_000, &allowed, u64::MAX, &mut stream(3, "draw", 0)).unwrap().encoded;
        assert_eq!(allowed.matching(&asked).len(), 40_000);
        for j in 0..2 {
            for (t, (p, q)) in shares(&filtered.tokens[j]).iter().zip(shares(&asked.tokens[j])).enumerate() {
                // Four standard deviations of a difference of two shares.
                let noise = 4.0 * (p * (1.0 - p) * (1.0 / filtered.rows as f64 + 1.0 / 40_000.0)).sqrt() + 1e-4;
                assert!((p - q).abs() < noise, "column {j}, token {t}: {p} filtered, {q} asked for");
            }
        }
    }
}

#[test]
fn equal_categories_stay_equal_in_groups() {
    let spans = [Span { tokens: 3, scalar: false, ordered: false }; 2];
    let tokens: Vec<u32> = (0..3000).map(|i| i % 3).collect();
    let data = Encoded { rows: 3000, tokens: vec![tokens.clone(), tokens], scalars: vec![Vec::new(); 2] };
    let drawn = draw(&fit(&Config::default(), &spans, &data).unwrap(), 5000, &Allowed::any(2));
    assert_eq!(drawn.tokens[0], drawn.tokens[1]);
}

#[test]
fn weights_make_the_same_model() {
    let copula = fit(&Config::default(), &SPANS, &table(5000)).unwrap();
    let weights = copula.weights();
    let back = Copula::from_weights(&SPANS, &mut weights.clone()).unwrap();
    assert_eq!(back.weights(), weights);
    assert_eq!(draw(&back, 1000, &Allowed::any(2)).tokens, draw(&copula, 1000, &Allowed::any(2)).tokens);
}

#[test]
fn damaged_weights_are_refused() {
    let weights = fit(&classical(), &SPANS, &table(5000)).unwrap().weights();
    let refused = |name: &str, damage: &dyn Fn(&mut Vec<f64>)| {
        let mut weights = weights.clone();
        let (_, mut numbers) = weights.take_f64(name).unwrap();
        damage(&mut numbers);
        weights.put_f64(name, &[numbers.len()], numbers);
        assert!(Copula::from_weights(&SPANS, &mut weights).is_err(), "{name} was taken");
    };
    refused("weight", &|v| v.clear());
    refused("weight", &|v| v[0] = f64::NAN);
    refused("0.cumulative", &|v| v[0] = 2.0);
    refused("0.cumulative", &|v| v[1] = -1.0);
    refused("0.cumulative", &|v| v[0] = f64::NAN);
    refused("0.cumulative", &|v| v.truncate(7));
    refused("0.correlation", &|v| v[1] = f64::INFINITY);
    refused("0.correlation", &|v| v.truncate(3));
    let mut other = weights.clone();
    let (_, mut order) = other.take_u32("order").unwrap();
    order[0] = BINS;
    other.put_u32("order", &[order.len()], order);
    assert!(Copula::from_weights(&SPANS, &mut other).is_err());
}

/// Numbers and categories of four common normals, more columns than rows.
fn wide(rows: usize) -> (Vec<Span>, Encoded) {
    let span = |j: usize| Span {
        tokens: if j.is_multiple_of(2) { 12 } else { 5 },
        scalar: false,
        ordered: j.is_multiple_of(2),
    };
    let spans: Vec<Span> = (0..600).map(span).collect();
    let mut rng = stream(5, "wide", 0);
    let loads: Vec<[f64; 4]> = spans.iter().map(|_| [(); 4].map(|()| 0.45 * draw_normal(&mut rng))).collect();
    let mut out = Encoded::zeros(&spans, rows);
    for i in 0..rows {
        let g = [(); 4].map(|()| draw_normal(&mut rng));
        for (j, load) in loads.iter().enumerate() {
            let common: f64 = load.iter().zip(g).map(|(w, g)| w * g).sum();
            let share = load.iter().map(|w| w * w).sum::<f64>();
            let latent = (common + 0.5 * draw_normal(&mut rng)) / (share + 0.25).sqrt();
            let tokens = spans[j].tokens;
            out.tokens[j][i] = ((normal::cdf(latent) * f64::from(tokens)) as u32).min(tokens - 1);
        }
    }
    (spans, out)
}

#[test]
fn a_wide_table_has_factors_and_few_numbers() {
    let (spans, data) = wide(30);
    let copula = fit(&Config::default(), &spans, &data).unwrap();
    let weights = copula.weights();
    // 29 factors a column, its tokens in order and their frequencies.
    assert!(weights.count() < 600 * (30 + 2 * 12), "{}", weights.count());
    let back = Copula::from_weights(&spans, &mut weights.clone()).unwrap();
    assert_eq!(back.weights(), weights);
    let any = Allowed::any(600);
    assert_eq!(draw(&back, 50, &any).tokens, draw(&copula, 50, &any).tokens);
    let mut damaged = weights.clone();
    let (_, mut loadings) = damaged.take_f32("0.loadings").unwrap();
    loadings[3] = f32::NAN;
    damaged.put_f32("0.loadings", &[loadings.len()], loadings);
    assert!(Copula::from_weights(&spans, &mut damaged).is_err());
}

#[test]
fn factors_tell_the_correlations_of_the_scores() {
    // As many factors as rows have directions: W W^T is the matrix of correlations, up to the share that is left to each column.
    let (spans, data) = wide(40);
    let scores: Vec<Vec<f32>> =
        data.tokens.iter().zip(&spans).map(|(tokens, span)| standard(tokens, span.tokens)).collect();
    let factors = Factors::fit(&scores, &vec![1.0; 600]).unwrap();
    assert_eq!(factors.rank(), 39);
    for (i, j) in [(0, 1), (3, 77), (598, 20), (400, 401)] {
        let dense = scores[i].iter().zip(&scores[j]).map(|(a, b)| f64::from(a * b)).sum::<f64>() / 40.0;
        assert!((factors.correlation(i, j) - 0.995 * dense).abs() < 1e-4, "{i} {j}");
    }
}

fn standard(tokens: &[u32], width: u32) -> Vec<f32> {
    let n = tokens.len() as f64;
    let mean = tokens.iter().map(|&t| f64::from(t)).sum::<f64>() / n;
    let sd = (tokens.iter().map(|&t| (f64::from(t) - mean).powi(2)).sum::<f64>() / n).sqrt();
    assert!(sd > 0.0 && width > 1);
    tokens.iter().map(|&t| ((f64::from(t) - mean) / sd) as f32).collect()
}

/// The same correlations, with and without factors, give the same rows, with conditions and without.
#[test]
fn factors_draw_what_the_matrix_of_their_correlations_draws() {
    let (spans, data) = wide(500);
    let wide = fit(&Config::default(), &spans, &data).unwrap();
    let Correlation::Factors(factors) = &wide.components[0].correlation else { panic!("the table is wide") };
    // The same copula of the first four columns alone.
    let four = |correlation| Copula {
        spans: spans[..4].to_vec(),
        order: wide.order[..4].to_vec(),
        components: vec![Component {
            weight: 1.0,
            cumulative: wide.components[0].cumulative[..4].to_vec(),
            correlation,
        }],
    };
    let numbers = factors.numbers();
    let factors = Factors::from_numbers(4, &numbers[..4 * factors.rank()]).unwrap();
    let matrix = (0..16).map(|at| factors.correlation(at / 4, at % 4)).collect();
    let (dense, low) = (four(Correlation::Matrix(matrix)), four(Correlation::Factors(factors)));
    let mut two = Allowed::any(4);
    two.restrict(0, (0..12).map(|t| t > 7).collect());
    two.restrict(3, (0..5).map(|t| t != 1).collect());
    for allowed in [Allowed::any(4), two] {
        let (a, b) = (draw(&dense, 60_000, &allowed), draw(&low, 60_000, &allowed));
        assert_eq!(allowed.matching(&b).len(), 60_000);
        for (i, j) in [(0, 1), (1, 2), (0, 3), (2, 3)] {
            let joint = |drawn: &Encoded| {
                let mut shares = vec![0.0; 144];
                let cells = drawn.tokens[i].iter().zip(&drawn.tokens[j]);
                cells.for_each(|(&x, &y)| shares[(12 * x + y) as usize] += 1.0 / 60_000.0);
                shares
            };
            for (p, q) in joint(&a).into_iter().zip(joint(&b)) {
                let noise = 4.5 * (p * (1.0 - p) * 2.0 / 60_000.0_f64).sqrt() + 1e-4;
                assert!((p - q).abs() < noise, "columns {i} and {j}: {p} by the matrix, {q} by factors");
            }
        }
    }
}

/// What is known of one column says of the other what a bivariate normal says.
#[test]
fn rows_are_completed_by_the_conditional_normal() {
    let data = table(20_000);
    let copula = fit(&classical(), &SPANS, &data).unwrap();
    let rows = 20_000;
    for known in [3u32, 17] {
        let partial = Partial {
            rows: Encoded { tokens: vec![vec![known; rows], vec![0; rows]], ..Encoded::zeros(&SPANS, rows) },
            known: vec![vec![true; rows], vec![false; rows]],
            allowed: Allowed::any(2),
        };
        let made = copula.complete(&partial, &mut stream(7, "complete", 0)).unwrap();
        assert!(made.tokens[0].iter().all(|&t| t == known));
        let of: Vec<usize> = (0..data.rows).filter(|&i| data.tokens[0][i] == known).collect();
        let real = shares(&data.take(&of).tokens[1]);
        let apart: f64 = real.iter().zip(shares(&made.tokens[1])).map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0;
        // A thousand real rows in twenty bins are about 0.05 apart by chance.
        assert!(apart < 0.09, "{apart}");
    }
}
