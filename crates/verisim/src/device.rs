//! Which device to compute on: chosen once, at run time, among the backends that this build has.

use verisim_models::compute::Device;
use verisim_train::Machine;

use crate::error::{Error, Result};

/// What can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    #[default]
    /// The GPU if this build can use one and there is one, else the CPU.
    Auto,
    /// CPU, burn's own backend.
    Flex,
    /// CPU, the older ndarray backend (much slower).
    Ndarray,
    /// GPU through wgpu.
    Wgpu,
}

impl Choice {
    /// All of them.
    pub const ALL: [Choice; 4] = [Choice::Auto, Choice::Flex, Choice::Ndarray, Choice::Wgpu];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Choice::Auto => "auto",
            Choice::Flex => "flex",
            Choice::Ndarray => "ndarray",
            Choice::Wgpu => "wgpu",
        }
    }

    /// What it computes with, for people.
    pub fn about(self) -> &'static str {
        match self {
            Choice::Auto => "The GPU if this build can use one and there is one, else the CPU",
            Choice::Flex => "CPU, burn's own backend",
            Choice::Ndarray => "CPU, the older ndarray backend (much slower)",
            Choice::Wgpu => "GPU through wgpu",
        }
    }

    /// The choice that is called so.
    ///
    /// # Errors
    /// When none is.
    pub fn named(name: &str) -> Result<Choice> {
        let known = Choice::ALL.map(Choice::name);
        let found = Choice::ALL.into_iter().find(|c| c.name() == name);
        found.ok_or_else(|| Error::Device {
            name: name.into(),
            problem: "there is no such".into(),
            known: known.join(", "),
        })
    }

    /// Why the device cannot be had in this build or on this machine, and what to do; of one that can, nothing.
    pub fn problem(self) -> Option<&'static str> {
        (!all().contains(&self)).then(|| remedy(self))
    }
}

/// A device that was chosen.
pub struct Chosen {
    /// What computes.
    pub machine: Machine,
    /// Its name.
    pub name: &'static str,
}

/// The devices that can be used, the fastest CPU first.
pub fn all() -> Vec<Choice> {
    let each = [(Choice::Flex, flex()), (Choice::Ndarray, ndarray()), (Choice::Wgpu, wgpu())];
    each.into_iter().filter_map(|(choice, found)| found.map(|_| choice)).collect()
}

/// Finds the device.
///
/// # Errors
/// When it cannot be had, with a list of those that can.
pub fn choose(choice: Choice) -> Result<Chosen> {
    let found = match choice {
        // A driver that computes on the processor is no reason to leave the CPU's own backend.
        Choice::Auto => wgpu().filter(|_| is_card()).or_else(flex).or_else(ndarray).or_else(wgpu).or_else(processor),
        Choice::Flex => flex(),
        Choice::Ndarray => ndarray(),
        Choice::Wgpu => wgpu(),
    };
    match found {
        Some(chosen) => Ok(chosen),
        None => Err(absent(choice)),
    }
}

/// Why a device cannot be had, and what to do.
fn remedy(choice: Choice) -> &'static str {
    match choice {
        Choice::Wgpu if cfg!(feature = "gpu") => {
            "no graphics adapter was found; install its driver (on Linux a Vulkan driver)"
        }
        Choice::Wgpu => "this build has no GPU support; build with --features gpu",
        Choice::Ndarray => "this build lacks that backend; build with --features ndarray",
        _ => "this build lacks that backend; build with --features flex",
    }
}

fn absent(choice: Choice) -> Error {
    let known = all().into_iter().map(Choice::name).collect::<Vec<_>>().join(", ");
    Error::Device { name: choice.name().into(), problem: remedy(choice).into(), known }
}

fn chosen(device: Device, name: &'static str, gpu: bool) -> Chosen {
    Chosen { machine: Machine { device, gpu }, name }
}

/// A build without tensors knows the processor alone.
fn processor() -> Option<Chosen> {
    #[cfg(not(feature = "neural"))]
    return Some(chosen(Device, "cpu", false));
    #[cfg(feature = "neural")]
    None
}

#[cfg(feature = "flex")]
fn flex() -> Option<Chosen> {
    Some(chosen(Device::flex(), "flex", false))
}

#[cfg(not(feature = "flex"))]
fn flex() -> Option<Chosen> {
    None
}

#[cfg(feature = "ndarray")]
fn ndarray() -> Option<Chosen> {
    Some(chosen(Device::ndarray(), "ndarray", false))
}

#[cfg(not(feature = "ndarray"))]
fn ndarray() -> Option<Chosen> {
    None
}

#[cfg(feature = "gpu")]
fn wgpu() -> Option<Chosen> {
    use burn::tensor::DeviceKind;
    adapters::default().map(|_| chosen(Device::wgpu(DeviceKind::DefaultDevice), "wgpu", true))
}

#[cfg(not(feature = "gpu"))]
fn wgpu() -> Option<Chosen> {
    None
}

