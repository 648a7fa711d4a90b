use super::tables::{LOOKALIKES, neighbours};
use super::testkit::*;
use super::*;

const ENGLISH: &str = "The quick brown foxes were jumping over several lazy dogs while nobody looked at them, and then they went home together.";

/// How large a share of the words of a step's kind changed, on average.
fn share(says: &str, text: &str) -> f64 {
    let pipeline = step(says);
    let words: Vec<&str> = text.split(' ').collect();
    let mut changed = 0;
    for i in 0..400 {
        let after = nth(&pipeline, text, i);
        let after: Vec<&str> = after.split(' ').collect();
        assert_eq!(after.len(), words.len());
        changed += words.iter().zip(after).filter(|(a, b)| **a != *b).count();
    }
    changed as f64 / (400 * words.len()) as f64
}

#[test]
fn the_share_asked_for_is_the_share_changed() {
    let words = ["house", "garden", "letters", "window"].repeat(5).join(" ");
    for says in [
        "keyboard = { share = 0.2, least = 0, most = 1000 }",
        "ocr = { share = 0.2, least = 0, most = 1000 }",
        "homoglyph = { share = 0.2, least = 0, most = 1000 }",
        "characters = { share = 0.2, least = 0, most = 1000, kinds = [\"insert\", \"delete\"] }",
        "case = { share = 0.2, least = 0, most = 1000, kinds = [\"upper\"] }",
        "diacritics = { share = 0.2, least = 0, most = 1000, kinds = [\"add\"] }",
        "word_swap = { share = 0.2, least = 0, most = 1000 }",
        "keyboard = { share = [0.1, 0.3], least = 0, most = 1000 }",
    ] {
        // Of 8000 words; one standard error is 0.0045, and less here. Some exchanges find no partner that is free.
        let share = share(says, &words);
        let low = if says.starts_with("word_swap") { 0.17 } else { 0.185 };
        assert!((low..0.215).contains(&share), "{says}: {share}");
    }
    assert!((share("keyboard = { share = 1, most = 3 }", &words) - 0.15).abs() < 1e-9);
    assert!((share("keyboard = { share = 0.001, least = 2 }", &words) - 0.1).abs() < 1e-9);
}

#[test]
fn keys_struck_are_neighbours_in_the_same_case() {
    let text = "Every Letter HERE is Struck On Another Key";
    let mut seen = 0;
    for i in 0..200 {
        let after = nth(&step("keyboard = { share = 1, letters = 1, per_word = 2 }"), text, i);
        assert_eq!(after.len(), text.len());
        for (a, b) in text.chars().zip(after.chars()).filter(|(a, b)| a != b) {
            let near = |c: &str| neighbours(Layout::Qwerty).at(c).any(|(_, t)| t.iter().any(|t| *t == b.to_string()));
            assert!(near(&a.to_string()), "{a} {b}");
            assert_eq!(a.is_uppercase(), b.is_uppercase());
            seen += 1;
        }
    }
    assert!(seen > 2000, "{seen}");
}

#[test]
fn readers_of_pictures_take_one_for_another() {
    assert_eq!(all("ocr = { share = 1 }", "m"), ["in", "nn", "rn"]);
    let corn = all("ocr = { share = 1 }", "corn");
    assert!(corn.contains(&"com".to_owned()) && corn.contains(&"eorn".to_owned()), "{corn:?}");
    // Places over each other are not both changed.
    for word in all("ocr = { share = 1, per_word = 9 }", "rnrn") {
        assert!(!word.is_empty());
    }
    let numbers_stay = made("ocr = { share = 1 }", "5 and 0");
    assert!(numbers_stay.starts_with("5 ") && numbers_stay.ends_with(" 0"), "{numbers_stay}");
    let digits = Pipeline::from_toml("[keep]\nnumbers = false\n[[text]]\nocr = { share = 1, per_word = 9 }\n").unwrap();
    let seen: Vec<String> = (0..50).map(|i| nth(&digits, "50", i)).collect();
    assert!(seen.contains(&"SO".to_owned()) && !seen.contains(&"50".to_owned()), "{seen:?}");
    assert!(LOOKALIKES.at("rn").flat_map(|(_, t)| t).any(|t| t == "m"));
}

