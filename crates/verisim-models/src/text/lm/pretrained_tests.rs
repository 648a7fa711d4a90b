//! Pretrained models against logits of the reference implementation (transformers 5.24 on PyTorch 2.15): `reference.json` has, of each of
//! six small models, its config, the shapes of its tensors and some logits. The tensors themselves are sines, so that they need
//! not be kept: number `i` of tensor `k` in order of the names is `0.3 sin(1.7 i + k)`, of a gain `1 + 0.1 sin(1.7 i + k)`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use verisim_data::rng::stream;
use verisim_data::text::{Document as Plain, Form, Source};

use super::*;
use crate::learn::{Counter, Learn as _};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

/// The tensors of a model: name, shape, numbers.
fn tensors(model: &Value) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let list = model["tensors"].as_array().unwrap().iter().enumerate();
    list.map(|(k, entry)| {
        let name = entry[0].as_str().unwrap().to_owned();
        let shape: Vec<usize> = entry[1].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        let is_gain = shape.len() == 1 && name.ends_with("weight");
        let wave = |i: usize| (1.7 * i as f64 + k as f64).sin();
        let number = |i: usize| if is_gain { 1.0 + 0.1 * wave(i) } else { 0.3 * wave(i) };
        let numbers = (0..shape.iter().product()).map(|i| number(i) as f32).collect();
        (name, shape, numbers)
    })
    .collect()
}

/// A tokenizer of forty characters.
fn tokenizer() -> String {
    let vocabulary: serde_json::Map<String, Value> =
        ('A'..='Z').chain('a'..='n').enumerate().map(|(i, c)| (c.to_string(), json!(i))).collect();
    json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
           "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true},
           "post_processor": null, "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true},
           "model": {"type": "BPE", "vocab": vocabulary, "merges": []}})
    .to_string()
}

