//! What to type after an error: messages of the library name no flags.

use verisim::{Cause, Error};

/// The flags that would help, if any would.
pub fn of(error: &Error) -> Option<String> {
    Some(match error.cause()? {
        Cause::Waiting => {
            "verisim train CONFIG --resume goes on with it, --finish makes a model of what it has learnt".into()
        }
        Cause::NoCheckpoint => "run without --resume and --finish".into(),
        Cause::Device => {
            "--device flex computes on the CPU; a training goes on from its last checkpoint with --resume".into()
        }
        Cause::TooRare => "--max-tries allows more tries a row".into(),
        Cause::Sizes((height, width)) => format!(
            "--size {height}x{width}, or --model RUN for that of a model; in training --set data.images.size=[{height},{width}]"
        ),
        Cause::Setting => "--set KEY=VALUE, as --set train.epochs=5".into(),
        Cause::NoTarget => "-o FOLDER for all of them, or --grid FILE.png for one picture".into(),
        Cause::Holdout => "--even-holdout changes it all the same".into(),
        Cause::NotOurs => "--force replaces it".into(),
        Cause::NoData => "--data PATH, a table or a set of images".into(),
        Cause::Meaningless(name) => format!("the same without {}", flag(name)),
    })
}

/// The flag that asks for `name`.
fn flag(name: &str) -> String {
    match name {
        "n" => "-n".into(),
        name => format!("--{}", name.replace('_', "-")),
    }
}
