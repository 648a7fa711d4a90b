//! The GPU backend against the CPU's: every neural model takes the same first steps on both, and draws the same from the same
//! weights. Without an adapter the tests say that they are skipped; a software Vulkan driver will do. And no step of any of
//! them waits for its device.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Device, Tensor, TensorData};
#[cfg(feature = "gpu")]
use burn::tensor::{DeviceKind, DeviceType};
use verisim_data::image::{Images, Shape};
use verisim_data::rng::{below, stream, uniform};
use verisim_data::series::{self as sequences, Names, Series};
use verisim_data::table::codec::Numeric;
use verisim_data::table::{self as tables, Table};
use verisim_data::text::{self as writings, Document, Form, Texts};

use crate::image::{self, Augment, flow, gan, noise_of, to_byte, vae};
use crate::learn::{Clock, Learn, Model, Models, Setup, Split, Start, Trainee};
use crate::series::{self, Wanted, deepar, events, timeflow};
use crate::step::noted;
use crate::table::{self, Allowed, Nothing, ctgan, tokens, tvae};
use crate::text::{self, Tokens, lm};
use crate::training::Training;
use crate::{Weights, read};

/// Steps that are compared. Differences of rounding grow with every step.
const STEPS: u64 = 3;

/// A device of wgpu, or a word that there is none. With `VERISIM_NEED_GPU` there must be one in a build that can use it.
pub(crate) fn wgpu(test: &str) -> Option<Device> {
    #[cfg(feature = "gpu")]
    if !Device::enumerate(DeviceType::Wgpu).is_empty() {
        return Some(Device::wgpu(DeviceKind::DefaultDevice));
    }
    let needed = cfg!(feature = "gpu") && std::env::var_os("VERISIM_NEED_GPU").is_some();
    assert!(!needed, "{test}: there is no adapter");
    eprintln!("skipped: {test} (needs --features gpu and a graphics adapter; a software Vulkan driver will do)");
    None
}

fn training(base: Training) -> Training {
    Training { batch_size: 16, accumulate: 1, learning_rate: 1e-3, warmup: 0, ema: 0.9, validation: 0.0, ..base }
}

/// A kind whose models are compared.
trait Compared: Learn {
    fn models() -> Vec<Self::Models>;
    fn data() -> Self;
    fn source() -> Self::Source;
    fn augment() -> Self::Augment;
}

impl Compared for Images {
    fn models() -> Vec<image::Model> {
        let (channels, condition) = (vec![8, 12], 16);
        vec![
            image::Model::Flow(flow::Config { channels: channels.clone(), condition, ..Default::default() }),
            image::Model::Gan(gan::Config {
                channels: channels.clone(),
                condition,
                latent: 8,
                diffaugment: Some(augmented()),
                ..Default::default()
            }),
            image::Model::Vae(vae::Config { channels, condition, latent: 8, ..Default::default() }),
        ]
    }

    /// Colour images of 8 x 12 in two classes.
    fn data() -> Images {
        let shape = Shape { height: 8, width: 12, channels: 3 };
        let mut rng = stream(1, "agreement", 0);
        let pixels = (0..48 * shape.len())
            .map(|i| (below(&mut rng, 100) + if (i / shape.len()).is_multiple_of(2) { 150 } else { 0 }) as u8);
        let classes = ["bright", "dark"].map(String::from).to_vec();
        Images::from_pixels(shape, classes, (0..48).map(|i| i % 2).collect(), pixels.collect()).unwrap()
    }

    fn source() -> verisim_data::image::Source {
        verisim_data::image::Source::default()
    }

    fn augment() -> Augment {
        augmented()
    }
}

impl Compared for Table {
    fn models() -> Vec<table::Model> {
        // Numbers of which a scalar stands beside the token.
        let (numeric, bins) = (Numeric::Modes, 3);
        vec![
            table::Model::Tvae(tvae::Config { latent: 8, hidden: vec![16, 16], numeric, bins, ..Default::default() }),
            table::Model::Ctgan(ctgan::Config {
                latent: 8,
                generator: vec![16],
                critic: vec![16],
                numeric,
                bins,
                ..Default::default()
            }),
            table::Model::Tokens(tokens::Config { width: 32, bins: 40, ..Default::default() }),
        ]
    }

