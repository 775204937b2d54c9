//! The API of recordings: kept whole, or followed from their beginning to their end.
//!
//! Whoever records holds the answer to its first request open: it is told there what is wanted of it, and when the connection
//! closes before the recording has ended, nobody is recording any more.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gild_model::look::{Begun, Look, Order};
use gild_model::recording::Recording;
use gild_model::run::RunHead;

use super::body;
use super::problem::Refusal;
use super::routes::{Answer, Json, Shared, number};
use crate::daemon::Daemon;
use crate::retention;
use crate::runs::Ends;

/// A recording may have thousands of rows, so what bounds it is not what bounds an experiment.
const RECORDING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// As many threads as a look may have, with command lines.
const LOOK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Keeps a recording that is over.
pub async fn keep(State(daemon): Shared, body: Body) -> Answer<Response> {
    let recording = whole(body, &daemon).await?;
    let head = daemon.runs.keep(&recording, &daemon.host())?;
    tracing::info!(run = head.id, name = %head.name, threads = recording.trial.workers.len(), "recording kept");
    tokio::spawn(async move { retention::apply(&daemon).await });
    Ok((StatusCode::CREATED, location(&head), Json(head)).into_response())
}

/// Takes a recording that has begun; the answer lasts as long as it does.
pub async fn begin(State(daemon): Shared, body: Body) -> Answer<Response> {
    let begun: Begun = body::read_json_up_to(body, LOOK_BYTES_MAX, &daemon.config()).await?;
    begun.check().map_err(invalid)?;
    let (head, ends) = daemon.runs.begin_recording(&begun, &daemon.host())?;
    tracing::info!(run = head.id, name = %head.name, "recording begun");
    let location = location(&head);
    Ok((StatusCode::CREATED, location, orders(daemon, head, ends)).into_response())
}

/// Tells the watchers how far a recording is.
pub async fn look(State(daemon): Shared, Path(id): Path<String>, body: Body) -> Answer<StatusCode> {
    let look: Look = body::read_json_up_to(body, LOOK_BYTES_MAX, &daemon.config()).await?;
    look.check().map_err(invalid)?;
    daemon.runs.look(number(&id)?, look)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a recording.
pub async fn end(State(daemon): Shared, Path(id): Path<String>, body: Body) -> Answer<Response> {
    let recording = whole(body, &daemon).await?;
    let head = daemon.runs.end_recording(number(&id)?, recording)?;
    tracing::info!(run = head.id, status = head.status.name(), "recording ended");
    tokio::spawn(async move { retention::apply(&daemon).await });
    Ok(Json(head).into_response())
}

async fn whole(body: Body, daemon: &Daemon) -> Answer<Recording> {
    let recording: Recording = body::read_json_up_to(body, RECORDING_BYTES_MAX, &daemon.config()).await?;
    recording.check().map_err(invalid)?;
    Ok(recording)
}

fn invalid(detail: String) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid recording", detail)
}

fn location(head: &RunHead) -> [(header::HeaderName, String); 1] {
    [(header::LOCATION, format!("/v1/runs/{}", head.id))]
}

/// Streams what is wanted of whoever records, until the recording is over or they are gone.
fn orders(daemon: Arc<Daemon>, head: RunHead, mut ends: Ends) -> Response {
    let (lines, body) = body::speaker();
    tokio::spawn(async move {
        let id = head.id;
        let mut heard = lines.push(&Order::Go(Box::new(head))).await;
        while heard {
            tokio::select! {
                asked = ends.changed() => match asked {
                    Ok(()) => heard = lines.push(&Order::End).await,
                    Err(_) => break,
                },
                () = lines.closed() => break,
            }
        }
        daemon.runs.interrupt_recording(id);
    });
    body
}
