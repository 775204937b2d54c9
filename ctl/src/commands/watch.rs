//! `gilctl watch`: follows a run to its end, then shows it. Ctrl-C stops the watching, not the run.

use gild_model::run::Run;

use super::{conclude, open};
use crate::cli::{DaemonOptions, WatchArguments};
use crate::error::{Error, Exit};
use crate::follow;

/// Follows a run to its end.
pub async fn run(daemon: &DaemonOptions, arguments: &WatchArguments) -> Result<Exit, Error> {
    let (client, id) = open(daemon, arguments.run).await?;
    let run: Run = client.get(&format!("/v1/runs/{id}")).await?;
    if run.head.status.is_final() {
        return conclude(&run, arguments.json);
    }
    follow::to_the_end(&client, id, &run.experiment).await?;
    conclude(&follow::outcome(&client, id).await?, arguments.json)
}
