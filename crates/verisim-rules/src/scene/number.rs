//! Numbers and colours of a scene: fixed, or drawn anew for each scene. That is all of domain randomisation.

use std::fmt;

use rand::RngExt;
use rand_distr::StandardNormal;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::vector::{Vec3, vec3};
use crate::cell::Cell;
use crate::error::{Error, Result};

/// A number, or how it is drawn for each scene.
///
/// | written | means |
/// |---|---|
/// | `3` | always 3 |
/// | `[1, 5]` | uniform between 1 and 5 |
/// | `{ normal = [0, 2] }` | normal with mean 0 and standard deviation 2 |
/// | `{ choice = [0.35, 0.7] }` | one of these; with `weights = [3, 1]` the first three times as often |
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// Always the same.
    Fixed(f64),
    /// Uniform from the first to the second.
    Uniform(f64, f64),
    /// Normal with mean and standard deviation.
    Normal(f64, f64),
    /// One of these, by weights; none means all alike.
    Choice(Vec<f64>, Vec<f64>),
}

impl Number {
    /// The number for a cell.
    pub fn draw(&self, cell: &mut Cell) -> f64 {
        match self {
            Number::Fixed(x) => *x,
            Number::Uniform(low, high) => low + (high - low) * cell.uniform(),
            Number::Normal(mean, sd) => mean + sd * cell.sample::<f64, _>(StandardNormal),
            Number::Choice(values, weights) => values.get(choose(values.len(), weights, cell)).copied().unwrap_or(0.0),
        }
    }

    /// A count: whole, not negative; a uniform one has both ends and all between alike.
    pub fn count(&self, cell: &mut Cell) -> usize {
        let drawn = match self {
            Number::Uniform(low, high) => low.round() + cell.below((high.round() - low.round()) as u64 + 1) as f64,
            other => other.draw(cell).round(),
        };
        drawn.clamp(0.0, 1e6) as usize
    }

    /// The least and the greatest that it can be; of a normal number five standard deviations from the mean.
    pub fn range(&self) -> (f64, f64) {
        match self {
            Number::Fixed(x) => (*x, *x),
            Number::Uniform(low, high) => (*low, *high),
            Number::Normal(mean, sd) => (mean - 5.0 * sd, mean + 5.0 * sd),
            Number::Choice(values, _) => {
                values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)))
            }
        }
    }

    /// Fails unless all that it can be is from `low` to `high`.
    ///
    /// # Errors
    /// [`Error::Setting`] that names `key`.
    pub fn check(&self, key: &str, low: f64, high: f64) -> Result<()> {
        let setting = |what: String| Err(Error::Setting { key: key.into(), what });
        match self {
            Number::Uniform(a, b) if a > b => return setting(format!("is [{a}, {b}]; write the lesser number first")),
            Number::Normal(_, sd) if *sd < 0.0 => {
                return setting(format!("has the standard deviation {sd}; it must not be negative"));
            }
            Number::Choice(values, _) if values.is_empty() => {
                return setting("has nothing to choose from; name a number".into());
            }
            Number::Choice(values, weights) => check_weights(key, values.len(), weights)?,
            _ => {}
        }
        let (least, greatest) = self.range();
        if !(least.is_finite() && greatest.is_finite()) {
            return setting("must be finite".into());
        }
        if least < low || greatest > high {
            let seen = if least < low { least } else { greatest };
            let must = match (low.is_finite(), high.is_finite()) {
                (true, true) => format!("must be from {low} to {high}"),
                (true, false) => format!("must be {low} or more"),
                _ => format!("must be {high} or less"),
            };
            return setting(format!("{must}, not {}", shown(seen)));
        }
        Ok(())
    }
}

/// A number as people write it.
fn shown(x: f64) -> String {
    format!("{}", (x * 1e6).round() / 1e6)
}

/// One of `n`, by weights if there are any.
pub fn choose(n: usize, weights: &[f64], cell: &mut Cell) -> usize {
    if weights.is_empty() {
        return cell.below(n as u64) as usize;
    }
    let mut left = cell.uniform() * weights.iter().sum::<f64>();
    for (i, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return i;
        }
    }
    weights.iter().rposition(|&w| w > 0.0).unwrap_or(0)
}

fn check_weights(key: &str, values: usize, weights: &[f64]) -> Result<()> {
    let setting = |what: String| Err(Error::Setting { key: format!("{key}.weights"), what });
    if weights.is_empty() {
        return Ok(());
    }
    if weights.len() != values {
        return setting(format!("are {} for {values} choices; give each its own", weights.len()));
    }
    if weights.iter().any(|w| !w.is_finite() || *w < 0.0) || weights.iter().sum::<f64>() <= 0.0 {
        return setting("must not be negative, and not all 0".into());
    }
    Ok(())
}

