//! The API over a real socket, with a daemon that cannot start processes.

use std::io;
use std::path::Path;

use gild_model::api::{DaemonStatus, Event, Problem};
use gild_model::run::{RunHead, RunStatus};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;
use crate::config::Config;
use crate::testing::{accepted, daemon, host};

/// A daemon that serves, in a folder of its own.
struct Bench {
    folder: TempDir,
    daemon: Arc<Daemon>,
    server: JoinHandle<()>,
}

/// An answer, taken apart.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Bench {
    fn new(config: Config) -> Bench {
        let (folder, daemon) = daemon(config);
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let server = tokio::spawn(serve(Arc::clone(&daemon), listener));
        Bench { folder, daemon, server }
    }

    fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("socket")
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.socket()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut stream = self.connect().await;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        answer(stream).await
    }
}

/// Reads to the end.
async fn answer(mut stream: UnixStream) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

impl Answer {
    fn problem(&self) -> Problem {
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        let problem: Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        problem
    }

    /// The events of a stream, whatever chunks they came in.
    fn events(&self) -> Vec<Event> {
        let lines = self.body.lines().filter(|line| line.starts_with('{'));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn impatient() -> Config {
    Config { request_timeout_s: 0.2, ..Config::default() }
}

#[tokio::test(flavor = "current_thread")]
async fn the_status_tells_who_serves() {
    let bench = Bench::new(Config::default());
    let answer = bench.get("/v1/status").await;
    let status: DaemonStatus = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, status.pid), (200, std::process::id()));
    assert_eq!((status.running, status.queued, status.program_replaced), (None, 0, false));
    assert_eq!(
        serde_json::from_str::<gild_model::host::HostReport>(&bench.get("/v1/host").await.body).unwrap(),
        host()
    );
}

#[tokio::test(flavor = "current_thread")]
async fn every_error_is_a_problem_that_names_the_thing() {
    let bench = Bench::new(Config { max_body_bytes: 2_000, ..Config::default() });
    let long = "x".repeat(3_000);
    let complete = serde_json::to_string(&crate::testing::experiment()).unwrap();
    let no_case =
        complete.replace(&complete[complete.find("\"cases\":[").unwrap()..complete.find("],").unwrap()], "\"cases\":[");
    let table: &[(&str, &str, &str, u16, &str)] = &[
        ("GET", "/", "", 404, "there is nothing at /"),
        ("GET", "/v1/run", "", 404, "there is nothing at /v1/run;"),
        ("PUT", "/v1/runs", "", 405, "/v1/runs cannot be asked with PUT"),
        ("GET", "/v1/runs/x", "", 400, "run: expected the number of a run, found \"x\""),
        ("GET", "/v1/runs/7", "", 404, "there is no run 7"),
        ("GET", "/v1/runs/7/events", "", 404, "there is no run 7"),
        ("GET", "/v1/runs/7/trials", "", 404, "there is no run 7"),
        ("GET", "/v1/runs/7/accounts", "", 404, "there is no run 7"),
        ("GET", "/v1/runs/7/events?after=x", "", 400, "after: invalid digit"),
        ("GET", "/v1/runs/7/events?before=1", "", 400, "unknown field `before`"),
        ("POST", "/v1/runs/7/cancel", "", 404, "there is no run 7"),
        ("GET", "/v1/compare?old=7&new=8", "", 404, "there is no run 7"),
        ("GET", "/v1/compare?old=7", "", 400, "missing field `new`"),
        ("GET", "/v1/compare?old=7&new=last", "", 400, "new: invalid digit"),
        ("DELETE", "/v1/runs/7", "", 404, "there is no run 7"),
        ("POST", "/v1/runs", "", 400, "EOF while parsing"),
        ("POST", "/v1/runs", "{]", 400, "key must be a string at line 1 column 2"),
        ("POST", "/v1/runs", "{\"name\": 1}", 400, "name: invalid type: integer `1`"),
        ("POST", "/v1/runs", "{\"nom\": 1}", 400, "nom: unknown field `nom`"),
        (
            "POST",
            "/v1/runs",
            &complete.replace("sequential\",\"workers\":1", "sequential\",\"workers\":-1"),
            400,
            "cases[0].workers: invalid value",
        ),
        ("POST", "/v1/runs", &format!("{complete}x"), 400, "trailing characters"),
        ("POST", "/v1/runs", &no_case, 422, "case: at least one is needed"),
        ("POST", "/v1/runs", &complete, 422, "plugin /plugins/libnull.so: cannot be opened"),
        ("POST", "/v1/runs", &long, 413, "longer than 2000 bytes"),
        ("POST", "/v1/plugins/inspect", "{}", 422, "one of path and kernel"),
        ("POST", "/v1/plugins/inspect", "{\"path\":\"a.so\"}", 422, "path: expected an absolute path"),
        ("POST", "/v1/plugins/inspect", "{\"kernel\":\"k\"}", 422, "has a kernel k; there are no kernels there"),
    ];
    for (method, path, body, status, detail) in table {
        let answer = bench.ask(method, path, body).await;
        assert_eq!(answer.status, *status, "{method} {path} {body}: {answer:?}");
        let problem = answer.problem();
        assert!(problem.detail.contains(detail), "{method} {path}: {problem:?} does not say {detail:?}");
    }
    assert_eq!(bench.get("/v1/status").await.status, 200);
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_not_http_is_refused_and_the_daemon_goes_on() {
    let bench = Bench::new(Config::default());
    let mut stream = bench.connect().await;
    stream.write_all(b"\x16\x03\x01 what is this\r\n\r\n").await.unwrap();
    assert_eq!(answer(stream).await.status, 400);
    let mut stream = bench.connect().await;
    let cookie = "x".repeat(HEAD_BYTES_MAX * 2);
    // The answer comes before all of this is read.
    let _ = stream.write_all(format!("GET /v1/status HTTP/1.1\r\ncookie: {cookie}").as_bytes()).await;
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    assert!(text.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&text));
    assert_eq!(bench.get("/v1/status").await.status, 200);
}

