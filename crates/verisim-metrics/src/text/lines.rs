//! The report as the lines that people read: a score, its interval, what fresh real texts score, a verdict. The text and the page show the
//! same lines.

use verisim_data::number::{grouped, percent, three};

use super::copying::Copied;
use super::perplexity::Perplexity;
use super::report::Report;
use super::secrets::{Returned, Sort};
use super::shape::Scored;
use super::talk::Counted;
use super::utility::Utility;
use super::verdict::{DOUBT, TOO_FEW, Verdict, distance, lower_perplexity, more, perplexity, same, share, told};
use crate::document::{Group, Line, Mark};
use crate::table::report::Section;

const PER_CHARACTER: [&str; 3] = ["forward", "reverse", "neutral"];
const PER_WORD: [&str; 3] = ["word_forward", "word_reverse", "word_neutral"];

impl Report {
    /// The lines of the report, in reading order.
    pub(super) fn groups(&self) -> Vec<Group> {
        [
            ("Likeness".to_owned(), self.likeness()),
            ("Language models".to_owned(), self.perplexities()),
            ("Lengths and words".to_owned(), self.shapes()),
            ("Variety".to_owned(), self.varieties()),
            ("Utility".to_owned(), self.utilities()),
            ("Conversations".to_owned(), self.talks()),
            (format!("Copying, from {} training texts", grouped(self.copying.searched as u64)), self.copies()),
        ]
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(title, lines)| Group::new(title, lines))
        .collect()
    }

    fn texts(&self) -> usize {
        self.counts.compared
    }

    fn likeness(&self) -> Vec<Line> {
        let auc = |of: fn(&super::TwoSample) -> super::Told| match &self.two_sample {
            Section::Done(found) => {
                let found = of(found);
                let (verdict, mark) = told(&found.synthetic, &found.fresh, self.texts());
                Line::estimate(&found.synthetic, Some(found.fresh.value), three).judged(verdict, mark)
            }
            Section::Skipped { skipped } => Line::missing(skipped),
        };
        let mauve = match &self.mauve {
            Section::Done(m) => {
                let (verdict, mark) = match m.value {
                    _ if m.chance > DOUBT || m.value >= m.floor => ("as real texts", Mark::Good),
                    // Fresh texts lie where chance takes them, and synthetic ones as well.
                    v if v >= m.floor - 2.0 * (1.0 - m.doubt) => ("close", Mark::Good),
                    v if v >= m.floor - 0.1 => ("some kinds of texts are rarer", Mark::Fair),
                    _ => ("much is missing, or unlike", Mark::Poor),
                };
                Line::new(three(m.value), Some(three(m.floor))).judged(verdict, mark)
            }
            Section::Skipped { skipped } => Line::missing(skipped),
        };
        vec![
            auc(|t| t.order).named(
                "order_auc",
                "Two-sample AUC, by order",
                "Two language models of runs of six characters, one of fresh texts and one of synthetic ones, try to tell them \
                 apart. 0.5: they cannot; 1: they always can. Beside it the same of training texts.",
            ),
            auc(|t| t.words).named(
                "word_auc",
                "Two-sample AUC, by words",
                "A linear classifier tries to tell training texts from synthetic ones by words and spelling; it hardly sees order. \
                 Clearly below that of real texts: training texts come back.",
            ),
            mauve.named(
                "mauve",
                "MAUVE, by words",
                "How much of the mass of training and synthetic texts lies together, 1 is all: MAUVE's formula on TF-IDF along 50 \
                 directions. It compares with no other figures, and with these only for as many texts.",
            ),
        ]
    }

    fn perplexities(&self) -> Vec<Line> {
        let p = &self.perplexity;
        let meanings = [
            "Perplexity of synthetic texts under a model of training texts. Far below real texts: too typical, or copied; far \
             above: unlike.",
            "Perplexity of fresh texts under a model of synthetic texts; beside it under one of as many training texts. Lower is \
             better. What synthetic texts lack shows here.",
            "Perplexity of synthetic texts under a model of fresh texts, which no generator saw; beside it of training texts. A copy \
             is as real here, and far too low in the first line.",
        ];
        let of = |p: &Perplexity, ids: [&'static str; 3], what: &str| {
            let lines = [
                (
                    &p.forward,
                    perplexity(&p.forward, ["too typical, or copied", "unlike"], self.texts()),
                    "Learnt from real",
                ),
                (&p.reverse, lower_perplexity(&p.reverse, self.texts()), "Learnt from synthetic"),
                (&p.neutral, perplexity(&p.neutral, ["too typical", "unlike"], self.texts()), "Learnt from fresh"),
            ];
            let line = |(k, (score, verdict, label)): (usize, (&Scored, Verdict, &str))| {
                scored(score, figures, verdict).named(ids[k], format!("{label}, {what}"), meanings[k])
            };
            lines.into_iter().enumerate().map(line).collect::<Vec<Line>>()
        };
        let mut lines = of(&p.characters, PER_CHARACTER, "a character");
        lines.extend(p.words.iter().flat_map(|words| of(words, PER_WORD, "a word")));
        lines.push(scored(&p.spread, three, distance(&p.spread, 0.03, self.texts())).named(
            "spread",
            "Spread over texts",
            "Kolmogorov-Smirnov distance of the bits a character of synthetic and of fresh texts: the right mean with the wrong \
             spread shows here.",
        ));
        lines
    }

    fn shapes(&self) -> Vec<Line> {
        let (l, v, texts) = (&self.lengths, &self.vocabulary, self.texts());
        let line = |score: &Scored, little, id, label: &str, meaning| {
            scored(score, three, distance(score, little, texts)).named(id, label, meaning)
        };
        let length = "How far the lengths of texts are from those of training texts: Kolmogorov-Smirnov distance.";
        let used = "How far the frequencies are from those in training texts: total variation distance.";
        let mut lines = vec![line(&l.characters, 0.02, "length", "Characters a text", length)];
        lines.extend(l.words.iter().map(|s| line(s, 0.02, "length_words", "Words a text", length)));
        lines.push(line(&v.characters, 0.01, "characters", "Characters used", used));
        lines.extend(v.words.iter().map(|s| line(s, 0.01, "words", "Words used", used)));
        lines.extend(v.new_words.iter().map(|s| {
            let verdict = same(s, (s.value - s.floor).abs(), [0.01, 0.03], ["fewer than real texts", "more than real texts"], texts);
            scored(s, percent, verdict).named(
                "new_words",
                "New words",
                "Part of the used words that no training text has. Real texts have some; a generator that repeats has none, one \
                 that misspells many.",
            )
        }));
        lines
    }

    fn varieties(&self) -> Vec<Line> {
        let d = &self.diversity;
        let ways = |more_is_alike| match more_is_alike {
            true => ["more varied than real texts", "more alike than real texts"],
            false => ["more alike than real texts", "more varied than real texts"],
        };
        let part = |s: &Scored, is_alike: bool| {
            same(s, (s.value / s.floor.max(1e-9)).ln().abs(), [0.03, 0.15], ways(is_alike), self.texts())
        };
        let unit = if self.lengths.words.is_some() { "words" } else { "characters" };
        let distinct = [
            (d.distinct_1, "distinct_1", format!("Distinct {unit}")),
            (d.distinct_2, "distinct_2", "Distinct pairs".to_owned()),
            (d.distinct_3, "distinct_3", "Distinct runs of three".to_owned()),
        ];
        let line = |(s, id, label): (Scored, &'static str, String)| {
            let meaning = "Different ones over all, of equally many of each set. Less: more alike.";
            scored(&s, percent, part(&s, false)).named(id, label, meaning)
        };
        let mut lines: Vec<Line> = distinct.into_iter().map(line).collect();
        lines.push(scored(&d.self_bleu_4, three, part(&d.self_bleu_4, true)).named(
            "self_bleu",
            "Self-BLEU",
            "How much a text has in common with 499 others, in runs of up to four. 1: all the same.",
        ));
        lines.push(scored(&d.gzip, three, part(&d.gzip, true)).named(
            "gzip",
            "Compression",
            "How many times smaller gzip makes equally many bytes. More: more repetitive.",
        ));
        let r = &d.repeated;
        let verdict = same(
            r,
            (r.value - r.floor).abs(),
            [0.01, 0.05],
            ["fewer than among real texts", "more than among real texts"],
            self.texts(),
        );
        lines.push(scored(r, percent, verdict).named(
            "repeated",
            "Repeated texts",
            "Part of the texts that repeat another one of their own set.",
        ));
        lines
    }

    fn utilities(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(labels) = &self.labels {
            lines.push(scored(&labels.distance, percent, distance(&labels.distance, 0.02, self.texts())).named(
                "labels",
                format!("Shares of {}", labels.column),
                "How far the shares of labels are from those of training texts: total variation distance.",
            ));
        }
        match (&self.utility, &self.labels) {
            (Section::Done(u), _) => lines.extend(utility(u)),
            (Section::Skipped { skipped }, Some(_)) => {
                lines.push(Line::missing(skipped).named("utility", "Train on synthetic", ""));
            }
            _ => {}
        }
        lines
    }

    fn talks(&self) -> Vec<Line> {
        let Some(c) = &self.conversations else { return Vec::new() };
        let line = |of: &Counted, verdict: Verdict, id, label, meaning| {
            let (verdict, mark) = if of.synthetic.rows < super::verdict::FEW { TOO_FEW } else { verdict };
            Line::estimate(&of.synthetic.share(), Some(of.fresh.rate()), percent)
                .judged(verdict, mark)
                .named(id, label, meaning)
        };
        let apart = |score: &Scored, id, label, meaning| {
            scored(score, three, distance(score, 0.03, self.texts())).named(id, label, meaning)
        };
        let system = match (
            c.system.synthetic.chance_of_more(c.system.fresh),
            c.system.synthetic.chance_of_fewer(c.system.fresh),
        ) {
            (more, fewer) if 2.0 * more.min(fewer) > DOUBT => ("as real conversations", Mark::Good),
            _ if (c.system.synthetic.rate() - c.system.fresh.rate()).abs() <= 0.03 => ("close", Mark::Good),
            _ => ("not as real conversations", Mark::Fair),
        };
        let mut lines = vec![
            line(
                &c.valid,
                share(&c.valid, false),
                "valid",
                "Turns in order",
                "Conversations in which each turn follows one that it follows in training, and none is blank.",
            ),
            line(
                &c.ends,
                share(&c.ends, false),
                "ends",
                "Ends right",
                "Conversations that end with a role that training conversations end with.",
            ),
            line(
                &c.new_roles,
                share(&c.new_roles, true),
                "new_roles",
                "New roles",
                "Turns with a role that training lacks.",
            ),
        ];
        if c.system.synthetic.hits + c.system.fresh.hits > 0 {
            lines.push(line(&c.system, system, "system", "System turn", "Conversations with a turn of the system."));
        }
        lines.push(apart(
            &c.turns,
            "turns",
            "Number of turns",
            "Kolmogorov-Smirnov distance from training conversations.",
        ));
        lines.push(apart(
            &c.turn_lengths,
            "turn_lengths",
            "Characters a turn",
            "The same of the lengths of turns, mean over roles.",
        ));
        lines
    }

    fn copies(&self) -> Vec<Line> {
        let c = &self.copying;
        let runs = "Part of the texts that hold so long a run that stands in one training text, word for word. Set phrases of real \
                    texts do so, too; judged by Fisher's exact test.";
        let line = |of: &Copied, id, label, meaning| {
            let (verdict, mark) = more(of.tested, of.fresh, of.chance);
            Line::estimate(&of.synthetic.share(), Some(of.fresh.rate()), percent)
                .judged(verdict, mark)
                .named(id, label, meaning)
        };
        let mut lines = vec![
            line(
                &c.exact,
                "exact_copies",
                "Exact copies",
                "Part of the texts that equal a training text but for white space.",
            ),
            line(
                &c.near_duplicates,
                "near_copies",
                "Near copies",
                "Part of the texts of which four fifths are the same as in a training text, by runs of five characters.",
            ),
            line(&c.run_30_characters, "run_30", "Runs of 30 characters", runs),
            line(&c.run_50_characters, "run_50", "Runs of 50 characters", runs),
            line(&c.run_100_characters, "run_100", "Runs of 100 characters", runs),
            line(&c.run_8_words, "run_8_words", "Runs of 8 words", runs),
        ];
        lines.extend(c.returned.iter().filter(|r| r.synthetic + r.fresh > 0).map(returned));
        lines
    }
}

