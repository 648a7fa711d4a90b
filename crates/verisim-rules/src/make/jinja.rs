//! Prompts as templates in the words of Jinja: `{{ product }}`, `{% if stars > 3 %}`. A name that means nothing is a mistake, a value that is
//! missing leaves its place empty.

use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior, escape_formatter};
use serde_json::{Map, Value as Json};

/// A template that was read.
pub struct Jinja {
    environment: Environment<'static>,
    /// As it was written.
    pub said: String,
    /// What it names, in order: each a path, as `parent.city`.
    pub names: Vec<Vec<String>>,
}

/// What the template is called among those of its environment, of which there is no other.
const NAME: &str = "prompt";

impl Jinja {
    /// Reads a template.
    ///
    /// # Errors
    /// The line of it, from 1, and what is wrong there.
    pub fn read(said: &str) -> Result<Jinja, (usize, String)> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(
            |out, state, value| if value.is_none() { Ok(()) } else { escape_formatter(out, state, value) },
        );
        environment.add_template_owned(NAME, said.to_owned()).map_err(|e| (e.line().unwrap_or(1), what(&e)))?;
        let known: Vec<&str> = environment.globals().map(|g| g.0).collect();
        let template = environment.get_template(NAME).map_err(|e| (1, what(&e)))?;
        let names = template.undeclared_variables(true).into_iter();
        let names = names.filter(|name| !known.contains(&name.as_str()));
        let mut names: Vec<Vec<String>> = names.map(|name| name.split('.').map(str::to_owned).collect()).collect();
        names.sort();
        Ok(Jinja { environment, said: said.to_owned(), names })
    }

    /// The line of the template, from 1, in which a name stands.
    pub fn line_of(&self, path: &[String]) -> usize {
        let name = path.join(".");
        self.said
            .lines()
            .position(|line| line.contains(&name) && (line.contains("{{") || line.contains("{%")))
            .map_or(1, |k| k + 1)
    }

    /// The text, without space around it.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn render(&self, values: &Map<String, Json>) -> Result<String, String> {
        let said = |e: &minijinja::Error| match e.line() {
            Some(line) => format!("line {line} of the prompt: {}", what(e)),
            None => what(e),
        };
        let template = self.environment.get_template(NAME).map_err(|e| said(&e))?;
        let text = template.render(pairs(values)).map_err(|e| said(&e))?;
        Ok(text.trim().to_owned())
    }
}

/// Values as templates have them.
fn pairs(values: &Map<String, Json>) -> Value {
    Value::from_pairs(values.iter().map(|(name, value)| (name.as_str(), of(value))))
}

fn of(value: &Json) -> Value {
    match value {
        Json::Null => Value::from(()),
        Json::Bool(yes) => Value::from(*yes),
        Json::Number(x) => x.as_i64().map_or_else(|| Value::from(x.as_f64().unwrap_or(f64::NAN)), Value::from),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(all) => Value::from(all.iter().map(of).collect::<Vec<Value>>()),
        Json::Object(all) => pairs(all),
    }
}

/// What is wrong, without the name of the template and its line.
fn what(e: &minijinja::Error) -> String {
    match e.detail() {
        Some(detail) => detail.to_owned(),
        None => e.kind().to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(said: &str, values: serde_json::Value) -> Result<String, String> {
        Jinja::read(said).unwrap().render(values.as_object().unwrap())
    }

    #[test]
    fn values_are_put_in_and_missing_ones_leave_their_place_empty() {
        let values = json!({ "a": "x < y", "n": 3, "gone": null, "parent": { "city": "Bonn" } });
        assert_eq!(
            render("\n{{ a }} in {{ parent.city }}: {{ n + 1 }}{{ gone }}.\n", values.clone()).unwrap(),
            "x < y in Bonn: 4."
        );
        assert_eq!(
            render(
                "{% if gone is none %}no{% endif %}{% for i in range(2) %}{{ loop.index }}{% endfor %}",
                values.clone()
            )
            .unwrap(),
            "no12"
        );
        assert_eq!(render("{{ a|upper }}", values.clone()).unwrap(), "X < Y");
        assert!(render("a\n{{ parent.town }}", values).unwrap_err().contains("line 2 of the prompt"));
    }

    #[test]
    fn names_are_known_before_anything_is_made() {
        let names = |said: &str| Jinja::read(said).unwrap().names.iter().map(|n| n.join(".")).collect::<Vec<_>>();
        let said = "{% set k = b %}{{ k }} {{ parent.city }}\n{% for i in range(3) %}{{ loop.index }}{% endfor %}{{ a|upper }}";
        assert_eq!(names(said), ["a", "b", "parent.city"]);
        let template = Jinja::read("x\n{{ parent.city }}").unwrap();
        assert_eq!(template.line_of(&template.names[0]), 2);
        let (line, what) = Jinja::read("x\n{{ a").err().unwrap();
        assert!(line == 2 && !what.is_empty(), "{line} {what}");
        assert!(
            Jinja::read("{{ a|nonsense }}").is_ok_and(|t| t.render(json!({ "a": 1 }).as_object().unwrap()).is_err())
        );
    }
}
