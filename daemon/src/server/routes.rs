//! The API, route by route. The table is in [`gild_model::api`], examples are in `docs/api.md`.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{MatchedPath, Path, Query, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use gild_model::api::{DaemonStatus, Event, EventKind, InspectRequest};
use gild_model::comparison::Comparison;
use gild_model::experiment::Experiment;
use gild_model::label::{NoteChange, TagChange};
use gild_model::many::{PruneRequest, RunFilter};
use gild_model::plugin::{PluginInfo, PluginList};
use gild_model::query::{SqlRequest, ViewInfo};
use gild_model::run::{Run, RunHead, RunId, RunOutline};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::body;
use super::events::Log;
use super::live;
use super::metrics;
use super::problem::Refusal;
use super::questions;
use super::recordings;
use crate::daemon::Daemon;
use crate::fit;
use crate::python::probe;
use crate::runs::{Accepted, RunError};
use crate::summary;

pub(super) type Shared = State<Arc<Daemon>>;
pub(super) type Answer<T> = Result<T, Refusal>;

/// The whole API.
pub fn router(daemon: Arc<Daemon>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/host", get(host))
        .route("/v1/plugins", get(plugins))
        .route("/v1/plugins/inspect", post(inspect))
        .route("/v1/recordings", post(recordings::keep))
        .route("/v1/recordings/live", post(recordings::begin))
        .route("/v1/recordings/{id}/look", post(recordings::look))
        .route("/v1/recordings/{id}/end", post(recordings::end))
        .route("/v1/runs", get(list).post(submit))
        .route("/v1/runs/{id}", get(show).delete(remove))
        .route("/v1/runs/{id}/outline", get(outline))
        .route("/v1/runs/{id}/events", get(events))
        .route("/v1/runs/{id}/live", get(live::live))
        .route("/v1/runs/{id}/trials", get(trials))
        .route("/v1/runs/{id}/accounts", get(accounts))
        .route("/v1/runs/{id}/counters", get(counters))
        .route("/v1/runs/{id}/tasks", get(tasks))
        .route("/v1/runs/{id}/timelines", get(timelines))
        .route("/v1/runs/{id}/waits", get(waits))
        .route("/v1/runs/{id}/holders", get(holders))
        .route("/v1/runs/{id}/cancel", post(cancel))
        .route("/v1/runs/{id}/tags", post(tag))
        .route("/v1/runs/{id}/note", put(note))
        .route("/v1/prune", post(prune))
        .route("/v1/sql", post(sql))
        .route("/v1/sql/views", get(views))
        .route("/v1/compare", get(compare))
        .route("/v1/shutdown", post(shutdown))
        .route("/metrics", get(metrics::show))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(Arc::clone(&daemon), observe))
        .with_state(daemon)
}

/// What a user who is not allowed gets for an answer, whatever the question.
pub fn forbidden(user: u32) -> Router {
    Router::new().fallback(move || async move {
        let detail = format!(
            "user {user} may not use this daemon; root and the daemon's own user may, and those in allow_uids of its \
             configuration"
        );
        Refusal::new(StatusCode::FORBIDDEN, "wrong user", detail)
    })
}

/// A JSON answer.
pub(super) struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Refusal::internal(error).into_response(),
        }
    }
}

/// Has a request counted and logged once it is answered.
pub(super) async fn observe(State(daemon): Shared, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    daemon.traffic.answered(&method, route.as_ref().map(MatchedPath::as_str), status, started.elapsed());
    tracing::debug!(%method, path, status = status.as_u16(), "request");
    response
}

async fn status(State(daemon): Shared) -> Json<DaemonStatus> {
    Json(daemon.status())
}

async fn host(State(daemon): Shared) -> Response {
    Json(daemon.host().as_ref()).into_response()
}

async fn plugins(State(daemon): Shared) -> Json<PluginList> {
    Json(daemon.plugins.list(&daemon.plugin_path()).await)
}

async fn inspect(State(daemon): Shared, body: Body) -> Answer<Json<PluginInfo>> {
    let request: InspectRequest = body::read_json(body, &daemon.config()).await?;
    match (request.path, request.kernel) {
        (Some(path), None) if !path.is_absolute() => Err(invalid_request("path: expected an absolute path")),
        (Some(path), None) => Ok(Json(daemon.plugins.inspect(&path).await?)),
        (None, Some(kernel)) => Ok(Json(daemon.plugins.find(&kernel, &daemon.plugin_path()).await?)),
        (None, None) | (Some(_), Some(_)) => Err(invalid_request("expected one of path and kernel, and only one")),
    }
}

async fn list(State(daemon): Shared, query: Result<Query<RunFilter>, QueryRejection>) -> Answer<Json<Vec<RunHead>>> {
    let malformed = |detail: String| Refusal::new(StatusCode::BAD_REQUEST, "malformed query", detail);
    let Query(filter) = query.map_err(|error| malformed(error.body_text()))?;
    let limit = filter.limit().map_err(malformed)?;
    Ok(Json(daemon.runs.list(&filter, limit)?))
}

