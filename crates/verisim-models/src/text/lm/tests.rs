use super::*;
use crate::learn::{Counter, Learn as _};
use crate::nets::params::tests::{assert_gradients, shaken};
use burn::tensor::Tensor;
use verisim_data::rng::{below, stream};
use verisim_data::text::{Document as Plain, Form, Source, Style, Turn};

fn small() -> Config {
    Config {
        tokens: Tokens::Chars,
        width: 32,
        layers: 2,
        heads: 4,
        key_heads: Some(2),
        context: 48,
        dropout: 0.0,
        ..Config::default()
    }
}

fn texts(form: Form, columns: &[&str], documents: Vec<Plain>) -> Texts {
    Texts { form, columns: columns.iter().map(|c| (*c).to_owned()).collect(), documents }
}

/// A model of some texts after so many steps.
fn learnt(texts: Texts, config: &Config, steps: u64) -> Box<Sampler> {
    let ready = texts.encode(&Source::default(), &config.encoding()).unwrap();
    let training = Training { batch_size: 8, learning_rate: 1e-2, ..config.training().unwrap() };
    let (device, counter) = (Device::flex().autodiff(), Counter::default());
    let setup = Setup { training: &training, seed: 1, device: &device, shards: 2, counter: &counter };
    let train: Vec<usize> = (0..ready.count).collect();
    let augment = Default::default();
    let split = Split { encoded: &ready.encoded, train: &train, validation: &[], augment: &augment };
    let mut lm = Lm::new(config, &split, &setup).unwrap();
    for step in 0..steps {
        lm.step(&Clock { seed: 1, step, rate: 1.0 - 0.9 * step as f64 / steps as f64 }).unwrap();
    }
    let mut weights = lm.finish(1).unwrap();
    let spec = Texts::spec(&ready.encoded, &train);
    let sampler = Model::<Texts>::restore(config, &spec, &mut weights, &Device::flex()).unwrap();
    weights.nothing_left().unwrap();
    sampler
}

fn how(most: usize) -> How {
    How { temperature: 1.0, top_k: None, top_p: None, min_p: None, repetition: 1.0, most, stop: Vec::new() }
}

fn drawn(sampler: &Sampler, wanted: &Wanted, count: u64, how: &How) -> Vec<Drawn> {
    let wanted: Vec<_> = (0..count).map(|i| (wanted.clone(), stream(5, "text", i))).collect();
    sampler.draw(&wanted, how).unwrap()
}

/// Messages of two labels, whose letters follow from the label; one of four is of the second.
fn labelled() -> Texts {
    let document = |i: u64| {
        let mut rng = stream(2, "labelled", i);
        let is_b = i.is_multiple_of(4);
        let (letters, label) = if is_b { (b"xyz", "rare") } else { (b"abc", "often") };
        let length = 3 + below(&mut rng, 8);
        let text: String = (0..length).map(|_| letters[below(&mut rng, 3) as usize] as char).collect();
        Plain { cells: vec![Some(label.into())], ..Plain::plain(text) }
    };
    texts(Form::Column("text".into()), &["label"], (0..200).map(document).collect())
}