#[tokio::test(flavor = "current_thread")]
async fn a_slow_body_gets_an_answer_and_a_slow_head_none() {
    let bench = Bench::new(impatient());
    let mut body = bench.connect().await;
    body.write_all(b"POST /v1/runs HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{")
        .await
        .unwrap();
    let mut head = bench.connect().await;
    head.write_all(b"GET /v1/sta").await.unwrap();
    let mut idle = bench.connect().await;
    assert_eq!(bench.get("/v1/status").await.status, 200, "others are served meanwhile");
    let mut text = String::new();
    let _ = body.read_to_string(&mut text).await;
    assert!(text.starts_with("HTTP/1.1 408") && text.contains("request_timeout_s"), "{text}");
    for stream in [&mut head, &mut idle] {
        text.clear();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "", "the connection was closed");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_client_that_takes_no_answer_is_cut_off() {
    let bench = Bench::new(impatient());
    for _ in 0..3_000 {
        bench.daemon.runs.submit(accepted(), usize::MAX).unwrap();
    }
    let mut stream = bench.connect().await;
    stream.write_all(b"GET /v1/runs HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let others = bench.daemon.config().request_timeout() * 3;
    tokio::time::sleep(others).await;
    assert_eq!(bench.get("/v1/status").await.status, 200, "others are served meanwhile");
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    let head = String::from_utf8_lossy(&text[..200]).to_lowercase();
    let length: usize = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse().unwrap();
    assert!(text.len() < length, "{} of {length} bytes", text.len());
}

#[tokio::test(flavor = "current_thread")]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let bench = Bench::new(Config { max_connections: 1, ..Config::default() });
    let first = bench.connect().await;
    let second = bench.get("/v1/status");
    tokio::pin!(second);
    let wait = tokio::time::timeout(Duration::from_millis(100), &mut second).await;
    assert!(wait.is_err(), "the first one has the only place");
    drop(first);
    assert_eq!(second.await.status, 200);
}

#[tokio::test(flavor = "current_thread")]
async fn a_stranger_gets_the_reason_and_nothing_else() {
    let (here, there) = UnixStream::pair().unwrap();
    let (_keep, stopping) = watch::channel(false);
    let server = tokio::spawn(converse(routes::forbidden(4711), there, Duration::from_secs(5), stopping));
    let mut stream = here;
    stream.write_all(b"POST /v1/shutdown HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let answer = answer(stream).await;
    assert_eq!(answer.status, 403);
    assert!(answer.problem().detail.starts_with("user 4711 may not use this daemon"), "{answer:?}");
    server.await.unwrap().unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn events_stream_until_the_run_is_over() {
    let bench = Bench::new(Config::default());
    let runs = &bench.daemon.runs;
    let id = runs.submit(accepted(), 8).unwrap().id;
    let path = format!("/v1/runs/{id}/events");
    let (stream, ()) = tokio::join!(bench.get(&path), async {
        tokio::task::yield_now().await;
        runs.cancel(id).unwrap();
    });
    assert!(stream.head.contains("content-type: application/x-ndjson"));
    let numbers = |answer: &Answer| answer.events().iter().map(|event| event.seq).collect::<Vec<_>>();
    assert_eq!(numbers(&stream), [1, 2]);
    assert_eq!(numbers(&bench.get(&format!("{path}?after=1")).await), [2]);
    assert_eq!(numbers(&bench.get(&format!("{path}?after=2")).await), [0; 0], "nothing is left, and the stream ends");
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_of_an_earlier_daemon_has_one_event_its_end() {
    let bench = Bench::new(Config::default());
    let id = bench.daemon.runs.submit(accepted(), 8).unwrap().id;
    bench.daemon.runs.cancel(id).unwrap();
    bench.daemon.runs.logs.remove(id);
    let events = bench.get(&format!("/v1/runs/{id}/events?after=7")).await.events();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    let expected = gild_model::api::EventKind::Finished { status: RunStatus::Cancelled, error: None };
    assert_eq!((event.seq, &event.what), (8, &expected));
}

#[tokio::test(flavor = "current_thread")]
async fn runs_are_listed_shown_cancelled_and_removed() {
    let bench = Bench::new(Config::default());
    let head = bench.daemon.runs.submit(accepted(), 8).unwrap();
    let listed: Vec<RunHead> = serde_json::from_str(&bench.get("/v1/runs").await.body).unwrap();
    assert_eq!(listed, std::slice::from_ref(&head));
    let path = format!("/v1/runs/{}", head.id);
    let shown: gild_model::run::Run = serde_json::from_str(&bench.get(&path).await.body).unwrap();
    assert_eq!((shown.head, shown.experiment), (head, accepted().experiment));
    assert_eq!(bench.ask("DELETE", &path, "").await.status, 409);
    let cancelled: RunHead =
        serde_json::from_str(&bench.ask("POST", &format!("{path}/cancel"), "").await.body).unwrap();
    assert_eq!(cancelled.status, RunStatus::Cancelled);
    assert_eq!(bench.ask("POST", &format!("{path}/cancel"), "").await.status, 409);
    assert_eq!(bench.get(&format!("{path}/trials")).await.status, 200);
    assert_eq!(bench.ask("DELETE", &path, "").await.status, 204);
    assert_eq!(bench.get(&path).await.status, 404);
}

#[tokio::test(flavor = "current_thread")]
async fn a_full_queue_and_a_full_store_say_so() {
    let bench = Bench::new(Config::default());
    let refusal = |error: crate::runs::RunError| problem::Refusal::from(error);
    bench.daemon.runs.submit(accepted(), 1).unwrap();
    let full = refusal(bench.daemon.runs.submit(accepted(), 1).unwrap_err());
    assert_eq!((full.status.as_u16(), full.title), (503, "queue full"));
    let path = Path::new("/data/gild.db").to_owned();
    let full = refusal(crate::store::StoreError::Full { path }.into());
    assert_eq!((full.status.as_u16(), full.title), (507, "store full"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_request_to_stop_is_answered_and_ends_streams_and_server() -> io::Result<()> {
    let bench = Bench::new(Config::default());
    let id = bench.daemon.runs.submit(accepted(), 8).unwrap().id;
    let path = format!("/v1/runs/{id}/events");
    let (stream, stopped) = tokio::join!(bench.get(&path), async {
        tokio::task::yield_now().await;
        bench.ask("POST", "/v1/shutdown", "").await
    });
    assert_eq!(stopped.status, 202);
    let last = stream.events().pop().unwrap();
    assert!(matches!(last.what, gild_model::api::EventKind::Finished { status: RunStatus::Interrupted, .. }));
    bench.server.await?;
    assert!(UnixStream::connect(bench.folder.path().join("socket")).await.is_err());
    Ok(())
}

/// The routes that a text lists in a table, as `METHOD /path`.
fn listed(text: &str) -> Vec<String> {
    let rows = text.lines().filter_map(|line| line.trim_start_matches("//! ").strip_prefix("| "));
    let calls = rows.filter_map(|row| row.trim_start_matches('[').strip_prefix('`')?.split(['`', '?']).next());
    calls.filter(|call| call.contains(" /")).map(str::to_owned).collect()
}

#[test]
fn the_documented_routes_are_those_of_the_code() {
    let documented = listed(include_str!("../../../docs/api.md"));
    assert_eq!(documented, listed(include_str!("../../model/src/api.rs")));
    let code = include_str!("routes.rs");
    for path in documented.iter().filter_map(|call| call.split(' ').nth(1)) {
        assert!(code.contains(&format!("route(\"{path}\"")), "{path} is documented and not there");
    }
    assert_eq!(documented.len(), 31, "a route more or less belongs into docs/api.md");
}
