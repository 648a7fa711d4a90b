//! Small series for tests, and what every model of them must do.

use std::sync::Arc;

use verisim_data::rng::stream;
use verisim_data::series::{Clock, Shape, Spec, Unit, offsets};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, TableCodec};
use verisim_data::table::{Column, ColumnKind, Field, Frame, Reason, Schema};

use super::{EncodedSeries, Past, Sampler, Series, Wanted};
use crate::compute::Device;
use crate::error::Result;
use crate::learn::{Model, Setup, Split, Start};
use crate::table::Nothing;
use crate::training::Training;
use crate::weights::Weights;

/// A column of numbers, or of categories `a`, `b`, ...
pub(crate) enum Cells {
    Numbers(Vec<f64>),
    Words(Vec<u32>),
}

impl Cells {
    fn column(self) -> Column {
        match self {
            Cells::Numbers(values) => Column::Number(values),
            Cells::Words(codes) => {
                let most = codes.iter().max().map_or(0, |&m| m + 1);
                let levels: Vec<String> = (0..most).map(|k| char::from(b'a' + k as u8).to_string()).collect();
                Column::Category { codes, levels: Arc::from(levels) }
            }
        }
    }
}

fn schema(columns: &[Column], name: &str) -> Schema {
    let kind = |c: &Column| match c.is_category() {
        true => ColumnKind::Categorical { numeric: false },
        false => ColumnKind::Decimal { decimals: 6 },
    };
    let field = |(j, c): (usize, &Column)| Field::new(&format!("{name}{j}"), kind(c), Reason::Untold);
    Schema { fields: columns.iter().enumerate().map(field).collect(), nest: None, dialect: None }
}

/// Series with these steps: of one sequence or a panel, with a context, at these times where they are uneven.
pub(crate) fn series(
    encoding: &CodecConfig,
    lengths: &[usize],
    steps: Vec<Cells>,
    context: Vec<Cells>,
    uneven: Option<Vec<f64>>,
) -> EncodedSeries {
    let at = offsets(lengths.iter().copied());
    let rows: usize = lengths.iter().sum();
    let mut steps: Vec<Column> = steps.into_iter().map(Cells::column).collect();
    let mut context: Vec<Column> = context.into_iter().map(Cells::column).collect();
    let has_gap = uneven.is_some();
    let order = has_gap.then(|| Field::new("time", ColumnKind::Decimal { decimals: 6 }, Reason::Untold));
    let every = (!has_gap).then_some(1.0);
    let shape = Shape {
        names: Vec::new(),
        key: if lengths.len() > 1 { vec!["key".into()] } else { Vec::new() },
        order,
        clock: Clock { unit: Unit::One, rest: 0.0, every, start: Some(0.0) },
        context: schema(&context, "context"),
        steps: schema(&steps, "step"),
        dialect: None,
        wide: None,
        window: None,
        lengths: [lengths.iter().copied().min().unwrap_or(0), lengths.iter().copied().max().unwrap_or(0)],
    };
    let times = uneven.unwrap_or_else(|| lengths.iter().flat_map(|&n| (0..n).map(|t| t as f64)).collect());
    if has_gap {
        let gaps = (0..rows).map(|i| if at.binary_search(&i).is_ok() { f64::NAN } else { times[i] - times[i - 1] });
        steps.insert(0, Column::Number(gaps.collect()));
    }
    if shape.has_length() {
        context.insert(0, Column::Number(lengths.iter().map(|&n| n as f64).collect()));
    }
    let steps = Frame::new(steps, rows);
    let context = Frame::new(context, lengths.len());
    let grid = CodecConfig { numeric: Numeric::Grid, bins: 256, rare: 5, max_levels: 4096 };
    let context_codec = match context.columns.is_empty() {
        true => TableCodec::default(),
        false => TableCodec::fit(&shape.context_fields(), &context, &grid),
    };
    let codec = TableCodec::fit(&shape.step_fields(), &steps, encoding);
    let joined = lengths.len() == 1;
    EncodedSeries {
        offsets: if joined { super::pieces(rows, None) } else { at },
        joined,
        context: if joined { Encoded::default() } else { context_codec.encode(&context) },
        steps: codec.encode(&steps),
        times,
        spec: Spec { shape, changes: Vec::new(), finer: Vec::new(), context: context_codec, steps: codec },
        levels: Vec::new(),
    }
}

fn device() -> Device {
    #[cfg(feature = "neural")]
    return Device::flex();
    #[cfg(not(feature = "neural"))]
    Device
}

/// What is learnt of a series.
pub(crate) fn learnt(config: &dyn Model<Series>, data: &EncodedSeries) -> Result<Weights> {
    let train: Vec<usize> = (0..data.offsets.len() - 1).collect();
    let split = Split::<Series> { encoded: data, train: &train, validation: &[], augment: &Nothing::default() };
    let setup = Setup {
        training: &Training::default(),
        seed: 1,
        device: &device(),
        shards: 1,
        counter: &crate::Counter::default(),
    };
    match config.start(&split, &setup)? {
        Start::Fitted(weights) => Ok(weights),
        Start::Steps(_) => panic!("is not fitted at once"),
    }
}

