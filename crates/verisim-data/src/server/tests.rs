//! The client against a stand-in that has the faults of real servers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::watch::Quiet;
use standin::{Act, Seen, Standin};

#[path = "../../../../tests/standin.rs"]
mod standin;

fn config(server: &Standin, more: &str) -> Config {
    let text = format!("base_url = \"{}\"\nmodel = \"m\"\npause = 0.002\n{more}", server.url);
    toml::from_str(&text).unwrap()
}

fn open(server: &Standin, more: &str, folder: &Path) -> Server {
    Server::open(&config(server, more), &folder.join("replies.jsonl")).unwrap()
}

fn request(prompt: &str, draw: u64, want: Want) -> Request {
    Request {
        at: "t.c".into(),
        model: None,
        messages: vec![Message::user(prompt)],
        temperature: None,
        max_tokens: None,
        draw,
        want: Arc::new(want),
        check: None,
        judge: None,
    }
}

fn plain(n: u64) -> Vec<Request> {
    (0..n).map(|k| request("say something", k, Want::default())).collect()
}

fn review() -> Want {
    let schema = json!({
        "type": "object",
        "properties": { "title": { "type": "string", "minLength": 2 }, "stars": { "type": "integer", "maximum": 5 } },
        "required": ["title", "stars"]
    });
    Want { schema: Some(Schema::new(schema).unwrap()), ..Want::default() }
}

const GOOD: &str = "{\"title\":\"Fine\",\"stars\":4}";

fn said(text: &str) -> Reply {
    Reply::Text(text.to_owned())
}

/// Fails each request once with what `fault` makes, and answers it then.
fn once(fault: impl Fn() -> Act + Send + Sync + 'static) -> Standin {
    let met = Mutex::new(std::collections::HashSet::new());
    Standin::new(move |seen: &Seen| match met.lock().unwrap().insert(seen.body["seed"].as_u64()) {
        true => fault(),
        false => Act::Say("hello".into()),
    })
}

#[test]
fn what_passes_is_tried_again_and_no_reply_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    type Fault = Box<dyn Fn() -> Act + Send + Sync>;
    let faults: Vec<(&str, Fault)> = vec![
        ("429", Box::new(|| Act::Status(429, "", "{}".into()))),
        ("429 and how long", Box::new(|| Act::Status(429, "retry-after: 0.002", "{}".into()))),
        ("500", Box::new(|| Act::Status(500, "", "oh".into()))),
        ("half a body", Box::new(|| Act::Half)),
        ("no answer", Box::new(|| Act::Close)),
        ("no JSON", Box::new(|| Act::Body("<html>busy</html>".into()))),
        ("no choices", Box::new(|| Act::Body("{\"choices\": []}".into()))),
    ];
    for (name, fault) in faults {
        let server = once(fault);
        let client = Server::open(&config(&server, "parallel = 3"), &folder.path().join(name)).unwrap();
        let replies = client.ask(&plain(12), 0, &mut Quiet).unwrap();
        assert_eq!(replies, vec![said("hello"); 12], "{name}");
        assert_eq!(client.kept(), (12, 12), "{name}");
    }
    let server = once(|| Act::Slow(150, "too late".into()));
    let client = open(&server, "timeout = 0.05", folder.path());
    assert_eq!(client.ask(&plain(2), 0, &mut Quiet).unwrap(), vec![said("hello"); 2]);
}

#[test]
fn replies_come_from_the_file_the_second_time_and_rows_have_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standin::new(|seen: &Seen| Act::Say(format!("reply {}", seen.body["seed"])));
    let requests = plain(20);
    let first = open(&server, "", folder.path()).ask(&requests, 0, &mut Quiet).unwrap();
    let mut different: Vec<_> = first.iter().map(|r| format!("{r:?}")).collect();
    different.sort();
    different.dedup();
    assert_eq!((different.len(), server.count()), (20, 20));
    // Another number of threads, and nothing is sent.
    assert_eq!(open(&server, "parallel = 1", folder.path()).ask(&requests, 0, &mut Quiet).unwrap(), first);
    assert_eq!(server.count(), 20);
    // Another prompt, temperature or model is another request.
    let other = open(&server, "temperature = 0.5", folder.path());
    other.ask(&requests[..1], 0, &mut Quiet).unwrap();
    assert_eq!(server.count(), 21);
    assert_eq!(server.seen()[20].body["temperature"], json!(0.5));
}

