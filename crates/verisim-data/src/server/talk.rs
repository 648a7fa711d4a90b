//! From a request to a reply: what is asked again, with what words, and when it is given up.

use serde::Serialize;
use serde_json::Value;

use super::cache::{self, Answer};
use super::gate::End;
use super::http::{self, Format, Question, Trouble};
use super::request::{self, Fault, Message, Reason, Reply, Request};
use super::schema::Schema;
use super::{Halt, RECENT, Server};
use crate::rng::mix;

/// Characters of a reply that is sent back to the model that wrote it.
const SENT_BACK: usize = 2_000;
/// How often a request is sent again that was one too many.
const LIMITED: u32 = 12;

/// What a reply follows from: the key of the cache is a hash of it.
#[derive(Serialize)]
struct Follows<'a> {
    model: &'a str,
    messages: &'a [Message],
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_tokens: u32,
    schema: Option<&'a Value>,
    draw: u64,
}

/// What an exchange came to: an answer and whether it is new, or why there is none.
type Exchanged = Result<(Answer, bool), Reason>;

impl Server {
    /// Asks until the reply is as it must be, or the tries are used up.
    pub(super) fn talk(&self, request: &Request, stopped: &dyn Fn() -> bool) -> Result<Reply, Halt> {
        let mut messages = request.messages.clone();
        if let (Some(asked), Some(last)) = (request.want.asked(), messages.last_mut()) {
            last.content = format!("{}\n\n{asked}", last.content);
        }
        let first = messages.len();
        let mut reason = Reason::NoAnswer;
        for attempt in 0..u64::from(self.config.tries) {
            let question = self.question(request, &messages);
            let draw = if attempt == 0 { request.draw } else { mix(request.draw ^ attempt) };
            let (answer, fresh) = match self.exchange(&request.at, question, draw, stopped)? {
                Ok(there) => there,
                Err(reason) => return Ok(Reply::Missing(reason)),
            };
            let fault = match self.judged(request, &answer, stopped)? {
                Ok(text) => return Ok(Reply::Text(text)),
                Err(fault) => fault,
            };
            if fresh && request.want.schema.is_some() {
                self.ignored(fault.reason);
            }
            self.recent().words.entry(fault.reason).or_insert_with(|| fault.said.clone());
            reason = fault.reason;
            // The model sees its last try alone: a long row of bad examples teaches it to go on with them.
            messages.truncate(first);
            messages.push(Message::assistant(answer.text.chars().take(SENT_BACK).collect::<String>()));
            messages.push(Message::user(format!("This will not do: {}. Reply again, with nothing else.", fault.said)));
        }
        Ok(Reply::Missing(reason))
    }

