//! A folder to work in, the program, and what it said.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use verisim_data::table::{Column, DetectSettings, Frame, ReadSettings, Schema, Table};

/// A temporary folder in which the program is run.
pub struct Dir {
    folder: TempDir,
}

impl Dir {
    pub fn new() -> Dir {
        Dir { folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The program with these arguments, to be started in this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_verisim"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        // What samples went where is not remembered among the user's own.
        command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        Output::of(&mut self.command(args), args)
    }

    /// Runs the program with an environment variable.
    pub fn run_with(&self, variable: (&str, &str), args: &[&str]) -> Output {
        Output::of(self.command(args).env(variable.0, variable.1), args)
    }

    /// Files that were never meant to stay.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|f| f.unwrap().path());
        files.filter(|f| f.to_string_lossy().ends_with(".tmp")).collect()
    }
}

/// How a run ended.
pub struct Output {
    what: String,
    code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    took: Duration,
}

impl Output {
    fn of(command: &mut Command, args: &[&str]) -> Output {
        let begun = Instant::now();
        let output = command.output().unwrap();
        Output::new(args, begun, output)
    }

    pub fn new(args: &[&str], begun: Instant, output: std::process::Output) -> Output {
        Output {
            what: args.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: begun.elapsed(),
        }
    }

    /// The run succeeded.
    #[track_caller]
    pub fn ok(self) -> Output {
        assert_eq!(self.code, Some(0), "verisim {}\n{}", self.what, self.stderr);
        self.calm()
    }

    /// The run failed with this code, said why, and did not panic.
    #[track_caller]
    pub fn fails(self, code: i32) -> Output {
        assert_eq!(self.code, Some(code), "verisim {}\nstdout: {}\nstderr: {}", self.what, self.stdout, self.stderr);
        assert!(self.stderr.contains("error"), "verisim {}: no word of an error\n{}", self.what, self.stderr);
        self.calm()
    }

    /// Ctrl-C ended the run, and it says so to its caller.
    #[track_caller]
    pub fn interrupted(self) -> Output {
        assert_eq!(self.code, Some(130), "verisim {}\n{}", self.what, self.stderr);
        assert!(!self.stderr.contains("panicked"), "verisim {} panicked\n{}", self.what, self.stderr);
        self
    }

    /// The run ended by itself, well or with an error, and did not panic.
    #[track_caller]
    pub fn calm(self) -> Output {
        assert!(matches!(self.code, Some(0..=2)), "verisim {} ended with {:?}\n{}", self.what, self.code, self.stderr);
        assert!(!self.stderr.contains("panicked"), "verisim {} panicked\n{}", self.what, self.stderr);
        self
    }

    /// The message has each of these words.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Output {
        for word in words {
            assert!(self.stderr.contains(word), "verisim {}: no `{word}` in\n{}", self.what, self.stderr);
        }
        self
    }

    /// The run took no longer than a person waits for an error message.
    #[track_caller]
    pub fn quick(self) -> Output {
        assert!(self.took < Duration::from_secs(20), "verisim {} took {:?}", self.what, self.took);
        self
    }

    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }
}

/// The folder of `verisim demo`: `real.csv`, `holdout.csv`, `model.safetensors` (trees) and the rest.
pub fn demo() -> &'static Dir {
    &run_demo().0
}

/// What the demo printed.
pub fn demo_report() -> &'static str {
    &run_demo().1
}

/// The demo, run once for all tests.
fn run_demo() -> &'static (Dir, String) {
    static DEMO: OnceLock<(Dir, String)> = OnceLock::new();
    DEMO.get_or_init(|| {
        let dir = Dir::new();
        let output = dir.run(&["demo", "--out", "."]).ok();
        (dir, output.stdout)
    })
}

/// The wine table: eleven decimals and the quality, a whole number.
pub fn wine() -> String {
    demo().path("real.csv").display().to_string()
}

/// The setting that points a config at the wine table.
pub fn wine_path() -> String {
    format!("data.path={}", wine())
}

/// A config that came with the program.
pub fn config(name: &str) -> String {
    configs().join(name).display().to_string()
}

pub fn configs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs")
}

/// A small config of each model, quick to train even without an optimised build.
pub fn small(model: &str) -> String {
    let settings = match model {
        "tvae" => "latent = 8\nhidden = [32]\nbins = 12\ncalibrate = 1\n",
        "tokens" => "width = 64\nbins = 30\n",
        "ctgan" => "latent = 8\ngenerator = [32]\ncritic = [32]\nbins = 12\ncalibrate = 1\n",
        _ => "",
    };
    format!("seed = 1\n\n[data]\npath = {:?}\n\n[model.{model}]\n{settings}", wine())
}

/// The cells of a CSV without quotes, header first.
pub fn cells(csv: &str) -> Vec<Vec<String>> {
    csv.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Rows as text again.
pub fn csv(rows: &[Vec<String>]) -> String {
    rows.iter().map(|row| row.join(",") + "\n").collect()
}

/// The values of the column called `name`, without the header.
pub fn column(csv: &str, name: &str) -> Vec<String> {
    let rows = cells(csv);
    let j = rows[0].iter().position(|n| n == name).unwrap_or_else(|| panic!("no column {name} in {:?}", rows[0]));
    rows[1..].iter().map(|row| row[j].clone()).collect()
}

/// What the file at `path` holds under the schema of the wine table, each value as text.
pub fn typed(path: &Path, schema: &Schema) -> Vec<Vec<String>> {
    let table = Table::read(path, &ReadSettings::default()).unwrap();
    let frame: Frame = schema.parse(&table).unwrap();
    let text = |column: &Column| -> Vec<String> {
        match column {
            Column::Number(v) => v.iter().map(f64::to_string).collect(),
            Column::Category { codes, levels } => {
                codes.iter().map(|&c| levels.get(c as usize).cloned().unwrap_or_default()).collect()
            }
        }
    };
    frame.columns.iter().map(text).collect()
}

/// The schema that is detected in the file at `path`.
pub fn schema(path: impl AsRef<Path>) -> Schema {
    let table = Table::read(path, &ReadSettings::default()).unwrap();
    Schema::detect(&table, &DetectSettings::default()).unwrap()
}
