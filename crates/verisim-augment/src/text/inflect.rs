//! Forms of English words: how `big` is to `bigger`, so is `large` to `larger`.

/// A form of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Base,
    /// More than one: `houses`.
    Plural,
    /// `walks`.
    Third,
    /// `walked`, `went`.
    Past,
    /// `walked`, `gone`: after `have` or `be`.
    Participle,
    /// `walking`.
    Gerund,
    /// `larger`.
    More,
    /// `largest`.
    Most,
}

/// A part of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Noun,
    Verb,
    Adjective,
    /// Adverbs and others without forms.
    Other,
}

/// Verbs whose past is irregular: the verb, its past, its participle.
const VERBS: &str = "arise arose arisen|awake awoke awoken|bear bore borne|beat beat beaten|become became become|begin began begun|bend bent bent|\
    bet bet bet|bid bid bid|bind bound bound|bite bit bitten|bleed bled bled|blow blew blown|break broke broken|breed bred bred|\
    bring brought brought|broadcast broadcast broadcast|build built built|burst burst burst|buy bought bought|cast cast cast|catch caught caught|\
    choose chose chosen|cling clung clung|come came come|cost cost cost|creep crept crept|cut cut cut|deal dealt dealt|dig dug dug|\
    draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen|feed fed fed|feel felt felt|fight fought fought|\
    find found found|flee fled fled|fling flung flung|fly flew flown|forbid forbade forbidden|forecast forecast forecast|\
    foresee foresaw foreseen|forget forgot forgotten|forgive forgave forgiven|forsake forsook forsaken|freeze froze frozen|get got got|\
    give gave given|go went gone|grind ground ground|grow grew grown|hang hung hung|hear heard heard|hide hid hidden|hit hit hit|hold held held|\
    hurt hurt hurt|keep kept kept|kneel knelt knelt|know knew known|lay laid laid|lead led led|leave left left|lend lent lent|let let let|\
    lie lay lain|lose lost lost|make made made|mean meant meant|meet met met|mislead misled misled|mistake mistook mistaken|\
    misunderstand misunderstood misunderstood|overcome overcame overcome|overtake overtook overtaken|overthrow overthrew overthrown|pay paid paid|\
    put put put|quit quit quit|read read read|rend rent rent|rid rid rid|ride rode ridden|ring rang rung|rise rose risen|run ran run|\
    say said said|see saw seen|seek sought sought|sell sold sold|send sent sent|set set set|shake shook shaken|shed shed shed|\
    shine shone shone|shoot shot shot|show showed shown|shrink shrank shrunk|shut shut shut|sing sang sung|sink sank sunk|sit sat sat|\
    slay slew slain|sleep slept slept|slide slid slid|sling slung slung|slit slit slit|speak spoke spoken|speed sped sped|spend spent spent|\
    spin spun spun|spit spat spat|split split split|spread spread spread|spring sprang sprung|stand stood stood|steal stole stolen|\
    stick stuck stuck|sting stung stung|stink stank stunk|stride strode stridden|strike struck struck|string strung strung|\
    strive strove striven|swear swore sworn|sweep swept swept|swell swelled swollen|swim swam swum|swing swung swung|take took taken|\
    teach taught taught|tear tore torn|tell told told|think thought thought|throw threw thrown|thrust thrust thrust|tread trod trodden|\
    undergo underwent undergone|understand understood understood|undertake undertook undertaken|undo undid undone|uphold upheld upheld|\
    upset upset upset|wake woke woken|wear wore worn|weave wove woven|weep wept wept|win won won|wind wound wound|withdraw withdrew withdrawn|\
    withhold withheld withheld|withstand withstood withstood|wring wrung wrung|write wrote written";