#[test]
fn gradients_are_those_of_differences() {
    let config = Config { width: 8, layers: 1, heads: 2, key_heads: Some(1), ..small() };
    let device = Device::flex().autodiff();
    let net = shaken(Net::new(&config, 11, 3, &device), 0.2);
    let shape = Shape::new(&config, 6);
    let packed = Packed {
        tokens: vec![0, 3, 5, 0, 7, 9, 0, 2, 2, 4, 10, 1],
        targets: vec![3, 5, 1, 7, 9, 1, 2, 2, 4, 10, 1, 0],
        weights: vec![1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
        first: vec![0, 0, 0, 3, 3, 3, 0, 0, 0, 0, 0, 0],
    };
    assert_gradients(&net, 1e-2, |net| loss(With { net, adapters: None }, &shape, &packed, 6, &device, |x| x) * 0.1);
}

#[test]
fn what_is_remembered_gives_the_logits_of_the_whole() {
    let config = small();
    let device = Device::flex();
    let net = shaken(Net::new(&config, 20, 3, &device), 0.1);
    let shape = Shape::new(&config, config.context);
    let sequences: [Vec<u32>; 3] =
        [(0..30).map(|i| i * 7 % 20).collect(), vec![0, 4, 9], (0..12).map(|i| i * 3 % 20).collect()];
    let mut cache = cache::Cache::new(net.blocks.len(), 3);
    let mut last: Vec<Vec<f32>> = Vec::new();
    // A prompt of each, then the rest one by one.
    let prompts = [5, 1, 12];
    for at in 0..30 {
        let counts: Vec<usize> = (0..3)
            .map(|i| if at == 0 { prompts[i] } else { usize::from(prompts[i] + at <= sequences[i].len()) })
            .collect();
        let from = |i: usize| if at == 0 { 0 } else { (prompts[i] + at - 1).min(sequences[i].len()) };
        let tokens: Vec<u32> = (0..3).flat_map(|i| sequences[i][from(i)..from(i) + counts[i]].to_vec()).collect();
        if tokens.is_empty() {
            break;
        }
        let seen = net::Seen { tokens: &tokens, places: &[], adapters: None };
        let hidden = net.hidden(&shape, seen, |block, qkv| cache.attend(&shape, block, qkv, &counts), |x| x);
        let rows: Vec<f32> = hidden.into_data().try_into_vec().unwrap();
        let mut end = 0;
        last.resize(3, Vec::new());
        for i in 0..3 {
            end += counts[i];
            if counts[i] > 0 {
                last[i] = rows[(end - 1) * config.width..end * config.width].to_vec();
            }
        }
    }
    for (sequence, last) in sequences.iter().zip(&last) {
        let layout = Arc::new(Layout::new(sequence.len(), vec![0; sequence.len()], &device));
        let whole: Vec<f32> =
            net.forward(&shape, sequence, &layout, None, |x: Tensor<2>| x).into_data().try_into_vec().unwrap();
        for (a, b) in last.iter().zip(&whole[whole.len() - config.width..]) {
            assert!((a - b).abs() < 1e-4, "{a} remembered, {b} at once");
        }
    }
}

#[test]
fn texts_fit_their_labels_and_labels_have_their_shares() {
    let sampler = learnt(labelled(), &small(), 150);
    let all = drawn(&sampler, &Wanted::default(), 300, &how(40));
    let (mut rare, mut fits) = (0, 0);
    for text in &all {
        let label = text.document.cells[0].as_deref().unwrap();
        assert!(label == "rare" || label == "often");
        rare += usize::from(label == "rare");
        let letters = if label == "rare" { "xyz" } else { "abc" };
        fits += usize::from(text.document.text().chars().all(|c| letters.contains(c)));
    }
    // 75 of 300, with a deviation of 7.5; a model that is not told what it said draws the letters of both.
    assert!((45..=110).contains(&rare), "{rare} are rare");
    assert!(fits >= 285, "{fits} fit");
    // A label that is given is kept, and a missing one is not told.
    let given = Wanted { cells: vec![Cell::Given(Some("rare".into()))], ..Wanted::default() };
    let all = drawn(&sampler, &given, 50, &how(40));
    assert!(all.iter().all(|d| d.document.cells == [Some("rare".to_owned())]));
    let fits = all.iter().filter(|d| d.document.text().chars().all(|c| "xyz".contains(c))).count();
    assert!(fits >= 46, "{fits} of 50 fit");
    let untold = Wanted { cells: vec![Cell::Given(None)], ..Wanted::default() };
    assert!(drawn(&sampler, &untold, 20, &how(40)).iter().all(|d| d.document.cells == [None]));
}

#[test]
fn a_text_does_not_depend_on_those_beside_it() {
    let sampler = learnt(labelled(), &small(), 20);
    let many = drawn(&sampler, &Wanted::default(), 70, &how(30));
    for count in [1, 2, 33] {
        assert_eq!(drawn(&sampler, &Wanted::default(), count, &how(30)), many[..count as usize]);
    }
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| drawn(&sampler, &Wanted::default(), 70, &how(30))), many);
}

#[test]
fn a_text_that_is_not_over_is_cut_and_one_longer_than_the_context_goes_on() {
    let sampler = learnt(labelled(), &small(), 1);
    let cut = drawn(&sampler, &Wanted::default(), 10, &how(5));
    assert!(cut.iter().any(|d| d.is_cut) && cut.iter().all(|d| d.tokens <= 5));
    // One long text has no end of its own.
    let pieces = ["abcabc\n".repeat(30), "abcabd\n".repeat(30)].map(Plain::plain);
    let sampler = learnt(texts(Form::Corpus, &[], pieces.into()), &small(), 60);
    let all = drawn(&sampler, &Wanted::default(), 3, &how(150));
    for text in &all {
        assert!(text.tokens == 150 && !text.is_cut && text.document.text().len() == 150, "{text:?}");
        let lines = text.document.text().matches("abcab").count();
        assert!(lines >= 12, "{}", text.document.text());
    }
}

