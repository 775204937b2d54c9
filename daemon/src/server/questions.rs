//! Questions in SQL: the answer as lines, made on a thread of its own.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use gild_model::query::{SqlLine, SqlRequest};
use tokio::sync::oneshot;

use super::body::{self, Lines};
use super::problem::Refusal;
use crate::daemon::Daemon;
use crate::store::{Question, StoreError};

/// Whether an answer has begun. What goes wrong before that is an answer of its own.
type Begun = Option<oneshot::Sender<Result<(), StoreError>>>;

/// Answers a question.
///
/// # Errors
/// It is no question that can be answered; the store failed.
pub async fn answer(daemon: &Daemon, request: SqlRequest) -> Result<Response, Refusal> {
    let invalid = |detail: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid request", detail);
    let limit = Duration::from_secs_f64(request.time_limit_s().map_err(invalid)?);
    let (lines, body) = body::lines();
    let question = daemon.runs.question(&request.sql, limit, lines.abandonment())?;
    let (begun, beginning) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        work(&question, request.row_limit.unwrap_or(u64::MAX), Some(begun), lines);
    });
    beginning.await.map_err(Refusal::internal)??;
    Ok(body)
}

fn work(question: &Question, row_limit: u64, mut begun: Begun, mut lines: Lines) {
    let (mut rows, mut cut) = (0, false);
    let answered = question.answer(&mut |line| {
        match &line {
            SqlLine::Row(_) if rows == row_limit => {
                cut = true;
                return false;
            }
            SqlLine::Row(_) => rows += 1,
            _ => begin(&mut begun, Ok(())),
        }
        lines.push(&line)
    });
    match answered {
        Ok(()) => lines.push(&SqlLine::End { rows, cut }),
        Err(error) if begun.is_some() => return begin(&mut begun, Err(error)),
        Err(error) => lines.push(&SqlLine::Error(error.to_string())),
    };
    lines.flush();
}

/// Whoever asked may be gone already, and then nobody hears this.
fn begin(begun: &mut Begun, result: Result<(), StoreError>) {
    if let Some(begun) = begun.take() {
        let _gone = begun.send(result);
    }
}
