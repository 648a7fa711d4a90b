//! What requests would cost, before any is sent.
//!
//! A token is about four characters of English. Replies are taken to be as long as those that are kept for the same column, and as long as
//! they may be where there are none. Replies that will not do are asked for again, which is not foreseen.

use serde::Serialize;

use super::request::{Message, Reply, Request};
use super::{Server, Tally};

/// Characters of a token, about.
const CHARACTERS: f64 = 4.0;
/// Tokens around a message: who speaks, and where it ends.
const AROUND: f64 = 4.0;
/// Tokens of a judge's reply, where none is kept.
const JUDGED: f64 = 60.0;

/// What requests would cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Replies that are wanted.
    pub replies: u64,
    /// How many of them are kept already.
    pub kept: u64,
    /// Requests that would be sent, if each reply were good at once.
    pub requests: u64,
    /// Tokens of their prompts.
    pub prompt_tokens: u64,
    /// Tokens of their replies.
    pub reply_tokens: u64,
    /// Whether these are of replies that are kept, and not the most that there may be.
    pub measured: bool,
    /// Price, where the config says what tokens cost.
    pub price: Option<f64>,
    /// Seconds, where replies are kept that say how long one takes.
    pub seconds: Option<f64>,
}

/// What is known of replies that are kept.
struct Known {
    tokens: Option<f64>,
    seconds: Option<f64>,
}

impl Server {
    /// What `total` requests would cost of which `sample` are some.
    pub fn estimate(&self, sample: &[Request], total: u64) -> Estimate {
        let Some(first) = sample.first() else { return Estimate::default() };
        let known = self.measured(&first.at);
        let scale = total as f64 / sample.len() as f64;
        let (mut kept, mut requests, mut prompts, mut replies) = (0.0, 0.0, 0.0, 0.0);
        let judge = self.measured(&format!("{} (judge)", first.at));
        for request in sample {
            let mut messages = request.messages.clone();
            if let (Some(asked), Some(last)) = (request.want.asked(), messages.last_mut()) {
                last.content = format!("{}\n\n{asked}", last.content);
            }
            let question = self.opening(request, &messages);
            if self.is_kept(&question, request.draw) {
                kept += 1.0;
                continue;
            }
            let schema = question.schema.map_or(0.0, |s| s.said().to_string().len() as f64 / CHARACTERS);
            let long = known.tokens.unwrap_or(f64::from(question.max_tokens));
            (requests, prompts, replies) = (requests + 1.0, prompts + tokens(&messages) + schema, replies + long);
            if let Some(judge_of) = &request.judge {
                let reply = "x".repeat((long * CHARACTERS) as usize);
                let said = (judge_of.messages)(&reply).map_or(0.0, |messages| tokens(&messages));
                (requests, prompts, replies) =
                    (requests + 1.0, prompts + said, replies + judge.tokens.unwrap_or(JUDGED));
            }
        }
        let whole = |x: f64| (x * scale).round() as u64;
        let price = self.config.price.map(|p| (prompts * p.input + replies * p.output) * scale / 1e6);
        let seconds = known.seconds.map(|s| {
            let judged = if first.judge.is_some() { judge.seconds.unwrap_or(s) } else { 0.0 };
            (sample.len() as f64 - kept) * (s + judged) * scale / self.config.parallel as f64
        });
        Estimate {
            replies: total,
            kept: whole(kept),
            requests: whole(requests),
            prompt_tokens: whole(prompts),
            reply_tokens: whole(replies),
            measured: known.tokens.is_some(),
            price,
            seconds,
        }
    }

    fn measured(&self, at: &str) -> Known {
        let (mut count, mut tokens, mut seconds) = (0.0, 0.0, 0.0);
        self.cache.each(at, &mut |answer| {
            count += 1.0;
            tokens += answer.reply_tokens.map_or(answer.text.chars().count() as f64 / CHARACTERS, |t| t as f64);
            seconds += answer.seconds;
        });
        let mean = |sum: f64| (count > 0.0).then(|| sum / count);
        Known { tokens: mean(tokens), seconds: mean(seconds) }
    }
}

fn tokens(messages: &[Message]) -> f64 {
    messages.iter().map(|m| (m.content.chars().count() as f64 / CHARACTERS).ceil() + AROUND).sum()
}

impl Estimate {
    /// The sum of two.
    pub fn and(&self, other: &Estimate) -> Estimate {
        let both = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            _ => None,
        };
        Estimate {
            replies: self.replies + other.replies,
            kept: self.kept + other.kept,
            requests: self.requests + other.requests,
            prompt_tokens: self.prompt_tokens + other.prompt_tokens,
            reply_tokens: self.reply_tokens + other.reply_tokens,
            measured: self.measured && other.measured,
            price: both(self.price, other.price),
            seconds: both(self.seconds, other.seconds),
        }
    }
}

impl Tally {
    /// How many replies of each sort there are.
    pub fn of<'a>(replies: impl IntoIterator<Item = &'a Reply>) -> Tally {
        let mut tally = Tally::default();
        replies.into_iter().for_each(|reply| tally.count(reply));
        tally
    }
}
