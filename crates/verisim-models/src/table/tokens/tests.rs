use super::*;
use crate::nets::params::tests::assert_gradients;
use crate::nets::params::with_weights;
use crate::table::sampler::{Allowed, Partial, Tuning};
use verisim_data::rng::{below, uniform};
use verisim_data::table::codec::Encoded;

const SPANS: [Span; 3] = [
    Span { tokens: 3, scalar: false, ordered: false },
    Span { tokens: 36, scalar: false, ordered: true },
    Span { tokens: 4, scalar: false, ordered: false },
];

fn config() -> Config {
    Config { width: 64, layers: 2, dropout: 0.0, ..Config::default() }
}

fn training() -> Training {
    Training {
        batch_size: 128,
        epochs: 1,
        learning_rate: 1e-2,
        warmup: 0,
        cosine: false,
        clip: 1.0,
        ema: 0.9,
        ..Training::default()
    }
}

/// The second column is a number about twelve times the first; the third is the first, but one time in five.
fn table(rows: usize) -> Encoded {
    let mut rng = stream(1, "table", 0);
    let mut out = Encoded::zeros(&SPANS, rows);
    for i in 0..rows {
        let a = below(&mut rng, 3) as u32;
        out.tokens[0][i] = a;
        out.tokens[1][i] = 12 * a + below(&mut rng, 12) as u32;
        out.tokens[2][i] = if uniform(&mut rng) < 0.8 { a } else { 3 };
    }
    out
}

fn tokens(data: &Encoded, training: &Training) -> Tokens {
    let device = Device::flex().autodiff();
    let validation = data.take(&(0..50).collect::<Vec<_>>());
    let columns = Columns { spans: &SPANS, train: Rows::of(data), validation: Rows::of(&validation) };
    let setup = Setup { training, seed: 1, device: &device, shards: 2, counter: &crate::Counter::default() };
    Tokens::new(&config(), &columns, &setup).unwrap()
}

fn steps(model: &mut Tokens, steps: std::ops::Range<u64>) {
    for step in steps {
        model.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap();
    }
}

fn trained() -> TokensSampler {
    let mut model = tokens(&table(8192), &Training { learning_rate: 4e-3, ..training() });
    steps(&mut model, 0..600);
    open(&SPANS, &mut model.finish(1).unwrap()).unwrap()
}

fn open(spans: &[Span], weights: &mut Weights) -> Result<TokensSampler> {
    TokensSampler::from_weights(&config(), spans, weights, &Device::flex())
}

/// A network of random weights everywhere, also where training starts at zero.
fn random_net(layout: &Layout, device: &Device) -> Net {
    let net = Net::new(&config(), layout, 3, device);
    let mut rng = stream(5, "net", 0);
    let mut weights = Weights::default();
    for (name, array) in weights_of(&net).unwrap().iter() {
        let count: usize = array.shape.iter().product();
        weights.put_f32(name, &array.shape, (0..count).map(|_| uniform(&mut rng) as f32 - 0.5).collect());
    }
    with_weights(net, &mut weights).unwrap()
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let device = Device::flex().autodiff();
    let plain = Device::flex();
    let digits = Digits::of(&SPANS);
    let layout = Layout::new(&digits, 3);
    let blocks = Blocks::new(&digits.spans(), &plain);
    let data = table(6);
    let rows = Rows::of(&data);
    let inputs = Inputs::new(&digits, &Smooth::of(&digits, &rows), &rows, &blocks, &plain);
    let x = inputs.batch(&[0, 1, 2, 3, 4, 5], &blocks);
    let roles = Roles(vec![masks::LATE, masks::Role::Known, masks::EARLY]).of_digits(&digits);
    let masks = layout.masks(&roles, &plain).with_gradients();
    let net = random_net(&layout, &device);
    assert_gradients(&net, 3e-3, |net| {
        let wanted = Tensor::from_inner(roles.wanted(&plain));
        loss(net, &blocks.with_gradients(), &masks, wanted, Tensor::from_inner(x.clone()), &[])
    });
}

/// What a digit must not see does not move its logits, whatever the roles; what it may see does.
#[test]
fn logits_depend_on_what_is_seen_alone() {
    let device = Device::flex();
    let digits = Digits::of(&SPANS);
    let layout = Layout::new(&digits, 4);
    let net = random_net(&layout, &device);
    let host = |t: Tensor<2>| t.into_data().try_into_vec::<f32>().unwrap();
    let blocks = Blocks::new(&digits.spans(), &device);
    let smooth = Smooth::of(&digits, &Rows::of(&table(100)));
    let mut rng = stream(2, "roles", 0);
    for _ in 0..20 {
        let roles = Roles::random(3, &mut rng).of_digits(&digits);
        let masks = layout.masks(&roles, &device);
        let logits = |tokens: [u32; 3]| {
            let data = Encoded { rows: 1, tokens: tokens.map(|t| vec![t]).to_vec(), scalars: vec![Vec::new(); 3] };
            let x = Inputs::new(&digits, &smooth, &Rows::of(&data), &blocks, &device).batch(&[0], &blocks);
            host(net.logits(x, &masks, &[]))
        };
        let before = logits([0, 0, 0]);
        // Digit by digit: the second column has two.
        for (i, other) in [[1, 0, 0], [0, 6, 0], [0, 1, 0], [0, 0, 1]].into_iter().enumerate() {
            let after = logits(other);
            for j in 0..digits.count() {
                let places = layout.places[j]..layout.places[j + 1];
                let moved = before[places.clone()].iter().zip(&after[places]).any(|(a, b)| (a - b).abs() > 1e-6);
                assert_eq!(moved, roles.sees(j, i, false), "{i} moves {j} in {roles:?}");
            }
        }
    }
}

