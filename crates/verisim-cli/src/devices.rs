//! `verisim devices`.

use std::io::Write as _;

use anyhow::Result;
use verisim::device::{self, Adapter};
use verisim::{Choice, choose};

use crate::args::Devices;

pub fn run(args: &Devices) -> Result<()> {
    let auto = choose(Choice::Auto)?;
    let why = device::why(&auto);
    let threads = device::threads();
    if args.json {
        let json = serde_json::json!({
            "devices": device::all().into_iter().map(Choice::name).collect::<Vec<_>>(),
            "auto": auto.name,
            "why": why,
            "threads": threads,
            "adapters": device::adapters(),
        });
        std::io::stdout().write_all(format!("{json:#}\n").as_bytes())?;
        return Ok(());
    }
    let mut text = String::new();
    for choice in [Choice::Flex, Choice::Ndarray, Choice::Wgpu] {
        let what = match (choice.problem(), choice) {
            (Some(problem), _) => format!("no: {problem}"),
            (None, Choice::Wgpu) => device::adapters().iter().find(|a| a.used).map(Adapter::line).unwrap_or_default(),
            (None, Choice::Ndarray) => format!("CPU, {threads} threads; for comparison, much slower than flex"),
            (None, _) => format!("CPU, {threads} threads"),
        };
        text += &format!("{:<8} {what}\n", choice.name());
    }
    text += &format!("auto     {}: {why}\n", auto.name);
    for a in device::adapters() {
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