async fn submit(State(daemon): Shared, body: Body) -> Answer<Response> {
    let config = daemon.config();
    let mut experiment: Experiment = body::read_json(body, &config).await?;
    experiment.check().map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid experiment", error))?;
    let deterministic = if experiment.python.is_some() {
        look_at_interpreters(&daemon, &mut experiment).await?
    } else {
        look_up_plugin(&daemon, &mut experiment).await?
    };
    let head = daemon.runs.submit(Accepted { experiment, deterministic }, config.queue_max)?;
    tracing::info!(run = head.id, name = %head.name, kernel = %head.kernel, "run accepted");
    let location = [(header::LOCATION, format!("/v1/runs/{}", head.id))];
    Ok((StatusCode::CREATED, location, Json(head)).into_response())
}

/// Fills in the library that holds the kernel, and says whether the kernel gives equal results for equal input.
async fn look_up_plugin(daemon: &Daemon, experiment: &mut Experiment) -> Answer<bool> {
    let plugin: Option<&FilePath> = experiment.plugin.as_deref();
    let (info, kernel) = daemon.plugins.resolve(&experiment.kernel, plugin, &daemon.plugin_path()).await?;
    fit::check(experiment, &kernel, &daemon.host().cores)?;
    experiment.plugin = Some(info.path);
    Ok(kernel.deterministic)
}

/// The same for a kernel in Python: fills in what its interpreters are.
async fn look_at_interpreters(daemon: &Daemon, experiment: &mut Experiment) -> Answer<bool> {
    fit::check_python(experiment, &daemon.host().cores)?;
    let Some(kernel) = &mut experiment.python else { return Ok(false) };
    kernel.interpreters = probe::interpreters(&daemon.spawner, kernel, &experiment.cases).await?;
    Ok(kernel.deterministic)
}

async fn show(State(daemon): Shared, Path(id): Path<String>) -> Answer<Json<Run>> {
    Ok(Json(whole(&daemon, number(&id)?).await?))
}

async fn outline(State(daemon): Shared, Path(id): Path<String>) -> Answer<Json<RunOutline>> {
    Ok(Json(daemon.runs.outline(number(&id)?)?))
}

/// A run with its summary.
async fn whole(daemon: &Daemon, id: RunId) -> Answer<Run> {
    let reader = daemon.runs.reader()?;
    // Folding a long run into its summary takes a while.
    let run = tokio::task::spawn_blocking(move || reader.run(id)).await.map_err(Refusal::internal)??;
    Ok(daemon.runs.correct(run.ok_or(RunError::Missing(id))?))
}

async fn remove(State(daemon): Shared, Path(id): Path<String>) -> Answer<StatusCode> {
    daemon.runs.remove(number(&id)?)?;
    let given_back = tokio::task::spawn_blocking(move || daemon.runs.give_back()).await.map_err(Refusal::internal)?;
    if let Err(error) = given_back {
        tracing::warn!(%error, "the room of a removed run could not be given back; later runs use it");
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn tag(State(daemon): Shared, Path(id): Path<String>, body: Body) -> Answer<Json<RunHead>> {
    let change: TagChange = body::read_json(body, &daemon.config()).await?;
    change.check().map_err(invalid_request)?;
    Ok(Json(daemon.runs.change_tags(number(&id)?, &change)?))
}

async fn note(State(daemon): Shared, Path(id): Path<String>, body: Body) -> Answer<Json<RunHead>> {
    let change: NoteChange = body::read_json(body, &daemon.config()).await?;
    Ok(Json(daemon.runs.set_note(number(&id)?, change.text().map_err(invalid_request)?)?))
}

async fn prune(State(daemon): Shared, body: Body) -> Answer<Response> {
    let request: PruneRequest = body::read_json(body, &daemon.config()).await?;
    request.check().map_err(invalid_request)?;
    let (mut lines, answer) = body::lines();
    tokio::task::spawn_blocking(move || match daemon.runs.prune(&request, &mut |event| lines.push(&event)) {
        Ok(()) => {
            lines.flush();
        }
        Err(error) => {
            tracing::error!(%error, "runs could not be removed");
            lines.cut_short(&error);
        }
    });
    Ok(answer)
}

async fn sql(State(daemon): Shared, body: Body) -> Answer<Response> {
    let request: SqlRequest = body::read_json(body, &daemon.config()).await?;
    questions::answer(&daemon, request).await
}

async fn views(State(daemon): Shared) -> Answer<Json<Vec<ViewInfo>>> {
    Ok(Json(daemon.runs.reader()?.views()?))
}

fn invalid_request(detail: impl ToString) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid request", detail)
}

async fn cancel(State(daemon): Shared, Path(id): Path<String>) -> Answer<Json<RunHead>> {
    let head = daemon.runs.cancel(number(&id)?)?;
    tracing::info!(run = head.id, "run cancelled");
    Ok(Json(head))
}

/// What may follow the `?` of an event stream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    #[serde(default)]
    after: u64,
}

