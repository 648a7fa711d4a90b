//! Processes: what makes rows over time. A table of a world has one process; it runs once for each parent row, or so often as is said.
//!
//! A [`Process`] is what the file says. [`Process::plan`] checks it and makes it ready: names become places, expressions are read. A
//! [`Plan`] is then run with one generator of random numbers for each run, so runs can be made in any order and on any thread.

mod bodies;
mod chain;
mod clock;
mod formula;
mod machine;
mod named;
mod number;
mod ode;
mod points;
mod queue;
mod rows;
mod scalar;
mod series;
mod walk;
mod ways;

use std::fmt;

use arrow_schema::DataType;
use serde::Deserialize;

pub use bodies::{Bodies, Body, Joint, JointKind, Motor, Shape};
pub use chain::Chain;
pub use clock::{Moment, Span};
pub use machine::{Assign, Machine, State, Wait, Waiting};
pub use named::Named;
pub use number::{Between, Drawn, Family, Number, Part, Said};
pub use ode::{Change, Fault, FaultKind, Measure, Ode};
pub use points::{Excite, Points};
pub use queue::{Arrivals, Discipline, Fails, Log, Open, Queue, Station};
pub use rows::Rows;
pub use scalar::Value;
pub use series::{Garch, Season, Seasonal, Series};
pub use walk::{Jumps, Motion, Pull, Spread, Walk};
pub use ways::{Entry, Next, Table, Way};

use crate::cell::Cell;
use crate::error::Result;
use crate::expression;

/// A process as the file says it: one of these keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Process {
    /// States, delays and transitions: the way of a patient or a customer.
    Machine(Machine),
    /// Stations with queues: arrivals, services, failures.
    Queue(Queue),
    /// A Markov or semi-Markov chain.
    Chain(Chain),
    /// Points in time.
    Points(Points),
    /// A random walk and its kin.
    Walk(Walk),
    /// A series by formula: ARIMA, GARCH, seasons, trends.
    Series(Series),
    /// Differential equations, and how they are measured.
    Ode(Ode),
    /// Rigid bodies with joints and contacts.
    Bodies(Bodies),
}

impl Process {
    /// Checks the process and makes it ready to run.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) names the key that is wrong.
    pub fn plan(&self) -> Result<Plan> {
        match self {
            Process::Machine(machine) => machine.plan(),
            Process::Queue(queue) => queue.plan(),
            Process::Chain(chain) => chain.plan(),
            Process::Points(points) => points.plan(),
            Process::Walk(walk) => walk.plan(),
            Process::Series(series) => series.plan(),
            Process::Ode(ode) => ode.plan(),
            Process::Bodies(bodies) => bodies.plan(),
        }
    }

    /// Checks the process.
    ///
    /// # Errors
    /// As [`plan`](Process::plan).
    pub fn check(&self) -> Result<()> {
        self.plan().map(drop)
    }
}

/// A process that is ready to run.
pub struct Plan {
    columns: Vec<(String, DataType)>,
    inputs: Vec<String>,
    run: Box<dyn Run>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("columns", &self.columns).field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

/// One run of a process that is ready.
pub(crate) trait Run: Send + Sync {
    /// Appends the rows of one run.
    fn run(&self, cell: &Cell, inputs: &[Value], rows: &mut Rows) -> Result<()>;
}

impl Plan {
    pub(crate) fn new(columns: Vec<(String, DataType)>, inputs: &[String], run: impl Run + 'static) -> Result<Plan> {
        for (k, (name, _)) in columns.iter().enumerate() {
            if columns[..k].iter().any(|c| c.0 == *name) {
                return Err(clock::setting("columns", &format!("names `{name}` twice")));
            }
        }
        Ok(Plan { columns, inputs: inputs.to_vec(), run: Box::new(run) })
    }

    /// The columns of the rows that it makes.
    pub fn columns(&self) -> &[(String, DataType)] {
        &self.columns
    }

    /// What its expressions name and it does not have itself: columns of the parent row.
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Appends the rows of one run. `inputs` stand in the order of [`inputs`](Plan::inputs); `rows` are of [`columns`](Plan::columns).
    /// After an error, `rows` are of no use.
    ///
    /// # Errors
    /// When inputs are fewer than asked for, an expression comes to what it should not, or a limit is reached.
    pub fn run(&self, cell: &Cell, inputs: &[Value], rows: &mut Rows) -> Result<()> {
        if inputs.len() != self.inputs.len() {
            let what = format!("gives {} values for the inputs {}", inputs.len(), self.inputs.join(", "));
            return Err(ways::made("process", what));
        }
        self.run.run(cell, inputs, rows)?;
        match rows.beyond() {
            None => Ok(()),
            Some(micros) => {
                let years = micros / 365.2425 / expression::DAY as f64 + 1970.0;
                Err(ways::made(
                    "time",
                    format!(
                        "came to about the year {years:.0}, which no calendar holds; make `until` or delays shorter"
                    ),
                ))
            }
        }
    }
}

/// What the tests of processes share.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
    use arrow_array::{Array, ArrayRef};

    use super::*;

    /// What a run made.
    pub struct Made {
        pub names: Vec<String>,
        pub columns: Vec<ArrayRef>,
    }

    impl Made {
        pub fn column(&self, name: &str) -> &ArrayRef {
            &self.columns
                [self.names.iter().position(|n| n == name).unwrap_or_else(|| panic!("{name}: {:?}", self.names))]
        }

