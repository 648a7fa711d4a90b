#![allow(clippy::unwrap_used)]

use super::super::tests::{Made, mean, plan, refused, repeats, run, run_with};

fn served(made: &Made, column: &str) -> Vec<f64> {
    let outcomes = made.texts("outcome");
    made.numbers(column).iter().zip(&outcomes).filter(|(_, o)| *o == "served").map(|(x, _)| *x).collect()
}

/// Waits of a system with one station, of so many in the mean.
fn waits(station: &str, arrivals: &str, until: f64) -> Vec<f64> {
    let text = format!(
        "[queue]\nuntil = {until}\nlog = 'entities'\narrivals.a = {{ {arrivals} }}\nstations.desk = {{ {station} }}\n"
    );
    served(&run(&text, 11), "wait")
}

fn close(found: f64, expected: f64, by: f64) {
    assert!((found - expected).abs() < by * expected, "{found}, not {expected}");
}

/// The probability that an arrival waits, by Erlang's C formula.
fn erlang_c(servers: usize, load: f64) -> f64 {
    let mut b = 1.0;
    for k in 1..=servers {
        b = load * b / (k as f64 + load * b);
    }
    let c = servers as f64;
    b / (1.0 - load / c * (1.0 - b))
}

#[test]
fn mean_waits_are_those_of_m_m_1() {
    // rho / (mu - lambda)
    close(mean(&waits("service = { exponential = 1 }", "every = { exponential = 2 }", 400_000.0)), 1.0, 0.05);
    close(mean(&waits("service = { exponential = 0.75 }", "rate = 1", 400_000.0)), 2.25, 0.06);
}

#[test]
fn mean_waits_are_those_of_m_m_c() {
    let waits = waits("servers = 3, service = { exponential = 2 }", "every = { exponential = 0.8 }", 240_000.0);
    let c = erlang_c(3, 2.5);
    close(waits.iter().filter(|w| **w > 0.0).count() as f64 / waits.len() as f64, c, 0.03);
    close(mean(&waits), c / (3.0 / 2.0 - 1.0 / 0.8), 0.08);
}

/// Pollaczek and Khinchine: the same load waits half as long where services are all alike.
#[test]
fn mean_waits_are_those_of_m_g_1() {
    close(mean(&waits("service = 1", "every = { exponential = 2 }", 400_000.0)), 0.5, 0.04);
    // lambda E[S^2] / (2 (1 - rho)) with E[S^2] = mean^2 + variance.
    close(mean(&waits("service = { gamma = [0.5, 2] }", "every = { exponential = 2 }", 600_000.0)), 1.5, 0.07);
}

/// The order changes who waits, not how long all wait in the mean; last come, first served spreads it.
#[test]
fn disciplines_share_the_mean_and_differ_in_spread() {
    let of = |d: &str| {
        waits(&format!("discipline = '{d}', service = {{ exponential = 1 }}"), "every = { exponential = 2 }", 300_000.0)
    };
    let (fifo, lifo) = (of("fifo"), of("lifo"));
    close(mean(&lifo), mean(&fifo), 0.02);
    let square = |w: &[f64]| mean(&w.iter().map(|x| x * x).collect::<Vec<_>>());
    // E[W^2] under LIFO is that under FIFO by (1 - rho).
    close(square(&lifo), square(&fifo) / 0.5, 0.15);
}

/// Cobham's formula: W_k = W_0 / ((1 - s_{k-1})(1 - s_k)) with the loads of classes as high or higher.
#[test]
fn priorities_are_those_of_cobham() {
    let text = "[queue]\nuntil = 400000\nlog = 'entities'\narrivals.high = { rate = 0.3, priority = 1 }\narrivals.low = { rate = 0.4 }\n\
                stations.desk = { service = { exponential = 1 }, discipline = 'priority' }\n";
    let made = run(text, 3);
    let of = |made: &Made, class: &str, column: &str| {
        let (classes, values) = (made.texts("class"), made.numbers(column));
        mean(
            &classes.iter().zip(values).filter(|(c, w)| *c == class && !w.is_nan()).map(|(_, w)| w).collect::<Vec<_>>(),
        )
    };
    close(of(&made, "high", "wait"), 0.7 / 0.7, 0.05);
    close(of(&made, "low", "wait"), 0.7 / (0.7 * 0.3), 0.08);
    // With interruptions the low class is not there for the high one: M/M/1 alone.
    let made = run(&text.replace("'priority'", "'priority', preempt = true"), 3);
    close(of(&made, "high", "wait"), 0.3 / 0.7, 0.05);
    let total = of(&made, "low", "wait") + of(&made, "low", "service");
    // 1 / ((1 - s1)(1 - s1 - s2)) for equal exponential services.
    close(total, 1.0 / (0.7 * 0.3), 0.08);
    close(of(&made, "low", "service"), 1.0, 0.02);
}

