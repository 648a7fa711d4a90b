//! Drawing texts: many at a time, token by token, each from a random stream of its own.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use llguidance::Matcher;
use rayon::prelude::*;
use verisim_data::rng::{Stream, uniform};
use verisim_data::text::{self, Spec, Turn};

use super::super::pack::{Document, sequence};
use super::super::vocabulary::{CELL, END, START, TEXT, Vocabulary};
use super::grammar::{Grammar, Rule, cannot};
use super::guide::{Levels, turn_of, turns};
use super::net::{Net, Seen, Shape};
use super::{With, loss};
use crate::error::{Error, Result};
use crate::nets::attention::Layout;
use crate::nets::rows::project;
use crate::read;

/// How texts are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct How {
    /// What logits are divided by: below 1 what is likely becomes likelier.
    pub temperature: f64,
    /// The most likely tokens that are drawn among; all when not given.
    pub top_k: Option<usize>,
    /// The smallest set of most likely tokens with this share of all that is drawn among (Holtzman et al., 2020).
    pub top_p: Option<f64>,
    /// The least share of the likeliest token's that a token must have (Nguyen et al., 2025).
    pub min_p: Option<f64>,
    /// What the logits of tokens that came before in the text are divided by, or multiplied where negative (Keskar et al., 2019).
    pub repetition: f64,
    /// Most tokens of a text; a text that is not over then is cut.
    pub most: usize,
    /// Texts that end a text where they come up, and are left out of it.
    pub stop: Vec<String>,
}

/// What is wanted of one text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// A column each: what its cell is, or that it is to be drawn.
    pub cells: Vec<Cell>,
    /// How it begins: turns of a conversation, the last of which goes on, or one turn without a role.
    pub begin: Vec<Turn>,
}

/// What is wanted of a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Any value.
    #[default]
    Any,
    /// This one; none where it is missing.
    Given(Option<String>),
}

/// A text that was drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// The text.
    pub document: text::Document,
    /// Tokens that were drawn.
    pub tokens: usize,
    /// Whether it was cut, since it was not over.
    pub is_cut: bool,
}

/// A trained language model.
pub struct Sampler {
    net: Net,
    shape: Shape,
    vocabulary: Vocabulary,
    levels: Levels,
    roles: Vec<String>,
    context: usize,
    device: Device,
    is_joined: bool,
    /// Whether a token may stand in a text, one each.
    is_text: Vec<bool>,
}

/// Tokens of a cell at most: one that does not end is ended.
const LONGEST_CELL: usize = 256;

/// Part of a text that is being drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// The cell of a column, whose tokens begin here.
    Cell(usize, usize),
    /// The body, whose tokens begin here.
    Body(usize),
}

/// A text on its way.
struct Writing<'a> {
    wanted: &'a Wanted,
    rng: Stream,
    tokens: Vec<u32>,
    /// Tokens that the network has seen.
    seen: usize,
    /// The first token that it sees.
    base: usize,
    part: Part,
    cells: Vec<Option<String>>,
    drawn: usize,
    is_over: bool,
    is_cut: bool,
    /// What follows the body, where it has a grammar.
    matcher: Option<Matcher>,
}

impl Sampler {
    pub(super) fn new(
        net: Net,
        shape: Shape,
        vocabulary: Vocabulary,
        levels: Levels,
        spec: &Spec,
        device: &Device,
    ) -> Sampler {
        // As many positions as there are angles, or learnt positions.
        let learnt = net.positions.as_ref().map(|positions| positions.val().dims()[0]);
        let context = learnt.or(shape.rotary.as_ref().map(|rotary| rotary.positions())).unwrap_or(1);
        let mut is_text = vec![true; vocabulary.len()];
        is_text[..vocabulary.first() as usize].fill(false);
        vocabulary.steering().into_iter().for_each(|token| is_text[token as usize] = false);
        Sampler {
            is_text,
            net,
            context,
            shape,
            vocabulary,
            levels,
            roles: spec.roles.clone(),
            device: device.clone(),
            is_joined: spec.form == text::Form::Corpus,
        }
    }

    /// What its tokens are.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// A rule that texts are to follow, ready to be followed.
    ///
    /// # Errors
    /// When it is none, or the texts are conversations.
    pub fn grammar(&self, rule: &Rule) -> Result<Grammar> {
        if !self.vocabulary.is_by_bytes() {
            let problem =
                "the tokens of this pretrained model are no bytes, so its texts cannot be held to a rule".into();
            return Err(Error::Ask { problem });
        }
        match self.roles.is_empty() {
            true => Grammar::new(rule, &self.vocabulary),
            false => Err(Error::Ask {
                problem: "conversations cannot be held to a rule; only texts without turns can".into(),
            }),
        }
    }