impl From<f64> for Number {
    fn from(x: f64) -> Number {
        Number::Fixed(x)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Number::Fixed(x) => out.serialize_f64(*x),
            Number::Uniform(low, high) => [low, high].serialize(out),
            Number::Normal(mean, sd) => {
                let mut map = out.serialize_map(Some(1))?;
                map.serialize_entry("normal", &[mean, sd])?;
                map.end()
            }
            Number::Choice(values, weights) => {
                let mut map = out.serialize_map(None)?;
                map.serialize_entry("choice", values)?;
                if !weights.is_empty() {
                    map.serialize_entry("weights", weights)?;
                }
                map.end()
            }
        }
    }
}

const EXPECTED: &str = "a number, [low, high], { normal = [mean, sd] } or { choice = [..] }";

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Number, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_f64<E: de::Error>(self, x: f64) -> Result<Number, E> {
                Ok(Number::Fixed(x))
            }

            fn visit_i64<E: de::Error>(self, x: i64) -> Result<Number, E> {
                Ok(Number::Fixed(x as f64))
            }

            fn visit_u64<E: de::Error>(self, x: u64) -> Result<Number, E> {
                Ok(Number::Fixed(x as f64))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Number, A::Error> {
                let mut ends = Vec::new();
                while let Some(x) = seq.next_element::<f64>()? {
                    ends.push(x);
                }
                match ends[..] {
                    [low, high] => Ok(Number::Uniform(low, high)),
                    _ => Err(de::Error::invalid_length(ends.len(), &EXPECTED)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
                let (mut normal, mut choice, mut weights) = (None, None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "normal" => normal = Some(map.next_value::<[f64; 2]>()?),
                        "choice" => choice = Some(map.next_value::<Vec<f64>>()?),
                        "weights" => weights = Some(map.next_value::<Vec<f64>>()?),
                        other => return Err(de::Error::unknown_field(other, &["normal", "choice", "weights"])),
                    }
                }
                match (normal, choice, weights) {
                    (Some([mean, sd]), None, None) => Ok(Number::Normal(mean, sd)),
                    (None, Some(values), weights) => Ok(Number::Choice(values, weights.unwrap_or_default())),
                    _ => Err(de::Error::custom(format!("expected {EXPECTED}"))),
                }
            }
        }
        from.deserialize_any(Seen)
    }
}

/// Three numbers, each drawn by itself.
pub type Triple = [Number; 3];

/// A fixed triple.
pub fn triple(x: f64, y: f64, z: f64) -> Triple {
    [x.into(), y.into(), z.into()]
}

/// Checks the three numbers of `key`.
///
/// # Errors
/// [`Error::Setting`] that names which of them.
pub fn check_triple(values: &Triple, key: &str, low: f64, high: f64) -> Result<()> {
    (0..3).try_for_each(|i| values[i].check(&format!("{key}[{i}]"), low, high))
}

/// One of the things in a list, or the only one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOf<T> {
    /// Always this.
    One(T),
    /// One of these, all alike.
    Some(Vec<T>),
}

impl<T> OneOf<T> {
    /// All that it can be.
    pub fn all(&self) -> &[T] {
        match self {
            OneOf::One(one) => std::slice::from_ref(one),
            OneOf::Some(list) => list,
        }
    }

    /// The one for a cell; nothing only if the list is empty, which `check` refuses.
    pub fn draw(&self, cell: &mut Cell) -> Option<&T> {
        let all = self.all();
        all.get(cell.below(all.len() as u64) as usize)
    }
}

/// Named colours, as the web has them where it has them, softened to what paint looks like.
const COLOURS: [(&str, u32); 20] = [
    ("black", 0x16_1616),
    ("white", 0xee_eeee),
    ("grey", 0x57_5757),
    ("silver", 0xa9_acb0),
    ("red", 0xad_2323),
    ("blue", 0x2a_4bd7),
    ("green", 0x1d_6914),
    ("brown", 0x81_4a19),
    ("purple", 0x81_26c0),
    ("cyan", 0x29_d0d0),
    ("yellow", 0xff_ee33),
    ("orange", 0xe0_7a1c),
    ("pink", 0xe8_8fb0),
    ("navy", 0x1b_2a4f),
    ("beige", 0xd8_c7a0),
    ("teal", 0x1d_7a7a),
    ("asphalt", 0x3f_4044),
    ("concrete", 0x8f_8d88),
    ("grass", 0x55_6b34),
    ("cardboard", 0xb0_8555),
];

