//! A language model behind an endpoint that speaks as OpenAI's does (`/chat/completions`): vLLM, llama.cpp, Ollama, LM Studio, and those that
//! are paid for.
//!
//! [`Server::ask`] takes requests and gives a reply for each, in their order, or says why there is none: no request is lost, and none ends the
//! others. What a reply must be is a [`Want`]; one that is not is sent back with what is wrong with it, up to `tries` times (`talk.rs`). Every
//! answer is kept by what it follows from (`cache.rs`), so the same requests give the same replies, and what was stopped goes on. Requests are
//! sent several at a time, as many as the server takes (`gate.rs`).

mod cache;
mod config;
mod estimate;
mod gate;
mod http;
mod repair;
mod request;
mod schema;
mod talk;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use config::{Config, KeyName, Price};
pub use estimate::Estimate;
pub use request::{Check, Judge, Message, Pattern, Reason, Reply, Request, Scoring, Tally, Want};
pub use schema::{Schema, Type};

use crate::error::{Error, Result};
use crate::watch::{Event, Watch};
use cache::Cache;
use gate::Gate;
use http::Dialect;

/// How long it takes at most until a stop is heard.
const TICK: Duration = Duration::from_millis(50);
/// Requests that are looked back on.
const RECENT: usize = 20;

/// A server, and the replies that it gave.
pub struct Server {
    config: Config,
    url: String,
    agent: ureq::Agent,
    key: OnceLock<Option<String>>,
    gate: Gate,
    cache: Cache,
    dialect: Mutex<Dialect>,
    recent: Mutex<Recent>,
    /// What a judge replies.
    score: Schema,
}

/// How the last requests ended.
#[derive(Default)]
struct Recent {
    good: VecDeque<bool>,
    /// Whether any request was answered.
    ever: bool,
    /// The first words for each reason.
    words: BTreeMap<Reason, String>,
}

/// Why a request came to no end: a stop, or an error after which no other will do.
type Halt = Option<Error>;

impl Server {
    /// A server that nothing is sent to yet. Replies are taken from the file `cache` and kept there, unless the config names another.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn open(config: &Config, cache: &Path) -> Result<Server> {
        let path = config.cache.as_deref().unwrap_or(cache);
        let seconds = Duration::from_secs_f64(config.timeout);
        let mut agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(seconds))
            .timeout_connect(Some(seconds.min(Duration::from_secs(20))))
            .max_idle_connections_per_host(config.parallel)
            .user_agent(concat!("verisim/", env!("CARGO_PKG_VERSION")));
        let host = config.base_url.split("://").nth(1).unwrap_or_default();
        if ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local)) {
            // What is on this machine is not reached by way of another.
            agent = agent.proxy(None);
        }
        let score = Schema::new(request::score_schema()).map_err(|what| Error::Server {
            place: config.base_url.clone(),
            what,
            kept: None,
        })?;
        Ok(Server {
            url: format!("{}/chat/completions", config.base_url),
            agent: agent.build().new_agent(),
            key: OnceLock::new(),
            gate: Gate::new(config.parallel, config.pause()),
            cache: Cache::open(path)?,
            dialect: Mutex::new(Dialect::FIRST),
            recent: Mutex::default(),
            score,
            config: config.clone(),
        })
    }

    /// What the file said.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where replies are kept.
    pub fn cache(&self) -> &Path {
        self.cache.path()
    }

    /// How many replies are kept, and how many of them were given since the server was opened.
    pub fn kept(&self) -> (u64, u64) {
        self.cache.count()
    }

    /// The first words that were said of a reason for a missing reply, by the name of the reason.
    pub fn words(&self, reason: &str) -> Option<String> {
        self.recent().words.iter().find(|(r, _)| r.name() == reason).map(|(_, words)| words.clone())
    }

    /// What comes of a request if nothing need be sent for it; nothing if something must.
    pub fn known(&self, request: &Request) -> Option<Reply> {
        // A server that is stopped says what is kept, and no more.
        self.talk(request, &|| true).ok()
    }

    /// That it was stopped.
    pub fn stopped(&self) -> Error {
        Error::Unasked { kept: self.kept_where() }
    }

    /// A reply for each request, in their order. `watch` hears how many there are, counted from `done` on, and may stop it: requests that are
    /// under way then come to their end, and are kept.
    ///
    /// # Errors
    /// When no request will do (nobody answers, no key, no such model), when half of the last ones failed for good, when replies cannot be
    /// kept, and [`Error::Unasked`] when it was stopped. What was answered until then is kept.
    pub fn ask(&self, requests: &[Request], done: u64, watch: &mut dyn Watch) -> Result<Vec<Reply>> {
        let (stopped, next) = (AtomicBool::new(watch.stopped()), AtomicUsize::new(0));
        let failed: Mutex<Option<Error>> = Mutex::new(None);
        let mut replies: Vec<Option<Reply>> = vec![None; requests.len()];
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            for _ in 0..self.config.parallel.min(requests.len()) {
                let (sender, stopped, next, failed) = (sender.clone(), &stopped, &next, &failed);
                scope.spawn(move || {
                    let is_stopped = || stopped.load(Ordering::Relaxed);
                    while !is_stopped() {
                        let k = next.fetch_add(1, Ordering::Relaxed);
                        let Some(request) = requests.get(k) else { break };
                        match self.talk(request, &is_stopped) {
                            Ok(reply) => {
                                if sender.send((k, reply)).is_err() {
                                    break;
                                }
                            }
                            Err(halt) => {
                                if let Some(error) = halt {
                                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                                }
                                stopped.store(true, Ordering::Relaxed);
                            }
                        }
                    }
                });
            }
            drop(sender);
            let mut count = done;
            loop {
                match receiver.recv_timeout(TICK) {
                    Ok((k, reply)) => {
                        replies[k] = Some(reply);
                        count += 1;
                        watch.on(Event::done(count));
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if watch.stopped() {
                    stopped.store(true, Ordering::Relaxed);
                }
            }
        });
        if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        replies.into_iter().collect::<Option<_>>().ok_or_else(|| self.stopped())
    }

    /// A reply for one request, from whatever thread; `stopped` is asked while it waits.
    ///
    /// # Errors
    /// As for [`Server::ask`].
    pub fn one(&self, request: &Request, stopped: &dyn Fn() -> bool) -> Result<Reply> {
        self.talk(request, stopped).map_err(|halt| halt.unwrap_or_else(|| self.stopped()))
    }

    fn kept_where(&self) -> Option<(u64, std::path::PathBuf)> {
        Some((self.cache.count().0, self.cache.path().to_owned()))
    }

    fn fails(&self, what: impl Into<String>) -> Error {
        Error::Server { place: self.config.base_url.clone(), what: what.into(), kept: self.kept_where() }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dialect(&self) -> MutexGuard<'_, Dialect> {
        self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key, which is read when something is sent for the first time.
    fn key(&self) -> Result<Option<&str>> {
        let Some(name) = &self.config.key else { return Ok(None) };
        let read = || std::env::var(&name.0).ok().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        match self.key.get_or_init(read) {
            Some(key) => Ok(Some(key)),
            None => {
                let what =
                    format!("the key is to be in the environment variable {}, which is not set; export it", name.0);
                Err(self.fails(what))
            }
        }
    }
}
