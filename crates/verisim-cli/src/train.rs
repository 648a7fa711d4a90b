//! `verisim train`.

use std::process::ExitCode;

use anyhow::Result;
use verisim::{Begin, Ended, train};

use crate::INTERRUPTED;
use crate::args::Train;
use crate::ui::{Ui, hear_interrupts};

pub fn run(args: &Train, ui: &Ui) -> Result<ExitCode> {
    // Files appear whole or not at all, so the program may end at any time; training steps end with a checkpoint first.
    hear_interrupts("stopping after this step; Ctrl-C again ends at once, without a checkpoint")?;
    let begin = match (args.resume, args.finish) {
        (false, false) => Begin::Anew,
        (true, _) => Begin::Resume,
        (false, true) => Begin::Finish,
    };
    // Data alone are learnt by the default model; clap sees to it that there is one of both.
    let (config, data) = match (&args.config, &args.data) {
        (Some(config), data) => (config.clone(), data.clone()),
        (None, data) => (data.clone().unwrap_or_default(), None),
    };
    let ask = train::Ask {
        config,
        data,
        set: args.set.clone(),
        out: args.out.clone(),
        seed: args.seed,
        device: args.device.0,
        begin,
    };
    let trained = train(&ask, &mut ui.watch())?;
    let out = trained.out.display();
    match trained.ended {
        Ended::Done { model, seconds } => {
            ui.say(format!("wrote {} after {seconds:.2} s of fitting", model.display()));
            ui.say(format!("next:  verisim sample {out} -n 1000 -o {}", trained.first));
            Ok(ExitCode::SUCCESS)
        }
        Ended::Stopped { step } => {
            let data = ask.data.as_ref().map_or(String::new(), |data| format!(" --data {}", data.display()));
            ui.say(format!(
                "stopped at step {step}; go on with:  verisim train {}{data} --out {out} --resume (and the same --set)\n\
                 or make a model of what is learnt so far, with --finish in its place",
                ask.config.display()
            ));
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}