    /// Two columns of categories, one of numbers.
    fn data() -> Table {
        let mut rng = stream(1, "agreement", 1);
        let mut cells = [const { Vec::new() }; 3];
        for _ in 0..200 {
            cells[0].push(format!("level {}", below(&mut rng, 4)));
            cells[1].push(format!("{:.3}", 5.0 * below(&mut rng, 3) as f64 + uniform(&mut rng)));
            cells[2].push(format!("level {}", below(&mut rng, 5)));
        }
        let cells: Vec<Vec<Option<&str>>> =
            cells.iter().map(|column| column.iter().map(|cell| Some(cell.as_str())).collect()).collect();
        Table::from_text(&[("a", &cells[0]), ("b", &cells[1]), ("c", &cells[2])]).unwrap()
    }

    fn source() -> tables::Source {
        tables::Source::default()
    }

    fn augment() -> Nothing {
        Nothing::default()
    }
}

impl Compared for Series {
    fn models() -> Vec<series::Model> {
        let (width, condition) = (16, 16);
        vec![
            series::Model::Timeflow(timeflow::Config { width, layers: 2, condition, ..Default::default() }),
            series::Model::Deepar(deepar::Config { width, units: 8, components: 2, ..Default::default() }),
            series::Model::Events(events::Config { memory: 16, width: 32, bins: 40, ..Default::default() }),
        ]
    }

    /// Twenty sequences of eight steps, of a number and a category.
    fn data() -> Series {
        let mut rng = stream(1, "agreement", 3);
        let mut cells = [const { Vec::new() }; 4];
        for i in 0..160 {
            cells[0].push(format!("key {}", i / 8));
            cells[1].push(format!("{}", i % 8));
            cells[2].push(format!("{:.3}", (i % 8) as f64 + uniform(&mut rng)));
            cells[3].push(format!("level {}", below(&mut rng, 3)));
        }
        let cells: Vec<Vec<Option<&str>>> =
            cells.iter().map(|column| column.iter().map(|cell| Some(cell.as_str())).collect()).collect();
        let columns = [("k", &cells[0][..]), ("t", &cells[1]), ("a", &cells[2]), ("b", &cells[3])];
        Series { table: Table::from_text(&columns).unwrap(), wide: None }
    }

    fn source() -> sequences::Source {
        let series = sequences::Settings {
            key: Some(Names::One("k".into())),
            order: Some("t".into()),
            ..sequences::Settings::default()
        };
        sequences::Source { series: Some(series), ..sequences::Source::default() }
    }

    fn augment() -> Nothing {
        Nothing::default()
    }
}

/// Every way to change an image but noise, which a GPU makes for itself.
impl Compared for Texts {
    fn models() -> Vec<text::Model> {
        let (tokens, width, layers, heads, context) = (Tokens::Chars, 32, 2, 4, 32);
        let key_heads = Some(2);
        vec![text::Model::Lm(lm::Config { tokens, width, layers, heads, key_heads, context, ..Default::default() })]
    }

    /// Messages of two labels.
    fn data() -> Texts {
        let document = |i: u64| {
            let mut rng = stream(1, "agreement", 100 + i);
            let text: String =
                (0..3 + below(&mut rng, 30)).map(|_| (b'a' + below(&mut rng, 9) as u8) as char).collect();
            Document { cells: vec![Some(["x", "y"][i as usize % 2].into())], ..Document::plain(text) }
        };
        let documents = (0..200).map(document).collect();
        Texts { form: Form::Column("text".into()), columns: vec!["label".into()], documents }
    }

    fn source() -> writings::Source {
        writings::Source::default()
    }

    fn augment() -> Nothing {
        Nothing::default()
    }
}

fn augmented() -> Augment {
    let (brightness, contrast, saturation) = (0.1, 0.2, 0.2);
    Augment {
        flip: true,
        shift: 0.2,
        crop: 0.2,
        rotate: 10.0,
        brightness,
        contrast,
        saturation,
        cutout: 0.2,
        noise: 0.0,
    }
}

/// A fresh model on `device` that learns all data, its batches cut as on a CPU; and what its artefact says of them.
fn fresh<K: Compared>(model: &K::Models, device: &Device) -> (Box<dyn Trainee<K>>, K::Spec) {
    let training = training(model.training().unwrap());
    let device = &device.clone().autodiff();
    let ready = K::data().encode(&K::source(), &model.encoding()).unwrap();
    let train: Vec<usize> = (0..ready.count).collect();
    let split = Split { encoded: &ready.encoded, train: &train, validation: &[], augment: &K::augment() };
    let start = model
        .start(&split, &Setup { training: &training, seed: 1, device, shards: 2, counter: &crate::Counter::default() })
        .unwrap();
    let Start::Steps(trainee) = start else { panic!("{} takes no steps", model.name()) };
    (trainee, K::spec(&ready.encoded, &train))
}