    /// Refuses what cannot be drawn: a role that nobody has, a character that no text had.
    ///
    /// # Errors
    /// When there is such a thing.
    pub fn check(&self, wanted: &Wanted) -> Result<()> {
        for turn in &wanted.begin {
            if !turn.role.is_empty() && !self.roles.contains(&turn.role) {
                let told = self.roles.join(", ");
                let problem = format!("nobody has the role `{}` in what was learnt; there are: {told}", turn.role);
                return Err(Error::Ask { problem });
            }
            self.vocabulary.encode(&turn.text)?;
        }
        for (j, cell) in wanted.cells.iter().enumerate() {
            let Cell::Given(Some(text)) = cell else { continue };
            let tokens = self.vocabulary.encode(text)?;
            if let Some(values) = self.levels.values(j)
                && !values.contains(&tokens)
            {
                const TOLD: usize = 20;
                let told: Vec<String> = values.iter().take(TOLD).map(|value| self.vocabulary.decode(value)).collect();
                let problem =
                    format!("no text that was learnt has the value `{text}` there; there are: {}", told.join(", "));
                return Err(Error::Ask { problem });
            }
        }
        Ok(())
    }

    /// Draws the texts that are wanted, each with the stream beside it.
    ///
    /// # Errors
    /// When what is wanted cannot be written, or the device fails.
    pub fn draw(&self, wanted: &[(Wanted, Stream)], how: &How) -> Result<Vec<Drawn>> {
        self.draw_by(wanted, how, None)
    }

