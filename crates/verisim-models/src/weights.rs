//! Named arrays: what a trained model is made of, as it lies in a `.safetensors` file.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::{Error, Result};

/// The numbers of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// Unsigned integers.
    U32(Vec<u32>),
    /// Bytes.
    U8(Vec<u8>),
}

/// One tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers, row by row.
    pub numbers: Numbers,
}

/// The tensors of a model, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    arrays: BTreeMap<String, Array>,
}

macro_rules! access {
    ($put:ident, $take:ident, $variant:ident, $type:ty, $word:literal) => {
        #[doc = concat!("Adds a tensor of ", $word, ".")]
        pub fn $put(&mut self, name: impl Into<String>, shape: &[usize], numbers: Vec<$type>) {
            debug_assert_eq!(shape.iter().product::<usize>(), numbers.len());
            self.arrays.insert(name.into(), Array { shape: shape.to_vec(), numbers: Numbers::$variant(numbers) });
        }

        #[doc = concat!("Removes a tensor of ", $word, " and returns its shape and numbers; an error when there is none of this name and type.")]
        pub fn $take(&mut self, name: &str) -> Result<(Vec<usize>, Vec<$type>)> {
            match self.arrays.remove(name) {
                Some(Array { shape, numbers: Numbers::$variant(v) }) => Ok((shape, v)),
                Some(_) => Err(Error::Tensor { name: name.into(), problem: concat!("should hold ", $word).into() }),
                None => Err(Error::Tensor { name: name.into(), problem: "is missing".into() }),
            }
        }
    };
}

impl Weights {
    access!(put_f32, take_f32, F32, f32, "32-bit floats");
    access!(put_f64, take_f64, F64, f64, "64-bit floats");
    access!(put_u32, take_u32, U32, u32, "32-bit unsigned integers");
    access!(put_u8, take_u8, U8, u8, "bytes");

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    /// Adds the tensors of `other` under `prefix`.
    pub fn extend(&mut self, prefix: &str, other: Weights) {
        self.arrays.extend(other.arrays.into_iter().map(|(name, array)| (format!("{prefix}.{name}"), array)));
    }

    /// Removes the tensors under `prefix` and returns them without it.
    pub fn split_off(&mut self, prefix: &str) -> Weights {
        let prefix = format!("{prefix}.");
        let names: Vec<String> = self.arrays.keys().filter(|n| n.starts_with(&prefix)).cloned().collect();
        let take = |name: String| self.arrays.remove(&name).map(|a| (name[prefix.len()..].to_string(), a));
        Weights { arrays: names.into_iter().filter_map(take).collect() }
    }

    /// Refuses tensors that are not part of a model, once its own have been taken.
    ///
    /// # Errors
    /// When there is one.
    pub fn nothing_left(&self) -> Result<()> {
        match self.arrays.keys().next() {
            Some(name) => Err(Error::Tensor { name: name.clone(), problem: "is not part of this model".into() }),
            None => Ok(()),
        }
    }

    /// Names and tensors, in order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.arrays.iter().map(|(n, a)| (n.as_str(), a))
    }

    /// Number of numbers in all tensors.
    pub fn count(&self) -> usize {
        self.arrays.values().map(|a| a.shape.iter().product::<usize>()).sum()
    }

    /// The bytes of a `.safetensors` file with these tensors and `metadata`.
    pub fn to_bytes(&self, metadata: std::collections::HashMap<String, String>) -> Result<Vec<u8>> {
        let packed: Vec<(String, Dtype, &[usize], Vec<u8>)> = self
            .arrays
            .iter()
            .map(|(name, a)| {
                let (dtype, bytes) = pack(&a.numbers);
                (name.clone(), dtype, a.shape.as_slice(), bytes)
            })
            .collect();
        let fail = |e: safetensors::SafeTensorError| Error::Unwritable { what: "tensors", problem: e.to_string() };
        let mut views = Vec::with_capacity(packed.len());
        for (name, dtype, shape, bytes) in &packed {
            views.push((name.clone(), TensorView::new(*dtype, shape.to_vec(), bytes).map_err(fail)?));
        }
        safetensors::serialize(views, Some(metadata)).map_err(fail)
    }

    /// The tensors of a parsed file. The parser has checked that every shape fits its bytes, so this allocates no more than the file
    /// holds.
    pub fn from_parsed(file: &SafeTensors<'_>) -> Result<Weights> {
        let mut arrays = BTreeMap::new();
        for (name, view) in file.iter() {
            let bytes = view.data();
            let numbers = match view.dtype() {
                Dtype::F32 => Numbers::F32(words(bytes).map(f32::from_le_bytes).collect()),
                Dtype::F64 => Numbers::F64(words(bytes).map(f64::from_le_bytes).collect()),
                Dtype::U32 => Numbers::U32(words(bytes).map(u32::from_le_bytes).collect()),
                Dtype::U8 => Numbers::U8(bytes.to_vec()),
                other => {
                    return Err(Error::Tensor {
                        name: name.into(),
                        problem: format!("has the unsupported type {other:?}"),
                    });
                }
            };
            arrays.insert(name.to_string(), Array { shape: view.shape().to_vec(), numbers });
        }
        Ok(Weights { arrays })
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}

fn pack(numbers: &Numbers) -> (Dtype, Vec<u8>) {
    match numbers {
        Numbers::F32(v) => (Dtype::F32, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::F64(v) => (Dtype::F64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::U32(v) => (Dtype::U32, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::U8(v) => (Dtype::U8, v.clone()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_back() {
        let mut w = Weights::default();
        w.put_f32("a.x", &[2, 1], vec![1.5, -0.0]);
        w.put_f64("b", &[1], vec![std::f64::consts::PI]);
        w.put_u32("a.y", &[0], vec![]);
        w.put_u8("c", &[3], vec![1, 2, 255]);
        let bytes = w.to_bytes([("k".to_string(), "v".to_string())].into()).unwrap();
        let back = Weights::from_parsed(&SafeTensors::deserialize(&bytes).unwrap()).unwrap();
        assert_eq!(w, back);
        assert_eq!(w.split_off("a").count(), 2);
        assert!(w.take_f32("b").unwrap_err().to_string().contains("\"b\" should hold"));
    }
}
