//! The client against a fake daemon.

use std::os::unix::net::UnixListener;

use gild_model::api::DaemonStatus;
use gild_model::run::RunHead;

use super::*;
use crate::error::Exit;
use crate::testing::{self, Answer, FakeDaemon};

async fn status_from(answer: Answer) -> Result<DaemonStatus, Error> {
    FakeDaemon::answering([answer]).client().get("/v1/status").await
}

async fn lines_from(answer: Answer) -> (Vec<u64>, Option<Error>) {
    let daemon = FakeDaemon::answering([answer]);
    let mut lines = daemon.client().lines::<u64>("/v1/runs/1/accounts").await.unwrap();
    let mut seen = Vec::new();
    loop {
        match lines.next().await {
            Ok(Some(value)) => seen.push(value),
            Ok(None) => return (seen, None),
            Err(error) => return (seen, Some(error)),
        }
    }
}

fn says(error: &Error, expected: &str) {
    assert!(error.to_string().contains(expected), "{error} does not say {expected:?}");
}

#[tokio::test]
async fn a_document_is_decoded() {
    let status = status_from(Answer::json(200, &testing::status())).await.unwrap();
    assert_eq!(status, testing::status());
}

#[tokio::test]
async fn requests_without_a_body_or_an_answer_work() {
    let empty = || Answer::bytes(b"HTTP/1.1 204 No Content\r\n\r\n");
    let head = testing::run().head;
    let daemon = FakeDaemon::answering([empty(), empty(), Answer::json(200, &head)]);
    daemon.client().delete("/v1/runs/7").await.unwrap();
    daemon.client().shut_down().await.unwrap();
    assert_eq!(daemon.client().post_empty::<RunHead>("/v1/runs/12/cancel").await.unwrap(), head);
    let starts: Vec<_> = daemon.requests().iter().map(|it| it.lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        starts,
        ["DELETE /v1/runs/7 HTTP/1.1", "POST /v1/shutdown HTTP/1.1", "POST /v1/runs/12/cancel HTTP/1.1"]
    );
}

#[tokio::test]
async fn a_problem_becomes_an_error_with_its_own_exit_code() {
    for (status, exit) in
        [(404, Exit::NotFound), (422, Exit::Refused), (409, Exit::Refused), (403, Exit::Daemon), (500, Exit::Daemon)]
    {
        let error = status_from(Answer::problem(status, "no such run", "there is no run 7")).await.unwrap_err();
        assert_eq!(error.to_string(), "no such run: there is no run 7");
        assert_eq!(error.exit(), exit, "{status}");
    }
}

#[tokio::test]
async fn a_kernel_that_no_plugin_has_is_not_found() {
    let error = status_from(Answer::problem(422, "no such kernel", "there is no kernel k")).await.unwrap_err();
    assert_eq!(error.exit(), Exit::NotFound);
}

#[tokio::test]
async fn nobody_listening_is_told_from_a_socket_out_of_reach() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("s");
    let error = Client::new(&missing).get::<DaemonStatus>("/v1/status").await.unwrap_err();
    assert!(matches!(error, Error::NoDaemon { .. }), "{error:?}");
    says(&error, "gilctl daemon start");
    drop(UnixListener::bind(&missing).unwrap());
    let error = Client::new(&missing).get::<DaemonStatus>("/v1/status").await.unwrap_err();
    assert!(matches!(error, Error::NoDaemon { .. }), "a dead daemon's socket: {error:?}");
    let long = folder.path().join("s".repeat(200));
    let error = Client::new(&long).get::<DaemonStatus>("/v1/status").await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert_eq!(error.exit(), Exit::Daemon);
}

#[tokio::test]
async fn something_else_on_the_socket_is_not_taken_for_the_daemon() {
    let error = status_from(Answer::bytes(b"SSH-2.0-OpenSSH_9.2\r\n")).await.unwrap_err();
    says(&error, "does not speak HTTP");
    let other = b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot found";
    says(&status_from(Answer::bytes(other)).await.unwrap_err(), "not as gild does");
    let error = status_from(Answer::json(200, &"hello")).await.unwrap_err();
    says(&error, "the answer to GET /v1/status is not what this gilctl knows");
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_error() {
    says(&status_from(Answer::bytes(b"")).await.unwrap_err(), "broke off");
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"version\"";
    says(&status_from(Answer::bytes(half)).await.unwrap_err(), "broke off");
}

#[tokio::test]
async fn an_endless_error_answer_is_not_read_to_its_end() {
    let mut answer = format!("HTTP/1.1 500 x\r\ncontent-length: {}\r\n\r\n", PROBLEM_MAX * 2).into_bytes();
    answer.resize(answer.len() + PROBLEM_MAX * 2, b' ');
    says(&status_from(Answer::bytes(&answer)).await.unwrap_err(), "is longer than 65536 bytes");
}

#[tokio::test]
async fn lines_come_one_by_one_whatever_the_chunks() {
    let (seen, error) = lines_from(Answer::lines(&["1", "22", "333", "4444", "55555"])).await;
    assert_eq!(seen, [1, 22, 333, 4444, 55555]);
    assert!(error.is_none(), "{error:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_or_ends_inside_a_line_is_an_error() {
    let (seen, error) = lines_from(Answer::lines(&["1", "2"]).cut()).await;
    assert_eq!(seen, [1, 2]);
    says(&error.unwrap(), "broke off");
    let body = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n1\n22";
    let (seen, error) = lines_from(Answer::bytes(body)).await;
    assert_eq!(seen, [1]);
    says(&error.unwrap(), "broke off");
}

#[tokio::test]
async fn a_line_that_is_no_value_is_an_error() {
    let (seen, error) = lines_from(Answer::lines(&["1", "two"])).await;
    assert_eq!(seen, [1]);
    says(&error.unwrap(), "is not what this gilctl knows");
}
