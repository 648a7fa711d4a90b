//! Which device to compute on: chosen once, at run time, among the backends that this build has.

use std::io::Write as _;

use anyhow::{Result, bail};
use burn::tensor::Device;
use clap::ValueEnum;

use crate::args::Devices;

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

impl Choice {
    /// The word for it.
    pub fn name(self) -> String {
        self.to_possible_value().map(|v| v.get_name().to_string()).unwrap_or_default()
    }
}

/// A device that was chosen.
pub struct Chosen {
    pub device: Device,
    pub name: &'static str,
    pub gpu: bool,
}

/// The devices that can be used, the fastest CPU first.
pub fn all() -> Vec<Choice> {
    let each = [(Choice::Flex, flex()), (Choice::Ndarray, ndarray()), (Choice::Wgpu, wgpu())];
    each.into_iter().filter_map(|(choice, found)| found.map(|_| choice)).collect()
}

/// Finds the device; an error that lists what there is when it cannot be had.
pub fn choose(choice: Choice) -> Result<Chosen> {
    let found = match choice {
        // A driver that computes on the processor is no reason to leave the CPU's own backend.
        Choice::Auto => wgpu().filter(|_| is_card()).or_else(flex).or_else(ndarray).or_else(wgpu),
        Choice::Flex => flex(),
        Choice::Ndarray => ndarray(),
        Choice::Wgpu => wgpu(),
    };
    match found {
        Some(chosen) => Ok(chosen),
        None => bail!("{}", absent(choice)),
    }
}

/// Ends the program with a message when a driver is out of memory: wgpu panics then in a thread of its own, and again at all
/// that follows. No file is half-written, since files get their names when they are whole; temporary ones stay behind.
pub fn watch() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload_as_str().is_some_and(|p| p.starts_with("wgpu error: Out of Memory")) {
            return usual(info);
        }
        ONCE.call_once(|| {
            let error = verisim_models::Error::Device { problem: "out of memory".into() };
            let _ = writeln!(std::io::stderr(), "error: {error}");
            std::process::exit(1);
        });
    }));
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

fn absent(choice: Choice) -> String {
    let have: Vec<String> = all().into_iter().map(Choice::name).collect();
    format!("device {} cannot be used: {}. Available: {}", choice.name(), remedy(choice), have.join(", "))
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
    use burn::tensor::DeviceKind;
    let device = || Device::wgpu(DeviceKind::DefaultDevice);
    adapters::default().map(|_| Chosen { device: device(), name: "wgpu", gpu: true })
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
    /// What is behind the device, where it tells: card, driver, graphics interface.
    pub fn adapter(&self) -> Option<String> {
        adapters::default().filter(|_| self.gpu).map(|a| a.line())
    }
}

/// An adapter that wgpu sees.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Adapter {
    name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    kind: &'static str,
    /// Vulkan, Metal, Dx12, ...
    interface: String,
    driver: String,
    /// Largest buffer, in bytes; bounds the memory of one tensor.
    largest_buffer: u64,
    /// Largest part of a buffer that a kernel can see, in bytes.
    largest_binding: u64,
    /// Threads of a workgroup, at most.
    workgroup: u32,
    /// Memory that a workgroup shares, in bytes.
    workgroup_memory: u32,
    /// Whether the device `wgpu` is this one.
    used: bool,
}

impl Adapter {
    fn line(&self) -> String {
        let Adapter { name, kind, interface, driver, .. } = self;
        format!("{name} ({kind}, {interface}, {driver})")
    }
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

/// `verisim devices`.
pub fn run(args: &Devices) -> Result<()> {
    let auto = choose(Choice::Auto)?;
    let why = match (auto.name, adapters::default()) {
        ("wgpu", Some(a)) if a.kind != "software" => "it is a card",
        ("wgpu", _) => "this build has no other",
        (_, Some(_)) => "the only adapter is a program on the CPU, which is slower than this",
        _ if cfg!(feature = "gpu") => "no graphics adapter was found",
        _ => "this build has no GPU support; build with --features gpu",
    };
    let threads = rayon::current_num_threads();
    if args.json {
        let json = serde_json::json!({
            "devices": all().into_iter().map(Choice::name).collect::<Vec<_>>(),
            "auto": auto.name,
            "why": why,
            "threads": threads,
            "adapters": adapters::list(),
        });
        std::io::stdout().write_all(format!("{json:#}\n").as_bytes())?;
        return Ok(());
    }
    let mut text = String::new();
    for choice in [Choice::Flex, Choice::Ndarray, Choice::Wgpu] {
        let what = match (all().contains(&choice), choice) {
            (false, _) => format!("no: {}", remedy(choice)),
            (true, Choice::Wgpu) => adapters::default().map(|a| a.line()).unwrap_or_default(),
            (true, Choice::Ndarray) => format!("CPU, {threads} threads; for comparison, much slower than flex"),
            (true, _) => format!("CPU, {threads} threads"),
        };
        text += &format!("{:<8} {what}\n", choice.name());
    }
    text += &format!("auto     {}: {why}\n", auto.name);
    for a in adapters::list() {
        let mb = |bytes: u64| bytes / (1 << 20);
        text += &format!(
            "\n{}{}\n  largest buffer {} MB, seen by a kernel {} MB; workgroups of {} threads, {} KB shared\n",
            a.line(),
            if a.used { ", the device wgpu" } else { "" },
            mb(a.largest_buffer),
            mb(a.largest_binding),
            a.workgroup,
            a.workgroup_memory / 1024
        );
    }
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
