use super::*;
use crate::nets::params::tests::assert_gradients;
use crate::table::rows::Rows;

const SPANS: [Span; 3] = [
    Span { tokens: 3, scalar: false, ordered: false },
    Span { tokens: 2, scalar: true, ordered: true },
    Span { tokens: 4, scalar: false, ordered: true },
];
const OFFSETS: [usize; 4] = [0, 3, 5, 9];
const WIDTH: usize = 9;

fn config() -> Config {
    Config { latent: 3, generator: vec![6, 5], critic: vec![7, 4], calibrate: 1, ..Config::default() }
}

fn training() -> Training {
    Training {
        batch_size: 64,
        epochs: 1,
        min_steps: 0,
        learning_rate: 2e-3,
        warmup: 0,
        cosine: false,
        betas: [0.5, 0.9],
        weight_decay: 0.0,
        clip: 0.0,
        ema: 0.9,
        validation: 0.0,
        patience: 0,
        ..Training::default()
    }
}

/// The third column is the first, except for noise, and never 2; the second has a scalar.
fn table(rows: usize) -> Encoded {
    let mut rng = stream(1, "table", 0);
    let mut out = Encoded::zeros(&SPANS, rows);
    for i in 0..rows {
        let a = [0, 0, 0, 1][below(&mut rng, 4) as usize];
        out.tokens[0][i] = if uniform(&mut rng) < 0.02 { 2 } else { a };
        out.tokens[1][i] = below(&mut rng, 2) as u32;
        out.scalars[1][i] = (2.0 * uniform(&mut rng) - 1.0) as f32;
        out.tokens[2][i] = if uniform(&mut rng) < 0.8 { a } else { 3 };
    }
    out
}

fn gan(config: &Config, data: &Encoded) -> Ctgan {
    let device = Device::flex().autodiff();
    let validation = data.take(&(0..50).collect::<Vec<_>>());
    let training = training();
    let columns = Columns { spans: &SPANS, train: Rows::of(data), validation: Rows::of(&validation) };
    let setup = Setup { training: &training, seed: 1, device: &device, shards: 2, counter: &crate::Counter::default() };
    Ctgan::new(config, &columns, &setup).unwrap()
}

fn host(t: Tensor<2>) -> Vec<f32> {
    t.into_data().try_into_vec::<f32>().unwrap()
}

/// A critic of five inputs, and rows for it.
fn critic(rows: usize) -> (Critic, Tensor<2>) {
    let critic = Critic::new(5, &config().critic, &mut Init::new(3, &Device::flex().autodiff()));
    (critic, noise::fresh_normal(&mut stream(1, "x", 0), rows, 5, &Device::flex()))
}

#[test]
fn the_input_gradient_is_that_of_autodiff() {
    let (critic, x) = critic(6);
    let mask = |width: usize| {
        let values: Vec<f32> = (0..6 * width).map(|i| if i % 3 == 0 { 0.0 } else { 1.5 }).collect();
        Tensor::<2>::from_inner(Tensor::from_data(TensorData::new(values, [6, width]), &Device::flex()))
    };
    for keep in [vec![], vec![mask(7), mask(4)]] {
        let x = Tensor::<2>::from_inner(x.clone()).require_grad();
        let (score, slopes) = critic.forward(x.clone(), &keep);
        let by_hand = host(critic.input_gradient(&slopes));
        let grads = score.sum().backward();
        let by_autodiff = host(x.grad(&grads).unwrap());
        assert_eq!(by_hand.len(), 30);
        assert!(by_hand.iter().any(|g| g.abs() > 0.01));
        for (a, b) in by_hand.iter().zip(&by_autodiff) {
            assert!((a - b).abs() < 1e-5, "{a} by hand, {b} by autodiff");
        }
    }
}