    /// What is asked first of a request, for the estimate.
    pub(super) fn opening<'a>(&'a self, request: &'a Request, messages: &'a [Message]) -> Question<'a> {
        self.question(request, messages)
    }

    fn question<'a>(&'a self, request: &'a Request, messages: &'a [Message]) -> Question<'a> {
        Question {
            model: request.model.as_deref().unwrap_or(&self.config.model),
            messages,
            temperature: request.temperature.or(self.config.temperature),
            top_p: self.config.top_p,
            max_tokens: request.max_tokens.unwrap_or(self.config.max_tokens),
            seed: 0,
            schema: request.want.schema.as_ref(),
        }
    }

    /// The reply in an answer, if it is as it must be, passes the caller's check, and is scored well enough.
    fn judged(
        &self,
        request: &Request,
        answer: &Answer,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Result<String, Fault>, Halt> {
        let (text, value) = match request.want.read(answer) {
            Ok(read) => read,
            Err(fault) => return Ok(Err(fault)),
        };
        if let Some(Err(said)) = request.check.as_ref().map(|check| check(&text, value.as_ref())) {
            return Ok(Err(Fault { reason: Reason::Rule, said }));
        }
        let Some(judge) = &request.judge else { return Ok(Ok(text)) };
        let no_score = |said: String| Ok(Err(Fault { reason: Reason::Score, said }));
        let messages = match (judge.messages)(&text) {
            Ok(messages) => messages,
            Err(what) => return no_score(what),
        };
        let at = format!("{} (judge)", request.at);
        for attempt in 0..self.config.tries {
            let question = Question {
                model: judge.model.as_deref().or(request.model.as_deref()).unwrap_or(&self.config.model),
                messages: &messages,
                temperature: None,
                top_p: None,
                max_tokens: self.config.max_tokens,
                seed: 0,
                schema: Some(&self.score),
            };
            let draw = mix(request.draw ^ u64::from(attempt) ^ 0x6a75_6467_6500);
            let (answer, fresh) = match self.exchange(&at, question, draw, stopped)? {
                Ok(there) => there,
                Err(reason) => return Ok(Err(Fault { reason, said: "nobody scored it".to_owned() })),
            };
            match request::score(&answer) {
                Some(score) if score >= judge.at_least => return Ok(Ok(text)),
                Some(score) => {
                    let said =
                        format!("it was scored {score}, and {} is the least; write a better one", judge.at_least);
                    return Ok(Err(Fault { reason: Reason::Judge, said }));
                }
                None if fresh => self.ignored(Reason::NotJson),
                None => {}
            }
        }
        no_score("nobody could score it".to_owned())
    }

    /// Notes that a server did not hold the model to the schema that was sent: from now on the prompt has it too.
    fn ignored(&self, reason: Reason) {
        let mut dialect = self.dialect();
        match (reason, dialect.format, dialect.said) {
            (Reason::NotJson | Reason::Echo, Format::Schema, _) => {
                (dialect.format, dialect.said) = (Format::Object, true);
            }
            // It may well hold to the kinds of values, and not to their lengths.
            (Reason::Schema, _, false) => dialect.said = true,
            _ => {}
        }
    }

    /// The answer to a question, kept or new.
    fn exchange(
        &self,
        at: &str,
        mut question: Question<'_>,
        draw: u64,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Exchanged, Halt> {
        let key = follows(&question, draw);
        if let Some(answer) = self.cache.get(&key) {
            return Ok(Ok((answer, false)));
        }
        question.seed = mix(draw) >> 33;
        let secret = self.key().map_err(Some)?;
        let (mut limited, mut passing) = (0, 0);
        loop {
            let epoch = self.gate.enter(stopped).ok_or(None)?;
            let result = self.send(&question, secret);
            self.gate.leave(
                epoch,
                match &result {
                    Ok(_) => End::Good,
                    Err(Trouble::Limited(after)) => End::Limited(*after),
                    Err(_) => End::Other,
                },
            );
            let (reason, what) = match result {
                Ok(answer) => {
                    self.cache.add(&key, at, question.model, &answer).map_err(Some)?;
                    self.ended(true);
                    return Ok(Ok((answer, true)));
                }
                Err(Trouble::Fatal(what)) => return Err(Some(self.fails(what))),
                Err(Trouble::Limited(_)) if limited < LIMITED => {
                    limited += 1;
                    continue;
                }
                // Where nobody ever answered, nobody listens: one more try will do.
                Err(Trouble::Passing(_, nobody))
                    if passing < if nobody && !self.recent().ever { 1 } else { self.config.retries } =>
                {
                    passing += 1;
                    // Not all at once: half of the pause is the row's own.
                    let share = 0.5 + 0.5 * (mix(draw ^ u64::from(passing)) >> 11) as f64 / (1u64 << 53) as f64;
                    let long = self.config.pause().mul_f64(share * f64::from(1u32 << (passing - 1).min(8)));
                    if !self.gate.sleep(long, stopped) {
                        return Err(None);
                    }
                    continue;
                }
                Err(Trouble::Limited(_)) => (Reason::NoAnswer, "429, too many requests, again and again".to_owned()),
                Err(Trouble::Passing(what, nobody)) => {
                    if nobody && !self.recent().ever {
                        let what = format!("nobody answers there ({what}); start the server, or look at `base_url`");
                        return Err(Some(self.fails(what)));
                    }
                    (Reason::NoAnswer, what)
                }
                Err(Trouble::Refused(what)) => (Reason::Refused, what),
            };
            self.recent().words.entry(reason).or_insert_with(|| what.clone());
            let failed = self.ended(false);
            if failed * 2 >= RECENT {
                let what = format!("{failed} of the last {RECENT} requests failed for good, the last one with: {what}");
                return Err(Some(self.fails(what)));
            }
            return Ok(Err(reason));
        }
    }

    /// Notes how a request ended; how many of the last ones failed.
    fn ended(&self, good: bool) -> usize {
        let mut recent = self.recent();
        recent.ever |= good;
        recent.good.push_back(good);
        if recent.good.len() > RECENT {
            recent.good.pop_front();
        }
        recent.good.iter().filter(|good| !**good).count()
    }

    /// Sends a question, with less where the server refuses it as it is. What it takes is remembered.
    fn send(&self, question: &Question<'_>, key: Option<&str>) -> Result<Answer, Trouble> {
        let begun = *self.dialect();
        let mut dialect = begun;
        loop {
            match http::send(&self.agent, &self.url, key, &http::body(question, dialect)) {
                Err(Trouble::Refused(what)) => match dialect.less(&what, question.schema.is_some()) {
                    Some(less) => dialect = less,
                    None => return Err(Trouble::Refused(what)),
                },
                Ok(answer) => {
                    if dialect != begun {
                        *self.dialect() = dialect;
                    }
                    return Ok(answer);
                }
                other => return other,
            }
        }
    }

    /// Whether the answer to a question is kept.
    pub(super) fn is_kept(&self, question: &Question<'_>, draw: u64) -> bool {
        self.cache.get(&follows(question, draw)).is_some()
    }
}

fn follows(question: &Question<'_>, draw: u64) -> String {
    cache::key(&Follows {
        model: question.model,
        messages: question.messages,
        temperature: question.temperature,
        top_p: question.top_p,
        max_tokens: question.max_tokens,
        schema: question.schema.map(Schema::said),
        draw,
    })
}