/// Weights of 20 steps on the CPU, and what they are weights of.
fn trained<K: Compared>(model: &K::Models) -> (Weights, K::Spec) {
    let (mut trainee, spec) = fresh::<K>(model, &Device::flex());
    (0..20).for_each(|step| drop(trainee.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap()));
    (trainee.finish(1).unwrap(), spec)
}

/// Losses of the first steps by name, and all that is saved then.
fn run<K: Compared>(model: &K::Models, device: &Device) -> (Vec<(&'static str, f32)>, Weights) {
    let (mut model, _) = fresh::<K>(model, device);
    let mut losses = Vec::new();
    for step in 0..STEPS {
        let all = model.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap();
        losses.extend(all.into_iter().map(|(name, loss)| (name, loss.into_scalar::<f32>())));
    }
    (losses, model.save().unwrap())
}

#[test]
fn the_first_steps_agree_with_those_on_the_cpu() {
    let Some(gpu) = wgpu("the_first_steps_agree_with_those_on_the_cpu") else { return };
    assert_first_steps::<Images>(&gpu);
    assert_first_steps::<Table>(&gpu);
    assert_first_steps::<Series>(&gpu);
}

fn assert_first_steps<K: Compared>(gpu: &Device) {
    for config in K::models() {
        let model = config.name();
        let ((losses, mut there), (expected, mut here)) = (run::<K>(&config, gpu), run::<K>(&config, &Device::flex()));
        assert!(losses.len() >= STEPS as usize && losses.len() == expected.len(), "{model}: {losses:?}");
        for (i, ((name, a), (_, b))) in losses.iter().zip(&expected).enumerate() {
            assert!((a - b).abs() <= 1e-3 * (1.0 + b.abs()), "{model}, loss {i} ({name}): {a} on wgpu, {b} on the CPU");
        }
        // Adam moves every number by about the learning rate a step, in the direction of its gradient. Where gradients are
        // nearly nothing their sign is rounding; elsewhere they must be the same.
        let names: Vec<String> = here.iter().map(|(name, _)| name.to_owned()).collect();
        let (mut apart, mut count) = (0, 0);
        for name in names.iter().filter(|name| !name.ends_with("optimizer")) {
            let (Ok((_, a)), Ok((_, b))) = (there.take_f32(name), here.take_f32(name)) else { continue };
            assert_eq!(a.len(), b.len(), "{model}, {name}");
            apart += a.iter().zip(&b).filter(|(a, b)| (*a - *b).abs() > 1e-3).count();
            count += a.len();
        }
        assert!(count > 1000 && apart * 50 < count, "{model}: {apart} of {count} numbers differ by more than a step");
    }
}

/// Parameter by parameter, of a fresh model and of one that has found its way: where layers start at zero, most gradients do too.
#[test]
fn gradients_agree_with_those_on_the_cpu() {
    let Some(gpu) = wgpu("gradients_agree_with_those_on_the_cpu") else { return };
    assert_same_gradients::<Images>(&gpu);
    assert_same_gradients::<Table>(&gpu);
    assert_same_gradients::<Series>(&gpu);
}

fn assert_same_gradients<K: Compared>(gpu: &Device) {
    for config in K::models() {
        let model = config.name();
        let (mut here, _) = fresh::<K>(&config, &Device::flex());
        for trained in [0, 20] {
            (0..trained).for_each(|step| drop(here.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap()));
            let (mut there, _) = fresh::<K>(&config, gpu);
            there.load(here.save().unwrap()).unwrap();
            let clock = Clock { seed: 1, step: trained, rate: 1.0 };
            let expected = noted(|| drop(here.step(&clock).unwrap()));
            let got = noted(|| drop(there.step(&clock).unwrap()));
            assert!(!expected.is_empty() && got.len() == expected.len(), "{model}: nothing to compare");
            let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            for (i, (a, b, largest)) in got
                .iter()
                .zip(&expected)
                .flat_map(|(got, expected)| {
                    // Of one network.
                    let largest = expected.iter().map(|g| norm(g)).fold(0.0, f64::max);
                    got.iter().zip(expected).map(move |(a, b)| (a, b, largest))
                })
                .enumerate()
            {
                assert!(largest > 1e-4, "{model}, step {trained}: all gradients of a network are {largest}");
                let apart = norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>());
                let rule = 1e-2 * norm(b) + 1e-4 * largest;
                assert!(
                    a.len() == b.len() && apart <= rule,
                    "{model}, step {trained}, parameter {i}: {apart} of {}",
                    norm(b)
                );
            }
        }
    }
}