/// Digit by digit, sums added to, or the whole row at once: the same distribution.
#[test]
fn rows_are_drawn_by_the_probabilities_of_one_pass() {
    let digits = Digits::of(&SPANS);
    let layout = Layout::new(&digits, 64 / digits.count());
    let mut weights = weights_of(&random_net(&layout, &Device::flex())).unwrap();
    Smooth::put(&Smooth::of(&digits, &Rows::of(&table(1000))), &mut weights);
    let sampler = open(&SPANS, &mut weights).unwrap();
    let n = 400_000;
    let drawn = sampler.draw(n, &Allowed::any(3), u64::MAX, &mut stream(2, "draw", 0)).unwrap().encoded;
    // Every row that there is.
    let mut all = Encoded::zeros(&SPANS, 3 * 36 * 4);
    (0..all.rows).for_each(|i| {
        (all.tokens[0][i], all.tokens[1][i], all.tokens[2][i]) = (i as u32 / 144, i as u32 / 4 % 36, i as u32 % 4);
    });
    let say = sampler.log_probabilities(&all).unwrap();
    let mut counts = vec![0f64; all.rows];
    (0..n).for_each(|i| {
        counts[(drawn.tokens[0][i] * 144 + drawn.tokens[1][i] * 4 + drawn.tokens[2][i]) as usize] += 1.0;
    });
    let p: Vec<f64> = (0..all.rows).map(|i| say.iter().map(|c| f64::from(c[i])).sum::<f64>().exp()).collect();
    assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-3, "{}", p.iter().sum::<f64>());
    // 431 degrees of freedom: a mean of 431 and a deviation of 29.
    let chi: f64 = counts.iter().zip(&p).map(|(c, p)| (c - n as f64 * p).powi(2) / (n as f64 * p)).sum();
    assert!((280.0..580.0).contains(&chi), "{chi}");
}

#[test]
fn training_lowers_the_score_and_what_was_saved_goes_on_alike() {
    let (data, training) = (table(512), training());
    let mut model = tokens(&data, &training);
    let before = model.validate().unwrap().unwrap();
    steps(&mut model, 0..100);
    let after = model.validate().unwrap().unwrap();
    // ln 3 + ln 12 + .5 nats are left of ln 3 + ln 36 + ln 4.
    assert!(after < before - 1.5 && after > 3.9, "{before} before, {after} after");
    model.keep();
    let saved = model.save().unwrap();
    let mut again = tokens(&data, &training);
    again.load(saved).unwrap();
    for model in [&mut model, &mut again] {
        steps(model, 100..110);
    }
    assert_eq!(model.validate().unwrap(), again.validate().unwrap());
    model.keep();
    again.keep();
    assert_eq!(model.finish(1).unwrap(), again.finish(1).unwrap());
}

/// Share of the rows for which `is` is true.
fn share(data: &Encoded, is: impl Fn(usize) -> bool) -> f64 {
    (0..data.rows).filter(|&i| is(i)).count() as f64 / data.rows as f64
}

#[test]
fn conditions_are_met_without_drawing_in_vain() {
    let sampler = trained();
    let mut allowed = Allowed::any(3);
    allowed.restrict(1, (0..36).map(|t| (20..27).contains(&t)).collect());
    let drawn = sampler.draw(20_000, &allowed, u64::MAX, &mut stream(3, "draw", 0)).unwrap();
    assert_eq!(allowed.matching(&drawn.encoded).len(), 20_000);
    // Its first digit is drawn among what is allowed, so only the ends of the range are drawn in vain.
    assert!(drawn.tried < 45_000, "{}", drawn.tried);
    // The seven numbers are alike.
    let got = share(&drawn.encoded, |i| drawn.encoded.tokens[1][i] < 24);
    assert!((got - 4.0 / 7.0).abs() < 0.04, "{got}");
    // One token alone is known from the start.
    let mut one = Allowed::any(3);
    one.restrict(2, vec![false, false, true, false]);
    let drawn = sampler.draw(5000, &one, u64::MAX, &mut stream(4, "draw", 0)).unwrap();
    assert_eq!((drawn.tried, one.matching(&drawn.encoded).len()), (5000, 5000));
    let got = share(&drawn.encoded, |i| drawn.encoded.tokens[0][i] == 2);
    assert!(got > 0.95, "{got}");
}

