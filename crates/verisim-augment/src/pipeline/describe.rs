//! All steps, as people read of them: from the same settings and comments that configs are read by.

use schemars::SchemaGenerator;
use serde_json::Value;

use super::Operation;
use crate::{image, series, sound, table, text};

/// A step and its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// Its name in a config.
    pub name: &'static str,
    /// What it does, a sentence or two.
    pub about: String,
    /// Its settings: name, default, what it is.
    pub settings: Vec<(String, String, String)>,
}

/// The kinds of data that have steps, as a config names their lists, and the steps of each.
pub fn steps() -> [(&'static str, Vec<About>); 5] {
    [
        ("image", of::<image::Transform>()),
        ("table", of::<table::Transform>()),
        ("series", of::<series::Transform>()),
        ("text", of::<text::Transform>()),
        ("sound", of::<sound::Transform>()),
    ]
}

fn of<O: Operation>() -> Vec<About> {
    let mut generator = SchemaGenerator::default();
    let schemas = O::schemas(&mut generator);
    let known = Value::from(generator.take_definitions(true));
    let about = |(name, schema): (&'static str, schemars::Schema)| {
        let schema = schema.to_value();
        let schema =
            schema["$ref"].as_str().and_then(|at| known.pointer(at.strip_prefix("#/$defs")?)).unwrap_or(&schema);
        let setting =
            |(key, value): (&String, &Value)| (key.clone(), short(&value["default"]), said(&value["description"]));
        let settings = schema["properties"].as_object().map(|all| all.iter().map(setting).collect());
        About { name, about: said(&schema["description"]), settings: settings.unwrap_or_default() }
    };
    schemas.into_iter().map(about).collect()
}

/// A comment on one line.
fn said(text: &Value) -> String {
    text.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A default as a config writes it.
fn short(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Number(x) => {
            x.as_f64().filter(|x| x.fract() == 0.0 && x.abs() < 1e15).map_or(x.to_string(), |x| x.to_string())
        }
        Value::Array(all) => format!("[{}]", all.iter().map(short).collect::<Vec<_>>().join(", ")),
        Value::Object(all) => {
            let pairs: Vec<String> = all.iter().map(|(key, value)| format!("{key} = {}", short(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_says_what_it_is_and_its_settings_do() {
        for (kind, steps) in steps() {
            assert!(!steps.is_empty(), "{kind}");
            for step in steps {
                assert!(step.about.len() > 10, "{kind}: {}", step.name);
                assert!(step.settings.iter().all(|(_, _, about)| !about.is_empty()), "{kind}: {}", step.name);
            }
        }
    }

    #[test]
    fn defaults_are_written_as_configs_have_them() {
        let [(_, images), ..] = steps();
        let brightness = images.iter().find(|step| step.name == "brightness").map(|step| step.settings.clone());
        let shift = brightness.unwrap_or_default();
        assert_eq!((shift[0].0.as_str(), shift[0].1.as_str()), ("shift", "[-0.2, 0.2]"));
    }

    #[test]
    fn the_docs_name_every_step_and_pipeline() {
        let docs = include_str!("../../../../docs/augment.md");
        for (kind, steps) in steps() {
            let missing: Vec<&str> =
                steps.iter().map(|s| s.name).filter(|name| !docs.contains(&format!("`{name}`"))).collect();
            assert!(missing.is_empty(), "{kind}: {missing:?} are not in docs/augment.md");
        }
        assert!(super::super::PRESETS.iter().all(|(name, _)| docs.contains(&format!("`{name}`"))));
    }
}