#[test]
fn letters_that_look_alike_are_others() {
    assert_eq!(all("homoglyph = { share = 1 }", "a"), ["а"]);
    assert_eq!(all("homoglyph = { share = 1 }", "о"), ["o"]);
    assert_eq!(all("homoglyph = { share = 1, per_word = 9 }", "Coxу"), ["Сοхy", "Сохy"]);
}

#[test]
fn letters_are_put_in_left_out_exchanged_and_doubled() {
    let of =
        |kind: &str, text: &str| all(&format!("characters = {{ share = 1, letters = 1, kinds = [\"{kind}\"] }}"), text);
    assert_eq!(of("delete", "abc"), ["ab", "ac", "bc"]);
    assert_eq!(of("delete", "a"), ["a"]);
    assert_eq!(of("swap", "abc"), ["acb", "bac"]);
    assert_eq!(of("repeat", "abc"), ["aabc", "abbc", "abcc"]);
    assert_eq!(of("insert", "ab"), ["aab", "aba", "abb", "bab"]);
    assert_eq!(of("substitute", "aB"), ["aA", "aB", "bB"]);
    // What a person sees as one letter is one.
    assert_eq!(of("swap", "e\u{301}a"), ["ae\u{301}"]);
    assert_eq!(of("delete", "e\u{301}a"), ["a", "e\u{301}"]);
    assert_eq!(of("repeat", "漢"), ["漢漢"]);
}

#[test]
fn letters_become_small_and_capital() {
    let of = |kind: &str, text: &str| made(&format!("case = {{ share = 1, most = 99, kinds = [\"{kind}\"] }}"), text);
    assert_eq!(of("upper", "Straße, it's été"), "STRASSE, IT'S ÉTÉ");
    assert_eq!(of("lower", "It's ÉTÉ"), "it's été");
    assert_eq!(of("title", "it's an éTÉ"), "It's An Été");
    assert_eq!(of("sentence", "this IS One. and two! \"quoted Three\""), "This is one. And two! \"Quoted three\"");
    let flips = all("case = { share = 1, kinds = [\"flip\"] }", "ab");
    assert_eq!(flips, ["AB", "Ab", "aB", "ab"]);
}

#[test]
fn marks_are_left_out_and_put_on() {
    let strip = |text| made("diacritics = { share = 1, most = 99 }", text);
    assert_eq!(strip("Naïve café, façade, nai\u{308}ve"), "Naive cafe, facade, naive");
    assert_eq!(strip("مَرْحَبًا שָׁלוֹם"), "مرحبا שלום");
    // Signs that are no marks stay: vowels of Hindi, the points of Japanese syllables, the strokes of letters.
    for same in ["हिन्दी में", "がぎぐ", "Łódź".replace('ó', "o").replace('ź', "z").as_str(), "plain"]
    {
        assert_eq!(strip(same), same);
    }
    assert_eq!(all("diacritics = { share = 1, kinds = [\"add\"] }", "n"), ["ñ", "ń"]);
}

#[test]
fn punctuation_is_left_out_doubled_and_put_in() {
    let of =
        |kind: &str, text: &str| made(&format!("punctuation = {{ share = 1, most = 99, kinds = [\"{kind}\"] }}"), text);
    assert_eq!(of("drop", "Well, it's (3.5)! “So?”"), "Well it's 3.5 So");
    assert_eq!(of("double", "Well, no!"), "Well,, no!!");
    let added = of("add", "a b");
    assert!(added.len() == 5 && added.starts_with('a') && added[2..].starts_with(" b"), "{added}");
}

#[test]
fn space_is_left_out_and_doubled_and_words_are_cut() {
    let of =
        |kind: &str, text: &str| made(&format!("spacing = {{ share = 1, most = 99, kinds = [\"{kind}\"] }}"), text);
    assert_eq!(of("join", "a b, c d\r\ne f 7 g"), "ab, cd\r\nef 7 g");
    assert_eq!(of("double", "a b, c\td"), "a  b, c\t d");
    assert_eq!(all("word_split = { share = 1, letters = 2 }", "abc d"), ["a bc d", "ab c d"]);
    assert_eq!(made("word_split = { share = 1, letters = 2 }", "e\u{301}a"), "e\u{301} a");
}