/// Where nobody can wait, Erlang's B formula says how many are turned away; with room, that of M/M/1/K.
#[test]
fn those_without_room_are_turned_away() {
    let lost = |station: &str, rate: f64| {
        let text = format!(
            "[queue]\nuntil = 100000\nlog = 'entities'\narrivals.a.rate = {rate}\nstations.desk = {{ {station} }}\n"
        );
        let outcomes = run(&text, 5).texts("outcome");
        outcomes.iter().filter(|o| *o == "turned_away").count() as f64 / outcomes.len() as f64
    };
    // B(3, 2) = 4/19.
    close(lost("servers = 3, room = 0, service = { exponential = 2 }", 1.0), 4.0 / 19.0, 0.03);
    // K = 4 in all, rho = 1: one in five.
    close(lost("room = 3, service = { exponential = 1 }", 1.0), 0.2, 0.03);
}

#[test]
fn overflow_goes_to_another_station() {
    let text = "[queue]\nuntil = 50000\nlog = 'entities'\narrivals.a.rate = 1\n\
                [queue.stations.desk]\nroom = 0\nservice = { exponential = 1 }\noverflow = 'more'\n\
                [queue.stations.more]\nroom = 0\nservice = { exponential = 1 }\n";
    let outcomes = run(text, 5).texts("outcome");
    // Two servers behind each other lose as two beside each other: B(2, 1) = 1/5.
    close(outcomes.iter().filter(|o| *o == "turned_away").count() as f64 / outcomes.len() as f64, 0.2, 0.04);
}

/// Little's law on the log itself, to the last digit: the integral of the number inside is the sum of the times inside.
#[test]
fn littles_law_holds_on_the_log() {
    let text = "[queue]\nuntil = 500\ndrain = true\narrivals.a = { every = { exponential = 1 }, batch = { integer = [1, 3] } }\n\
                [queue.stations.first]\nservers = 2\nservice = { exponential = 1.5 }\npatience = { exponential = 6 }\nnext = [{ to = 'second', share = 0.5 }, { to = 'leave' }]\n\
                [queue.stations.second]\nservice = { lognormal = [0, 0.5] }\nroom = 3\nnext = [{ to = 'first', share = 0.2 }]\nfails = { after = { exponential = 30 }, repair = 2 }\n";
    let made = run(text, 8);
    let (times, events, entities) = (made.numbers("time"), made.texts("event"), made.numbers("entity"));
    let (mut inside, mut last, mut integral) = (0.0, 0.0, 0.0);
    let mut came = std::collections::HashMap::new();
    let mut stays = 0.0;
    for (k, event) in events.iter().enumerate() {
        integral += inside * (times[k] - last);
        last = times[k];
        match event.as_str() {
            "arrives" => {
                inside += 1.0;
                assert!(came.insert(entities[k] as u64, times[k]).is_none());
            }
            "leaves" => {
                inside -= 1.0;
                stays += times[k] - came.remove(&(entities[k] as u64)).unwrap();
            }
            _ => {}
        }
    }
    assert!(came.is_empty() && inside == 0.0);
    assert!((integral - stays).abs() < 1e-6 * stays, "{integral} {stays}");
    for kind in ["waits", "starts", "ends", "gives_up", "turned_away", "fails", "repaired"] {
        assert!(events.iter().any(|e| e == kind), "{kind}");
    }
    // The lengths in the log are those that the events make.
    let (stations, queues) = (made.texts("station"), made.numbers("queue"));
    let mut length = std::collections::HashMap::new();
    for k in 0..events.len() {
        let now: &mut f64 = length.entry(stations[k].clone()).or_insert(0.0);
        match events[k].as_str() {
            "waits" => *now += 1.0,
            "gives_up" => *now -= 1.0,
            "starts" => *now -= 1.0,
            _ => {}
        }
        assert_eq!(*now, queues[k], "row {k}: {}", events[k]);
    }
}