/// A fitted model.
pub(crate) fn fitted(config: &dyn Model<Series>, data: &EncodedSeries) -> Box<Sampler> {
    let mut weights = learnt(config, data).unwrap();
    let sampler = config.restore(&data.spec, &mut weights, &device()).unwrap();
    weights.nothing_left().unwrap();
    sampler
}

/// A sample: with contexts of the model, or those of the data.
pub(crate) fn sample(sampler: &Sampler, data: &EncodedSeries, lengths: &[usize], seed: u64) -> Encoded {
    let drawn;
    let context = match data.joined || data.context.rows != lengths.len() {
        false => &data.context,
        true => {
            let any = crate::table::Allowed::any(data.context_spans().len());
            drawn = sampler.contexts.draw(lengths.len(), &any, 1000, &mut stream(seed, "c", 0)).unwrap().encoded;
            &drawn
        }
    };
    let starts = vec![0.0; lengths.len()];
    let wanted = Wanted { context, lengths, starts: &starts, past: None };
    sampler.steps.draw(&wanted, &mut stream(seed, "s", 0)).unwrap()
}

/// How the sequences of `data` go on.
pub(crate) fn goes_on(sampler: &Sampler, data: &EncodedSeries, at: &[usize], horizon: usize, seed: u64) -> Encoded {
    let count = at.len() - 1;
    let lengths = vec![horizon; count];
    let starts: Vec<f64> = at[1..].iter().map(|&end| data.times[end - 1] + 1.0).collect();
    let past = Past { offsets: at, steps: &data.steps, times: &data.times, levels: &[] };
    let empty = Encoded { rows: count, ..Encoded::default() };
    let context = if data.joined { &empty } else { &data.context };
    let wanted = Wanted { context, lengths: &lengths, starts: &starts, past: Some(past) };
    sampler.steps.draw(&wanted, &mut stream(seed, "s", 0)).unwrap()
}

/// The numbers of column `j`.
pub(crate) fn numbers(data: &EncodedSeries, rows: &Encoded, j: usize) -> Vec<f64> {
    match &data.spec.steps.decode(rows, 0, 0).columns[j] {
        Column::Number(values) => values.clone(),
        Column::Category { codes, .. } => codes.iter().map(|&c| f64::from(c)).collect(),
    }
}

/// What every model must do: the same bytes twice and from its file, other bytes by another seed, tokens that there are, gaps where they
/// belong, and no end to lengths and pasts that are odd.
pub(crate) fn assert_sound(config: &dyn Model<Series>, data: &EncodedSeries) {
    let same = |a: &Encoded, b: &Encoded| a.tokens == b.tokens && a.scalars == b.scalars;
    let sampler = fitted(config, data);
    let lengths = [5, 0, 1, 30];
    let first = sample(&sampler, data, &lengths, 1);
    assert_eq!(first.rows, 36);
    assert!(same(&first, &sample(&sampler, data, &lengths, 1)));
    assert!(same(&first, &sample(&fitted(config, data), data, &lengths, 1)));
    assert!(!same(&first, &sample(&sampler, data, &lengths, 2)));
    let sound = |rows: &Encoded, begins: &[usize]| {
        for (j, span) in data.step_spans().iter().enumerate() {
            assert!(rows.tokens[j].len() == rows.rows && rows.tokens[j].iter().all(|&t| t < span.tokens));
            assert_eq!(rows.scalars[j].len(), if span.scalar { rows.rows } else { 0 });
            assert!(rows.scalars[j].iter().all(|s| s.is_finite()));
        }
        if data.spec.shape.has_gap() {
            let gaps = numbers(data, rows, 0);
            (0..rows.rows).for_each(|i| assert_eq!(gaps[i].is_nan(), begins.contains(&i), "{i} {gaps:?}"));
        }
    };
    sound(&first, &[0, 5, 6]);
    let ends = if data.joined { vec![0, data.steps.rows] } else { data.offsets.clone() };
    let next = goes_on(&sampler, data, &ends, 3, 1);
    assert_eq!(next.rows, 3 * (ends.len() - 1));
    sound(&next, &[]);
    // No word of it is taken for granted: what is left out of a file is missed.
    let mut weights = learnt(config, data).unwrap();
    let names: Vec<String> = weights.iter().map(|(name, _)| name.to_owned()).collect();
    assert!(!names.is_empty());
    let lost = Weights::default();
    assert!(config.restore(&data.spec, &mut lost.clone(), &device()).is_err());
    config.restore(&data.spec, &mut weights, &device()).unwrap();
}
