//! What is happening in a run right now.

use std::sync::Arc;

use axum::extract::{Path, State};
use gild_model::live::{LiveAccounts, LiveRun};

use super::problem::Refusal;
use super::routes::{Answer, Json, Shared, number};
use crate::trial::Accounts;

/// A run, and a snapshot of what is in progress in it. Of a run that is not running there is the head alone.
pub(super) async fn live(State(daemon): Shared, Path(id): Path<String>) -> Answer<Json<LiveRun>> {
    let id = number(&id)?;
    let Some((mut progress, accounts)) = daemon.runs.stage.look(id) else {
        let look = daemon.runs.logs.get(id).and_then(|log| log.look());
        let head = daemon.runs.head(id)?;
        return Ok(Json(LiveRun { head, progress: None, accounts: look.as_ref().map(LiveAccounts::from) }));
    };
    let mut seen = None;
    if let Some(accounts) = accounts {
        progress.tasks_planned = accounts.tasks_planned();
        let snapshot = snapshot(accounts).await?;
        progress.tasks_done = snapshot.rows.iter().filter_map(|row| row.tasks_done).fold(0, u64::saturating_add);
        seen = Some(bounded(snapshot));
    }
    Ok(Json(LiveRun { head: daemon.runs.head(id)?, progress: Some(progress), accounts: seen }))
}

/// Many workers are many pages to read, and the daemon has one thread to answer with.
async fn snapshot(accounts: Arc<Accounts>) -> Answer<LiveAccounts> {
    tokio::task::spawn_blocking(move || accounts.snapshot()).await.map_err(Refusal::internal)
}

fn bounded(mut accounts: LiveAccounts) -> LiveAccounts {
    accounts.bound();
    accounts
}
