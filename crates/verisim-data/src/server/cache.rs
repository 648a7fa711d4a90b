//! What a server answered, a line of JSON each, in a file that only grows. It is what a run goes on from that was stopped, and what makes the
//! same world twice the same.
//!
//! The key of a reply is a hash of all that it follows from: model, messages, parameters, schema, and the number of the draw. So a prompt that
//! is changed is asked anew, one that is not comes from the file, and two rows with one prompt have a reply each.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The reply.
    pub text: String,
    /// Whether it was cut off at the most tokens that were asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Tokens of the prompt, as the server counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Tokens of the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_tokens: Option<u64>,
    /// Seconds that it took.
    #[serde(default)]
    pub seconds: f64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    /// What it was for, such as `reviews.text`.
    at: String,
    /// Which model answered, for people.
    model: String,
    #[serde(flatten)]
    answer: Answer,
}

/// The replies that there are, and the file to which more are added.
pub(super) struct Cache {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// Opened when the first reply is added: a run that asks nothing leaves nothing.
    file: Option<File>,
    known: FxHashMap<String, (String, Answer)>,
    /// Bytes of the file that are whole lines.
    whole: u64,
    /// Replies that this run added.
    added: u64,
}

impl Cache {
    /// The replies of a file, which need not be there yet.
    ///
    /// # Errors
    /// When a line of it is damaged, but for the last: that is what a run leaves that was killed, and it is cut off.
    pub(super) fn open(path: &Path) -> Result<Cache> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Error::io(path)(e)),
        };
        let mut known = FxHashMap::default();
        let (mut whole, mut number) = (0, 0);
        for line in text.split_inclusive(|&b| b == b'\n') {
            number += 1;
            let is_last = whole + line.len() == text.len();
            match serde_json::from_slice::<Line>(line) {
                Ok(said) if line.ends_with(b"\n") => {
                    known.insert(said.key, (said.at, said.answer));
                }
                Ok(_) => break,
                // A line that was not written to its end; another file's last line is not touched.
                Err(_) if is_last && line.starts_with(b"{") && serde_json::from_slice::<Value>(line).is_err() => break,
                Err(_) if is_last && line.iter().all(|&b| b == 0) => break,
                Err(e) => {
                    let what = format!(
                        "is no reply of a model ({e}); it keeps them, a line each. Take this line out, or let `cache` name another file"
                    );
                    return Err(Error::line(path, number, what));
                }
            }
            whole += line.len();
        }
        let state = State { file: None, known, whole: whole as u64, added: 0 };
        Ok(Cache { path: path.to_owned(), state: Mutex::new(state) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, key: &str) -> Option<Answer> {
        self.state().known.get(key).map(|known| known.1.clone())
    }

    /// The replies that there are, and how many of them this run added.
    pub(super) fn count(&self) -> (u64, u64) {
        let state = self.state();
        (state.known.len() as u64, state.added)
    }

    /// Looks at all replies that were for something.
    pub(super) fn each(&self, at: &str, look: &mut dyn FnMut(&Answer)) {
        self.state().known.values().filter(|known| known.0 == at).for_each(|known| look(&known.1));
    }

    /// Keeps a reply: in one call, so that a run that is killed leaves whole lines, but perhaps for the last.
    ///
    /// # Errors
    /// When the file cannot be written, or another run writes it.
    pub(super) fn add(&self, key: &str, at: &str, model: &str, answer: &Answer) -> Result<()> {
        let line = Line { key: key.to_owned(), at: at.to_owned(), model: model.to_owned(), answer: answer.clone() };
        let mut text = serde_json::to_string(&line).map_err(|e| Error::file(&self.path, e.to_string()))?;
        text.push('\n');
        let mut state = self.state();
        if state.file.is_none() {
            state.file = Some(self.file(state.whole)?);
        }
        if let Some(file) = &mut state.file {
            file.write_all(text.as_bytes()).map_err(Error::io(&self.path))?;
        }
        state.known.insert(line.key, (line.at, line.answer));
        state.added += 1;
        Ok(())
    }

    /// The file, held by this run alone, without the half line that one left that was killed.
    fn file(&self, whole: u64) -> Result<File> {
        let io = || Error::io(&self.path);
        if let Some(folder) = self.path.parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io())?;
        }
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&self.path).map_err(io())?;
        match file.try_lock() {
            // Where files cannot be locked, nobody is kept out.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => {
                let what = "another run keeps its replies there; wait for it, or let `cache` name another file";
                return Err(Error::file(&self.path, what));
            }
        }
        let long = file.seek(SeekFrom::End(0)).map_err(io())?;
        if long > whole {
            let mut rest = Vec::new();
            file.seek(SeekFrom::Start(whole)).and_then(|_| file.read_to_end(&mut rest)).map_err(io())?;
            // What is there that was not when the file was read is another run's.
            if rest.ends_with(b"\n")
                && serde_json::from_slice::<Line>(rest.split(|&b| b == b'\n').next().unwrap_or(&[])).is_ok()
            {
                return Err(Error::file(&self.path, "another run has kept replies there meanwhile; start again"));
            }
            file.set_len(whole).map_err(io())?;
        }
        Ok(file)
    }
}

