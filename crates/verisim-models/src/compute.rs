//! What computes. A build without neural models needs no tensors, and knows the processor alone.

pub use imp::{Device, Loss, number, tracking, wait};

#[cfg(feature = "neural")]
mod imp {
    pub use burn::tensor::Device;
    use burn::tensor::Tensor;

    use crate::error::{Error, Result};
    use crate::read;

    /// A loss, still on its device.
    pub type Loss = Tensor<1>;

    /// Reads a loss from its device, which is waited for.
    ///
    /// # Errors
    /// When the device fails.
    pub fn number(loss: Loss) -> Result<f64> {
        read::number(loss)
    }

    /// The device with gradients; with `recompute` cheap activations are computed again for them rather than kept.
    pub fn tracking(device: &Device, recompute: bool) -> Device {
        let device = device.clone().autodiff();
        if recompute { device.gradient_checkpointing() } else { device }
    }

    /// Waits until the device has done what it was told.
    ///
    /// # Errors
    /// When the device fails.
    pub fn wait(device: &Device) -> Result<()> {
        device.sync().map_err(|e| Error::Device { problem: e.to_string() })
    }
}

#[cfg(not(feature = "neural"))]
mod imp {
    use crate::error::Result;

    /// The processor.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Device;

    /// A loss.
    pub type Loss = f64;

    /// The loss as it is.
    ///
    /// # Errors
    /// Never.
    pub fn number(loss: Loss) -> Result<f64> {
        Ok(loss)
    }

    /// The processor; gradients need tensors.
    pub fn tracking(_: &Device, _: bool) -> Device {
        Device
    }

    /// Nothing to wait for.
    ///
    /// # Errors
    /// Never.
    pub fn wait(_: &Device) -> Result<()> {
        Ok(())
    }
}