#[test]
fn the_key_is_sent_and_written_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    // The path of programs is set everywhere, and is no secret.
    let secret = std::env::var("PATH").unwrap();
    let server = Standin::new(|seen: &Seen| match seen.number {
        0 => Act::Say("hello".into()),
        _ => {
            let key = seen.header("authorization").unwrap().trim_start_matches("Bearer ").to_owned();
            Act::Status(401, "", json!({ "error": { "message": format!("wrong key: {key}") } }).to_string())
        }
    });
    let client = open(&server, "key = \"PATH\"\nparallel = 1", folder.path());
    let error = client.ask(&plain(3), 0, &mut Quiet).unwrap_err().to_string();
    assert_eq!(server.seen()[0].header("authorization"), Some(&*format!("Bearer {}", secret.trim())));
    assert!(error.contains("401, not let in: wrong key: …") && !error.contains(&secret), "{error}");
    assert!(error.contains("1 replies are kept in"), "{error}");
    assert!(!std::fs::read_to_string(client.cache()).unwrap().contains(&secret));
    assert_eq!(server.count(), 2, "a key that is not let in is not tried again");
    // A key that is not there is missed only when something is to be sent.
    let client = open(&server, "key = \"VERISIM_NO_SUCH_KEY\"", folder.path());
    assert_eq!(client.ask(&plain(1), 0, &mut Quiet).unwrap(), [said("hello")]);
    let error = client.ask(&plain(2), 0, &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("VERISIM_NO_SUCH_KEY, which is not set"), "{error}");
}

#[test]
fn what_no_waiting_mends_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (status, words) in
        [(403, "forbidden"), (404, "`base_url`, which most often ends in /v1"), (302, "moved elsewhere")]
    {
        let server = Standin::new(move |_: &Seen| Act::Status(status, "", "{\"error\": \"so\"}".into()));
        let error = open(&server, "parallel = 1", folder.path()).ask(&plain(9), 0, &mut Quiet).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(&server.url), "{error}");
        assert_eq!(server.count(), 1);
    }
    // Nobody is there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!("base_url = \"http://{gone}/v1\"\nmodel = \"m\"\npause = 0.001");
    let client = Server::open(&toml::from_str(&text).unwrap(), &folder.path().join("none")).unwrap();
    let error = client.ask(&plain(9), 0, &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("nobody answers there"), "{error}");
}

#[test]
fn some_that_fail_for_good_are_missing_and_many_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standin::new(|seen: &Seen| match seen.prompt() {
        "bad" => Act::Status(400, "", "{\"error\": {\"message\": \"too long\"}}".into()),
        "down" => Act::Status(503, "", String::new()),
        _ => Act::Say("hello".into()),
    });
    let client = open(&server, "retries = 1\nparallel = 2", folder.path());
    let mut requests = plain(40);
    for k in [3, 9] {
        requests[k].messages = vec![Message::user("bad")];
    }
    requests[20].messages = vec![Message::user("down")];
    let replies = client.ask(&requests, 0, &mut Quiet).unwrap();
    let tally = Tally::of(&replies);
    assert_eq!((tally.written, tally.missing().unwrap().as_str()), (37, "1 no answer, 2 refused by the server"));
    assert_eq!(client.words("refused by the server").unwrap(), "400: too long");
    requests[12..].iter_mut().for_each(|r| r.messages = vec![Message::user("down")]);
    let error = open(&server, "retries = 0", folder.path()).ask(&requests, 0, &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("10 of the last 20 requests failed for good, the last one with: 503"), "{error}");
    assert!(error.contains("37 replies are kept in"), "{error}");
}

#[test]
fn a_schema_is_sent_and_a_server_that_refuses_it_gets_it_in_the_prompt() {
    let folder = tempfile::tempdir().unwrap();
    // Some servers refuse what they do not know, and some break.
    for (status, refuses, format) in
        [(400, &["json_schema"][..], "json_object"), (500, &["json_schema", "json_object"], "")]
    {
        let server = Standin::new(move |seen: &Seen| match refuses.contains(&seen.format()) {
            true => Act::Status(status, "", "{\"error\": \"response_format is not known\"}".into()),
            false => Act::Say(GOOD.into()),
        });
        let client = open(&server, "parallel = 1", &folder.path().join(format));
        let requests: Vec<_> = (0..3).map(|k| request("Write.", k, review())).collect();
        assert_eq!(client.ask(&requests, 0, &mut Quiet).unwrap(), vec![said(GOOD); 3]);
        let seen = server.seen();
        // It is learnt once.
        assert_eq!(seen.len(), 3 + refuses.len());
        assert_eq!(seen[0].body["response_format"]["json_schema"]["schema"]["required"], json!(["title", "stars"]));
        let last = seen.last().unwrap();
        assert_eq!(last.format(), format);
        assert!(last.prompt().starts_with("Write.\n\nReply with JSON") && last.prompt().contains("\"minLength\":2"));
    }
}