/// A colour by name (`red`) or as `#rrggbb`, in linear light.
///
/// # Errors
/// [`Error::Setting`] that names `key`, for anything else.
pub fn colour(text: &str, key: &str) -> Result<Vec3> {
    let named = COLOURS.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    let hex = || text.strip_prefix('#').filter(|t| t.len() == 6).and_then(|t| u32::from_str_radix(t, 16).ok());
    let Some(value) = named.or_else(hex) else {
        let names: Vec<&str> = COLOURS.iter().map(|(name, _)| *name).collect();
        let what = format!("is no colour: `{text}`; write \"#rrggbb\" or one of {}", names.join(", "));
        return Err(Error::Setting { key: key.into(), what });
    };
    let part = |shift: u32| to_linear(f64::from(value >> shift & 255) / 255.0);
    Ok(vec3(part(16), part(8), part(0)))
}

/// What a colour channel of sRGB, 0 to 1, is in linear light (IEC 61966-2-1).
pub fn to_linear(c: f64) -> f64 {
    if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

/// The reverse of [`to_linear`].
pub fn to_srgb(c: f64) -> f64 {
    if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        a: Number,
        b: Number,
        c: Number,
        d: Number,
    }

    #[test]
    fn numbers_are_read_and_written() {
        let text = "a = 3\nb = [1, 2.5]\nc = { normal = [0, 2] }\nd = { choice = [1, 2], weights = [3, 1] }";
        let read: Holder = toml::from_str(text).unwrap();
        let expected = Holder {
            a: 3.0.into(),
            b: Number::Uniform(1.0, 2.5),
            c: Number::Normal(0.0, 2.0),
            d: Number::Choice(vec![1.0, 2.0], vec![3.0, 1.0]),
        };
        assert_eq!(read, expected);
        assert_eq!(toml::from_str::<Holder>(&toml::to_string(&read).unwrap()).unwrap(), read);
        for bad in ["a = [1]", "a = { norm = 3 }", "a = true", "a = { normal = [1, 2], choice = [1] }", "a = {}"] {
            let error = toml::from_str::<Holder>(bad).unwrap_err().to_string();
            assert!(error.contains("normal"), "{bad}: {error}");
        }
    }

    #[test]
    fn numbers_follow_their_distribution() {
        let mut cell = Cell::from_state(1);
        let n = 40_000;
        let mut mean = |number: Number| (0..n).map(|_| number.draw(&mut cell)).sum::<f64>() / f64::from(n);
        assert!((mean(Number::Uniform(2.0, 4.0)) - 3.0).abs() < 4.0 * 0.577 / 200.0);
        assert!((mean(Number::Normal(5.0, 2.0)) - 5.0).abs() < 4.0 * 2.0 / 200.0);
        assert!((mean(Number::Choice(vec![0.0, 1.0], vec![1.0, 3.0])) - 0.75).abs() < 4.0 * 0.433 / 200.0);
        let counts: Vec<usize> = (0..7000).map(|_| Number::Uniform(3.0, 9.0).count(&mut cell)).collect();
        for k in 3..=9 {
            let share = counts.iter().filter(|&&c| c == k).count();
            assert!((860..1140).contains(&share), "{k}: {share}");
        }
    }

    #[test]
    fn what_a_number_must_be_is_said() {
        let said = |n: Number| n.check("camera.fov", 1.0, 170.0).unwrap_err().to_string();
        assert_eq!(said(200.0.into()), "`camera.fov` must be from 1 to 170, not 200");
        assert!(said(Number::Uniform(5.0, 2.0)).contains("lesser"));
        assert!(said(Number::Choice(vec![], vec![])).contains("nothing to choose"));
        assert!(said(Number::Choice(vec![2.0], vec![1.0, 2.0])).contains("weights"));
        assert!(said(f64::NAN.into()).contains("finite"));
        assert!(colour("rde", "sun.colour").unwrap_err().to_string().contains("sun.colour"));
        assert_eq!(colour("#ffffff", "").unwrap(), Vec3::all(1.0));
    }

    #[test]
    fn the_curve_of_srgb_inverts() {
        for i in 0..=255 {
            let c = f64::from(i) / 255.0;
            assert!((to_srgb(to_linear(c)) - c).abs() < 1e-9);
        }
    }
}