/// The hash of all that a reply follows from.
pub(super) fn key(all: &impl Serialize) -> String {
    let text = serde_json::to_vec(all).unwrap_or_default();
    Sha256::digest(&text).iter().take(16).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Answer {
        Answer { text: text.into(), cut: false, prompt_tokens: Some(3), reply_tokens: None, seconds: 0.25 }
    }

    #[test]
    fn replies_come_again_and_half_a_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/replies.jsonl");
        let cache = Cache::open(&path).unwrap();
        assert!(!path.exists());
        cache.add("k1", "t.a", "m", &answer("one\ntwo")).unwrap();
        cache.add("k2", "t.b", "m", &answer("ä")).unwrap();
        assert_eq!(cache.count(), (2, 2));
        drop(cache);
        let whole = std::fs::read(&path).unwrap();
        for half in [&b"{\"key\":\"k3\",\"at"[..], b"\0\0\0", &whole[..whole.len() / 2 - 9]] {
            std::fs::write(&path, [&whole[..], half].concat()).unwrap();
            let cache = Cache::open(&path).unwrap();
            assert_eq!((cache.get("k1"), cache.get("k3")), (Some(answer("one\ntwo")), None));
            assert_eq!(cache.count(), (2, 0));
            cache.add("k3", "t.a", "m", &answer("three")).unwrap();
            drop(cache);
            let again = Cache::open(&path).unwrap();
            assert_eq!(again.get("k3"), Some(answer("three")));
            let mut texts = Vec::new();
            again.each("t.a", &mut |a| texts.push(a.text.clone()));
            texts.sort();
            assert_eq!(texts, ["one\ntwo", "three"]);
        }
    }

    #[test]
    fn a_damaged_line_and_another_run_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replies.jsonl");
        for other in ["name,age\nA,3\nB,4\n", "name", "{\"a\": 1}"] {
            std::fs::write(&path, other).unwrap();
            let said = Cache::open(&path).err().unwrap().to_string();
            assert!(said.contains("line 1: is no reply of a model"), "{said}");
        }
        std::fs::remove_file(&path).unwrap();
        let (one, other) = (Cache::open(&path).unwrap(), Cache::open(&path).unwrap());
        one.add("k1", "t.a", "m", &answer("one")).unwrap();
        let said = other.add("k2", "t.a", "m", &answer("two")).unwrap_err().to_string();
        assert!(said.contains("another run"), "{said}");
        drop(one);
        let said = other.add("k2", "t.a", "m", &answer("two")).unwrap_err().to_string();
        assert!(said.contains("start again"), "{said}");
    }
}