fn scored(score: &Scored, write: fn(f64) -> String, (verdict, mark): Verdict) -> Line {
    Line::new(write(score.value), Some(write(score.floor))).judged(verdict, mark)
}

fn utility(u: &Utility) -> Vec<Line> {
    let verdict = |gap: f64| match gap {
        _ if u.chance > DOUBT => ("as useful as real texts", Mark::Good),
        g if g <= 0.01 => ("as useful as real texts", Mark::Good),
        g if g <= 0.03 => ("nearly as useful as real texts", Mark::Good),
        g if g <= 0.1 => ("less useful than real texts", Mark::Fair),
        _ => ("a poor stand-in for real texts", Mark::Poor),
    };
    let (made, real) = (&u.synthetic, &u.real);
    let of_right = verdict(real.right.rate() - made.right.rate());
    let of_f1 = verdict(real.macro_f1 - made.macro_f1);
    let mut lines = vec![
        Line::estimate(&made.right.share(), Some(real.right.rate()), percent).judged(of_right.0, of_right.1).named(
            "utility",
            "Train on synthetic",
            "Part of fresh real texts that a classifier sorts right which learnt labels from synthetic texts; beside it from as many \
             training texts. It hardly sees the order of words.",
        ),
        Line::new(three(made.macro_f1), Some(three(real.macro_f1)))
            .judged(of_f1.0, of_f1.1)
            .named("utility_f1", "Its macro F1", "Mean of the F1 scores of all labels, each of one weight."),
    ];
    if let (Some(a), Some(b)) = (made.auc, real.auc) {
        lines.push(Line::new(three(a), Some(three(b))).named("utility_auc", "Its AUC", "Mean over labels."));
    }
    lines
}