    /// [`draw`](Sampler::draw) of texts that follow a grammar.
    ///
    /// # Errors
    /// As of [`draw`](Sampler::draw), and when what is given of a text breaks the grammar.
    pub fn draw_by(&self, wanted: &[(Wanted, Stream)], how: &How, grammar: Option<&Grammar>) -> Result<Vec<Drawn>> {
        let all = wanted.iter().map(|(wanted, rng)| self.begin(wanted, rng.clone(), grammar));
        let mut all = all.collect::<Result<Vec<_>>>()?;
        let mut active: Vec<usize> = (0..all.len()).collect();
        let mut memory = Memory::new(self, all.len());
        while !active.is_empty() {
            let logits = memory.next(self, &mut all, &active)?;
            let width = self.vocabulary.len();
            let mut writings: Vec<&mut Writing<'_>> = {
                let mut flags = vec![false; all.len()];
                active.iter().for_each(|&i| flags[i] = true);
                all.iter_mut().zip(flags).filter(|(_, is_active)| *is_active).map(|(w, _)| w).collect()
            };
            writings
                .par_iter_mut()
                .zip(logits.par_chunks_exact(width))
                .try_for_each(|(writing, logits)| self.write(writing, logits, how))?;
            let keep: Vec<bool> = writings.iter().map(|w| !w.is_over).collect();
            if keep.contains(&false) {
                memory.retain(&keep);
                let mut flags = keep.iter();
                active.retain(|_| flags.next().copied().unwrap_or(false));
            }
        }
        Ok(all.into_iter().map(|writing| self.finish(writing, &how.stop)).collect())
    }

    fn begin<'a>(&self, wanted: &'a Wanted, rng: Stream, grammar: Option<&Grammar>) -> Result<Writing<'a>> {
        // A long text has no begin: a sample goes on from the end of a line.
        let newline = self.is_joined.then(|| self.vocabulary.encode("\n").ok()).flatten();
        let tokens = newline.unwrap_or_else(|| vec![START]);
        let mut writing = Writing {
            wanted,
            rng,
            seen: 0,
            base: 0,
            part: Part::Body(tokens.len()),
            tokens,
            cells: vec![None; self.vocabulary.columns],
            drawn: 0,
            is_over: false,
            is_cut: false,
            matcher: grammar.map(Grammar::matcher),
        };
        self.go_to_cell(&mut writing, 0)?;
        Ok(writing)
    }

    /// Whether the cell of a column is to be missing.
    fn is_missing(&self, column: usize, rng: &mut Stream) -> bool {
        let share = self.levels.missing(column);
        share > 0.0 && uniform(rng) < share
    }

    /// Writes what is given of the cells from `column` on, to the first that is to be drawn, or to the body and what is given of it.
    fn go_to_cell(&self, writing: &mut Writing<'_>, column: usize) -> Result<()> {
        for j in column..self.vocabulary.columns {
            match writing.wanted.cells.get(j) {
                Some(Cell::Given(None)) => {}
                Some(Cell::Given(Some(text))) => {
                    writing.tokens.push(self.vocabulary.column(j));
                    writing.tokens.extend(self.vocabulary.encode(text)?);
                    writing.tokens.push(CELL);
                    writing.cells[j] = Some(text.clone());
                }
                Some(Cell::Any) | None if self.is_missing(j, &mut writing.rng) => {}
                Some(Cell::Any) | None => {
                    writing.tokens.push(self.vocabulary.column(j));
                    writing.part = Part::Cell(j, writing.tokens.len());
                    return Ok(());
                }
            }
        }
        if self.vocabulary.columns > 0 {
            writing.tokens.push(TEXT);
        }
        writing.part = Part::Body(writing.tokens.len());
        writing.drawn = 0;
        for turn in &writing.wanted.begin {
            let role = self.roles.iter().position(|role| *role == turn.role);
            writing.tokens.extend(role.map(|r| self.vocabulary.role(r)));
            let tokens = self.vocabulary.encode(&turn.text)?;
            if let Some(matcher) = &mut writing.matcher {
                let broken = |_| Error::Ask { problem: format!("`{}` begins no text that may be drawn", turn.text) };
                matcher.consume_tokens(&tokens).map_err(broken)?;
            }
            writing.tokens.extend(tokens);
        }
        Ok(())
    }

    /// Draws one token of a text, given the logits of all.
    fn write(&self, writing: &mut Writing<'_>, logits: &[f32], how: &How) -> Result<()> {
        let (mut others, first) = (Vec::new(), self.vocabulary.first() as usize);
        let mut is_only = match writing.part {
            Part::Cell(column, from) => self.levels.cell(column, &writing.tokens[from..], &mut others),
            Part::Body(from) => {
                let (role, is_said) = turn_of(&writing.tokens[from..], &self.vocabulary);
                self.levels.body(&self.vocabulary, role, is_said, &mut others);
                if self.is_joined {
                    // A long text has no end that was learnt.
                    others.clear();
                }
                // Before anybody's turn nothing can be said.
                self.vocabulary.roles > 0 && role.is_none()
            }
        };
        if let Part::Cell(_, from) = writing.part
            && writing.tokens.len() - from >= LONGEST_CELL
        {
            others = vec![CELL];
            is_only = true;
        }
        let text = if is_only { 0 } else { self.vocabulary.len() - first };
        let mut candidates: Vec<(u32, f32)> = Vec::with_capacity(others.len() + text);
        let is_body = matches!(writing.part, Part::Body(_));
        match writing.matcher.as_mut().filter(|_| is_body) {
            Some(matcher) => {
                let allowed = matcher.compute_mask_or_eos().map_err(cannot)?;
                allowed.iter_set_entries(|t| candidates.push((t as u32, logits[t])));
            }
            None => {
                candidates.extend(others.iter().map(|&t| (t, logits[t as usize])));
                let text = (first..first + text).filter(|&t| self.is_text[t]);
                candidates.extend(text.map(|t| (t as u32, logits[t])));
            }
        }
        let token = match candidates.len() {
            0 => END,
            _ => pick(&mut candidates, &writing.tokens, how, &mut writing.rng),
        };
        writing.drawn += 1;
        match (writing.part, token) {
            (Part::Cell(column, from), CELL) => {
                writing.cells[column] = Some(self.vocabulary.decode(&writing.tokens[from..]));
                writing.tokens.push(CELL);
                self.go_to_cell(writing, column + 1)?;
            }
            (Part::Body(_), END) => writing.is_over = true,
            (Part::Body(from), _) => {
                writing.tokens.push(token);
                if let Some(matcher) = &mut writing.matcher {
                    matcher.consume_token(token).map_err(cannot)?;
                }
                writing.is_over = self.is_stopped(&writing.tokens[from..], how);
            }
            (Part::Cell(..), _) => writing.tokens.push(token),
        }
        if !writing.is_over && writing.drawn >= how.most {
            (writing.is_over, writing.is_cut) = (true, !self.is_joined);
        }
        Ok(())
    }

    /// Whether the last of a text is a sign to stop. The last few tokens are enough to see it.
    fn is_stopped(&self, body: &[u32], how: &How) -> bool {
        !how.stop.is_empty() && {
            let longest = how.stop.iter().map(String::len).max().unwrap_or(0);
            let end = self.vocabulary.decode(&body[body.len().saturating_sub(longest + 1)..]);
            how.stop.iter().any(|stop| !stop.is_empty() && end.contains(stop.as_str()))
        }
    }

    fn finish(&self, writing: Writing<'_>, stop: &[String]) -> Drawn {
        let Part::Body(from) = writing.part else {
            let document = text::Document { cells: writing.cells, turns: Vec::new() };
            return Drawn { document, tokens: writing.drawn, is_cut: true };
        };
        let body = Document { cells: Vec::new(), body: writing.tokens[from..].to_vec() };
        let turn = |(role, said): (Option<usize>, Vec<u32>)| Turn {
            role: role.and_then(|r| self.roles.get(r).cloned()).unwrap_or_default(),
            text: self.vocabulary.decode(&said),
        };
        let mut turns: Vec<Turn> = turns(&body, &self.vocabulary).into_iter().map(turn).collect();
        let count = turns.len();
        if let Some(last) = turns.last_mut() {
            // What was asked for is left as it is.
            let given = &writing.wanted.begin;
            let begin = given.get(count - 1).map_or(0, |turn| turn.text.len().min(last.text.len()));
            let ends = stop.iter().filter_map(|stop| last.text.get(begin..)?.find(stop.as_str()));
            if let Some(end) = ends.min() {
                last.text.truncate(begin + end);
            }
        }
        let document = text::Document { cells: writing.cells, turns };
        Drawn { document, tokens: writing.drawn, is_cut: writing.is_cut }
    }

    /// Nats of each document, and how many tokens they are of.
    ///
    /// # Errors
    /// When a document cannot be written in tokens, or the device fails.
    pub fn nats(&self, documents: &[text::Document]) -> Result<Vec<(f64, usize)>> {
        documents
            .iter()
            .map(|document| {
                let encoded = super::super::encode(document, &self.vocabulary, &self.roles)?;
                let (tokens, weights) = match self.is_joined {
                    true => (encoded.body.clone(), vec![1.0; encoded.body.len()]),
                    false => sequence(&encoded, &self.vocabulary, &|_| true),
                };
                let with = With { net: &self.net, adapters: None };
                let (mut nats, mut count) = (0.0, 0.0);
                for from in (0..tokens.len().saturating_sub(1)).step_by(self.context) {
                    let to = (from + self.context).min(tokens.len() - 1);
                    let packed = super::Packed {
                        tokens: tokens[from..to].to_vec(),
                        targets: tokens[from + 1..=to].to_vec(),
                        weights: weights[from + 1..=to].to_vec(),
                        first: vec![0; to - from],
                    };
                    nats += read::number(loss(with, &self.shape, &packed, to - from, &self.device, |x| x))?;
                    count += f64::from(packed.count());
                }
                Ok((nats, count as usize))
            })
            .collect()
    }
}