#[test]
fn the_gradient_of_the_penalty_is_that_of_finite_differences() {
    let (critic, x) = critic(3);
    let x = Tensor::<2>::from_inner(x);
    // The penalty jumps where an activation changes sign, so the step is short enough to cross none.
    assert_gradients(&critic, 3e-4, |critic| {
        let (_, slopes) = critic.forward(x.clone(), &[]);
        let norm = (critic.input_gradient(&slopes).powf_scalar(2.0).sum_dim(1) + 1e-12).sqrt();
        (norm - 1.0).powf_scalar(2.0).sum()
    });
}

#[test]
fn the_generators_gradient_is_that_of_finite_differences() {
    for skip in [false, true] {
        let gan = gan(&Config { hard: false, skip, ..config() }, &table(64));
        let plain = Device::flex();
        let mut rng = stream(2, "g", 0);
        let positions: Vec<usize> = (0..4).map(|_| gan.conditions.by_log_frequency(&mut rng)).collect();
        let up = Tensor::<2>::from_inner;
        let condition = up(conditions::one_hot(&positions, WIDTH, &plain));
        let noise = up(noise::fresh_normal(&mut rng, 4, 3, &plain));
        let token_noise = up(noise::fresh_gumbel(&mut rng, 4, WIDTH, &plain));
        let wanted = up(noise::fresh_normal(&mut rng, 4, WIDTH, &plain));
        let blocks = gan.blocks.with_gradients();
        assert_gradients(gan.generator.net(), 3e-3, |generator| {
            let (rows, logits, scalars) =
                generator.rows(&blocks, noise.clone(), condition.clone(), token_noise.clone(), gan.config.softmax());
            let entropy = blocks.cross_entropy(logits, condition.clone());
            (rows * wanted.clone()).sum() + entropy.sum() + scalars.unwrap().powf_scalar(2.0).sum()
        });
    }
}

#[test]
fn hard_rows_are_one_hot() {
    for skip in [false, true] {
        let gan = gan(&Config { skip, ..config() }, &table(64));
        let plain = Device::flex();
        let mut rng = stream(2, "g", 0);
        let positions: Vec<usize> = (0..500).map(|_| gan.conditions.by_log_frequency(&mut rng)).collect();
        let condition = conditions::one_hot(&positions, WIDTH, &plain);
        let (noise, token_noise) =
            (noise::fresh_normal(&mut rng, 500, 3, &plain), noise::fresh_gumbel(&mut rng, 500, WIDTH, &plain));
        let up = Tensor::<2>::from_inner;
        let (above, below) = (gan.blocks.with_gradients(), gan.generator.net().valid());
        let softmax = gan.config.softmax();
        let (noise_up, condition_up, token_noise_up) =
            (up(noise.clone()), up(condition.clone()), up(token_noise.clone()));
        let (tracked, _, _) = gan.generator.net().rows(&above, noise_up, condition_up, token_noise_up, softmax);
        let (plain, _, _) = below.rows(&gan.blocks, noise, condition, token_noise, softmax);
        let (tracked, plain) = (host(tracked), host(plain));
        assert!(tracked.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-5));
        for row in plain.chunks(WIDTH) {
            assert!(row.iter().all(|&x| x.abs() < 1e-6 || (x - 1.0).abs() < 1e-6), "{row:?}");
            for c in 0..3 {
                let ones = row[OFFSETS[c]..OFFSETS[c + 1]].iter().filter(|&&x| x > 0.5).count();
                assert_eq!(ones, 1, "{row:?}");
            }
        }
    }
}