#[test]
fn a_server_that_passes_over_the_schema_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let echo = "{\"type\": \"object\", \"properties\": {\"title\": {\"type\": \"string\"}}}";
    for (name, bad, fault) in
        [("talk", Act::Say as fn(String) -> Act, "What a fine product!"), ("echo", Act::Say, echo)]
    {
        let server = Standin::new(move |seen: &Seen| match seen.prompt().contains("JSON Schema") {
            true => Act::Say(format!("Sure:\n```json\n{GOOD}\n```")),
            false => bad(fault.to_owned()),
        });
        let client = open(&server, "parallel = 1", &folder.path().join(name));
        let requests: Vec<_> = (0..3).map(|k| request("Write.", k, review())).collect();
        assert_eq!(client.ask(&requests, 0, &mut Quiet).unwrap(), vec![said(GOOD); 3], "{name}");
        let seen = server.seen();
        assert_eq!(seen.len(), 4, "{name}: one reply will not do, and the schema is in all prompts from then on");
        let turns = seen[1].body["messages"].as_array().unwrap().clone();
        assert_eq!((turns.len(), &turns[1]["content"], &turns[1]["role"]), (3, &json!(fault), &json!("assistant")));
        assert!(turns[2]["content"].as_str().unwrap().starts_with("This will not do: it"), "{}", turns[2]);
        assert_eq!(seen[3].format(), "json_object");
    }
}

#[test]
fn a_reply_is_asked_for_so_often_and_then_missing_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standin::new(|seen: &Seen| {
        let first = seen.body["messages"][0]["content"].as_str().unwrap();
        // What is wrong with a reply is told to who wrote it.
        let stars = if seen.prompt().contains("is 7") {
            6
        } else if seen.prompt().contains("is 6") {
            5
        } else {
            7
        };
        match first.split_whitespace().next().unwrap() {
            "stars" => Act::Say(format!("{{\"title\": \"Fine\", \"stars\": {stars}}}")),
            "never" => Act::Say("{\"title\": \"F\", \"stars\": 4}".into()),
            "long" => Act::Cut("{\"title\": \"Fine and".into()),
            "text" => Act::Cut("and so on and so".into()),
            "choose" => Act::Say("Maybe.".into()),
            _ => Act::Say(String::new()),
        }
    });
    let client = open(&server, "parallel = 1", folder.path());
    let requests = [
        request("stars", 0, review()),
        request("never", 1, review()),
        request("long", 2, review()),
        request("text", 3, Want::default()),
        request("choose", 4, Want { choices: vec!["yes".into(), "no".into()], ..Want::default() }),
        request("nothing", 5, Want::default()),
    ];
    let replies = client.ask(&requests, 0, &mut Quiet).unwrap();
    assert_eq!(replies[0], said("{\"title\":\"Fine\",\"stars\":5}"), "the third try will do");
    let missing: Vec<_> =
        replies[1..].iter().map(|r| if let Reply::Missing(reason) = r { Some(*reason) } else { None }).collect();
    let all = [Reason::Schema, Reason::Cut, Reason::Cut, Reason::Choices, Reason::Empty].map(Some);
    assert_eq!(missing, all);
    assert_eq!(server.count(), 18);
    assert_eq!(client.words("not of the schema").unwrap(), "`stars` must be 5 or less, and is 7");
    // The same again is the same, with nothing sent.
    assert_eq!(open(&server, "", folder.path()).ask(&requests, 0, &mut Quiet).unwrap(), replies);
    assert_eq!(server.count(), 18);
}

#[test]
fn checks_and_judges_have_their_say() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standin::new(|seen: &Seen| match seen.prompt().strip_prefix("Score: ") {
        Some(text) => Act::Say(format!("{{\"reason\": \"so\", \"score\": {}}}", text.len())),
        None => Act::Say("x".repeat(seen.body["messages"].as_array().unwrap().len())),
    });
    let client = open(&server, "parallel = 1", folder.path());
    let judge = |at_least| Judge {
        messages: Arc::new(|reply: &str| Ok(vec![Message::user(format!("Score: {reply}"))])),
        model: Some("judge".into()),
        at_least,
    };
    let mut requests = plain(3);
    requests[0].check = Some(Arc::new(|text: &str, _| if text.len() > 1 { Ok(()) } else { Err("it is short".into()) }));
    requests[1].judge = Some(judge(3.0));
    requests[2].judge = Some(judge(9.0));
    let replies = client.ask(&requests, 0, &mut Quiet).unwrap();
    // A conversation has one turn at first, and three when something is sent back: so has a reply letters.
    assert_eq!(replies, [said("xxx"), said("xxx"), Reply::Missing(Reason::Judge)]);
    let judged = server.seen().iter().filter(|s| s.body["model"] == json!("judge")).count();
    assert_eq!((judged, server.count()), (4, 2 + 2 + 3 + 4), "the same text is scored once");
    let words = client.words("scored too low").unwrap();
    assert_eq!(words, "it was scored 1, and 3 is the least; write a better one");
}