        pub fn numbers(&self, name: &str) -> Vec<f64> {
            let column = self.column(name);
            match column.data_type() {
                DataType::Int64 => {
                    column.as_primitive::<Int64Type>().iter().map(|x| x.map_or(f64::NAN, |x| x as f64)).collect()
                }
                DataType::Timestamp(..) => column
                    .as_primitive::<TimestampMicrosecondType>()
                    .iter()
                    .map(|x| x.map_or(f64::NAN, |x| x as f64))
                    .collect(),
                DataType::Boolean => {
                    column.as_boolean().iter().map(|x| x.map_or(f64::NAN, |x| f64::from(u8::from(x)))).collect()
                }
                _ => column.as_primitive::<Float64Type>().iter().map(|x| x.unwrap_or(f64::NAN)).collect(),
            }
        }

        pub fn texts(&self, name: &str) -> Vec<String> {
            self.column(name).as_string::<i32>().iter().map(|x| x.unwrap_or("").to_owned()).collect()
        }

        pub fn rows(&self) -> usize {
            self.columns[0].len()
        }
    }

    pub fn read(text: &str) -> Result<Process, String> {
        toml::from_str(text).map_err(|e: toml::de::Error| e.message().to_owned())
    }

    pub fn plan(text: &str) -> Plan {
        read(text).unwrap().plan().unwrap()
    }

    /// What is said of a process that is wrong.
    pub fn refused(text: &str) -> String {
        match read(text) {
            Ok(process) => process.plan().unwrap_err().to_string(),
            Err(said) => said,
        }
    }

    pub fn run_with(plan: &Plan, seed: u64, inputs: &[Value]) -> Result<Made> {
        let mut rows = Rows::new(plan.columns());
        plan.run(&Cell::from_state(seed), inputs, &mut rows)?;
        let columns = rows.finish();
        assert!(columns.windows(2).all(|w| w[0].len() == w[1].len()));
        for (column, (name, kind)) in columns.iter().zip(plan.columns()) {
            assert_eq!(column.data_type(), kind, "{name}");
        }
        Ok(Made { names: plan.columns().iter().map(|c| c.0.clone()).collect(), columns })
    }

    pub fn run(text: &str, seed: u64) -> Made {
        run_with(&plan(text), seed, &[]).unwrap()
    }

    /// The same run twice is the same, and one of another seed is not.
    pub fn repeats(text: &str) {
        let (a, b, c) = (run(text, 5), run(text, 5), run(text, 6));
        assert_eq!(a.columns, b.columns);
        assert_ne!(a.columns, c.columns);
    }

    pub fn mean(all: &[f64]) -> f64 {
        all.iter().sum::<f64>() / all.len() as f64
    }

    pub fn variance(all: &[f64]) -> f64 {
        let m = mean(all);
        all.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / all.len() as f64
    }

    #[test]
    fn a_process_is_one_of_those_there_are() {
        assert!(read("[machin]\n").unwrap_err().contains("unknown variant `machin`"));
        assert!(read("[points]\nuntil = 3\nrate = 1\nrates = 2").unwrap_err().contains("unknown field `rates`"));
    }

    /// What the page of processes shows can be run.
    #[test]
    fn examples_of_the_page_are_understood() {
        #[derive(Deserialize)]
        struct File {
            tables: std::collections::BTreeMap<String, One>,
        }
        #[derive(Deserialize)]
        struct One {
            process: Process,
        }
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/processes.md")).unwrap();
        let mut seen = 0;
        for block in page.split("```toml\n").skip(1).filter_map(|b| b.split("```").next()) {
            let texts: Vec<String> = if block.contains("# ...") {
                continue;
            } else if block.starts_with("[tables") {
                vec![block.to_owned()]
            } else {
                let lines = block.lines().filter(|l| l.starts_with("process."));
                lines.map(|l| format!("[tables.one]\n{l}\n")).collect()
            };
            for text in texts {
                let file: File = toml::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
                for table in file.tables.values() {
                    let plan = table.process.plan().unwrap_or_else(|e| panic!("{e}\n{text}"));
                    let value = |name: &String| if name == "born" { Value::Time(0) } else { Value::Yes(true) };
                    let inputs: Vec<Value> = plan.inputs().iter().map(value).collect();
                    assert!(run_with(&plan, 1, &inputs).unwrap_or_else(|e| panic!("{e}\n{text}")).rows() > 0);
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 10);
    }

    #[test]
    fn times_beyond_the_calendar_are_an_error() {
        let far = plan("[points]\nstart = 2024-01-01\nunit = '1w'\nuntil = 1e9\nevery = 9e8");
        let said = run_with(&far, 1, &[]).err().unwrap().to_string();
        assert!(said.contains("which no calendar holds"), "{said}");
    }

    #[test]
    fn inputs_must_be_given() {
        let plan = plan("[points]\nuntil = 3\nrate = \"a + b\"");
        assert_eq!(plan.inputs(), ["a", "b"]);
        assert!(run_with(&plan, 1, &[]).err().unwrap().to_string().contains("inputs a, b"));
        let wrong = run_with(&plan, 1, &["x".into(), Value::Null]).err().unwrap().to_string();
        assert!(wrong.contains("a"), "{wrong}");
    }
}
