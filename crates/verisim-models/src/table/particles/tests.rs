use verisim_data::rng::uniform;

use super::*;
use crate::table::sampler::{Allowed, Sampler};
use crate::table::{boost, copula, trees};

const SPANS: [Span; 4] = [
    Span { tokens: 3, scalar: false, ordered: false },
    Span { tokens: 5, scalar: false, ordered: true },
    Span { tokens: 4, scalar: false, ordered: false },
    Span { tokens: 6, scalar: false, ordered: true },
];

/// Each column depends on those before it and on chance.
fn table(rows: usize) -> Encoded {
    let mut rng = stream(1, "table", 0);
    let mut out = Encoded::zeros(&SPANS, rows);
    let mut some =
        |of: u32, near: u32| if uniform(&mut rng) < 0.6 { near % of } else { below(&mut rng, u64::from(of)) as u32 };
    for i in 0..rows {
        let a = some(3, 1);
        let b = some(5, 2 * a);
        let c = some(4, a + b);
        let d = some(6, b + u32::from(c == 2));
        [a, b, c, d].into_iter().enumerate().for_each(|(j, t)| out.tokens[j][i] = t);
    }
    out
}

fn models() -> [(&'static str, Box<dyn Sampler>); 2] {
    let data = table(4000);
    let boost = boost::Config { privacy: 0.2, ..Default::default() };
    [
        ("trees", Box::new(trees::fit(&trees::Config::default(), &SPANS, &data, 1).unwrap())),
        ("boost", Box::new(boost::fit(&boost, &SPANS, &data, 1).unwrap())),
    ]
}

/// All rows that there are.
fn all() -> Encoded {
    let mut out = Encoded::zeros(&SPANS, 360);
    for i in 0..360 {
        let mut rest = i;
        for (tokens, span) in out.tokens.iter_mut().zip(&SPANS) {
            tokens[i] = (rest % span.tokens as usize) as u32;
            rest /= span.tokens as usize;
        }
    }
    out
}

/// The probability of each of all rows.
fn probabilities(model: &dyn Sampler) -> Vec<f64> {
    let logs = model.log_probabilities(&all()).unwrap();
    (0..360).map(|i| logs.iter().map(|column| f64::from(column[i])).sum::<f64>().exp()).collect()
}

fn number(rows: &Encoded, i: usize) -> usize {
    let of = |(number, unit): (usize, usize), j: usize| {
        (number + unit * rows.tokens[j][i] as usize, unit * SPANS[j].tokens as usize)
    };
    (0..4).fold((0, 1), of).0
}

#[test]
fn probabilities_are_those_of_what_is_drawn() {
    for (name, model) in models() {
        let p = probabilities(&*model);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 0.01, "{name}: {}", p.iter().sum::<f64>());
        let drawn = model.draw(200_000, &Allowed::any(4), u64::MAX, &mut stream(2, "draw", 0)).unwrap().encoded;
        let mut counts = vec![0f64; 360];
        (0..drawn.rows).for_each(|i| counts[number(&drawn, i)] += 1.0);
        let apart: f64 = counts.iter().zip(&p).map(|(c, p)| (c / 200_000.0 - p).abs()).sum::<f64>() / 2.0;
        // 360 cells of 200,000 rows are about 0.014 apart by chance.
        assert!(apart < 0.02, "{name}: {apart}");
    }
}

