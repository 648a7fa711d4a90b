use super::testkit::{clip, pipeline, rough, sine};
use super::*;
use crate::pipeline::{PRESETS, Step, What};

/// A sound with what is heard in it.
fn item(rate: u32, n: usize, channels: usize) -> Item {
    let seconds = n as f64 / f64::from(rate);
    let spans = [(0.1, 0.3, "one"), (0.5, 1.0, "two")].map(|(a, b, name)| Span::new(a * seconds, b * seconds, name));
    let channels = (0..channels).map(|c| rough(n, c as u64)).collect();
    Item { clip: clip(rate, channels), spans: spans.to_vec(), classes: vec![(3, 1.0)] }
}

/// Each transform alone, with a folder of backgrounds.
fn each(folder: &std::path::Path) -> Vec<(&'static str, Pipeline)> {
    clip(16_000, vec![sine(300.0, 16_000, 3000)]).write(&folder.join("hum.wav")).unwrap();
    let with_folder = |t| match t {
        Transform::Background(b) => Transform::Background(Background { folder: folder.to_owned(), ..b }),
        t => t,
    };
    let one =
        |t| Pipeline { seed: 3, sound: vec![Step { what: What::One(with_folder(t)), p: 1.0 }], ..Pipeline::default() };
    Transform::names().iter().copied().zip(every_step().into_iter().map(one)).collect()
}

fn check(name: &str, item: &Item) {
    item.check().unwrap();
    item.clip.finite().unwrap();
    let seconds = item.clip.seconds();
    assert!(item.spans.iter().all(|s| s.end <= seconds + 1e-9), "{name}: {:?} in {seconds} s", item.spans);
}

#[test]
fn every_step_takes_every_sound_and_replays() {
    let folder = tempfile::tempdir().unwrap();
    for (name, pipeline) in each(folder.path()) {
        for (rate, n, channels) in
            [(16_000, 0, 1), (16_000, 1, 2), (44_100, 3, 1), (8_000, 1600, 1), (11_025, 900, 6), (100, 50, 2)]
        {
            let rough = item(rate, n, channels);
            let silent = Item { clip: clip(rate, vec![vec![0.0; n]; channels]), ..rough.clone() };
            for before in [rough, silent] {
                let partners = [before.clone(), item(22_050, 700, 2)];
                for i in 0..2 {
                    let (after, drawn) = apply_with(&pipeline, &before, i, 0, partners.as_slice()).unwrap();
                    check(name, &after);
                    let line = drawn.to_line().unwrap();
                    let again = Drawn::from_line(&line).unwrap();
                    assert_eq!(again, drawn, "{name}: {line}");
                    assert_eq!(replay(&again, &before, partners.as_slice()).unwrap(), after, "{name}");
                }
            }
        }
    }
}

#[test]
fn silent_sounds_stay_silent() {
    let folder = tempfile::tempdir().unwrap();
    for (name, pipeline) in each(folder.path()) {
        let silent = Item::from(clip(8_000, vec![vec![0.0; 1000]]));
        let (after, _) = apply(&pipeline, &silent, 0, 0).unwrap();
        // The A-law has no level 0: silence is the least of its levels, but only mu is the default.
        assert!(after.clip.channels().iter().flatten().all(|s| *s == 0.0), "{name}");
    }
}

#[test]
fn defaults_can_be_and_are_read_by_name() {
    for name in Transform::names().iter().filter(|n| **n != "background") {
        assert_eq!(pipeline(&format!("{name} = {{}}")).sound.len(), 1);
    }
}

