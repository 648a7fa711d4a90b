use super::*;

fn said(text: &str) -> String {
    Pipeline::from_toml(text).unwrap_err().to_string()
}

/// How often each of a list of steps happens to 3000 items.
fn counts(text: &str) -> Vec<(String, usize)> {
    let pipeline = Pipeline::from_toml(text).unwrap();
    let mut seen = std::collections::BTreeMap::new();
    for i in 0..3000 {
        let mut places = Vec::new();
        walk(&pipeline.image, |k| Draw::new(5, i, 0, k), &mut |_, place, _| {
            places.push(place.to_owned());
            Ok(())
        })
        .unwrap();
        *seen.entry(places.join(" ")).or_insert(0) += 1;
    }
    seen.into_iter().collect()
}

#[test]
fn what_is_not_understood_is_said_with_the_near_name() {
    assert!(said("[[image]]\nrotat = {}\n").contains("did you mean `rotate`?"));
    assert!(said("[[image]]\nxyzzy = {}\n").contains("there are horizontal_flip"));
    assert!(said("[[image]]\nrotate = { degres = 3 }\n").contains("degres"));
    assert!(said("[[image]]\np = 0.5\n").contains("nothing to do"));
    assert!(said("[[image]]\nrotate = {}\nd4 = {}\n").contains("two steps"));
    assert!(said("sed = 4\n").contains("sed"));
    assert!(said("[[image]]\none_of = []\n").contains("no steps in it"));
    assert!(said("[[image]]\nd4 = {}\np = 1.5\n").contains("between 0 and 1"));
    assert!(
        said("[[image]]\nd4 = {}\n[[image]]\none_of = [{ rotate = { degrees = [5, 900] } }]\n")
            .contains("step 2.1 (`rotate`)")
    );
    assert!(said("[[image]]\nsome_of = { n = 3, steps = [{ d4 = {} }] }\n").contains("`n`"));
    assert!(said("[labels]\nmin_visibility = 2\n").contains("min_visibility"));
    assert!(said("[[image]]\nrotate = { fill = 7 }\n").contains("white"));
    assert!(Pipeline::preset("detecton").unwrap_err().to_string().contains("did you mean `detection`?"));
}

#[test]
fn presets_are_read() {
    for (name, _) in PRESETS {
        let preset = Pipeline::preset(name).unwrap();
        assert!(!preset.image.is_empty() || !preset.text.is_empty(), "{name}");
    }
}

#[test]
fn steps_happen_as_often_as_they_should() {
    let seen = counts("[[image]]\nd4 = {}\np = 0.3\n");
    assert!((800..1000).contains(&seen[1].1), "{seen:?}");
    let seen =
        counts("[[image]]\none_of = [{ d4 = {}, p = 0.75 }, { transpose = {}, p = 0.25 }, { d4 = {}, p = 0 }]\n");
    assert_eq!(seen.len(), 2);
    assert!((2150..2350).contains(&seen[0].1), "{seen:?}");
    let seen = counts("[[image]]\nsome_of = { n = 2, steps = [{ d4 = {} }, { d4 = {} }, { d4 = {} }] }\n");
    assert_eq!(seen.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(), ["1.1 1.2", "1.1 1.3", "1.2 1.3"]);
    assert!(seen.iter().all(|s| (900..1100).contains(&s.1)), "{seen:?}");
    let seen =
        counts("[[image]]\nsome_of = { n = 2, keep_order = false, steps = [{ d4 = {} }, { d4 = {} }, { d4 = {} }] }\n");
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|s| (400..600).contains(&s.1)), "{seen:?}");
    let seen = counts("[[image]]\nall_of = [{ d4 = {} }, { d4 = {} }]\np = 0.5\n");
    assert_eq!(seen.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(), ["", "1.1 1.2"]);
}

#[test]
fn the_schema_names_every_step() {
    let schema = serde_json::to_string(&schemars::schema_for!(Pipeline)).unwrap();
    for name in Transform::names().iter().chain(&["one_of", "some_of", "all_of", "min_visibility"]) {
        assert!(schema.contains(&format!("\"{name}\"")), "{name}");
    }
}