/// The largest of logits with Gumbel noise is a draw from their softmax.
#[test]
fn gumbel_noise_draws_from_the_softmax() {
    let (device, n) = (Device::flex(), 20_000);
    let blocks = Blocks::new(&SPANS, &device);
    let logits = [0.0f32, 1.0, -1.0, 0.3, 0.0, 2.0, 0.0, -2.0, 1.0];
    let rows = Tensor::<2>::from_data(TensorData::new(logits.repeat(n), [n, WIDTH]), &device);
    let p = host(blocks.softmax(rows.clone().narrow(0, 0, 1)));
    let noisy = rows + noise::fresh_gumbel(&mut stream(1, "gumbel", 0), n, WIDTH, &device);
    let peak = blocks.peak(noisy.clone());
    let shares = host(noisy.greater_equal(peak).float().mean_dim(0));
    for (share, p) in shares.iter().zip(&p) {
        assert!((share - p).abs() < 4.0 * (p * (1.0 - p) / n as f32).sqrt(), "{share} of the draws, {p} by softmax");
    }
}

#[test]
fn rows_have_the_token_that_was_picked_by_log_frequency() {
    let data = table(300);
    let conditions = Conditions::new(&Rows::of(&data), &OFFSETS);
    let mut rng = stream(1, "c", 0);
    let n = 30_000;
    let mut counts = [0f64; WIDTH];
    for _ in 0..n {
        let position = conditions.by_log_frequency(&mut rng);
        let column = OFFSETS.partition_point(|&o| o <= position) - 1;
        let row = conditions.row(position, &mut rng);
        assert_eq!(data.tokens[column][row] as usize, position - OFFSETS[column]);
        counts[position] += 1.0;
    }
    assert_eq!(counts[5 + 2], 0.0, "a token that no row has was picked");
    for c in 0..3 {
        let range = OFFSETS[c]..OFFSETS[c + 1];
        let seen = |w: usize| data.tokens[c].iter().filter(|&&t| t as usize == w - OFFSETS[c]).count() as f64;
        let total: f64 = range.clone().map(|w| seen(w).ln_1p()).sum();
        for w in range {
            let p = seen(w).ln_1p() / total / 3.0;
            let noise = 4.0 * (p * (1.0 - p) / f64::from(n)).sqrt();
            assert!((counts[w] / f64::from(n) - p).abs() <= noise, "position {w}: {} of {n}, not {p}", counts[w]);
        }
    }
}

#[test]
fn conditions_are_one_hot_and_know_their_column() {
    let device = Device::flex();
    let rows = host(conditions::one_hot(&[0, 4], WIDTH, &device));
    assert_eq!(rows, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let columns = host(conditions::columns(&[2, 3, 8], &OFFSETS, &device));
    assert_eq!(columns, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn what_was_saved_goes_on_alike_and_samples_under_conditions() {
    // Packing, dropout and a critic that sees the condition, so that every way through is taken.
    let config = Config { pac: 2, dropout: 0.2, critic_condition: true, critic_steps: 2, ..config() };
    let data = table(512);
    let mut model = gan(&config, &data);
    let run = |model: &mut Ctgan, steps: std::ops::Range<u64>| {
        for step in steps {
            let losses = model.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap();
            assert!(losses.into_iter().all(|(_, l)| l.into_scalar::<f32>().is_finite()));
        }
    };
    run(&mut model, 0..5);
    model.keep();
    let saved = model.save().unwrap();
    let mut again = gan(&config, &data);
    again.load(saved).unwrap();
    run(&mut model, 5..10);
    run(&mut again, 5..10);
    assert_eq!(model.validate().unwrap(), again.validate().unwrap());
    model.keep();
    again.keep();
    let weights = model.finish(1).unwrap();
    assert_eq!(weights, again.finish(1).unwrap());

    let sampler = CtganSampler::from_weights(&config, &SPANS, &mut weights.clone(), &Device::flex()).unwrap();
    let mut allowed = Allowed::any(3);
    allowed.restrict(0, vec![false, false, true]);
    let drawn = sampler.draw(200, &allowed, 1_000_000, &mut stream(2, "draw", 0)).unwrap();
    assert_eq!((drawn.encoded.rows, allowed.matching(&drawn.encoded).len()), (200, 200));
    assert!(CtganSampler::from_weights(&config, &SPANS[..2], &mut weights.clone(), &Device::flex()).is_err());
}