/// Nouns whose plural is irregular, and those that have none of their own.
const NOUNS: &str = "man men|woman women|child children|foot feet|tooth teeth|goose geese|mouse mice|louse lice|ox oxen|person people|\
    die dice|leaf leaves|life lives|wife wives|knife knives|half halves|wolf wolves|shelf shelves|thief thieves|calf calves|loaf loaves|\
    elf elves|self selves|sheaf sheaves|hoof hooves|scarf scarves|potato potatoes|tomato tomatoes|hero heroes|echo echoes|\
    veto vetoes|torpedo torpedoes|embargo embargoes|crisis crises|analysis analyses|basis bases|thesis theses|hypothesis hypotheses|\
    oasis oases|diagnosis diagnoses|emphasis emphases|phenomenon phenomena|criterion criteria|datum data|stratum strata|\
    bacterium bacteria|stimulus stimuli|nucleus nuclei|radius radii|alumnus alumni|sheep sheep|deer deer|fish fish|series series|species species|\
    aircraft aircraft|offspring offspring|means means|headquarters headquarters|swine swine|\
    quiz quizzes";

/// Words of more than one syllable that are stressed on the last, and so double its consonant.
const DOUBLED: [&str; 32] = [
    "abet", "abhor", "acquit", "admit", "allot", "annul", "begin", "commit", "compel", "concur", "confer", "control",
    "defer", "deter", "dispel", "emit", "equip", "excel", "expel", "forbid", "forget", "incur", "infer", "occur",
    "omit", "patrol", "permit", "prefer", "propel", "rebel", "refer", "regret",
];
const DOUBLED_TOO: [&str; 8] = ["repel", "submit", "transfer", "transmit", "upset", "rebut", "recur", "remit"];

/// Adjectives of which there is a comparative of another word.
const COMPARED: &str = "good better best|bad worse worst|far farther farthest|little less least|many more most|much more most|ill worse worst|well better best";

/// All forms of `word` that are written in one word, the base first.
pub(super) fn forms(word: &str, part: Part) -> Vec<(Form, String)> {
    let mut forms = vec![(Form::Base, word.to_owned())];
    match part {
        Part::Noun => forms.push((Form::Plural, plural(word))),
        Part::Verb => {
            forms.push((Form::Third, with_s(word)));
            let (past, participle) = match row(VERBS, word) {
                Some((past, participle)) => (past.to_owned(), participle.to_owned()),
                None => (ended(word, "ed"), ended(word, "ed")),
            };
            forms.push((Form::Past, past));
            forms.push((Form::Participle, participle));
            forms.push((Form::Gerund, ended(word, "ing")));
        }
        Part::Adjective => {
            if let Some((more, most)) = row(COMPARED, word) {
                forms.extend([(Form::More, more.to_owned()), (Form::Most, most.to_owned())]);
            } else if graded(word) {
                forms.extend([(Form::More, ended(word, "er")), (Form::Most, ended(word, "est"))]);
            }
        }
        Part::Other => {}
    }
    forms
}

/// The two other words of the row that begins with `word`; the second may be missing.
fn row(rows: &'static str, word: &str) -> Option<(&'static str, &'static str)> {
    let mut found = rows.split('|').filter_map(|r| r.split_once(' ')).filter(|(w, _)| *w == word);
    found.next().map(|(_, rest)| rest.split_once(' ').unwrap_or((rest, "")))
}

fn vowel(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u')
}

/// Runs of vowels, a silent `e` at the end not counted; never below one.
fn syllables(word: &str) -> usize {
    let bare = match word.strip_suffix('e') {
        Some(bare) if !bare.ends_with('l') || bare.chars().rev().nth(1).is_some_and(vowel) => bare,
        _ => word,
    };
    let sounds: Vec<bool> = bare.chars().map(|c| vowel(c) || c == 'y').collect();
    let starts = sounds.iter().enumerate().filter(|(i, v)| **v && (*i == 0 || !sounds[i - 1]));
    starts.count().max(1)
}

/// Whether it is compared by endings: one syllable, or two that end in y.
fn graded(word: &str) -> bool {
    match syllables(word) {
        1 => !word.ends_with("ed"),
        2 => word.ends_with('y') && !word.ends_with("ly"),
        _ => false,
    }
}