/// Draws one of `candidates`, tokens and their logits.
fn pick(candidates: &mut Vec<(u32, f32)>, before: &[u32], how: &How, rng: &mut Stream) -> u32 {
    if how.repetition != 1.0 {
        let by = how.repetition as f32;
        for (_, logit) in candidates.iter_mut().filter(|(token, _)| before.contains(token)) {
            *logit = if *logit > 0.0 { *logit / by } else { *logit * by };
        }
    }
    let likeliest = |c: &[(u32, f32)]| {
        c.iter().fold((c[0].0, f32::NEG_INFINITY), |best, &(t, l)| if l > best.1 { (t, l) } else { best })
    };
    let (best, most) = likeliest(candidates);
    if how.temperature <= 0.0 {
        return best;
    }
    let scale = (1.0 / how.temperature) as f32;
    candidates.iter_mut().for_each(|(_, l)| *l = ((*l - most) * scale).exp());
    if let Some(share) = how.min_p {
        // The likeliest has the weight 1.
        candidates.retain(|(_, p)| f64::from(*p) >= share);
    }
    if how.top_k.is_some() || how.top_p.is_some() {
        candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        candidates.truncate(how.top_k.unwrap_or(usize::MAX).max(1));
        if let Some(share) = how.top_p {
            let all: f64 = candidates.iter().map(|(_, p)| f64::from(*p)).sum();
            let mut sum = 0.0;
            let enough = candidates.iter().position(|(_, p)| {
                sum += f64::from(*p);
                sum >= share * all
            });
            candidates.truncate(enough.map_or(candidates.len(), |n| n + 1));
        }
    }
    let all: f64 = candidates.iter().map(|(_, p)| f64::from(*p)).sum();
    let mut left = uniform(rng) * all;
    for &(token, p) in candidates.iter() {
        left -= f64::from(p);
        if left < 0.0 {
            return token;
        }
    }
    best
}

