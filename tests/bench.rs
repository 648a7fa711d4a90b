//! `verisim bench` and `verisim devices`.

use serde_json::Value;

use crate::util::{Dir, config, small, wine_path};

fn json(dir: &Dir, name: &str) -> Value {
    serde_json::from_str(&dir.text(name)).unwrap()
}

#[test]
fn every_model_is_measured_on_the_cpu() {
    let dir = Dir::new();
    let output =
        dir.run(&["bench", "--seconds", "0.05", "--devices", "flex", "--json", "a.json", "--chart", "a.svg"]).ok();
    let report = json(&dir, "a.json");
    let results = report["results"].as_array().unwrap();
    let names: Vec<&str> = results.iter().map(|r| r["config"].as_str().unwrap()).collect();
    assert_eq!(names, verisim::models());
    for result in results {
        let (name, training) = (result["config"].as_str().unwrap(), &result["training"]);
        assert!(output.stdout.contains(&format!("\n{name} ")), "{name} is not in\n{}", output.stdout);
        assert!(dir.text("a.svg").contains(&format!(">{name} (")), "{name} is not in the chart");
        for spread in [&training["step"], &result["sampling"]] {
            let [p10, median, p90] = ["p10", "median", "p90"].map(|k| spread[k].as_f64().unwrap());
            assert!(0.0 < p10 && p10 <= median && median <= p90, "{name}: {spread}");
        }
        assert!(
            training["first_step"].as_f64() > Some(0.0) && training["steps"].as_u64() > Some(0),
            "{name}: {training}"
        );
        let (unit, data) = match name {
            "vae" | "gan" | "flow" => ("images", "stand-in images"),
            "var" | "bootstrap" | "markov" | "hmm" | "renewal" | "events" | "deepar" | "timeflow" => {
                ("sequences", "stand-in series")
            }
            "lm" => ("texts", "stand-in texts"),
            _ => ("rows", "stand-in table"),
        };
        assert_eq!((result["unit"].as_str(), result["data"].as_str()), (Some(unit), Some(data)));
        if cfg!(target_os = "linux") {
            assert!(result["peak_memory"].as_u64() > Some(10_000_000), "{name}: {result}");
        }
    }
    assert!(!output.stderr.contains("wrote"), "{}", output.stderr);
}

#[test]
fn figures_are_compared_with_earlier_ones() {
    let dir = Dir::new();
    dir.file("job.toml", small("copula"));
    dir.run(&["bench", "job.toml", "--seconds", "0.05", "--devices", "flex", "--json", "now.json"]).ok();
    let mut before = json(&dir, "now.json");
    let result = &mut before["results"][0];
    assert!(result["data"].as_str().unwrap().ends_with("real.csv"), "{result}");
    for k in ["p10", "median", "p90"] {
        let of = |v: &mut Value, by: f64| *v = (v.as_f64().unwrap() * by).into();
        of(&mut result["training"]["step"][k], 1e-3);
        of(&mut result["sampling"][k], 1e3);
    }
    dir.file("before.json", before.to_string());
    let again =
        dir.run(&["bench", "job.toml", "--seconds", "0.05", "--devices", "flex", "--against", "before.json"]).ok();
    let line = |what: &str| {
        again.stdout.lines().find(|l| l.starts_with("job ") && l.contains(what)).unwrap_or_default().to_owned()
    };
    assert!(line(" step ").ends_with("slower"), "{}", again.stdout);
    assert!(line(" sampling ").ends_with("faster"), "{}", again.stdout);

    dir.file("before.json", "{\"results\": 3}");
    dir.run(&["bench", "job.toml", "--against", "before.json"]).fails(1).quick().says(&["before.json", "--json"]);
}

#[test]
fn what_cannot_be_measured_is_said_and_the_rest_is_measured() {
    let dir = Dir::new();
    let args = ["bench", "vae", "copula", "--set", "data.path=none.csv", "--seconds", "0.05", "--devices", "flex"];
    dir.run(&args).fails(1).says(&["2 of 2 could not be measured"]);
    dir.run(&["bench", "tabddpm"]).fails(1).quick().says(&["tabddpm", "no model of that name", "copula"]);
    dir.run(&["bench", "copula", "--seconds", "nan"]).fails(1).quick().says(&["--seconds"]);
    dir.run(&["bench", &config("tvae.toml"), "--set", "train.epoch=3"])
        .fails(1)
        .quick()
        .says(&["did you mean `epochs`"]);
    // One of two devices is not in this build.
    if cfg!(not(feature = "ndarray")) {
        let path = wine_path();
        let args =
            ["bench", "copula", "--set", &path, "--seconds", "0.05", "--devices", "ndarray,flex", "--json", "a.json"];
        let output = dir.run(&args).fails(1).says(&["1 of 2 could not be measured"]);
        assert!(output.stdout.contains("copula on ndarray: device ndarray cannot be used"), "{}", output.stdout);
        let report = json(&dir, "a.json");
        assert!(report["results"][0]["training"].is_null() && report["results"][1]["training"].is_object(), "{report}");
    }
}

#[test]
fn devices_are_listed_with_the_one_that_is_taken() {
    let dir = Dir::new();
    let text = dir.run(&["devices"]).ok().stdout;
    for word in ["flex ", "ndarray ", "wgpu ", "auto "] {
        assert!(text.lines().any(|l| l.starts_with(word)), "{text}");
    }
    let json: Value = serde_json::from_str(&dir.run(&["devices", "--json"]).ok().stdout).unwrap();
    let auto = json["auto"].as_str().unwrap();
    assert!(json["devices"].as_array().unwrap().iter().any(|d| d == auto), "{json}");
    if cfg!(not(feature = "gpu")) {
        assert!(auto == "flex" && json["why"].as_str().unwrap().contains("--features gpu"), "{json}");
    }
}
