//! What a device is, as far as the networks must know.

use burn::tensor::Device;

/// Whether `device` is `flex`, on which work is cut for cores and not for a GPU.
#[cfg(feature = "flex")]
pub fn is_flex(device: &Device) -> bool {
    device.clone().inner() == Device::flex()
}

/// No device is `flex` in a build without it.
#[cfg(not(feature = "flex"))]
pub fn is_flex(_: &Device) -> bool {
    false
}

/// Whether `device` computes on the processor, in memory that the host shares.
pub fn is_cpu(device: &Device) -> bool {
    #[cfg(feature = "ndarray")]
    if device.clone().inner() == Device::ndarray() {
        return true;
    }
    is_flex(device)
}