/// What the network remembers of the texts that are not over.
struct Memory {
    #[cfg(feature = "flex")]
    cache: Option<super::cache::Cache>,
}

impl Memory {
    #[cfg(feature = "flex")]
    fn new(sampler: &Sampler, sequences: usize) -> Memory {
        let is_flex = crate::nets::is_flex(&sampler.device);
        Memory { cache: is_flex.then(|| super::cache::Cache::new(sampler.net.blocks.len(), sequences)) }
    }

    #[cfg(not(feature = "flex"))]
    fn new(_: &Sampler, _: usize) -> Memory {
        Memory {}
    }

    fn retain(&mut self, keep: &[bool]) {
        #[cfg(feature = "flex")]
        self.cache.iter_mut().for_each(|cache| cache.retain(keep));
        let _ = keep;
    }

    /// The logits of what comes next in each of the texts at `active`.
    fn next(&mut self, sampler: &Sampler, all: &mut [Writing<'_>], active: &[usize]) -> Result<Vec<f32>> {
        #[cfg(feature = "flex")]
        if let Some(cache) = &mut self.cache {
            return remembered(cache, sampler, all, active);
        }
        anew(sampler, all, active)
    }
}

impl Writing<'_> {
    /// Of what a text was so far, the network sees no more than its context: then the last half of it, anew.
    fn forget(&mut self, context: usize) -> bool {
        let is_too_long = self.tokens.len() - self.base > context;
        if is_too_long {
            self.base = self.tokens.len() - context.div_ceil(2);
        }
        is_too_long
    }
}

#[cfg(feature = "flex")]
fn remembered(
    cache: &mut super::cache::Cache,
    sampler: &Sampler,
    all: &mut [Writing<'_>],
    active: &[usize],
) -> Result<Vec<f32>> {
    let (mut tokens, mut places, mut counts) = (Vec::new(), Vec::new(), Vec::with_capacity(active.len()));
    for (place, &i) in active.iter().enumerate() {
        let writing = &mut all[i];
        let mut from = writing.seen;
        if writing.forget(sampler.context) {
            cache.forget(place);
            from = writing.base;
        }
        let begin = cache.length(place, &sampler.shape) as u32;
        tokens.extend_from_slice(&writing.tokens[from..]);
        places.extend((0..(writing.tokens.len() - from) as u32).map(|k| begin + k));
        counts.push(writing.tokens.len() - from);
        writing.seen = writing.tokens.len();
    }
    let attend = |block, qkv| cache.attend(&sampler.shape, block, qkv, &counts);
    let seen = Seen { tokens: &tokens, places: &places, adapters: None };
    let hidden = sampler.net.hidden(&sampler.shape, seen, attend, |x| x);
    let mut end = 0;
    let ends = counts.iter().map(|count| {
        end += count;
        end - 1
    });
    logits(sampler, hidden, ends.collect())
}

/// Without a memory: each text, or the last of it, from its begin.
fn anew(sampler: &Sampler, all: &mut [Writing<'_>], active: &[usize]) -> Result<Vec<f32>> {
    for &i in active {
        all[i].forget(sampler.context);
    }
    let last = |i: usize| &all[i].tokens[all[i].base..];
    let length = active.iter().map(|&i| last(i).len()).max().unwrap_or(1);
    let (mut tokens, mut first, mut ends) = (Vec::new(), Vec::new(), Vec::with_capacity(active.len()));
    for &i in active {
        let begin = tokens.len();
        tokens.extend_from_slice(last(i));
        first.resize(tokens.len(), 0);
        ends.push(tokens.len() - 1);
        // What follows sees only itself.
        for at in tokens.len() - begin..length {
            tokens.push(END);
            first.push(at as u32);
        }
    }
    let layout = Arc::new(Layout::new(length, first, &sampler.device));
    let hidden = sampler.net.forward(&sampler.shape, &tokens, &layout, None, |x| x);
    logits(sampler, hidden, ends)
}

/// The logits of all tokens after the rows at `ends`.
fn logits(sampler: &Sampler, hidden: Tensor<2>, ends: Vec<usize>) -> Result<Vec<f32>> {
    let ends: Vec<u32> = ends.into_iter().map(|end| end as u32).collect();
    let rows = crate::nets::rows::embed(hidden, &ends);
    read::numbers(project(rows, sampler.net.told(None).transpose()))
}