#[test]
fn words_are_left_out_repeated_and_exchanged() {
    assert_eq!(made("word_drop = { share = 1, most = 99 }", "One two, three 4 five."), ", 4.");
    assert_eq!(made("word_drop = { share = 1, most = 99 }", "One two"), "two");
    assert_eq!(all("word_drop = { share = 0.5, least = 1, most = 1 }", "a b c"), ["a b", "a c", "b c"]);
    assert_eq!(made("word_repeat = { share = 1 }", "so it's 9, 我"), "so so it's it's 9, 我 我");
    assert_eq!(made("word_repeat = { share = 1 }", "我你"), "我我你你");
    assert_eq!(all("word_swap = { share = 1 }", "a b"), ["b a"]);
    assert_eq!(all("word_swap = { share = 0.1, distance = 2 }", "a b c, d"), ["a c b, d", "b a c, d", "c b a, d"]);
    assert_eq!(all("word_swap = { share = 1 }", "one 2 three. Four\nfive"), ["one 2 three. Four\nfive"]);
}

#[test]
fn words_of_a_span_move_together() {
    let text = "see New York now";
    let spans = vec![Span { start: 4, end: 12, name: "PLACE".into() }];
    let passage = Passage { text: text.into(), spans };
    let pipeline = step("word_swap = { share = 0.1 }");
    let mut seen = std::collections::BTreeSet::new();
    for i in 0..100 {
        let (after, _) = apply(&pipeline, &passage, i, 0).unwrap();
        assert_eq!(after.labelled(), [Some("New York")]);
        seen.insert(after.text);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["New York see now", "see now New York"]);
}

#[test]
fn spans_grow_shrink_shift_and_go() {
    let passage =
        |start, end| Passage { text: "see New York now".into(), spans: vec![Span { start, end, name: "X".into() }] };
    let run = |edits: &[(usize, &str, &str)], start, end| {
        let edit = |(at, removed, inserted): &(usize, &str, &str)| Edit {
            at: *at,
            removed: (*removed).into(),
            inserted: (*inserted).into(),
        };
        let done = Done { step: "1".into(), name: "x".into(), act: Act::Edits(edits.iter().map(edit).collect()) };
        let after = replay(&Drawn { item: 0, pass: 0, dropped: 0, steps: vec![done] }, &passage(start, end)).unwrap();
        after.spans.first().map(|s| (s.start, s.end))
    };
    assert_eq!(run(&[(0, "see ", "")], 4, 12), Some((0, 8)));
    assert_eq!(run(&[(5, "", "xx")], 4, 12), Some((4, 14)));
    assert_eq!(run(&[(5, "ew", "")], 4, 12), Some((4, 10)));
    assert_eq!(run(&[(4, "New York", "NYC")], 4, 12), Some((4, 7)));
    assert_eq!(run(&[(4, "New York", "")], 4, 12), None);
    assert_eq!(run(&[(3, " New York ", " - ")], 4, 12), None);
    assert_eq!(run(&[(4, "", "x"), (12, "", "y")], 4, 12), Some((5, 13)));
    assert_eq!(run(&[(4, "New", ""), (7, " ", "")], 4, 12), Some((4, 8)));
    // Space that is left at the end is no part of it.
    assert_eq!(run(&[(8, "York", "")], 4, 12), Some((4, 7)));
    // What replaces a part of it and of what is before it is no part of it.
    assert_eq!(run(&[(2, "e Ne", "??")], 4, 12), Some((4, 10)));
    assert_eq!(run(&[(10, "rk now", "??")], 4, 12), Some((4, 10)));
}