#[test]
fn images_of_the_same_weights_agree_with_those_on_the_cpu() {
    let Some(gpu) = wgpu("images_of_the_same_weights_agree_with_those_on_the_cpu") else { return };
    for config in Images::models() {
        let (weights, spec) = trained::<Images>(&config);
        let draw = |device: &Device| -> Vec<u8> {
            let sampler = config.restore(&spec, &mut weights.clone(), device).unwrap();
            let noise: Vec<f32> = (0..6).flat_map(|i| noise_of(3, i, sampler.noise())).collect();
            let noise = Tensor::from_data(TensorData::new(noise, [6, sampler.noise()]), device);
            let values = sampler.images(noise, &[0, 1, 0, 1, 0, 1]).into_data().try_into_vec::<f32>().unwrap();
            values.into_iter().map(to_byte).collect()
        };
        let (here, there) = (draw(&Device::flex()), draw(&gpu));
        assert!(here.iter().min() < here.iter().max(), "{}: nothing is drawn", config.name());
        let worst = here.iter().zip(&there).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(here.len() == there.len() && worst <= Some(1), "{}: {worst:?} apart", config.name());
    }
}

#[test]
fn rows_of_the_same_weights_agree_with_those_on_the_cpu() {
    let Some(gpu) = wgpu("rows_of_the_same_weights_agree_with_those_on_the_cpu") else { return };
    for config in Table::models() {
        let (weights, spec) = trained::<Table>(&config);
        let columns = spec.codec.columns.len();
        let draw = |device: &Device| {
            let sampler = config.restore(&spec, &mut weights.clone(), device).unwrap();
            sampler.draw(512, &Allowed::any(columns), 1, &mut stream(1, "agreement", 2)).unwrap().encoded
        };
        let (here, there) = (draw(&Device::flex()), draw(&gpu));
        let other = |c: usize| here.tokens[c].iter().zip(&there.tokens[c]).filter(|(a, b)| a != b).count();
        let apart: usize = (0..columns).map(other).sum();
        // A draw next to the border of two tokens may fall to the other side.
        assert!(apart <= 5, "{}: {apart} of {} tokens differ", config.name(), 512 * columns);
    }
}

#[test]
fn series_of_the_same_weights_agree_with_those_on_the_cpu() {
    let Some(gpu) = wgpu("series_of_the_same_weights_agree_with_those_on_the_cpu") else { return };
    for config in Series::models() {
        let (weights, spec) = trained::<Series>(&config);
        let draw = |device: &Device| {
            let sampler = config.restore(&spec, &mut weights.clone(), device).unwrap();
            let any = Allowed::any(spec.context.columns.len());
            let context = sampler.contexts.draw(64, &any, 1000, &mut stream(1, "agreement", 4)).unwrap().encoded;
            let wanted = Wanted { context: &context, lengths: &[12; 64], starts: &[0.0; 64], past: None };
            sampler.steps.draw(&wanted, &mut stream(1, "agreement", 4)).unwrap()
        };
        let (here, there) = (draw(&Device::flex()), draw(&gpu));
        let apart = here.tokens[1].iter().zip(&there.tokens[1]).filter(|(a, b)| a != b).count();
        let scalars = here.scalars[0].iter().zip(&there.scalars[0]).filter(|(a, b)| (*a - *b).abs() > 0.05).count();
        // What falls next to the border of two tokens may fall to the other side.
        assert!(here.rows == there.rows && apart <= 10 && scalars <= 10, "{}: {apart}, {scalars}", config.name());
    }
}

/// A wait in a step would leave a GPU idle, and cost a CPU nothing that any other test sees.
#[test]
fn steps_wait_for_no_device() {
    let devices = [Some(Device::flex()), wgpu("steps_wait_for_no_device, on a GPU")];
    for device in devices.iter().flatten() {
        assert_no_waits::<Images>(device);
        assert_no_waits::<Table>(device);
        assert_no_waits::<Series>(device);
    }
    assert_no_waits::<Texts>(&Device::flex());
}

fn assert_no_waits<K: Compared>(device: &Device) {
    // Reads are counted by thread, and a step's shards run on others: here on the same one.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for config in K::models() {
        pool.install(|| {
            let (mut model, _) = fresh::<K>(&config, device);
            let before = read::count();
            let losses: Vec<_> =
                (0..STEPS).map(|step| model.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap()).collect();
            assert_eq!(read::count(), before, "{} reads from its device in a step", config.name());
            // And the count is one of reads: of a loss, and of all weights.
            read::number(losses[0][0].1.clone()).unwrap();
            assert_eq!(read::count(), before + 1);
            model.save().unwrap();
            assert!(read::count() > before + 10);
        });
    }
}