fn returned(r: &Returned) -> Line {
    let (id, label) = match r.sort {
        Sort::Names => ("names", "Names that come back"),
        Sort::Mails => ("mails", "Mail addresses"),
        Sort::Numbers => ("numbers", "Long numbers"),
    };
    let (verdict, mark) = match r.chance {
        _ if r.synthetic == 0 => ("none", Mark::Good),
        p if p > DOUBT => ("no more than in real texts", Mark::Good),
        _ if r.synthetic >= 5 + 2 * r.fresh => ("many more than in real texts", Mark::Poor),
        _ => ("more than in real texts", Mark::Fair),
    };
    let write = |n: usize| grouped(n as u64);
    Line::new(write(r.synthetic), Some(write(r.fresh))).judged(verdict, mark).named(
        id,
        label,
        "Different ones of training texts that synthetic texts have and fresh ones do not; beside it those that fresh ones have and \
         synthetic ones do not. Patterns find them, and are wrong at times.",
    )
}

/// A perplexity: three figures.
pub(super) fn figures(x: f64) -> String {
    match x {
        x if !x.is_finite() => "–".to_owned(),
        x if x < 10.0 => format!("{x:.2}"),
        x if x < 100.0 => format!("{x:.1}"),
        x if x < 1e6 => grouped(x.round() as u64),
        x => format!("{x:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perplexities_have_three_figures() {
        assert_eq!([2.4567, 24.567, 1234.5, 7.8e9].map(figures), ["2.46", "24.6", "1,235", "7.8e9"]);
    }
}
