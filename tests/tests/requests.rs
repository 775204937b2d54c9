//! Clients of every kind: wrong, slow, silent, too many, not allowed, gone.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use gild_model::api::DaemonStatus;
use gild_model::run::{RunHead, RunStatus};
use gild_tests::experiments::{QUICK, is_well};
use gild_tests::lab::Lab;
use gild_tests::privileged::is_root;
use gild_tests::waiting::wait_for;
use gild_tests::{api, program, skipped};
use nix::sys::signal::Signal;

#[test]
fn requests_that_make_no_sense_are_answered_with_the_field_and_do_no_harm() {
    let lab = Lab::new();
    let ask = |method: &str, path: &str, body: &str| lab.ask(method, path, body);
    ask("GET", "/v2/status", "").refuses(404, ["/v2/status"]);
    ask("PUT", "/v1/status", "").refuses(405, ["/v1/status", "PUT"]);
    ask("GET", "/v1/runs/first", "").refuses(400, ["first"]);
    ask("GET", "/v1/runs/1", "").refuses(404, ["there is no run 1"]);
    ask("GET", "/v1/runs/1/events", "").refuses(404, ["there is no run 1"]);
    ask("POST", "/v1/runs", "").refuses(400, ["EOF"]);
    ask("POST", "/v1/runs", "{\"name\": ").refuses(400, ["line 1"]);
    ask("POST", "/v1/runs", "{\"name\": 7}").refuses(400, ["name: ", "expected a string"]);
    ask("POST", "/v1/runs", "{\"color\": 7}").refuses(400, ["unknown field `color`"]);
    ask("POST", "/v1/plugins/inspect", "{}").refuses(422, ["one of path and kernel"]);
    ask("POST", "/v1/plugins/inspect", "{\"path\": \"x.so\", \"kernel\": null}").refuses(422, ["absolute"]);
    let good = || {
        let line = ["run", "null", "--tasks", "20", "--model", "sequential", "--repeat", "1"];
        lab.gilctl(&line).well();
        serde_json::to_value(lab.show(1).experiment).unwrap()
    };
    let good = good();
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut experiment = good.clone();
        change(&mut experiment);
        ask("POST", "/v1/runs", &experiment.to_string())
    };
    with(&|it| it["cases"][0]["workers"] = 9999.into()).refuses(422, ["workers: 9999 is not in 1..=1024"]);
    with(&|it| it["cases"][0]["model"] = "fibers".into()).refuses(400, ["cases[0].model", "`fibers`"]);
    with(&|it| it["repetitions"] = 0.into()).refuses(422, ["repetitions: 0"]);
    with(&|it| it["plugin"] = "libnull.so".into()).refuses(422, ["libnull.so is not an absolute path"]);
    with(&|it| it["cases"] = serde_json::json!([])).refuses(422, ["case: at least one is needed"]);
    assert_eq!(lab.get::<Vec<RunHead>>("/v1/runs").len(), 1, "none of them was taken");
    is_well(&lab);
}

