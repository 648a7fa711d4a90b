use proptest::prelude::*;
use verisim_data::rng::{below, stream};

use super::testkit::*;
use super::*;

/// Some spans over `text`, which may overlap, within one another or not.
fn spans(text: &str, seed: u64) -> Vec<Span> {
    let count = text.chars().count() as u64;
    let mut rng = stream(seed, "spans", 0);
    let mut spans = Vec::new();
    for i in 0..if count == 0 { 0 } else { below(&mut rng, 5) } {
        let start = below(&mut rng, count);
        let end = start + 1 + below(&mut rng, (count - start).min(12));
        spans.push(Span { start: start as usize, end: (end as usize).min(count as usize), name: format!("L{i}") });
    }
    spans
}

/// A passage of which each character knows where it was: an act done as its definition says, one character at a time.
struct Traced(Vec<(char, Option<usize>)>);

impl Traced {
    fn new(text: &str) -> Traced {
        Traced(text.chars().enumerate().map(|(i, c)| (c, Some(i))).collect())
    }

    fn run(&mut self, act: &Act) {
        match act {
            Act::Nothing => {}
            Act::Edits(edits) => {
                for edit in edits.iter().rev() {
                    let n = edit.removed.chars().count();
                    let new: Vec<_> = edit.inserted.chars().map(|c| (c, None)).collect();
                    let old: Vec<_> = self.0.splice(edit.at..edit.at + n, new).collect();
                    assert_eq!(old.iter().map(|c| c.0).collect::<String>(), edit.removed);
                }
            }
            Act::Moves(Moves { pieces, order }) => {
                let lens: Vec<usize> = pieces.iter().map(|p| p.text.chars().count()).collect();
                let old = self.0.clone();
                for (k, which) in order.iter().enumerate().rev() {
                    let (from, to) = (&pieces[*which], &pieces[k]);
                    self.0.splice(to.at..to.at + lens[k], old[from.at..from.at + lens[*which]].to_vec());
                }
            }
            Act::Whole { .. } => unreachable!(),
        }
    }
}

/// Holds one step to what spans promise: a span has all that is left of its text but space at its ends, and nothing of what was beside it.
fn hold(name: &str, pipeline: &Pipeline, passage: &Passage, index: u64) {
    let (after, drawn) = apply(pipeline, passage, index, 0).unwrap();
    after.check().unwrap();
    let line = drawn.to_line().unwrap();
    let again = Drawn::from_line(&line).unwrap();
    assert_eq!(again, drawn, "{name}: {line}");
    assert_eq!(replay(&again, passage).unwrap(), after, "{name}: {line}");
    assert_eq!(after.spans.len() as u64 + drawn.dropped, passage.spans.len() as u64, "{name}: {line}");
    let mut traced = Traced::new(&passage.text);
    drawn.steps.iter().for_each(|done| traced.run(&done.act));
    assert_eq!(traced.0.iter().map(|c| c.0).collect::<String>(), after.text, "{name}");
    let replaced = |span: &Span| {
        let whole =
            |e: &Edit| e.at == span.start && e.at + e.removed.chars().count() == span.end && !e.inserted.is_empty();
        drawn.steps.iter().any(|d| matches!(&d.act, Act::Edits(edits) if edits.iter().any(whole)))
    };
    for (i, was) in passage.spans.iter().enumerate() {
        let says = || format!("{name}: span {i} {was:?} of {passage:?}: {line} {after:?}");
        let own = |id: &Option<usize>| id.is_some_and(|id| (was.start..was.end).contains(&id));
        let left: Vec<usize> =
            (0..traced.0.len()).filter(|j| own(&traced.0[*j].1) && !traced.0[*j].0.is_whitespace()).collect();
        match after.spans.iter().find(|s| s.name == was.name) {
            Some(now) => {
                let within = &traced.0[now.start..now.end];
                assert!(within.iter().all(|(_, id)| id.is_none() || own(id)), "{}", says());
                assert!(left.iter().all(|j| (now.start..now.end).contains(j)), "{}", says());
                assert!(!within.is_empty(), "{}", says());
            }
            None => {
                assert!(left.is_empty(), "{}", says());
                assert!(!replaced(was), "{}", says());
            }
        }
    }
}

