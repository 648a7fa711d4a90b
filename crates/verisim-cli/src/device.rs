//! Which device to compute on: chosen once, at run time, among the backends that this build has.

use anyhow::{Result, bail};
use burn::tensor::Device;
use clap::ValueEnum;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// The GPU if this build can use one and there is one, else the CPU.
    Auto,
    /// CPU, burn's own backend.
    Flex,
    /// CPU, the older ndarray backend (much slower).
    Ndarray,
    /// GPU through wgpu.
    Wgpu,
}

/// A device that was chosen.
pub struct Chosen {
    pub device: Device,
    pub name: &'static str,
    pub gpu: bool,
}

/// Finds the device; an error that lists what there is when it cannot be had.
pub fn choose(choice: Choice) -> Result<Chosen> {
    let found = match choice {
        Choice::Auto => wgpu().or_else(flex).or_else(ndarray),
        Choice::Flex => flex(),
        Choice::Ndarray => ndarray(),
        Choice::Wgpu => wgpu(),
    };
    match found {
        Some(chosen) => Ok(chosen),
        None => bail!("{}", absent(choice)),
    }
}

fn absent(choice: Choice) -> String {
    let name = choice.to_possible_value().map(|v| v.get_name().to_string()).unwrap_or_default();
    let have: Vec<&str> = [flex(), ndarray(), wgpu()].into_iter().flatten().map(|c| c.name).collect();
    let remedy = match choice {
        Choice::Wgpu if cfg!(feature = "gpu") => {
            "no graphics adapter was found; install its driver (on Linux a Vulkan driver)"
        }
        Choice::Wgpu => "this build has no GPU support; build with --features gpu",
        Choice::Ndarray => "this build lacks that backend; build with --features ndarray",
        _ => "this build lacks that backend; build with --features flex",
    };
    format!("device {name} cannot be used: {remedy}. Available: {}", have.join(", "))
}

#[cfg(feature = "flex")]
fn flex() -> Option<Chosen> {
    Some(Chosen { device: Device::flex(), name: "flex", gpu: false })
}

#[cfg(not(feature = "flex"))]
fn flex() -> Option<Chosen> {
    None
}

#[cfg(feature = "ndarray")]
fn ndarray() -> Option<Chosen> {
    Some(Chosen { device: Device::ndarray(), name: "ndarray", gpu: false })
}

#[cfg(not(feature = "ndarray"))]
fn ndarray() -> Option<Chosen> {
    None
}

#[cfg(feature = "gpu")]
fn wgpu() -> Option<Chosen> {
    use burn::tensor::{DeviceKind, DeviceType};
    let any = !Device::enumerate(DeviceType::Wgpu).is_empty();
    any.then(|| Chosen { device: Device::wgpu(DeviceKind::DefaultDevice), name: "wgpu", gpu: true })
}

#[cfg(not(feature = "gpu"))]
fn wgpu() -> Option<Chosen> {
    None
}
