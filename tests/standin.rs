//! A stand-in for a server with a language model: HTTP/1.1 on a port of this machine, with answers and faults as a test wants them.

// Two crates have tests with it, and neither uses all of it.
#![allow(dead_code)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which one, from 0.
    pub number: usize,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|h| h.0.eq_ignore_ascii_case(name)).map(|h| h.1.as_str())
    }

    /// The last turn.
    pub fn prompt(&self) -> &str {
        self.body["messages"].as_array().and_then(|m| m.last()?["content"].as_str()).unwrap_or_default()
    }

    /// `json_schema`, `json_object` or nothing.
    pub fn format(&self) -> &str {
        self.body["response_format"]["type"].as_str().unwrap_or_default()
    }
}

/// What is done about a request.
#[allow(dead_code)]
pub enum Act {
    /// A reply of the model.
    Say(String),
    /// A reply that was cut off at the most tokens.
    Cut(String),
    /// A status, more headers, and a body.
    Status(u16, &'static str, String),
    /// A body that is no answer.
    Body(String),
    /// Nothing for so many milliseconds, then a reply.
    Slow(u64, String),
    /// Half of a body, then an end.
    Half,
    /// An end without an answer.
    Close,
}

/// A server that runs until the test ends.
pub struct Standin {
    /// Its `base_url`.
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Standin {
    pub fn new(act: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Standin {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (act, all) = (Arc::new(act), seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (act, all) = (act.clone(), all.clone());
                std::thread::spawn(move || serve(&stream, &*act, &all));
            }
        });
        Standin { url, seen }
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// Answers the requests of a connection, one after the other.
fn serve(stream: &TcpStream, act: &(dyn Fn(&Seen) -> Act + Send + Sync), all: &Mutex<Vec<Seen>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        reader.read_line(&mut first).ok().filter(|n| *n > 0)?;
        let (mut headers, mut line) = (Vec::new(), String::new());
        while reader.read_line(&mut line).ok()? > 2 {
            let (name, value) = line.split_once(':')?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
            line.clear();
        }
        let length = headers.iter().find(|h| h.0.eq_ignore_ascii_case("content-length"))?.1.parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let path = first.split(' ').nth(1)?.to_owned();
        let seen = {
            let mut all = all.lock().unwrap();
            let number = all.len();
            all.push(Seen { number, path, headers, body: serde_json::from_slice(&body).ok()? });
            all[number].clone()
        };
        let say = |text: &str, end: &str| {
            let words = text.split_whitespace().count();
            let usage = json!({ "prompt_tokens": seen.prompt().len() / 4, "completion_tokens": words });
            let message = json!({ "role": "assistant", "content": text });
            json!({ "choices": [{ "message": message, "finish_reason": end }], "usage": usage }).to_string()
        };
        match act(&seen) {
            Act::Say(text) => send(stream, 200, "", &say(&text, "stop"))?,
            Act::Cut(text) => send(stream, 200, "", &say(&text, "length"))?,
            Act::Status(status, more, body) => send(stream, status, more, &body)?,
            Act::Body(body) => send(stream, 200, "", &body)?,
            Act::Slow(long, text) => {
                std::thread::sleep(std::time::Duration::from_millis(long));
                send(stream, 200, "", &say(&text, "stop"))?;
            }
            Act::Half => {
                let body = say("never whole", "stop");
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", body.len(), &body[..body.len() / 2]);
                let mut out = stream;
                out.write_all(head.as_bytes()).ok()?;
                return stream.shutdown(std::net::Shutdown::Both).ok();
            }
            Act::Close => return stream.shutdown(std::net::Shutdown::Both).ok(),
        }
    }
}

fn send(mut stream: &TcpStream, status: u16, more: &str, body: &str) -> Option<()> {
    let more = if more.is_empty() { String::new() } else { format!("{more}\r\n") };
    let text = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{more}\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).ok()
}
