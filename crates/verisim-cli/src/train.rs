//! `verisim train`.

use anyhow::Result;
use verisim::{Begin, Ended, train};

use crate::args::Train;
use crate::ui::{Ui, hear_interrupts};

pub fn run(args: &Train, ui: &Ui) -> Result<()> {
    // Files appear whole or not at all, so the program may end at any time; training steps end with a checkpoint first.
    hear_interrupts("stopping after this step; Ctrl-C again ends at once, without a checkpoint")?;
    let begin = match (args.resume, args.finish) {
        (false, false) => Begin::Anew,
        (true, _) => Begin::Resume,
        (false, true) => Begin::Finish,
    };
    let ask = train::Ask {
        config: args.config.clone(),
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
        }
        Ended::Stopped { step } => ui.say(format!(
            "stopped at step {step}; go on with:  verisim train {} --out {out} --resume (and the same --set)\n\
             or make a model of what is learnt so far, with --finish in its place",
            args.config.display()
        )),
    }
    Ok(())
}