#[test]
fn every_step_takes_every_text_and_replays() {
    for (name, pipeline) in every() {
        for text in TEXTS {
            for i in 0..6 {
                let passage = Passage { text: text.to_owned(), spans: spans(text, i) };
                hold(&name, &pipeline, &passage, i);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn spans_keep_their_text_whatever_happens(
        text in "([a-eA-E]{1,7}|don't|colour|big|[éøß漢字]{1,3}|e\u{301}|[0-9]{2}|👨‍👩‍👧|[ ]{1,2}|[.!?,] |\r\n| ){0,25}",
        seed in 0u64..1000,
    ) {
        let passage = Passage { spans: spans(&text, seed), text };
        for (name, mut pipeline) in every() {
            hold(&name, &pipeline, &passage, seed);
            pipeline.keep.spans = Spans::Keep;
            hold(&name, &pipeline, &passage, seed);
            let says = passage.labelled();
            let (after, drawn) = apply(&pipeline, &passage, seed, 0).unwrap();
            prop_assert_eq!(drawn.dropped, 0, "{}", name);
            prop_assert_eq!(after.labelled(), says, "{}", name);
        }
    }
}

#[test]
fn a_share_of_nothing_changes_nothing() {
    for transform in Transform::names() {
        let pipeline = step(&format!("{transform} = {{ share = 0 }}"));
        for text in TEXTS {
            let (after, drawn) = apply(&pipeline, &text.into(), 0, 0).unwrap();
            assert_eq!(after.text, text, "{transform}");
            assert_eq!(drawn.steps[0].act, Act::Nothing, "{transform}");
        }
    }
}

#[test]
fn what_must_stay_stays() {
    let text = "On 12 May 2024 at 10:30 NASA paid $5,000 to jane.doe@mail.example for {count} seats, see https://x.example/a?b=1#c <b>now</b>.";
    let stays = [
        "12",
        "2024",
        "10:30",
        "NASA",
        "$5,000",
        "jane.doe@mail.example",
        "{count}",
        "https://x.example/a?b=1#c",
        "<b>",
        "</b>",
    ];
    for (name, mut pipeline) in every() {
        pipeline.keep.patterns = vec![Pattern::new("[A-Z]{2,}").unwrap()];
        for i in 0..20 {
            let after = nth(&pipeline, text, i);
            assert!(stays.iter().all(|s| after.contains(s)), "{name}: {after}");
        }
    }
}

#[test]
fn ends_of_lines_and_emoji_are_kept() {
    let text = "One line here.\r\nAnother 👨‍👩‍👧 line, longer.\r\n\r\nThe end 🇩🇪 of it\r\n";
    for (name, pipeline) in every() {
        for i in 0..20 {
            let after = nth(&pipeline, text, i);
            assert_eq!(after.matches("\r\n").count(), 4, "{name}: {after:?}");
            assert_eq!(after.replace("\r\n", "").matches(['\r', '\n']).count(), 0, "{name}: {after:?}");
            let families = after.matches("👨‍👩‍👧").count();
            assert_eq!(families, after.matches('👧').count(), "{name}: {after}");
            assert!(families == 1 || name.starts_with("sentence_drop"), "{name}: {after}");
        }
    }
}

#[test]
fn large_texts_without_space_take_no_ages() {
    let letters = "abcdefghij".repeat(1 << 20);
    let ideographs = "漢字".repeat(10 << 17);
    let pipeline = Pipeline::preset("typos").unwrap();
    let swaps = step("word_swap = { share = 0.3, most = 1000000 }");
    for text in [&letters, &ideographs] {
        for (pipeline, index) in [(&pipeline, 0), (&pipeline, 1), (&swaps, 0)] {
            let passage = Passage::from(text.as_str());
            let (after, drawn) = apply(pipeline, &passage, index, 0).unwrap();
            assert_eq!(replay(&drawn, &passage).unwrap(), after);
        }
    }
    let long = step("word_drop = { share = 0.5, most = 10000000 }");
    assert!(nth(&long, &ideographs, 0).len() < ideographs.len() * 6 / 10);
}

#[test]
fn defaults_can_be_and_are_read_by_name() {
    for name in Transform::names() {
        let pipeline = Pipeline::from_toml(&format!("[[text]]\n{name} = {{}}\n")).unwrap();
        assert_eq!(pipeline.text.len(), 1);
    }
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    let said = |text: &str| Pipeline::from_toml(text).unwrap_err().to_string();
    assert!(said("[[text]]\nkeybord = {}").contains("did you mean `keyboard`"));
    assert!(said("[[text]]\nocr = { share = 1.5 }").contains("step 1 (`ocr`): `share`"));
    assert!(said("[[text]]\nocr = { share = [0.3, 0.1] }").contains("lower end"));
    assert!(said("[[text]]\nocr = { least = 5, most = 2 }").contains("`least` is 5"));
    assert!(said("[[text]]\ncase = { kinds = [] }").contains("`kinds` has nothing"));
    assert!(said("[[text]]\ncase = { kinds = [\"caps\"] }").contains("unknown variant `caps`"));
    assert!(said("[[text]]\nkeyboard = { layout = \"dvorak\" }").contains("dvorak"));
    assert!(said("[[text]]\nkeyboard = { per_word = 1.5 }").contains("must be whole"));
    assert!(said("[keep]\npatterns = [\"(\"]").contains("`(` is no regular expression"));
    assert!(said("[[text]]\nsynonym = { words = \"/no/such.txt\" }").contains("/no/such.txt"));
}

#[test]
fn spans_that_cannot_be_are_refused() {
    let pipeline = Pipeline::preset("typos").unwrap();
    let said = |start, end| {
        let spans = vec![Span { start, end, name: "X".into() }];
        apply(&pipeline, &Passage { text: "für".into(), spans }, 0, 0).unwrap_err().to_string()
    };
    assert!(said(0, 4).contains("has 3 characters") && said(0, 4).contains("not in bytes"));
    assert!(said(2, 2).contains("it is empty"));
    assert!(said(3, 1).contains("span 1 (`X`)"));
}

#[test]
fn another_passage_is_refused() {
    let pipeline = step("word_swap = { share = 1 }");
    let (_, drawn) = apply(&pipeline, &"one two three".into(), 7, 0).unwrap();
    let said = replay(&drawn, &"one too three".into()).unwrap_err().to_string();
    assert!(said.contains("item 7") && said.contains("the passage is another one"), "{said}");
    assert!(replay(&drawn, &"".into()).is_err());
    let line = |act: &str| {
        format!("{{\"item\":7,\"pass\":0,\"dropped\":0,\"steps\":[{{\"step\":\"1\",\"name\":\"x\",\"act\":{act}}}]}}")
    };
    for order in ["[0]", "[0,0]", "[0,2]"] {
        let moves = format!(
            "{{\"moves\":{{\"pieces\":[{{\"at\":0,\"text\":\"a\"}},{{\"at\":2,\"text\":\"b\"}}],\"order\":{order}}}}}"
        );
        assert!(Drawn::from_line(&line(&moves)).unwrap_err().to_string().contains("does not name each once"));
    }
    for edits in [
        "[{\"at\":9,\"removed\":\"\",\"inserted\":\"x\"}]",
        "[{\"at\":1,\"removed\":\"bc\",\"inserted\":\"\"},{\"at\":2,\"removed\":\"\",\"inserted\":\"x\"}]",
    ] {
        let drawn = Drawn::from_line(&line(&format!("{{\"edits\":{edits}}}"))).unwrap();
        for text in ["abcd", "äbcd"] {
            assert!(replay(&drawn, &text.into()).unwrap_err().to_string().contains("character"), "{edits}");
        }
    }
}

#[test]
fn a_passage_written_anew_finds_its_spans_again() {
    let text = "Ann met Bob. Ann left.".to_owned();
    let span = |start, end, name: &str| Span { start, end, name: name.into() };
    let passage = Passage { text: text.clone(), spans: vec![span(0, 3, "A"), span(8, 11, "B"), span(13, 16, "C")] };
    let act = Act::Whole { removed: text, inserted: "É: Ann ran into Robert, and Ann went away.".into() };
    let mut work = act::Work::new(&passage, None);
    work.run(&act).unwrap();
    let (after, lost) = work.finish(&passage.spans);
    assert_eq!((after.spans, lost), (vec![span(3, 6, "A"), span(28, 31, "C")], 1));
    assert!(act::Work::new(&"other".into(), None).run(&act).is_err());
}

#[test]
fn threads_shards_and_order_do_not_matter() {
    let pipeline = Pipeline::preset("typos").unwrap();
    let passages: Vec<Passage> = (0..40).map(|i| TEXTS[i % TEXTS.len()].into()).collect();
    let run = |threads: usize, from: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| apply_all(&pipeline, &passages[from..], from as u64, 1)).unwrap()
    };
    let one = run(1, 0);
    assert_eq!(one, run(3, 0));
    assert_eq!(one[16..], run(2, 16));
    assert_eq!(one[4], apply(&pipeline, &passages[4], 4, 1).unwrap());
    assert_ne!(one[4], apply(&pipeline, &passages[4], 4, 2).unwrap());
}
