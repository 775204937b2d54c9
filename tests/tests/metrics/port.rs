//! The port on the loopback device: what it serves, to whom, and within which limits.

use std::io::{Read, Write};
use std::net::TcpListener;

use gild_tests::experiments::is_well;
use gild_tests::lab::Lab;
use gild_tests::program;
use gild_tests::scrape::{Page, address, ask, connect};
use gild_tests::waiting::wait_for;
use nix::sys::signal::Signal;

use crate::with_port;

const LOCAL: &str = "host: localhost\r\n";

#[test]
fn the_port_serves_the_page_and_nothing_else() {
    let lab = with_port();
    let at = address(&lab);
    let answer = ask(at, "GET /metrics", LOCAL);
    assert_eq!(answer.status, 200, "{answer:?}");
    let names =
        |page: &Page| page.samples().map(|(name, ..)| name.to_owned()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names(&Page::read(answer.body)), names(&Page::of(&lab)), "it is the page of the socket");
    let head = ask(at, "HEAD /metrics", LOCAL);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for path in ["/", "/v1/status", "/v1/runs", "/metrics/", "/metrics/x", "/v1/shutdown", "//metrics"] {
        ask(at, &format!("GET {path}"), LOCAL).refuses(404, [path, "/metrics alone"]);
        ask(at, &format!("POST {path}"), LOCAL).refuses(404, [path]);
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        ask(at, &format!("{method} /metrics"), LOCAL).refuses(405, [method]);
    }
    is_well(&lab);
    let port = Page::of(&lab).sum("gild_connections_accepted_total", &[("listener", "metrics")]);
    assert_eq!(port, Some(21.0), "each question was a connection");
}

#[test]
fn the_format_is_negotiated() {
    let lab = with_port();
    let at = address(&lab);
    let kind = |accept: &str| {
        let answer = ask(at, "GET /metrics", &format!("{LOCAL}{accept}"));
        let head = answer.head.to_lowercase();
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap().to_owned();
        (kind, answer.body.ends_with("# EOF\n"))
    };
    let (open_metrics, classic) =
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(kind(""), (open_metrics.to_owned(), true));
    assert_eq!(kind("accept: */*\r\n"), (open_metrics.to_owned(), true));
    assert_eq!(kind("accept: text/plain\r\n"), (classic.to_owned(), false));
}

#[test]
fn a_name_that_is_not_this_machines_is_refused() {
    let lab = with_port();
    let at = address(&lab);
    for host in ["127.0.0.1", &at.to_string(), "LOCALHOST:1", "[::1]:9464"] {
        assert_eq!(ask(at, "GET /metrics", &format!("host: {host}\r\n")).status, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1:9464"] {
        ask(at, "GET /metrics", &format!("host: {host}\r\n")).refuses(421, [host, "localhost"]);
        ask(at, "GET /v1/status", &format!("host: {host}\r\n")).refuses(421, [host]);
    }
    ask(at, "GET http://evil.example/metrics", LOCAL).refuses(421, ["evil.example"]);
    ask(at, "GET /metrics", "").refuses(421, ["no header Host"]);
}

#[test]
fn clients_of_the_port_have_the_limits_of_the_socket_and_do_not_take_its_places() {
    let lab = Lab::with_config("request_timeout_s = 1.0\nmax_connections = 2\n[metrics]\nlisten = \"127.0.0.1:0\"");
    let at = address(&lab);
    let mut half = connect(at).unwrap();
    half.write_all(b"GET /metr").unwrap();
    let mut silent = connect(at).unwrap();
    is_well(&lab);
    // Both places are taken until the time of one of them is up.
    assert_eq!(ask(at, "GET /metrics", LOCAL).status, 200);
    for stream in [&mut half, &mut silent] {
        let mut said = Vec::new();
        let _ended = stream.read_to_end(&mut said);
        assert!(!String::from_utf8_lossy(&said).contains("200 OK"));
    }
    let mut long = connect(at).unwrap();
    let _written = long.write_all(format!("GET /metrics HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(1 << 20)).as_bytes());
    let mut said = Vec::new();
    let _ended = long.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("200 OK"));
    let mut garbage = connect(at).unwrap();
    garbage.write_all(b"\x16\x03\x01 what is this\r\n\r\n").unwrap();
    said.clear();
    let _ended = garbage.read_to_end(&mut said);
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&said));
    let page = Page::of(&lab);
    let most = |listener| page.sum("gild_connections_max", &[("listener", listener)]);
    assert_eq!((most("socket"), most("metrics")), (Some(2.0), Some(2.0)));
    is_well(&lab);
}

#[test]
fn a_daemon_whose_port_is_taken_does_not_start_and_leaves_nothing() {
    let lab = Lab::empty();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let serve = |address: &str| {
        let config = lab.write("port.toml", &lab.config(&format!("[metrics]\nlisten = \"{address}\"")));
        let mut command = lab.gild(&["serve", "--config"]);
        program::run(command.arg(config).arg("--socket").arg(lab.socket()).arg("--store").arg(lab.store()))
    };
    serve(&at.to_string())
        .ended_with(4)
        .complains([format!("{at} for metrics is in use").as_str(), "[metrics] listen"]);
    assert!(!lab.socket().exists() && !lab.store().exists(), "it looked at the port before the store");
    for address in ["0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464"] {
        let refused = serve(address).ended_with(3);
        refused.complains(["port.toml:4:10: metrics.listen:", "is not a loopback address", "reverse proxy"]);
    }
    serve("localhost").ended_with(3).complains(["port.toml:4:10", "127.0.0.1:9464"]);
}

#[test]
fn without_the_key_there_is_no_port_and_a_new_one_waits_for_the_next_start() {
    let mut lab = Lab::new();
    assert_eq!(lab.get::<gild_model::api::DaemonStatus>("/v1/status").metrics, None);
    lab.gilctl(&["daemon", "status"]).well().says(["on the socket alone"]);
    assert!(Page::of(&lab).those("gild_connections_max", &[("listener", "metrics")]).next().is_none());
    lab.write("gild.toml", &lab.config("[metrics]\nlisten = \"127.0.0.1:0\""));
    lab.signal_daemon(Signal::SIGHUP);
    wait_for("the log names the key", || lab.log().contains("metrics.listen").then_some(()));
    assert!(lab.log().contains("take effect when the daemon is started again"), "{}", lab.log());
    lab.signal_daemon(Signal::SIGTERM);
    lab.wait_for_daemon();
    lab.start_daemon();
    let at = address(&lab);
    lab.gilctl(&["daemon", "status"]).well().says([format!("http://{at}/metrics").as_str()]);
    assert_eq!(ask(at, "GET /metrics", LOCAL).status, 200);
    let held = connect(at).unwrap();
    lab.signal_daemon(Signal::SIGTERM);
    assert_eq!(lab.wait_for_daemon().code(), Some(0), "a client that stays does not keep it");
    drop(held);
    assert!(connect(at).is_err(), "the port is free again");
}