/// Whether the device `wgpu` is a card rather than a program.
fn is_card() -> bool {
    adapters::default().is_some_and(|a| a.kind != "software")
}

impl Chosen {
    /// Memory that is reserved on a card, in bytes.
    pub fn card_memory(&self) -> Option<u64> {
        #[cfg(feature = "neural")]
        return self.machine.gpu.then(|| self.machine.device.memory_pool_usage())?.map(|usage| usage.bytes_reserved);
        #[cfg(not(feature = "neural"))]
        None
    }

    /// What is behind the device, where it tells: card, driver, graphics interface.
    pub fn adapter(&self) -> Option<String> {
        adapters::default().filter(|_| self.machine.gpu).map(|a| a.line())
    }
}

/// An adapter that wgpu sees.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Adapter {
    /// What it calls itself.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// Vulkan, Metal, Dx12, ...
    pub interface: String,
    /// Driver and its version, as they call themselves.
    pub driver: String,
    /// Largest buffer, in bytes; bounds the memory of one tensor.
    pub largest_buffer: u64,
    /// Largest part of a buffer that a kernel can see, in bytes.
    pub largest_binding: u64,
    /// Threads of a workgroup, at most.
    pub workgroup: u32,
    /// Memory that a workgroup shares, in bytes.
    pub workgroup_memory: u32,
    /// Whether the device `wgpu` is this one.
    pub used: bool,
}

impl Adapter {
    /// Name, sort, interface and driver in one line.
    pub fn line(&self) -> String {
        let Adapter { name, kind, interface, driver, .. } = self;
        format!("{name} ({kind}, {interface}, {driver})")
    }
}

/// Why `auto` takes the device that it takes.
pub fn why(auto: &Chosen) -> &'static str {
    match (auto.name, adapters::default()) {
        ("wgpu", Some(a)) if a.kind != "software" => "it is a card",
        ("wgpu", _) => "this build has no other",
        (_, Some(_)) => "the only adapter is a program on the CPU, which is slower than this",
        _ if cfg!(feature = "gpu") => "no graphics adapter was found",
        _ => "this build has no GPU support; build with --features gpu",
    }
}

/// Threads that compute on a CPU.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// The adapters that wgpu sees; none in a build without it.
pub fn adapters() -> Vec<Adapter> {
    adapters::list()
}

#[cfg(not(feature = "gpu"))]
mod adapters {
    pub fn list() -> Vec<super::Adapter> {
        Vec::new()
    }

    pub fn default() -> Option<super::Adapter> {
        None
    }
}

#[cfg(feature = "gpu")]
mod adapters {
    use std::pin::pin;
    use std::sync::OnceLock;
    use std::task::{Context, Poll, Waker};

    use super::Adapter;

    /// Adapters, the one that the device `wgpu` takes marked. Drivers are asked once: that takes a while, and some crash when
    /// asked by several threads.
    pub fn list() -> Vec<Adapter> {
        static LIST: OnceLock<Vec<Adapter>> = OnceLock::new();
        LIST.get_or_init(ask).clone()
    }

    pub fn default() -> Option<Adapter> {
        list().into_iter().find(|a| a.used)
    }

    fn ask() -> Vec<Adapter> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let found = now(instance.enumerate_adapters(wgpu::Backends::all())).unwrap_or_default();
        let mut adapters: Vec<Adapter> = found.iter().map(describe).collect();
        // burn takes the first interface with a card on it, or with any adapter, and there the one that wgpu calls the
        // fastest.
        let interface = found.iter().find(|a| a.get_info().device_type != wgpu::DeviceType::Cpu).or(found.first());
        let Some(interface) = interface.map(|a| a.get_info().backend) else { return adapters };
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: interface.into(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let Some(Ok(fastest)) = now(instance.request_adapter(&options)) else { return adapters };
        let fastest = describe(&fastest);
        if let Some(same) = adapters.iter_mut().find(|a| a.name == fastest.name && a.interface == fastest.interface) {
            same.used = true;
        }
        adapters
    }

    fn describe(adapter: &wgpu::Adapter) -> Adapter {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        Adapter {
            name: info.name,
            kind: match info.device_type {
                wgpu::DeviceType::DiscreteGpu => "discrete",
                wgpu::DeviceType::IntegratedGpu => "integrated",
                wgpu::DeviceType::VirtualGpu => "virtual",
                wgpu::DeviceType::Cpu => "software",
                wgpu::DeviceType::Other => "other",
            },
            interface: format!("{:?}", info.backend),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            largest_buffer: limits.max_buffer_size,
            largest_binding: limits.max_storage_buffer_binding_size,
            workgroup: limits.max_compute_invocations_per_workgroup,
            workgroup_memory: limits.max_compute_workgroup_storage_size,
            used: false,
        }
    }

    /// What a future gives that is ready at once, as wgpu's are outside browsers.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }
}