/// Every pattern of what is known: completions come as often as the model's own probabilities of whole rows say.
#[test]
fn completions_follow_the_conditional_distribution() {
    for (name, model) in models() {
        let p = probabilities(&*model);
        let whole = all();
        for pattern in 1..15u32 {
            let known = |j: usize| pattern >> j & 1 == 1;
            // A row that is neither likely nor unlikely.
            let row = 137;
            let fits = |i: usize| (0..4).all(|j| !known(j) || whole.tokens[j][i] == whole.tokens[j][row]);
            let total: f64 = (0..360).filter(|&i| fits(i)).map(|i| p[i]).sum();
            let rows = 4000;
            let partial = Partial {
                rows: whole.take(&vec![row; rows]),
                known: (0..4).map(|j| vec![known(j); rows]).collect(),
                allowed: Allowed::any(4),
            };
            let mut counts = vec![0f64; 360];
            let mut rng = stream(3, "complete", u64::from(pattern));
            let made = model.complete_many(&partial, 5, &mut rng).unwrap();
            for whole in &made {
                (0..rows).for_each(|i| counts[number(whole, i)] += 1.0);
            }
            assert!((0..360).all(|i| fits(i) || counts[i] == 0.0), "{name}: what is known has changed");
            let share = |i: usize| counts[i] / (5 * rows) as f64;
            let apart: f64 = (0..360).filter(|&i| fits(i)).map(|i| (share(i) - p[i] / total).abs()).sum::<f64>() / 2.0;
            assert!(apart < 0.04, "{name}, pattern {pattern:04b}: {apart}");
        }
    }
}

#[test]
fn what_is_not_known_becomes_what_is_allowed() {
    let mut models = models().map(|m| m.1).into_iter().collect::<Vec<_>>();
    models.push(Box::new(copula::fit(&copula::Config::default(), &SPANS, &table(4000)).unwrap()));
    for model in models {
        let p = model.log_probabilities(&all()).is_ok().then(|| probabilities(&*model));
        let mut allowed = Allowed::any(4);
        allowed.restrict(1, vec![true, false, false, true, false]);
        let whole = table(3000);
        let partial = Partial {
            rows: whole.clone(),
            known: vec![vec![false; 3000], vec![false; 3000], vec![true; 3000], vec![true; 3000]],
            allowed,
        };
        let made = model.complete(&partial, &mut stream(4, "complete", 0)).unwrap();
        assert!(partial.broken(&made).is_empty());
        assert_eq!((&made.tokens[2], &made.tokens[3]), (&whole.tokens[2], &whole.tokens[3]));
        // How often the first of both comes, beside how often it should.
        let Some(p) = p else { continue };
        let all = all();
        let expected = |i: usize| {
            let mass = |b: u32| -> f64 {
                let fits =
                    |r: &usize| all.tokens[1][*r] == b && (2..4).all(|j| all.tokens[j][*r] == whole.tokens[j][i]);
                (0..360).filter(fits).map(|r| p[r]).sum()
            };
            mass(0) / (mass(0) + mass(3))
        };
        let expected: f64 = (0..3000).map(expected).sum::<f64>() / 3000.0;
        let share = made.tokens[1].iter().filter(|&&b| b == 0).count() as f64 / 3000.0;
        assert!((share - expected).abs() < 0.04, "{share} in place of {expected}");
    }
}

/// The same bytes, however many threads there are, and another completion under another seed.
#[test]
fn threads_change_nothing() {
    for (name, model) in models() {
        let partial = Partial {
            rows: table(700),
            known: vec![vec![false; 700], vec![true; 700], vec![false; 700], vec![true; 700]],
            allowed: Allowed::any(4),
        };
        let run = |threads: usize, seed: u64| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| model.complete(&partial, &mut stream(seed, "complete", 0)).unwrap().tokens)
        };
        assert_eq!(run(1, 1), run(3, 1), "{name}");
        assert_ne!(run(1, 1), run(1, 2), "{name}");
    }
}

#[test]
fn every_place_comes_as_often_as_its_weight_says() {
    let mut rng = stream(5, "test", 0);
    let chosen = systematic(&[1.0, 0.0, 2.0, 1.0], 8, &mut rng);
    assert_eq!(chosen, [0, 0, 2, 2, 2, 2, 3, 3]);
    assert_eq!(systematic(&[0.0, 3.0], 1, &mut rng), [1]);
}
