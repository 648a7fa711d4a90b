use super::testkit::{item, sixteen, values};
use super::*;

fn deep(it: &Item) -> Item {
    let p = &it.picture;
    let samples = (0..p.width() * p.height() * p.channels())
        .map(|i| p.at(i / p.channels() % p.width(), i / p.channels() / p.width(), i % p.channels()) as u16 * 257)
        .collect();
    Item { picture: sixteen(p.width(), p.height(), p.channels(), samples), labels: it.labels.clone() }
}

fn all() -> Pipeline {
    let image = every_step().into_iter().map(|t| crate::pipeline::Step { what: crate::pipeline::What::One(t), p: 1.0 });
    Pipeline { seed: 3, image: image.collect(), ..Pipeline::default() }
}

/// Each transform alone.
fn each() -> Vec<(&'static str, Pipeline)> {
    all().image.into_iter().zip(Transform::names()).map(|(s, n)| (*n, Pipeline { image: vec![s], ..all() })).collect()
}

#[test]
fn every_transform_takes_every_form_of_picture_and_replays() {
    for (name, pipeline) in each() {
        for (w, h) in [(1, 1), (1, 7), (40, 31)] {
            for channels in 1..=4 {
                let before = item(w, h, channels);
                let other = item(9, 5, channels);
                for (before, other) in [(deep(&before), deep(&other)), (before, other)] {
                    let partners = [before.clone(), other];
                    for i in 0..2 {
                        let (after, drawn) = apply_with(&pipeline, &before, i, 0, partners.as_slice()).unwrap();
                        after.labels.check(&after.picture).unwrap();
                        assert_eq!(after.picture.channels(), channels, "{name}");
                        let line = drawn.to_line().unwrap();
                        let again = Drawn::from_line(&line).unwrap();
                        assert_eq!(again, drawn, "{name}: {line}");
                        assert_eq!(replay(&again, &before, partners.as_slice()).unwrap(), after, "{name}");
                    }
                }
            }
        }
    }
}

#[test]
fn defaults_can_be_and_are_read_by_name() {
    for name in Transform::names() {
        let pipeline = Pipeline::from_toml(&format!("[[image]]\n{name} = {{}}\n")).unwrap();
        assert_eq!(pipeline.image.len(), 1);
    }
}

#[test]
fn threads_shards_and_order_do_not_matter() {
    let pipeline = Pipeline::from_toml(
        "seed = 7\n[[image]]\nrotate = { degrees = [-15, 15], fill = \"reflect\" }\np = 0.5\n\
         [[image]]\nsome_of = { n = [1, 2], keep_order = false, steps = [ { horizontal_flip = {} }, { d4 = {}, p = 0.7 }, { pad = { left = [0, 9] } } ] }\n\
         [[image]]\ncutmix = {}\n[[image]]\nnoise = {}\n",
    )
    .unwrap();
    let items: Vec<Item> = (0..24).map(|i| item(20 + i, 20, 3)).collect();
    let run = |threads: usize, from: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| apply_all(&pipeline, &items[from..], 100 + from as u64, 2, items.as_slice())).unwrap()
    };
    let one = run(1, 0);
    assert_eq!(one, run(3, 0));
    assert_eq!(one[16..], run(2, 16));
    let alone = apply_with(&pipeline, &items[17], 117, 2, items.as_slice()).unwrap();
    assert_eq!(alone, one[17]);
    assert_ne!(apply_with(&pipeline, &items[17], 117, 3, items.as_slice()).unwrap().0, alone.0);
}

#[test]
fn lines_that_ask_for_the_impossible_are_refused() {
    let line = |act: &str| {
        format!(
            "{{\"item\":4,\"pass\":0,\"labels\":{{\"min_area\":0,\"min_visibility\":0}},\"steps\":[{{\"step\":\"1\",\"name\":\"x\",\"act\":{act}}}]}}"
        )
    };
    assert!(Drawn::from_line(&line("\"nothing\"")).is_ok());
    for act in [
        "{\"window\":{\"left\":0,\"top\":0,\"width\":0,\"height\":5,\"fill\":0}}",
        "{\"resize\":{\"width\":1,\"height\":99999,\"filter\":\"area\"}}",
        "{\"warp\":{\"shape\":{\"grid\":{\"x\":[0],\"y\":[0,1]}},\"width\":5,\"height\":5,\"fill\":\"edge\"}}",
        "{\"chain\":[{\"warp\":{\"shape\":{\"affine\":[1e300,0,0,0,1,0]},\"width\":5,\"height\":5,\"fill\":2}}]}",
        "{\"explode\":1}",
    ] {
        assert!(Drawn::from_line(&line(act)).is_err(), "{act}");
    }
}

#[test]
fn masks_of_another_size_are_refused() {
    let mut it = item(8, 8, 3);
    it.labels.masks = item(7, 8, 3).labels.masks;
    assert!(apply(&all(), &it, 0, 0).unwrap_err().to_string().contains("mask"));
}

#[test]
fn opacity_moves_with_the_picture() {
    let mut it = item(9, 6, 2);
    let alpha = values(&it.picture).iter().skip(1).step_by(2).copied().collect::<Vec<u8>>();
    let flip = Pipeline::from_toml("[[image]]\nhorizontal_flip = {}\n").unwrap();
    (it, _) = apply(&flip, &it, 0, 0).unwrap();
    let moved: Vec<u8> = alpha.chunks(9).flat_map(|r| r.iter().rev().copied()).collect();
    assert_eq!(values(&it.picture).iter().skip(1).step_by(2).copied().collect::<Vec<u8>>(), moved);
}

#[test]
fn pipelines_that_were_not_checked_fail_with_words() {
    let crop = RandomCrop { width: 0, ..RandomCrop::default() };
    let dim = Gamma { power: crate::Range::Spread(crate::range::Spread::Choice(vec![])) };
    for (transform, name) in [(Transform::RandomCrop(crop), "random_crop"), (Transform::Gamma(dim), "gamma")] {
        let step = crate::pipeline::Step { what: crate::pipeline::What::One(transform), p: 1.0 };
        let pipeline = Pipeline { image: vec![step], ..Pipeline::default() };
        let said = apply(&pipeline, &item(8, 8, 3), 0, 0).unwrap_err().to_string();
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn presets_take_any_picture() {
    for (name, _) in crate::pipeline::PRESETS.iter().copied() {
        let pipeline = Pipeline::preset(name).unwrap();
        for (w, h, channels) in [(1, 1, 3), (90, 61, 1), (64, 80, 4)] {
            let it = item(w, h, channels);
            for i in 0..4 {
                let (after, drawn) = apply_with(&pipeline, &it, i, 0, [it.clone()].as_slice()).unwrap();
                assert_eq!(replay(&drawn, &it, [it.clone()].as_slice()).unwrap(), after, "{name}");
            }
        }
    }
}
