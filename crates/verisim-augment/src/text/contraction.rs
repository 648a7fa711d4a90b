//! `do not` and `don't`.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::Stream;

use super::act::Act;
use super::pick::{Change, Edits, View, one, shared, some_kinds};
use super::words::Word;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Contracting {
    /// `do not` becomes `don't`, `I am` becomes `I'm` where a word follows.
    Shorten,
    /// `don't` becomes `do not`. What may mean two things stays: `he's`, `I'd`.
    Expand,
    /// `don't` becomes `dont`: the apostrophe is forgotten. What is another word then stays: `we're`, `I'll`.
    Bare,
}

shared! {
    /// English contractions made or undone.
    Contraction,
    /// Of places where it can be, those where it is.
    share [0.3, 1.0], least 0, most 100;
    /// Which way; one is drawn for a passage, each as likely.
    kinds: Vec<Contracting> = vec![Contracting::Shorten, Contracting::Expand];
}

/// Verbs and what they are with `not`.
const NOT: &str = "is isn't|are aren't|was wasn't|were weren't|do don't|does doesn't|did didn't|has hasn't|have haven't|had hadn't|\
    can can't|could couldn't|will won't|would wouldn't|should shouldn't|must mustn't|need needn't|might mightn't";

/// Pronouns and what verbs are after them.
const AFTER: &str = "i am 'm|you are 're|we are 're|they are 're|i have 've|you have 've|we have 've|they have 've|i will 'll|you will 'll|\
    he will 'll|she will 'll|it will 'll|we will 'll|they will 'll|that will 'll|there will 'll";

/// As above; not undone, since they may mean two things.
const ONE_WAY: &str = "he is 's|she is 's|it is 's|that is 's|there is 's|here is 's|what is 's|who is 's|where is 's|i would 'd|you would 'd|\
    he would 'd|she would 'd|we would 'd|they would 'd";

/// Other words without their apostrophes.
const OTHERS: [&str; 7] = ["ill", "well", "hell", "shell", "were", "id", "wed"];

struct Table {
    /// Two words, and whether one has to follow.
    short: FxHashMap<(&'static str, &'static str), (String, bool)>,
    long: FxHashMap<String, String>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { short: FxHashMap::default(), long: FxHashMap::default() };
    for (verb, short) in NOT.split('|').filter_map(|p| p.split_once(' ')) {
        table.short.insert((verb, "not"), (short.to_owned(), false));
        let long = if verb == "can" { "cannot".to_owned() } else { format!("{verb} not") };
        table.long.insert(short.to_owned(), long);
    }
    for (text, undone) in [(AFTER, true), (ONE_WAY, false)] {
        for row in text.split('|') {
            let mut words = row.split(' ');
            let (Some(who), Some(verb), Some(end)) = (words.next(), words.next(), words.next()) else { continue };
            table.short.insert((who, verb), (format!("{who}{end}"), true));
            if undone {
                table.long.insert(format!("{who}{end}"), format!("{who} {verb}"));
            }
        }
    }
    table
});

impl Change for Contraction {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()?;
        some_kinds(&self.kinds)
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let Some(kind) = one(rng, &self.kinds).copied() else { return Act::Nothing };
        let words = view.words();
        let places = match kind {
            Contracting::Shorten => short(view.text, &words),
            Contracting::Expand => apart(view.text, &words, expanded),
            Contracting::Bare => apart(view.text, &words, bare),
        };
        let chosen: Vec<usize> = (0..places.len()).collect();
        let mut edits = Edits::new(view);
        for (start, end, by) in self.pick().some(rng, &chosen).into_iter().filter_map(|i| places.get(i)) {
            edits.replace(*start, *end, by);
        }
        edits.act()
    }
}

type Place = (usize, usize, String);

/// Places where two words can be one.
fn short(text: &str, words: &[Word]) -> Vec<Place> {
    let curly = text.contains('’') && !text.contains('\'');
    let mut places = Vec::new();
    for (i, pair) in words.windows(2).enumerate() {
        let [a, b] = pair else { continue };
        let (first, second) = (a.of(text), b.of(text));
        // Most words are longer than any of these.
        if first.len() > 6 || second.len() > 5 || text.get(a.end..b.start) != Some(" ") {
            continue;
        }
        let (low, next) = (first.to_ascii_lowercase(), second.to_ascii_lowercase());
        let Some((by, followed)) = TABLE.short.get(&(low.as_str(), next.as_str())) else { continue };
        let free = words.get(i + 2).is_some_and(|c| text.get(b.end..c.start) == Some(" "));
        // `is not` and `will not` stay apart from the pronoun before them: one contraction a clause.
        let not = words.get(i + 2).is_some_and(|c| c.of(text).eq_ignore_ascii_case("not"));
        if *followed && (!free || not) || !(a.free && b.free) {
            continue;
        }
        let by = like(&format!("{first} {second}"), by);
        places.push((a.start, b.end, if curly { by.replace('\'', "’") } else { by }));
    }
    places
}

/// Places where one word, with an apostrophe, is written another way.
fn apart(text: &str, words: &[Word], other: fn(&str) -> Option<String>) -> Vec<Place> {
    let one = |w: &Word| {
        let says = w.of(text);
        if !w.free || says.len() > 12 || !says.contains(['\'', '’']) {
            return None;
        }
        let by = other(&says.to_lowercase().replace('’', "'"))?;
        Some((w.start, w.end, like(says, &by)))
    };
    words.iter().filter_map(one).collect()
}

fn expanded(word: &str) -> Option<String> {
    TABLE.long.get(word).cloned()
}

fn bare(word: &str) -> Option<String> {
    let known = TABLE.long.contains_key(word) || word == "it's" || word == "that's";
    let bare = word.replace('\'', "");
    (known && !OTHERS.contains(&bare.as_str())).then_some(bare)
}

/// `word` in capital letters where `model` is, with a capital one first where `model` has one. The English `I` is always capital.
pub(super) fn like(model: &str, word: &str) -> String {
    let mut letters = model.chars().filter(|c| c.is_alphabetic());
    let first = letters.next().is_some_and(char::is_uppercase);
    let mut more = letters.clone();
    if first && more.next().is_some() && letters.all(char::is_uppercase) {
        return word.to_uppercase();
    }
    let mut chars = word.chars();
    match chars.next() {
        Some(c) if first => c.to_uppercase().chain(chars).collect(),
        _ => word.to_owned(),
    }
}