#[test]
fn turns_follow_each_other_as_they_did() {
    let turn = |role: &str, text: String| Turn { role: role.into(), text };
    let talk = |i: u64| {
        let mut rng = stream(3, "talk", i);
        let mut word = |letter: &str| letter.repeat(1 + below(&mut rng, 4) as usize);
        let mut turns = if i.is_multiple_of(3) { vec![turn("system", "s".into())] } else { Vec::new() };
        for _ in 0..=i % 3 {
            turns.push(turn("user", word("u")));
            turns.push(turn("assistant", word("a")));
        }
        Plain { cells: Vec::new(), turns }
    };
    let set = texts(Form::Conversations(Style::OpenAi), &[], (0..120).map(talk).collect());
    // Hardly learnt: what follows what is kept even so.
    for steps in [2, 120] {
        let sampler = learnt(set.clone(), &small(), steps);
        let all = drawn(&sampler, &Wanted::default(), 60, &how(400));
        for text in all.iter().filter(|d| !d.is_cut) {
            let roles: Vec<&str> = text.document.turns.iter().map(|t| t.role.as_str()).collect();
            let rest = roles.strip_prefix(&["system"]).unwrap_or(&roles);
            assert!(!rest.is_empty() && rest.len().is_multiple_of(2), "{roles:?}");
            assert!(rest.chunks(2).all(|pair| pair == ["user", "assistant"]), "{roles:?}");
            assert!(text.document.turns.iter().all(|t| !t.text.is_empty()));
        }
    }
    let sampler = learnt(set, &small(), 120);
    let begin = vec![turn("user", "uuu".into())];
    let all = drawn(&sampler, &Wanted { begin, ..Wanted::default() }, 20, &how(100));
    assert!(all.iter().all(|d| d.document.turns[0].role == "user" && d.document.turns[0].text.starts_with("uuu")));
    let nobody = Wanted { begin: vec![turn("judge", "a".into())], ..Wanted::default() };
    assert!(sampler.check(&nobody).unwrap_err().to_string().contains("user, assistant"));
}

#[test]
fn the_likeliest_are_drawn_when_asked() {
    let sampler = learnt(labelled(), &small(), 60);
    let only = |h: How| drawn(&sampler, &Wanted::default(), 30, &h);
    let best = only(How { temperature: 0.0, ..how(20) });
    assert!(best.iter().all(|d| d.document == best[0].document));
    assert_eq!(only(How { top_k: Some(1), ..how(20) })[0].document, best[0].document);
    assert_eq!(only(How { min_p: Some(1.0), ..how(20) })[0].document, best[0].document);
    assert_eq!(only(How { top_p: Some(1e-9), ..how(20) })[0].document, best[0].document);
    assert_ne!(only(how(20))[0].document, only(how(20))[1].document);
    let stopped = only(How { stop: vec!["a".into(), "x".into()], ..how(20) });
    assert!(
        stopped.iter().all(|d| !d.document.text()[..d.document.text().len().saturating_sub(1)].contains(['a', 'x']))
    );
}

#[test]
fn nats_are_those_of_the_loss() {
    let sampler = learnt(labelled(), &small(), 60);
    let document = |label: &str, text: &str| Plain { cells: vec![Some(label.into())], ..Plain::plain(text) };
    let nats = sampler.nats(&[document("rare", "xyzzy"), document("rare", "abcab")]).unwrap();
    // A label of four characters and its end, five letters and the end of the text.
    assert!(nats.iter().all(|(_, count)| *count == 11));
    assert!(nats[1].0 > nats[0].0 + 3.0, "{nats:?}");
}

#[test]
fn settings_that_make_no_sense_are_named() {
    for (config, key) in [
        (Config { heads: 5, ..small() }, "heads"),
        (Config { key_heads: Some(3), ..small() }, "key_heads"),
        (Config { dropout: 1.0, ..small() }, "dropout"),
        (Config { context: 1, ..small() }, "context"),
        (Config { theta: 1.0, ..small() }, "theta"),
    ] {
        assert!(Model::<Texts>::check(&config).unwrap_err().to_string().contains(key));
    }
}
