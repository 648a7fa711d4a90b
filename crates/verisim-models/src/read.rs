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
    let data = tensor.try_into_data().map_err(|e| failed(root(&e.to_string())))?;
    data.try_into_vec::<f32>().map_err(|e| failed(format!("its numbers are of another type: {e:?}")))
}

/// The number of a tensor that holds one. Errors as of [`numbers`].
pub fn number<const D: usize>(tensor: Tensor<D>) -> Result<f64> {
    Ok(numbers(tensor)?.first().copied().map_or(f64::NAN, f64::from))
}

/// The first cause in a backend's report. What was skipped because of it stands before it, and the place that asked after it.
fn root(report: &str) -> String {
    let ends = |line: &str| ["Backtrace", "No backtrace", "Asked at:"].iter().any(|end| line.starts_with(end));
    let lines = report.lines().map(str::trim).take_while(|line| !ends(line));
    let line = lines.filter(|line| !line.is_empty() && *line != "Caused by:").last().unwrap_or("it did not say why");
    match line.strip_prefix("can't allocate buffer of size: ").map(str::parse::<u64>) {
        Some(Ok(bytes)) => format!("it allows no buffer of {} MB", bytes.div_ceil(1 << 20)),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_report_the_root_is_told() {
        let skipped = "An error happened during execution\nCaused by:\n  Several failures at once\nCaused by:\n  The bytes were \
                       never written (failure #6958, still claiming 1 buffer(s))\n  skipped `KernelBinop`: it needed memory \
                       ManagedMemoryId { value: 77258 }, which carried the failure\nCaused by:\n  An IO error happened\nCaused \
                       by:\n  can't allocate buffer of size: 205520896\nNo backtrace available\nAsked at:\nNo backtrace available";
        let launch = "An out-of-memory error happened during launch\nCaused by:\n  no page left\nBacktrace\nNo backtrace available";
        for (report, told) in [
            (skipped, "it allows no buffer of 196 MB"),
            (launch, "no page left"),
            ("Unknown: the driver was reset\nBacktrace:\n   0: main\n", "Unknown: the driver was reset"),
            (
                "out of device memory allocating 4096 bytes\nNo backtrace available",
                "out of device memory allocating 4096 bytes",
            ),
            ("", "it did not say why"),
        ] {
            assert_eq!(root(report), told);
        }
    }
}