#[test]
fn threads_shards_and_order_do_not_matter() {
    let p = Pipeline::from_toml(
        "seed = 7\n[[sound]]\ntime_stretch = {}\np = 0.5\n\
         [[sound]]\nsome_of = { n = [1, 2], keep_order = false, steps = [ { noise = {} }, { low_pass = {}, p = 0.7 }, { shift = {} } ] }\n\
         [[sound]]\nmix = {}\n[[sound]]\npitch_shift = {}\n",
    )
    .unwrap();
    let items: Vec<Item> = (0..12).map(|i| item(8_000, 800 + i, 1)).collect();
    let run = |threads: usize, from: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| apply_all(&p, &items[from..], 100 + from as u64, 2, items.as_slice())).unwrap()
    };
    let one = run(1, 0);
    assert_eq!(one, run(3, 0));
    assert_eq!(one[8..], run(2, 8));
    assert_ne!(apply_with(&p, &items[9], 109, 3, items.as_slice()).unwrap().0, one[9].0);
}

#[test]
fn presets_take_any_sound() {
    for (name, _) in PRESETS {
        let p = Pipeline::preset(name).unwrap();
        for before in [item(16_000, 0, 1), item(16_000, 4000, 1), item(44_100, 2000, 2)] {
            for i in 0..6 {
                let (after, drawn) = apply_with(&p, &before, i, 0, [before.clone()].as_slice()).unwrap();
                check(name, &after);
                assert_eq!(replay(&drawn, &before, [before.clone()].as_slice()).unwrap(), after, "{name}");
            }
        }
    }
}

#[test]
fn lines_that_ask_for_the_impossible_are_refused() {
    let line =
        |act: &str| format!("{{\"item\":4,\"pass\":0,\"steps\":[{{\"step\":\"1\",\"name\":\"x\",\"act\":{act}}}]}}");
    assert!(Drawn::from_line(&line("\"nothing\"")).is_ok());
    for act in [
        "{\"stretch\":{\"rate\":0}}",
        "{\"window\":{\"from\":0,\"length\":99999999999}}",
        "{\"resample\":{\"rate\":0,\"back\":true}}",
        "{\"crush\":{\"bits\":0}}",
        "{\"filter\":{\"shape\":\"peak\",\"hz\":100,\"q\":0,\"db\":0,\"times\":1}}",
        "{\"reverb\":{\"sides\":[1,1,1],\"source\":[2,0,0],\"microphone\":[0,0,0],\"absorption\":0.5}}",
        "{\"silence\":[[3,1]]}",
        "{\"mix\":{\"partner\":0,\"from\":0,\"by\":{\"weight\":2}}}",
        "{\"explode\":1}",
    ] {
        assert!(Drawn::from_line(&line(act)).is_err(), "{act}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_words() {
    let said = |text: &str| Pipeline::from_toml(text).unwrap_err().to_string();
    assert!(said("[[sound]]\npich_shift = {}\n").contains("did you mean `pitch_shift`?"));
    assert!(said("[[sound]]\ngain = { dB = 3 }\n").contains("dB"));
    assert!(said("[[sound]]\ntime_stretch = { rate = 0 }\n").contains("step 1 (`time_stretch`)"));
    assert!(said("[[sound]]\nclipping = { db = -3 }\n").contains("`db`"));
    assert!(said("[[sound]]\nnoise = { colour = \"mauve\" }\n").contains("mauve"));
    let mut late = item(8_000, 800, 1);
    late.spans.push(Span::new(30.0, 31.0, "late"));
    assert!(apply(&Pipeline::default(), &late, 0, 0).unwrap_err().to_string().contains("late"));
    let wrong = |channels| Clip::new(8_000, Depth::Float, channels).unwrap_err().to_string();
    assert!(wrong(vec![]).contains("without channels"));
    assert!(wrong(vec![vec![0.0], vec![]]).contains("as long"));
    assert!(wrong(vec![vec![0.0, f32::NAN]]).contains("sample 1 of channel 1"));
    assert!(Clip::new(3, Depth::Float, vec![vec![]]).unwrap_err().to_string().contains("100"));
    let loud = Item::from(Clip::new(8_000, Depth::Float, vec![vec![1e38; 4]]).unwrap());
    assert!(apply(&pipeline("gain = { db = 40 }"), &loud, 0, 0).unwrap_err().to_string().contains("finite"));
    assert!(apply_with(&pipeline("mix = {}"), &loud, 0, 0, [].as_slice()).unwrap().1.steps[0].act == Act::Nothing);
}