#[test]
fn newer_models_and_servers_without_seeds_are_asked_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standin::new(|seen: &Seen| match (seen.body.get("max_tokens"), seen.body.get("seed")) {
        (Some(_), _) => Act::Status(400, "", "{\"error\": \"use 'max_completion_tokens' instead\"}".into()),
        (_, Some(_)) => Act::Status(422, "", "{\"error\": \"extra field: seed\"}".into()),
        _ => Act::Say("hello".into()),
    });
    let client = open(&server, "parallel = 1\nmax_tokens = 77", folder.path());
    assert_eq!(client.ask(&plain(2), 0, &mut Quiet).unwrap(), vec![said("hello"); 2]);
    assert_eq!(server.count(), 4);
    assert_eq!(server.seen()[3].body["max_completion_tokens"], json!(77));
}

struct Stopper(Arc<AtomicUsize>, u64);

impl Watch for Stopper {
    fn on(&mut self, event: Event) {
        if let Event::Progress { done, .. } = event {
            self.1 = done;
        }
    }

    fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 5
    }
}

#[test]
fn a_stop_keeps_what_there_is_and_the_same_again_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let server = Standin::new(move |seen: &Seen| {
        counted.fetch_add(1, Ordering::Relaxed);
        Act::Say(format!("{}", seen.body["seed"]))
    });
    let requests = plain(400);
    let client = open(&server, "parallel = 2", folder.path());
    let error = client.ask(&requests, 0, &mut Stopper(count, 0)).unwrap_err();
    assert!(matches!(&error, Error::Unasked { kept: Some((kept, _)) } if (5..400).contains(kept)), "{error}");
    let kept = client.kept().0 as usize;
    assert_eq!(kept, server.count(), "what was under way is kept");
    drop(client);
    let client = open(&server, "", folder.path());
    assert_eq!(Tally::of(&client.ask(&requests, 0, &mut Quiet).unwrap()).written, 400);
    assert_eq!(server.count(), 400);
    // A stop before anything is sent.
    let mut stopped = Stopper(Arc::new(AtomicUsize::new(9)), 0);
    open(&server, "", folder.path()).ask(&plain(401), 0, &mut stopped).unwrap_err();
    assert_eq!(server.count(), 400);
}

#[test]
fn no_more_are_under_way_than_the_config_allows() {
    let folder = tempfile::tempdir().unwrap();
    let (busy, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let server = Standin::new(move |_: &Seen| {
        most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2));
        busy.fetch_sub(1, Ordering::SeqCst);
        Act::Say("hello".into())
    });
    open(&server, "parallel = 6", folder.path()).ask(&plain(60), 0, &mut Quiet).unwrap();
    assert!((2..=6).contains(&seen.load(Ordering::SeqCst)), "{}", seen.load(Ordering::SeqCst));
}

#[test]
fn costs_are_foreseen_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standin::new(|_: &Seen| Act::Say("one two three four five".into()));
    let more = "price = { input = 1.0, output = 2.0 }\nmax_tokens = 100\nparallel = 2";
    let client = open(&server, more, folder.path());
    // 13 characters are 4 tokens, and 4 around them.
    let sample = plain(10);
    let before = client.estimate(&sample, 1000);
    assert_eq!((before.requests, before.kept, before.prompt_tokens, before.reply_tokens), (1000, 0, 8000, 100_000));
    assert_eq!((before.measured, before.seconds), (false, None));
    assert!((before.price.unwrap() - (8000.0 + 200_000.0) / 1e6).abs() < 1e-12);
    assert_eq!(server.count(), 0);
    client.ask(&sample[..5], 0, &mut Quiet).unwrap();
    let after = client.estimate(&sample, 10);
    assert_eq!(
        (after.replies, after.requests, after.kept, after.prompt_tokens, after.reply_tokens),
        (10, 5, 5, 40, 25)
    );
    assert!(after.measured && after.seconds.is_some());
    let both = before.and(&after);
    assert_eq!((both.requests, both.measured, both.seconds), (1005, false, None));
}
