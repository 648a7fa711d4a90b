use super::*;
use crate::nets::params::tests::assert_gradients;
use crate::table::rows::Rows;
use verisim_data::rng::{below, uniform};
use verisim_data::table::codec::Encoded;

const SPANS: [Span; 3] = [
    Span { tokens: 3, scalar: false, ordered: false },
    Span { tokens: 2, scalar: true, ordered: true },
    Span { tokens: 4, scalar: false, ordered: true },
];
const WIDTH: usize = 9;

fn config() -> Config {
    Config { latent: 2, hidden: vec![5, 4], calibrate: 1, ..Config::default() }
}

fn training() -> Training {
    Training {
        batch_size: 64,
        epochs: 1,
        min_steps: 0,
        learning_rate: 1e-2,
        warmup: 0,
        cosine: false,
        betas: [0.9, 0.99],
        weight_decay: 0.0,
        clip: 1.0,
        ema: 0.9,
        validation: 0.0,
        patience: 0,
        ..Training::default()
    }
}

/// The third column is the first, except for noise; the second has a scalar.
fn table(rows: usize) -> Encoded {
    let mut rng = stream(1, "table", 0);
    let mut out = Encoded::zeros(&SPANS, rows);
    for i in 0..rows {
        let a = below(&mut rng, 3) as u32;
        out.tokens[0][i] = a;
        out.tokens[1][i] = below(&mut rng, 2) as u32;
        out.scalars[1][i] = (2.0 * uniform(&mut rng) - 1.0) as f32;
        out.tokens[2][i] = if uniform(&mut rng) < 0.8 { a } else { 3 };
    }
    out
}

/// Everything that the loss of `rows` rows needs, on a device with gradients.
struct Case {
    net: Net,
    blocks: Blocks,
    mask: Tensor<2>,
    x: Tensor<2>,
    scalars: Tensor<2>,
}

impl Case {
    fn new(config: &Config, rows: usize) -> Case {
        let device = Device::flex().autodiff();
        let plain = Device::flex();
        let blocks = Blocks::new(&SPANS, &plain);
        let index: Vec<usize> = (0..rows).collect();
        let (x, scalars) = Resident::new(&Rows::of(&table(rows)), &blocks, &plain).batch(&index, &blocks);
        Case {
            net: Net::new(config, &blocks, 3, &device),
            mask: Tensor::from_inner(later(&blocks, &plain)),
            blocks: blocks.with_gradients(),
            x: Tensor::from_inner(x),
            scalars: Tensor::from_inner(scalars.unwrap()),
        }
    }

    fn loss(&self, net: &Net, noise: Option<Tensor<2>>) -> (Tensor<1>, Tensor<1>) {
        loss(net, &self.blocks, &self.mask, self.x.clone(), Some(self.scalars.clone()), noise)
    }
}

fn noise(rows: usize) -> Tensor<2> {
    Tensor::from_inner(noise::normal(&mut stream(1, "noise", 0), rows, 2, &Device::flex()))
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for skip in [true, false] {
        let case = Case::new(&Config { skip, ..config() }, 6);
        let noise = noise(6);
        assert_gradients(&case.net, 3e-3, |net| {
            let (reconstruction, divergence) = case.loss(net, Some(noise.clone()));
            reconstruction * 1.3 + divergence * 0.7
        });
    }
}

/// With weights of zero every softmax is uniform, the posterior is the prior, and the loss is known.
#[test]
fn the_loss_of_an_empty_net_is_known() {
    let case = Case::new(&config(), 6);
    let mut zero = Weights::default();
    for (name, array) in weights_of(&case.net).unwrap().iter() {
        let count: usize = array.shape.iter().product();
        zero.put_f32(name, &array.shape, vec![0.0; count]);
    }
    let net = with_weights(case.net.clone(), &mut zero).unwrap();
    let (reconstruction, divergence) = case.loss(&net, None);
    let squares: f32 = case.scalars.clone().inner().powf_scalar(2.0).sum().into_scalar();
    // ln 3 + ln 2 + ln 4 a row, and s^2 / 2 for a normal of mean 0 and deviation 1.
    let expected = 6.0 * 24f32.ln() + squares / 2.0;
    assert!((reconstruction.into_scalar::<f32>() - expected).abs() < 1e-4);
    assert!(divergence.into_scalar::<f32>().abs() < 1e-5);
}

