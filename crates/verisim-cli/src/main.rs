//! The `verisim` command: arguments, progress and printing. What is done is in the library of the same name.

mod args;
mod augment;
mod bench;
mod config;
mod demo;
mod devices;
mod evaluate;
mod generate;
mod hint;
mod impute;
mod inspect;
mod pipe;
mod sample;
mod score;
mod split;
mod train;
mod ui;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};

use args::{Args, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the shell says of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let mut args = Args::parse();
    end_without_memory();
    let ui = ui::Ui::new(args.quiet);
    let result = run(&mut args.command, &ui);
    match result {
        Ok(code) => code,
        // A reader that has seen enough (`| head`) is no failure.
        Err(e) if ui::is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) if e.downcast_ref::<verisim::Error>().is_some_and(verisim::Error::is_stop) => {
            eprintln!("{e}");
            ExitCode::from(INTERRUPTED)
        }
        Err(e) => {
            eprintln!("error: {}", ui::chain(&e));
            if let Some(hint) = e.downcast_ref().and_then(hint::of) {
                eprintln!("try: {hint}");
            }
            ExitCode::from(1)
        }
    }
}

fn run(command: &mut Command, ui: &ui::Ui) -> anyhow::Result<ExitCode> {
    // It is removed at the end.
    let _input = pipe::take_input(command)?;
    let done = |()| ExitCode::SUCCESS;
    match command {
        Command::Train(a) => train::run(a, ui),
        Command::Sample(a) => sample::run(a, ui).map(done),
        Command::Impute(a) => impute::run(a, ui).map(done),
        Command::Score(a) => score::run(a, ui).map(done),
        Command::Evaluate(a) => evaluate::run(a, ui).map(done),
        Command::Inspect(a) => inspect::run(a).map(done),
        Command::Generate(a) => generate::run(a, ui).map(done),
        Command::Check(a) => generate::explain(a).map(done),
        Command::World(a) => generate::describe(a).map(done),
        Command::EdgeCases(a) => generate::edges(a, ui).map(done),
        Command::Augment(a) => augment::run(a, ui).map(done),
        Command::Leaks(a) => augment::leaks(a, ui).map(done),
        Command::Split(a) => split::run(a).map(done),
        Command::Config(a) => config::run(a).map(done),
        Command::Completions(a) => complete(a.shell).map(done),
        Command::Bench(a) => bench::run(a, ui).map(done),
        Command::Devices(a) => devices::run(a).map(done),
        Command::Demo(a) => demo::run(a, ui).map(done),
    }
}

/// Prints what completes commands and flags. It is put together first, since its writer panics at a closed pipe.
fn complete(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "verisim", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}

/// Ends the program with a message when a driver is out of memory: wgpu panics then in a thread of its own, and again at all
/// that follows. No file is half-written, since files get their names when they are whole; temporary ones stay behind.
fn end_without_memory() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload_as_str().is_some_and(|p| p.starts_with("wgpu error: Out of Memory")) {
            return usual(info);
        }
        ONCE.call_once(|| {
            let error = verisim::Error::out_of_memory();
            let hint = hint::of(&error).map(|hint| format!("\ntry: {hint}")).unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "error: {error}{hint}");
            std::process::exit(1);
        });
    }));
}