/// Two conditions at once: what is given up on the way makes the rest exact draws of the order in which they are drawn.
#[test]
fn several_conditions_give_what_filtering_gives() {
    let sampler = trained();
    let mut allowed = Allowed::any(3);
    allowed.restrict(0, vec![true, true, false]);
    allowed.restrict(2, vec![false, true, false, true]);
    let asked = sampler.draw(40_000, &allowed, u64::MAX, &mut stream(3, "draw", 0)).unwrap().encoded;
    let all = sampler.draw(60_000, &Allowed::any(3), u64::MAX, &mut stream(2, "draw", 0)).unwrap().encoded;
    let filtered = all.take(&allowed.matching(&all));
    let one = |data: &Encoded| share(data, |i| data.tokens[0][i] == 1);
    // The two orders are learnt, not the same: allow for what is between them.
    assert!((one(&asked) - one(&filtered)).abs() < 0.03, "{} asked for, {} filtered", one(&asked), one(&filtered));
    assert!((one(&asked) - 5.0 / 6.0).abs() < 0.04, "{}", one(&asked));
}

#[test]
fn rows_are_completed_from_whatever_is_known() {
    let sampler = trained();
    let rows = table(6000);
    // A third of the rows lacks each column.
    let known: Vec<Vec<bool>> = (0..3).map(|c| (0..rows.rows).map(|i| i % 3 != c).collect()).collect();
    let partial = Partial { rows: rows.clone(), known: known.clone(), allowed: Allowed::any(3) };
    let filled = sampler.complete(&partial, &mut stream(5, "fill", 0)).unwrap();
    for ((known, filled), own) in known.iter().zip(&filled.tokens).zip(&rows.tokens) {
        assert!((0..rows.rows).all(|i| !known[i] || filled[i] == own[i]));
    }
    let lack = |c: usize| (0..rows.rows).filter(move |i| i % 3 == c);
    let right = lack(0).filter(|&i| filled.tokens[0][i] == rows.tokens[0][i]).count();
    assert!(right > 1900, "{right} of 2000");
    let right = lack(1).filter(|&i| filled.tokens[1][i] / 12 == rows.tokens[0][i]).count();
    assert!(right > 1850, "{right} of 2000");
    let right = lack(2).filter(|&i| filled.tokens[2][i] == rows.tokens[0][i]).count();
    assert!((1450..1750).contains(&right), "{right} of 2000, 1600 wanted");
    assert!(lack(1).any(|i| filled.tokens[1][i] != rows.tokens[1][i]));
    let again = sampler.complete(&partial, &mut stream(5, "fill", 0)).unwrap();
    assert_eq!(again.tokens, filled.tokens);
    // What is not known becomes what is allowed.
    let mut some = partial.clone();
    some.allowed.restrict(2, vec![true, true, true, false]);
    let filled = sampler.complete(&some, &mut stream(5, "fill", 0)).unwrap();
    assert!(lack(2).all(|i| filled.tokens[2][i] < 3) && some.broken(&filled).is_empty());
    // Nothing to draw, and nothing known.
    let all = Partial { rows: rows.clone(), known: vec![vec![true; rows.rows]; 3], allowed: Allowed::any(3) };
    assert_eq!(sampler.complete(&all, &mut stream(5, "fill", 0)).unwrap().tokens, rows.tokens);
    let none = Partial { rows: rows.clone(), known: vec![vec![false; rows.rows]; 3], allowed: Allowed::any(3) };
    let drawn = sampler.complete(&none, &mut stream(5, "fill", 0)).unwrap();
    assert!(share(&drawn, |i| drawn.tokens[1][i] / 12 == drawn.tokens[0][i]) > 0.9);
}

#[test]
fn a_cold_model_draws_what_is_likely() {
    let sampler = trained();
    let noise = |tuning: Tuning| {
        let tuned = sampler.tuned(&tuning).unwrap();
        let sampler: &dyn Sampler = tuned.as_deref().unwrap_or(&sampler);
        let drawn = sampler.draw(5000, &Allowed::any(3), u64::MAX, &mut stream(6, "draw", 0)).unwrap().encoded;
        share(&drawn, |i| drawn.tokens[2][i] == 3)
    };
    let as_learnt = noise(Tuning::default());
    assert!((as_learnt - 0.2).abs() < 0.04, "{as_learnt}");
    assert!(noise(Tuning { temperature: Some(0.3), top_p: None }) < 0.05);
    assert!(noise(Tuning { temperature: Some(3.0), top_p: None }) > 0.3);
    assert!(noise(Tuning { temperature: None, top_p: Some(0.7) }) < 0.01);
    for (temperature, top_p) in [(Some(0.0), None), (Some(f64::NAN), None), (None, Some(0.0)), (None, Some(1.5))] {
        assert!(sampler.tuned(&Tuning { temperature, top_p }).is_err());
    }
}

#[test]
fn weights_of_another_table_are_refused() {
    let weights = tokens(&table(256), &training()).finish(1).unwrap();
    assert!(open(&SPANS, &mut weights.clone()).is_ok());
    assert!(open(&SPANS[..2], &mut weights.clone()).is_err());
    let many = vec![Span { tokens: 2, scalar: false, ordered: false }; MOST_DIGITS + 1];
    assert!(open(&many, &mut weights.clone()).is_err_and(|e| e.to_string().contains("1025 digits")));
}
