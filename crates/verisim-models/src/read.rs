//! Reading from a device. The host waits here for everything that it asked of the device, and nowhere else: `clippy.toml`
//! refuses burn's own ways to read, and a test counts.

use std::cell::Cell;

use burn::tensor::Tensor;

use crate::error::{Error, Result};

thread_local! {
    /// Reads of this thread so far.
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread has read from a device.
pub fn count() -> u64 {
    READS.get()
}

/// The numbers of a tensor.
///
/// # Errors
/// When the device failed at anything since it was last read from: out of memory, or lost.
#[allow(clippy::disallowed_methods)]
pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    READS.set(READS.get() + 1);
    let failed = |problem: String| Error::Device { problem };
    let data = tensor.try_into_data().map_err(|e| failed(e.to_string()))?;
    data.try_into_vec::<f32>().map_err(|e| failed(format!("its numbers are of another type: {e:?}")))
}

/// The number of a tensor that holds one. Errors as of [`numbers`].
pub fn number<const D: usize>(tensor: Tensor<D>) -> Result<f64> {
    Ok(numbers(tensor)?.first().copied().map_or(f64::NAN, f64::from))
}
