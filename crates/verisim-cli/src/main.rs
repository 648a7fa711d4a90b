//! The `verisim` command: arguments, device choice, progress and printing. No logic lives here.

mod args;
mod bench;
mod demo;
mod device;
mod evaluate;
mod evaluate_images;
mod inspect;
mod pictures;
mod sample;
mod train;
mod ui;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    device::watch();
    let ui = ui::Ui::new(args.quiet);
    let result = match &args.command {
        Command::Train(a) => train::run(a, &ui),
        Command::Sample(a) => sample::run(a, &ui),
        Command::Evaluate(a) => evaluate::run(a, &ui),
        Command::Inspect(a) => inspect::run(a),
        Command::Bench(a) => bench::run(a, &ui),
        Command::Devices(a) => device::run(a),
        Command::Demo(a) => demo::run(a, &ui),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has seen enough (`| head`) is no failure.
        Err(e) if ui::is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) if matches!(e.downcast_ref(), Some(verisim_infer::Error::Stopped)) => {
            eprintln!("{e}");
            // As the shell says of what a signal ended.
            ExitCode::from(130)
        }
        Err(e) => {
            eprintln!("error: {}", ui::chain(&e));
            ExitCode::from(1)
        }
    }
}