/// Writes a model as Hugging Face does, its tensors in two files.
fn folder(at: &Path, model: &Value) {
    std::fs::create_dir_all(at).unwrap();
    std::fs::write(at.join("config.json"), model["config"].to_string()).unwrap();
    std::fs::write(at.join("tokenizer.json"), tokenizer()).unwrap();
    let all: Vec<(String, Vec<usize>, Vec<u8>)> = tensors(model)
        .into_iter()
        .map(|(name, shape, numbers)| (name, shape, numbers.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    for (part, some) in all.chunks(all.len().div_ceil(2)).enumerate() {
        let views =
            some.iter().map(|(n, shape, b)| (n.clone(), TensorView::new(Dtype::F32, shape.clone(), b).unwrap()));
        let file = at.join(format!("model-{part}.safetensors"));
        std::fs::write(file, safetensors::serialize(views.collect::<HashMap<_, _>>(), None).unwrap()).unwrap();
    }
}

/// Writes the first model as a GGUF file: queries and keys with their halves interleaved.
fn gguf(at: &Path, model: &Value) {
    let mut bytes = b"GGUF".to_vec();
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    };
    let named = |name: &str| match name {
        "model.embed_tokens.weight" => "token_embd.weight".to_owned(),
        "model.norm.weight" => "output_norm.weight".to_owned(),
        _ => {
            let (block, rest) = name.strip_prefix("model.layers.").unwrap().split_once('.').unwrap();
            let rest = rest.replace("input_layernorm", "attn_norm").replace("post_attention_layernorm", "ffn_norm");
            let rest = rest.replace("self_attn.o_proj", "attn_output").replace("self_attn.", "attn_");
            format!("blk.{block}.{}", rest.replace("mlp.", "ffn_").replace("_proj", ""))
        }
    };
    let all = tensors(model);
    let texts: Vec<String> = ('A'..='Z').chain('a'..='n').map(String::from).collect();
    bytes.extend(3u32.to_le_bytes());
    bytes.extend((all.len() as u64).to_le_bytes());
    bytes.extend(15u64.to_le_bytes());
    for (key, value) in
        [("general.architecture", "llama"), ("tokenizer.ggml.model", "gpt2"), ("tokenizer.ggml.pre", "smollm")]
    {
        text(&mut bytes, key);
        bytes.extend(8u32.to_le_bytes());
        text(&mut bytes, value);
    }
    for (key, value) in [
        ("llama.embedding_length", 16u32),
        ("llama.block_count", 2),
        ("llama.attention.head_count", 4),
        ("llama.attention.head_count_kv", 2),
        ("llama.feed_forward_length", 24),
        ("llama.context_length", 64),
        ("tokenizer.ggml.eos_token_id", 0),
    ] {
        text(&mut bytes, key);
        bytes.extend(4u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    for (key, value) in [("llama.attention.layer_norm_rms_epsilon", 1e-5f32), ("llama.rope.freq_base", 1e5)] {
        text(&mut bytes, key);
        bytes.extend(6u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    for (key, list) in [("tokenizer.ggml.tokens", &texts[..]), ("tokenizer.ggml.merges", &[])] {
        text(&mut bytes, key);
        bytes.extend([9u32.to_le_bytes(), 8u32.to_le_bytes()].concat());
        bytes.extend((list.len() as u64).to_le_bytes());
        list.iter().for_each(|token| text(&mut bytes, token));
    }
    text(&mut bytes, "tokenizer.ggml.token_type");
    bytes.extend([9u32.to_le_bytes(), 5u32.to_le_bytes()].concat());
    bytes.extend(40u64.to_le_bytes());
    (0..40).for_each(|_| bytes.extend(1i32.to_le_bytes()));
    let mut data: Vec<u8> = Vec::new();
    for (name, shape, numbers) in all {
        text(&mut bytes, &named(&name));
        bytes.extend((shape.len() as u32).to_le_bytes());
        shape.iter().rev().for_each(|&n| bytes.extend((n as u64).to_le_bytes()));
        bytes.extend(0u32.to_le_bytes());
        bytes.extend((data.len() as u64).to_le_bytes());
        let numbers =
            if name.contains("q_proj") || name.contains("k_proj") { interleaved(&numbers, 4, 16) } else { numbers };
        numbers.iter().for_each(|x| data.extend(x.to_le_bytes()));
        data.resize(data.len().next_multiple_of(32), 0);
    }
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    bytes.extend(data);
    std::fs::write(at, bytes).unwrap();
}

/// Rows of heads of two halves, with the halves' rows beside each other.
fn interleaved(rows: &[f32], width: usize, columns: usize) -> Vec<f32> {
    let row = |r: usize| rows[r * columns..(r + 1) * columns].to_vec();
    let heads = rows.len() / columns / width;
    (0..heads)
        .flat_map(|h| (0..width / 2).flat_map(move |i| [h * width + i, h * width + width / 2 + i]))
        .flat_map(row)
        .collect()
}

/// The logits of the model at `path` at the last of `ids` and at the fourth, of its own first tokens.
fn logits(path: &Path, ids: &[u32]) -> [Vec<f32>; 2] {
    let device = Device::flex();
    let mut base = Base::open(path).unwrap();
    let vocabulary = Vocabulary::of_base(base.tokenizer.clone(), 0, 0);
    let first = vocabulary.first();
    let fresh = Fresh { vocabulary: &vocabulary, columns: &[], roles: &[] };
    let net = Net::of_base(&mut base, &fresh, &device).unwrap();
    let shape = Shape::of_base(&base.arch, ids.len());
    let tokens: Vec<u32> = ids.iter().map(|id| id + first).collect();
    let layout = Arc::new(Layout::new(ids.len(), vec![0; ids.len()], &device));
    let hidden = net.forward(&shape, &tokens, &layout, None, |x| x);
    let all: Vec<f32> = hidden.matmul(net.told(None).transpose()).into_data().try_into_vec().unwrap();
    let width = all.len() / ids.len();
    let row = |r: usize| all[r * width + first as usize..(r + 1) * width].to_vec();
    [row(ids.len() - 1), row(3)]
}

fn assert_logits(path: &Path, name: &str, model: &Value, ids: &[u32]) {
    for (got, which) in logits(path, ids).iter().zip(["last", "fourth"]) {
        for (k, wanted) in model[which].as_array().unwrap().iter().enumerate() {
            let wanted = wanted.as_f64().unwrap() as f32;
            assert!((got[k] - wanted).abs() < 1e-4, "{name}, {which}[{k}]: {}, not {wanted}", got[k]);
        }
    }
}

fn ids(reference: &Value) -> Vec<u32> {
    reference["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

#[test]
fn pretrained_models_give_the_logits_of_their_reference() {
    let (reference, dir) = (reference(), tempfile::tempdir().unwrap());
    let ids = ids(&reference);
    for (name, model) in reference["models"].as_object().unwrap() {
        let path = dir.path().join(name);
        folder(&path, model);
        assert_logits(&path, name, model, &ids);
    }
    let file = dir.path().join("llama.gguf");
    gguf(&file, &reference["models"]["llama"]);
    assert_logits(&file, "gguf", &reference["models"]["llama"], &ids);
}

/// A small model in a folder of its own.
fn base(dir: &tempfile::TempDir, name: &str) -> PathBuf {
    let path = dir.path().join(name);
    folder(&path, &reference()["models"][name]);
    path
}

fn train(config: &Config, steps: u64) -> (Weights, Spec, Vec<f64>) {
    let documents = (0..40).map(|i| Plain::plain(["ABAB", "CDCD"][i % 2])).collect();
    let texts = Texts { form: Form::Lines, columns: Vec::new(), documents };
    let ready = texts.encode(&Source::default(), &config.encoding()).unwrap();
    let training = Training { batch_size: 4, learning_rate: 2e-2, ..config.training().unwrap() };
    let (device, counter) = (Device::flex().autodiff(), Counter::default());
    let setup = Setup { training: &training, seed: 1, device: &device, shards: 2, counter: &counter };
    let index: Vec<usize> = (0..40).collect();
    let augment = Default::default();
    let split = Split { encoded: &ready.encoded, train: &index[..30], validation: &index[30..], augment: &augment };
    let mut lm = Lm::new(config, &split, &setup).unwrap();
    let mut scores = vec![lm.validate().unwrap().unwrap()];
    for step in 0..steps {
        lm.step(&Clock { seed: 1, step, rate: 1.0 }).unwrap();
    }
    scores.push(lm.validate().unwrap().unwrap());
    (lm.finish(1).unwrap(), Texts::spec(&ready.encoded, &index), scores)
}

fn draw(config: &Config, spec: &Spec, weights: &Weights) -> Result<Vec<Drawn>> {
    let mut weights = weights.clone();
    let sampler = Model::<Texts>::restore(config, spec, &mut weights, &Device::flex())?;
    weights.nothing_left()?;
    let wanted: Vec<_> = (0..8).map(|i| (Wanted::default(), stream(5, "text", i))).collect();
    let how =
        How { temperature: 1.0, top_k: None, top_p: None, min_p: None, repetition: 1.0, most: 12, stop: Vec::new() };
    sampler.draw(&wanted, &how)
}

#[test]
fn adapters_learn_and_a_merged_model_draws_the_same() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["llama", "llama3", "qwen3", "gpt2"] {
        let lora = Lora { rank: 4, alpha: 8.0, ..Lora::default() };
        let apart = Config { base: Some(base(&dir, name)), context: 32, lora, ..Config::default() };
        Model::<Texts>::check(&apart).unwrap();
        let merged = Config { merge: true, ..apart.clone() };
        let (weights, spec, scores) = train(&apart, 40);
        assert!(scores[1] < scores[0] - 1.0, "{name}: {scores:?}");
        let (whole, _, _) = train(&merged, 40);
        assert!(whole.has("arch") && !weights.has("arch") && whole.count() > weights.count(), "{name}");
        assert_eq!(draw(&apart, &spec, &weights).unwrap(), draw(&merged, &spec, &whole).unwrap(), "{name}");
    }
}

#[test]
fn all_weights_of_a_pretrained_model_can_be_learnt() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { base: Some(base(&dir, "qwen2")), context: 32, learn: Part::All, ..Config::default() };
    let (weights, spec, scores) = train(&config, 40);
    assert!(scores[1] < scores[0] - 1.0, "{scores:?}");
    // The base is not needed again.
    std::fs::remove_dir_all(dir.path().join("qwen2")).unwrap();
    assert_eq!(draw(&config, &spec, &weights).unwrap().len(), 8);
}

#[test]
fn an_adapter_without_its_base_or_with_another_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = base(&dir, "llama");
    let config = Config { base: Some(path.clone()), context: 32, ..Config::default() };
    let (weights, spec, _) = train(&config, 1);
    folder(&path, &reference()["models"]["qwen3"]);
    assert!(draw(&config, &spec, &weights).unwrap_err().to_string().contains("is another model"));
    std::fs::remove_dir_all(&path).unwrap();
    let error = draw(&config, &spec, &weights).unwrap_err().to_string();
    assert!(error.contains("is an adapter of the pretrained model") && error.contains("merge = true"), "{error}");
}

#[test]
fn what_is_no_model_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &Path| Base::open(path).map(|_| ()).unwrap_err().to_string();
    let path = base(&dir, "llama");
    let mut config = reference()["models"]["llama"]["config"].clone();
    config["model_type"] = json!("bert");
    std::fs::write(path.join("config.json"), config.to_string()).unwrap();
    assert!(open(&path).contains("of type `bert`"));
    config["model_type"] = json!("llama");
    config["num_key_value_heads"] = json!(3);
    std::fs::write(path.join("config.json"), config.to_string()).unwrap();
    assert!(open(&path).contains("sizes that make no network"));
    std::fs::write(path.join("model-0.safetensors"), [255u8; 40]).unwrap();
    config["num_key_value_heads"] = json!(2);
    std::fs::write(path.join("config.json"), config.to_string()).unwrap();
    assert!(open(&path).contains("is damaged"));
    let file = dir.path().join("a.gguf");
    std::fs::write(&file, b"GGUX").unwrap();
    assert!(open(&file).contains("is no GGUF file"));
    gguf(&file, &reference()["models"]["llama"]);
    let whole = std::fs::read(&file).unwrap();
    for cut in [10, 100, 700, whole.len() - 40] {
        std::fs::write(&file, &whole[..cut]).unwrap();
        assert!(open(&file).contains("is damaged"), "{cut}");
    }
    assert!(open(&dir.path().join("none")).contains("no such file"));
}