async fn events(
    State(daemon): Shared,
    Path(id): Path<String>,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Answer<Response> {
    let id = number(&id)?;
    let Query(EventsQuery { after }) =
        query.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "malformed query", error.body_text()))?;
    match daemon.runs.logs.get(id) {
        Some(log) => Ok(body::events(log, after)),
        None => {
            let head = daemon.runs.head(id)?;
            Ok(body::events(Arc::new(epilogue(&head, after)), after))
        }
    }
}

/// The log of a run that was over before the daemon started, or so long ago that its log is gone: the last event.
fn epilogue(head: &RunHead, after: u64) -> Log {
    let what = EventKind::Finished { status: head.status, error: head.error.clone() };
    let at = head.finished_at.unwrap_or_else(Timestamp::now);
    Log::ended(Event { seq: after.saturating_add(1), at, what })
}

async fn trials(State(daemon): Shared, Path(id): Path<String>) -> Answer<Response> {
    let id = daemon.runs.head(number(&id)?)?.id;
    Ok(body::rows(daemon.runs.reader()?, id, |reader, id, lines| reader.stream_trials(id, |trial| lines.push(&trial))))
}

async fn accounts(State(daemon): Shared, Path(id): Path<String>) -> Answer<Response> {
    let id = daemon.runs.head(number(&id)?)?.id;
    Ok(body::rows(daemon.runs.reader()?, id, |reader, id, lines| reader.account_rows(id, &mut |row| lines.push(&row))))
}

/// What may follow the `?` of the counters' names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountersQuery {
    #[serde(default)]
    warmups: bool,
}

async fn counters(
    State(daemon): Shared,
    Path(id): Path<String>,
    query: Result<Query<CountersQuery>, QueryRejection>,
) -> Answer<Json<Vec<String>>> {
    let Query(CountersQuery { warmups }) =
        query.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "malformed query", error.body_text()))?;
    let id = daemon.runs.head(number(&id)?)?.id;
    let reader = daemon.runs.reader()?;
    // It looks at every account.
    let names = tokio::task::spawn_blocking(move || reader.counter_names(id, warmups)).await;
    Ok(Json(names.map_err(Refusal::internal)??))
}

async fn tasks(State(daemon): Shared, Path(id): Path<String>) -> Answer<Response> {
    let id = daemon.runs.head(number(&id)?)?.id;
    Ok(body::rows(daemon.runs.reader()?, id, |reader, id, lines| reader.task_rows(id, &mut |row| lines.push(&row))))
}

async fn timelines(State(daemon): Shared, Path(id): Path<String>) -> Answer<Response> {
    let id = daemon.runs.head(number(&id)?)?.id;
    Ok(body::rows(daemon.runs.reader()?, id, |reader, id, lines| reader.timelines(id, &mut |row| lines.push(&row))))
}

async fn waits(State(daemon): Shared, Path(id): Path<String>) -> Answer<Response> {
    let id = daemon.runs.head(number(&id)?)?.id;
    Ok(body::rows(daemon.runs.reader()?, id, |reader, id, lines| {
        reader.lock_wait_rows(id, &mut |row| lines.push(&row))
    }))
}

async fn holders(State(daemon): Shared, Path(id): Path<String>) -> Answer<Response> {
    let id = daemon.runs.head(number(&id)?)?.id;
    Ok(body::rows(daemon.runs.reader()?, id, |reader, id, lines| reader.holder_rows(id, &mut |row| lines.push(&row))))
}

/// What has to follow the `?` of a comparison.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CompareQuery {
    old: RunId,
    new: RunId,
}

async fn compare(
    State(daemon): Shared,
    query: Result<Query<CompareQuery>, QueryRejection>,
) -> Answer<Json<Comparison>> {
    let Query(CompareQuery { old, new }) =
        query.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "malformed query", error.body_text()))?;
    let (old, new) = (finished(&daemon, old).await?, finished(&daemon, new).await?);
    // The bootstrap takes a while.
    let compared = tokio::task::spawn_blocking(move || summary::compare(&old, &new)).await;
    let compared = compared.map_err(Refusal::internal)?;
    compared.map(Json).map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "not comparable", error))
}

/// A run that is over.
async fn finished(daemon: &Daemon, id: RunId) -> Answer<Run> {
    let run = whole(daemon, id).await?;
    if !run.head.status.is_final() {
        return Err(RunError::Active { id, status: run.head.status }.into());
    }
    Ok(run)
}

async fn shutdown(State(daemon): Shared) -> StatusCode {
    tracing::info!("asked to stop");
    daemon.stop();
    StatusCode::ACCEPTED
}

async fn no_such_route(uri: Uri) -> Refusal {
    let detail = format!("there is nothing at {}; the routes are in docs/api.md", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, "no such route", detail)
}

pub(super) async fn no_such_method(method: Method, uri: Uri) -> Refusal {
    let detail = format!("{} cannot be asked with {method}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "no such method", detail)
}

pub(super) fn number(id: &str) -> Answer<RunId> {
    id.parse().map_err(|_| {
        let detail = format!("run: expected the number of a run, found \"{id}\"");
        Refusal::new(StatusCode::BAD_REQUEST, "malformed run number", detail)
    })
}