fn plural(word: &str) -> String {
    if let Some((irregular, _)) = row(NOUNS, word) {
        return irregular.to_owned();
    }
    match word.strip_suffix("man") {
        Some(stem) if !["hu", "ro", "ger", "sha", "talis", "otto"].contains(&stem) => format!("{stem}men"),
        _ => with_s(word),
    }
}

/// With `s` or `es`.
fn with_s(word: &str) -> String {
    if let Some(stem) = word.strip_suffix('y')
        && !stem.chars().next_back().is_some_and(vowel)
    {
        return format!("{stem}ies");
    }
    let hisses = ["s", "x", "z", "ch", "sh"].iter().any(|e| word.ends_with(e));
    match hisses || (["go", "do", "undergo", "undo", "echo", "veto"].contains(&word)) {
        true => format!("{word}es"),
        false => format!("{word}s"),
    }
}

/// With an ending that begins with a vowel.
fn ended(word: &str, ending: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let from_end = |i: usize| letters.len().checked_sub(i).and_then(|j| letters.get(j)).copied().unwrap_or(' ');
    let (last, before, third) = (from_end(1), from_end(2), from_end(3));
    if ending == "ing" {
        if let Some(stem) = word.strip_suffix("ie") {
            return format!("{stem}ying");
        }
        if last == 'e' && !matches!(before, 'e' | 'o' | 'y') && word != "be" && word != "singe" {
            return format!("{}ing", &word[..word.len() - 1]);
        }
    } else {
        if last == 'e' {
            return format!("{}{ending}", &word[..word.len() - 1]);
        }
        if last == 'y' && !vowel(before) {
            return format!("{}i{ending}", &word[..word.len() - 1]);
        }
    }
    // A short vowel before one consonant: `stop`, not `stoop`, `walk` or `play`. The `u` of `qu` is none.
    let short = vowel(before) && (!vowel(third) || third == 'u' && from_end(4) == 'q');
    let doubles = short && !vowel(last) && !matches!(last, 'w' | 'x' | 'y' | 'c' | 'h');
    let stressed = syllables(word) == 1 || DOUBLED.contains(&word) || DOUBLED_TOO.contains(&word);
    match (last, doubles && stressed) {
        ('c', _) if ending != "er" && ending != "est" && word.len() > 3 && before == 'i' => format!("{word}k{ending}"),
        (_, true) => format!("{word}{last}{ending}"),
        _ => format!("{word}{ending}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn all(word: &str, part: Part) -> String {
        forms(word, part).into_iter().map(|(_, f)| f).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn verbs_have_the_forms_of_a_grammar() {
        for said in [
            "walk walks walked walked walking",
            "stop stops stopped stopped stopping",
            "visit visits visited visited visiting",
            "admit admits admitted admitted admitting",
            "try tries tried tried trying",
            "play plays played played playing",
            "make makes made made making",
            "agree agrees agreed agreed agreeing",
            "lie lies lay lain lying",
            "go goes went gone going",
            "watch watches watched watched watching",
            "begin begins began begun beginning",
            "quit quits quit quit quitting",
            "mimic mimics mimicked mimicked mimicking",
            "stoop stoops stooped stooped stooping",
            "show shows showed shown showing",
        ] {
            assert_eq!(all(said.split(' ').next().unwrap(), Part::Verb), said);
        }
    }

    #[test]
    fn nouns_and_adjectives_have_theirs() {
        let nouns = "house houses|city cities|boy boys|church churches|man men|policeman policemen|woman women|human humans|child children|\
                     leaf leaves|quiz quizzes|box boxes|photo photos|crisis crises";
        for said in nouns.split('|') {
            assert_eq!(all(said.trim().split(' ').next().unwrap(), Part::Noun), said.trim());
        }
        for said in [
            "big bigger biggest",
            "large larger largest",
            "happy happier happiest",
            "good better best",
            "beautiful",
            "small smaller smallest",
        ] {
            assert_eq!(all(said.split(' ').next().unwrap(), Part::Adjective), said);
        }
        assert_eq!(all("quickly", Part::Other), "quickly");
    }
}