#[test]
fn garbage_and_requests_that_are_too_long_do_no_harm() {
    let lab = Lab::with_config("max_body_bytes = 4096");
    for garbage in
        [&b"\0\xff\x16\x03\x01 not even text\r\n\r\n"[..], b"GET\r\n\r\n", b"GET /v1/status HTTP/9.9\r\n\r\n"]
    {
        let mut stream = lab.connect().unwrap();
        stream.write_all(garbage).unwrap();
        let mut answer = Vec::new();
        // Reset or closed: either is an end.
        let _ended = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let body = format!("{{\"name\": \"{}\"}}", "x".repeat(1 << 20));
    lab.ask("POST", "/v1/runs", &body).refuses(413, ["longer than 4096 bytes", "max_body_bytes"]);
    let head = format!("GET /v1/status HTTP/1.1\r\nhost: gild\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut stream = lab.connect().unwrap();
    // It may hang up before it has read everything.
    let _written = stream.write_all(head.as_bytes());
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    is_well(&lab);
}

#[test]
fn slow_clients_keep_nobody_waiting_and_are_cut_off() {
    let lab = Lab::with_config("request_timeout_s = 2.0");
    let mut half_a_head = lab.connect().unwrap();
    half_a_head.write_all(b"GET /v1/status HT").unwrap();
    let mut half_a_body = lab.connect().unwrap();
    half_a_body.write_all(b"POST /v1/runs HTTP/1.1\r\nhost: gild\r\ncontent-length: 100\r\n\r\n{").unwrap();
    let mut silent = lab.connect().unwrap();
    is_well(&lab);
    let answer = api::read_answer(&mut half_a_body).unwrap();
    answer.refuses(408, ["request_timeout_s"]);
    for stream in [&mut half_a_head, &mut silent] {
        let mut answer = Vec::new();
        let _ended = stream.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    }
    is_well(&lab);
}

#[test]
fn more_clients_than_the_daemon_takes_wait_for_their_turn() {
    let lab = Lab::with_config("max_connections = 2\nrequest_timeout_s = 1.0");
    let idle: Vec<_> = (0..8).map(|_| lab.connect().unwrap()).collect();
    assert_eq!(lab.get::<DaemonStatus>("/v1/status").pid, lab.daemon_pid());
    drop(idle);
    is_well(&lab);
}

#[test]
fn a_user_who_is_not_named_in_the_configuration_is_refused() {
    const NOBODY: u32 = 65_534;
    if !is_root() {
        return skipped("the wrong user", "only root can become somebody else");
    }
    let mut lab = Lab::empty();
    lab.write("gild.toml", &lab.config("socket_mode = 0o666"));
    for folder in [lab.path(""), lab.path("run"), lab.path("run/gild")] {
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    lab.start_daemon();
    // Where cargo built it, nobody else may be able to get to.
    let gilctl = lab.path("gilctl");
    fs::copy(lab.binaries().gilctl(), &gilctl).unwrap();
    let as_nobody = |socket: &std::path::Path| {
        let mut command = lab.command(&gilctl);
        program::run(command.args(["ls", "--no-start", "--socket"]).arg(socket).uid(NOBODY).gid(NOBODY))
    };
    as_nobody(&lab.socket()).ended_with(3).complains(["user 65534 may not use this daemon", "allow_uids"]);
    is_well(&lab);
    lab.write("gild.toml", &lab.config("socket_mode = 0o666\nallow_uids = [65534]"));
    lab.signal_daemon(Signal::SIGHUP);
    wait_for("the configuration is read", || lab.log().contains("configuration read again").then_some(()));
    as_nobody(&lab.socket()).well().says(["null"]);
}

#[test]
fn a_client_that_goes_away_takes_nothing_with_it() {
    let lab = Lab::new();
    let line =
        ["run", "faulty", "--param", "fault=slow", "--param", "ms=200", "--model", "sequential", "--repeat", "1"];
    let running = lab.start_gilctl(&line);
    wait_for("the run is there", || (lab.ask("GET", "/v1/runs/1", "").status == 200).then_some(()));
    running.signal(Signal::SIGKILL);
    running.finish().ended_with(137);
    let mut stream = lab.connect().unwrap();
    stream.write_all(b"GET /v1/runs/1/events HTTP/1.1\r\nhost: gild\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 40]).unwrap();
    drop(stream);
    assert_eq!(lab.wait_for_end(1).head.status, RunStatus::Done);
    is_well(&lab);
}

#[test]
fn an_event_stream_can_be_taken_up_where_it_broke() {
    let lab = Lab::new();
    lab.gilctl(&QUICK).well();
    let events = |after: &str| lab.ask("GET", &format!("/v1/runs/1/events{after}"), "").body;
    let all = events("");
    let lines: Vec<&str> = all.lines().collect();
    assert!(lines.len() >= 4, "queued, started, a trial's start and end, finished: {all}");
    assert!(lines.last().is_some_and(|last| last.contains("\"finished\"") && last.contains("\"done\"")), "{all}");
    for (index, line) in lines.iter().enumerate() {
        assert!(line.starts_with(&format!("{{\"seq\":{},", index + 1)), "{line}");
    }
    let rest: Vec<String> = events("?after=2").lines().map(str::to_owned).collect();
    assert_eq!(rest, lines[2..]);
    lab.ask("GET", "/v1/runs/1/events?from=2", "").refuses(400, ["from"]);
}

#[test]
fn the_api_can_be_used_with_curl() {
    let lab = Lab::new();
    let mut curl = lab.command("curl");
    curl.args(["--silent", "--show-error", "--unix-socket"]).arg(lab.socket()).arg("http://gild/v1/status");
    if curl.output().is_err() {
        return skipped("curl", "it is not installed");
    }
    assert_eq!(program::run(&mut curl).well().json::<DaemonStatus>().pid, lab.daemon_pid());
}