/// With patience as memoryless as service, M/M/1+M is a birth and death chain.
#[test]
fn the_impatient_give_up() {
    let text = "[queue]\nuntil = 100000\nlog = 'entities'\narrivals.a.rate = 1\nstations.desk = { service = { exponential = 1 }, patience = { exponential = 2 } }\n";
    let outcomes = run(text, 5).texts("outcome");
    let gone = outcomes.iter().filter(|o| *o == "gave_up").count() as f64 / outcomes.len() as f64;
    // p_n = prod lambda / (mu + (n - 1) theta); those who give up are theta E[waiting] by lambda.
    let (mut p, mut sum, mut waiting) = (1.0, 1.0, 0.0);
    for n in 1..200 {
        p /= 1.0 + 0.5 * (f64::from(n) - 1.0);
        sum += p;
        waiting += p * (f64::from(n) - 1.0);
    }
    close(gone, 0.5 * waiting / sum, 0.04);
}

#[test]
fn failures_stop_a_share_of_the_time() {
    let text = "[queue]\nuntil = 200000\nlog = 'gauges'\nclock = 10\narrivals.a.rate = 0.5\n\
                stations.desk = { servers = 2, service = { exponential = 1 }, fails = { after = { exponential = 9 }, repair = { exponential = 3 } } }\n";
    let made = run(text, 5);
    close(mean(&made.numbers("down")) / 2.0, 0.25, 0.04);
    // What is worked is what comes, whatever fails.
    close(mean(&made.numbers("utilisation")), 0.25, 0.02);
}

#[test]
fn gauges_and_waits_tell_the_same() {
    let text = "[queue]\nuntil = 300000\nLOG\narrivals.a.rate = 0.5\nstations.desk.service = { exponential = 1 }\n";
    let gauges = run(&text.replace("LOG", "log = 'gauges'\nclock = 5"), 5);
    let entities = run(&text.replace("LOG", "log = 'entities'"), 5);
    let waited: f64 = entities.numbers("wait").iter().sum();
    close(mean(&gauges.numbers("mean_queue")) * 300_000.0, waited, 1e-6);
    close(mean(&gauges.numbers("utilisation")), 0.5, 0.03);
}

#[test]
fn a_desk_serves_within_its_hours() {
    let text = "[queue]\nstart = 2024-06-06T16:30:00\nunit = '1min'\nuntil = 20160\ndrain = true\narrivals.a.every = { exponential = 5 }\n\
                [queue.stations.desk]\nservice = { uniform = [1, 4] }\n\
                open = [{ days = ['mon', 'tue', 'wed', 'thu', 'fri'], from = '09:00', to = '12:00' }, { days = ['mon', 'tue', 'wed', 'thu', 'fri'], from = '13:00', to = '17:00' }, { days = ['sat'], from = '10:00', to = '12:30' }]\n";
    let made = run(text, 8);
    let (times, events) = (made.numbers("time"), made.texts("event"));
    let (mut opens, mut closes) = (0, 0);
    for (t, event) in times.iter().zip(&events) {
        let (day, minute) = (((t / 86_400e6) as i64 + 3) % 7, (t / 60e6) % 1440.0);
        let open = match day {
            0..=4 => (540.0..720.0).contains(&minute) || (780.0..1020.0).contains(&minute),
            5 => (600.0..750.0).contains(&minute),
            _ => false,
        };
        match event.as_str() {
            "starts" => assert!(open, "day {day}, minute {minute}"),
            "opens" => {
                opens += 1;
                assert!(open && [540.0, 780.0, 600.0].contains(&minute));
            }
            "closes" => {
                closes += 1;
                assert!(!open);
            }
            _ => {}
        }
    }
    assert!(opens >= 22 && closes >= 22, "{opens} {closes}");
    let first = events.iter().position(|e| e == "starts").unwrap();
    assert!(times[first] < 1_717_693_200e6, "it is open at the start");
}

#[test]
fn batches_wait_for_each_other() {
    let text = "[queue]\nuntil = 1000\ndrain = true\nlog = 'entities'\narrivals.a = { every = 1, most = 10 }\nstations.oven = { batch = 4, service = 2 }\n";
    let made = run(text, 1);
    assert_eq!(made.numbers("start"), [4.0, 4.0, 4.0, 4.0, 8.0, 8.0, 8.0, 8.0, 1000.0, 1000.0]);
    assert_eq!(made.numbers("wait")[..4], [3.0, 2.0, 1.0, 0.0]);
}

#[test]
fn who_is_inside_at_the_end_is_said() {
    let text = "[queue]\nuntil = 3.5\nlog = 'entities'\narrivals.a.every = 1\nstations.desk.service = 2\n";
    let made = run(text, 1);
    assert_eq!(made.texts("outcome"), ["served", "in_service", "waiting"]);
    assert_eq!(made.numbers("wait"), [0.0, 1.0, 0.5]);
    assert!(made.numbers("end")[1].is_nan() && made.numbers("start")[2].is_nan());
}