#[test]
fn sentences_are_left_out_and_shuffled() {
    let text = "One is here. Two?\r\nThree! Four";
    assert_eq!(made("sentence_drop = { share = 1 }", text), "\r\nFour");
    let shuffled = all("sentence_shuffle = {}", text);
    assert_eq!(shuffled.len(), 24);
    assert!(shuffled.contains(&"Four Three!\r\nTwo? One is here.".to_owned()), "{shuffled:?}");
    // A span over two sentences holds them together.
    let spans = vec![Span { start: 4, end: 17, name: "X".into() }];
    let passage = Passage { text: text.into(), spans };
    for i in 0..50 {
        let (after, _) = apply(&step("sentence_shuffle = {}"), &passage, i, 0).unwrap();
        assert_eq!(after.labelled(), [Some("is here. Two?")]);
    }
    // What was asked to stay keeps its sentence.
    let firm = Pipeline::from_toml("keep.patterns = [\"here\"]\n[[text]]\nsentence_drop = { share = 1 }\n").unwrap();
    assert_eq!(nth(&firm, text, 0), "One is here.\r\n");
}

#[test]
fn synonyms_have_the_form_of_what_they_stand_for() {
    let of = |text: &str| all("synonym = { share = 1 }", text);
    assert_eq!(of("It is big"), ["It is large"]);
    assert_eq!(of("BIGGER"), ["LARGER"]);
    assert_eq!(of("They Purchased it"), ["They Bought it"]);
    assert_eq!(of("car"), ["auto", "automobile", "motorcar"]);
    assert_eq!(of("cars"), ["automobiles", "autos", "motorcars"]);
    // After an article only what it fits.
    assert_eq!(of("a car"), ["a motorcar"]);
    assert_eq!(of("an auto"), ["an automobile"]);
    assert_eq!(of("bank"), ["bank"]);
}

#[test]
fn words_of_the_same_meaning_come_from_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    std::fs::write(&path, "# words\nv: begin start\nsofa couch settee\n\nfroh glücklich\n").unwrap();
    let of = |text: &str| all(&format!("synonym = {{ share = 1, words = '{path}' }}"), text);
    assert_eq!(of("It started"), ["It began"]);
    assert_eq!(of("has started"), ["has begun"]);
    assert_eq!(of("Beginning"), ["Starting"]);
    assert_eq!(of("Sofa"), ["Couch", "Settee"]);
    assert_eq!(of("Glücklich"), ["Froh"]);
    for (rows, said) in
        [("one\n", "row 1 has one word"), ("x: a b\n", "`x:` is no part of speech"), ("# no\n", "no words")]
    {
        std::fs::write(&path, rows).unwrap();
        let error =
            Pipeline::from_toml(&format!("[[text]]\nsynonym = {{ words = '{path}' }}")).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(&path), "{error}");
    }
}

#[test]
fn words_are_spelt_as_elsewhere_and_wrongly() {
    let of = |kind: &str, text: &str| made(&format!("spelling = {{ share = 1, kinds = [\"{kind}\"] }}"), text);
    assert_eq!(
        of("american", "The Colour of organised DEFENCE, at the centre"),
        "The Color of organized DEFENSE, at the center"
    );
    assert_eq!(of("british", "My favorite gray catalog was analyzed"), "My favourite grey catalogue was analysed");
    assert_eq!(all("spelling = { share = 1, kinds = [\"misspelt\"] }", "Definitely"), ["Definately", "Definitly"]);
}

#[test]
fn contractions_are_made_and_undone() {
    let of = |kind: &str, text: &str| made(&format!("contraction = {{ share = 1, kinds = [\"{kind}\"] }}"), text);
    assert_eq!(
        of("shorten", "I do not know. I am here; is it what I am? It is not so."),
        "I don't know. I'm here; is it what I am? It isn't so."
    );
    assert_eq!(of("shorten", "It’s DO NOT"), "It’s DON’T");
    assert_eq!(
        of("expand", "I'm sure he won’t, can't, he's, I'd, They'll"),
        "I am sure he will not, cannot, he's, I'd, They will"
    );
    assert_eq!(of("bare", "I don't, it's, we're, He'll"), "I dont, its, we're, He'll");
}

#[test]
fn a_long_text_of_no_labels_is_changed_by_the_preset() {
    let pipeline = Pipeline::preset("typos").unwrap();
    let changed = (0..100).filter(|i| nth(&pipeline, ENGLISH, *i) != ENGLISH).count();
    assert!(changed > 90, "{changed}");
}