#[test]
fn the_divergence_is_that_of_normals() {
    let case = Case::new(&config(), 6);
    let input = Tensor::cat(vec![case.x.clone(), case.scalars.clone()], 1);
    let (mean, log_var) = case.net.encode(input);
    let host = |t: Tensor<2>| t.into_data().try_into_vec::<f32>().unwrap();
    let sum = |(m, v): (f32, f32)| 0.5 * (m * m + v.exp() - v - 1.0);
    let expected: f32 = host(mean).into_iter().zip(host(log_var)).map(sum).sum();
    let (_, divergence) = case.loss(&case.net, None);
    assert!(expected > 0.0 && (divergence.into_scalar::<f32>() - expected).abs() < 1e-4 * (1.0 + expected));
}

#[test]
fn the_mask_lets_only_earlier_blocks_through() {
    let mask = later(&Blocks::new(&SPANS, &Device::flex()), &Device::flex()).into_data().try_into_vec::<f32>().unwrap();
    let column = |w: usize| [3, 5, 9].iter().position(|&end| w < end).unwrap();
    for from in 0..WIDTH {
        for to in 0..WIDTH {
            let want = if column(from) < column(to) { SKIP_GAIN } else { 0.0 };
            assert_eq!(mask[from * WIDTH + to], want, "{from} to {to}");
        }
    }
}

fn tvae(data: &Encoded, training: &Training) -> Tvae {
    let device = Device::flex().autodiff();
    let validation = data.take(&(0..50).collect::<Vec<_>>());
    let columns = Columns { spans: &SPANS, train: Rows::of(data), validation: Rows::of(&validation) };
    Tvae::new(
        &config(),
        &columns,
        &Setup { training, seed: 1, device: &device, shards: 2, counter: &crate::Counter::default() },
    )
    .unwrap()
}

fn steps(model: &mut Tvae, steps: std::ops::Range<u64>) {
    for step in steps {
        model.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap();
    }
}

#[test]
fn training_lowers_the_score_and_what_was_saved_goes_on_alike() {
    let (data, training) = (table(512), training());
    let mut model = tvae(&data, &training);
    let before = model.validate().unwrap().unwrap();
    steps(&mut model, 0..150);
    let after = model.validate().unwrap().unwrap();
    assert!(after < before - 0.3, "{before} before, {after} after");
    model.keep();
    let saved = model.save().unwrap();
    let mut again = tvae(&data, &training);
    again.load(saved).unwrap();
    for model in [&mut model, &mut again] {
        steps(model, 150..160);
    }
    assert_eq!(model.validate().unwrap(), again.validate().unwrap());
    model.keep();
    again.keep();
    assert_eq!(model.finish(1).unwrap(), again.finish(1).unwrap());
}

#[test]
fn conditions_give_what_filtering_gives() {
    let (data, training) = (table(512), training());
    let mut model = tvae(&data, &training);
    steps(&mut model, 0..100);
    let mut weights = model.finish(1).unwrap();
    let sampler = TvaeSampler::from_weights(&config(), &SPANS, &mut weights, &Device::flex()).unwrap();
    let mut allowed = Allowed::any(3);
    allowed.restrict(2, vec![false, true, false, true]);
    let all = sampler.draw(60_000, &Allowed::any(3), u64::MAX, &mut stream(2, "draw", 0)).unwrap().encoded;
    let filtered = all.take(&allowed.matching(&all));
    let asked = sampler.draw(20_000, &allowed, u64::MAX, &mut stream(3, "draw", 0)).unwrap().encoded;
    assert_eq!(allowed.matching(&asked).len(), 20_000);
    for a in 0..3u32 {
        let share = |data: &Encoded| data.tokens[0].iter().filter(|&&t| t == a).count() as f64 / data.rows as f64;
        let (p, q) = (share(&filtered), share(&asked));
        // Four standard deviations of a difference of two shares.
        let noise = 4.0 * (p * (1.0 - p) * (1.0 / filtered.rows as f64 + 1.0 / 20_000.0)).sqrt();
        assert!((p - q).abs() < noise, "a = {a}: {p} filtered, {q} asked for");
    }
    assert!(all.scalars[0].is_empty() && all.scalars[1].len() == 60_000);
}

#[test]
fn weights_of_another_table_are_refused() {
    let (data, training) = (table(512), training());
    let weights = tvae(&data, &training).finish(1).unwrap();
    let open = |spans: &[Span]| TvaeSampler::from_weights(&config(), spans, &mut weights.clone(), &Device::flex());
    assert!(open(&SPANS).is_ok());
    assert!(open(&SPANS[..2]).is_err());
    assert!(open(&[SPANS[0], Span { scalar: false, ..SPANS[1] }, SPANS[2]]).is_err());
}