#[test]
fn routes_may_depend_on_who_comes() {
    let text = "[queue]\nuntil = 100\nlog = 'entities'\narrivals.vip = { every = 3, priority = 2 }\narrivals.other.every = 1\n\
                [queue.stations.door]\nservice = 0\nnext = [{ to = 'lounge', when = \"class == 'vip' && rich\" }, { to = 'hall' }]\n\
                [queue.stations.lounge]\nservice = 'priority * 0.5'\n[queue.stations.hall]\nservers = 9\nservice = 1\n";
    let plan = plan(text);
    assert_eq!(plan.inputs(), ["rich"]);
    let made = run_with(&plan, 1, &[super::Value::Yes(true)]).unwrap();
    let (classes, stations) = (made.texts("class"), made.texts("station"));
    assert!(classes.iter().zip(&stations).all(|(c, s)| s == "door" || (c == "vip") == (s == "lounge")));
    let poor = run_with(&plan, 1, &[super::Value::Yes(false)]).unwrap();
    assert!(!poor.texts("station").contains(&"lounge".to_owned()));
}

#[test]
fn runs_repeat() {
    repeats(
        "[queue]\nuntil = 100\narrivals.a.rate = 2\nstations.desk = { servers = 2, service = { exponential = 1 } }",
    );
}

#[test]
fn mistakes_are_named() {
    let arrivals = "until = 9\narrivals.a.every = 1\n";
    for (text, said) in [
        ("until = 9\narrivals = {}\nstations.a.service = 1", "`arrivals` must have a class"),
        ("until = 9\narrivals.a = {}\nstations.a.service = 1", "`arrivals.a` must have `every` or `rate`"),
        ("until = 9\narrivals.a = { rate = '1 + t' }\nstations.a.service = 1", "`arrivals.a.bound` must be given"),
        (
            "until = 9\narrivals.a = { every = 1, to = 'b' }\nstations.a.service = 1",
            "`arrivals.a.to` names the station `b`",
        ),
        (&format!("{arrivals}stations = {{}}"), "`stations` must have a station"),
        (&format!("{arrivals}stations.a = {{ service = 1, next = 'b' }}"), "`stations.a.next` names the station `b`"),
        (&format!("{arrivals}stations.a = {{ service = 1, servers = 0 }}"), "`stations.a.servers`"),
        (&format!("{arrivals}stations.a = {{ service = 1, preempt = true }}"), "`stations.a.preempt` needs"),
        (&format!("{arrivals}stations.a = {{ service = 1, overflow = 'a' }}"), "`stations.a.overflow` needs `room`"),
        (&format!("{arrivals}stations.a = {{ service = -1 }}"), "`stations.a.service` must not be below 0"),
        (&format!("{arrivals}stations.leave = {{ service = 1 }}"), "way out"),
        (&format!("{arrivals}stations.a = {{ service = 1, batch = 0 }}"), "`stations.a.batch`"),
        (
            &format!("{arrivals}stations.a = {{ service = 1, open = [{{ from = '9:00', to = '8:00' }}] }}"),
            "over midnight",
        ),
        (
            &format!("{arrivals}stations.a = {{ service = 1, open = [{{ from = '25:00', to = '26:00' }}] }}"),
            "time `25:00`",
        ),
        (&format!("log = 'gauges'\n{arrivals}stations.a = {{ service = 1 }}"), "`clock` must be given"),
        (&format!("clock = 3\n{arrivals}stations.a = {{ service = 1 }}"), "`clock` goes with"),
        (&format!("{arrivals}stations.a = {{}}"), "missing field `service`"),
    ] {
        let what = refused(&format!("[queue]\n{text}\n"));
        assert!(what.contains(said), "{text}: {what}");
    }
    let error = |text: &str| run_with(&plan(&format!("[queue]\n{text}")), 1, &[]).err().unwrap().to_string();
    let endless = "stations.a = { service = 0, next = 'a' }";
    assert!(error(&format!("most = 99\n{arrivals}{endless}")).contains("`most` (99) was reached at time 1"));
    assert!(error("until = 9\narrivals.a.every = '0 * t'\nstations.a.service = 1").contains("time must go on"));
    assert!(error(&format!("{arrivals}stations.a.service = '1 - t'")).contains("`stations.a.service` came to -1"));
}
