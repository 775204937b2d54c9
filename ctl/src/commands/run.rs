//! `gilctl run`: gives an experiment to the daemon, follows it, shows where the time went.

use gild_model::experiment::Experiment;
use gild_model::run::{RunHead, RunStatus};

use super::{conclude, experiment};
use crate::cli::{DaemonOptions, RunArguments};
use crate::client::{self, Client};
use crate::error::{Error, Exit};
use crate::follow::{self, Interrupts};
use crate::progress::Reporter;
use crate::{output, session};

/// Runs an experiment.
pub async fn run(daemon: &DaemonOptions, arguments: &RunArguments) -> Result<Exit, Error> {
    // Before the daemon is looked for: a typing error must not start one.
    let experiment = experiment::from_arguments(arguments)?;
    let client = session::open(daemon).await?;
    let head = submit(&client, &experiment).await?;
    if arguments.detach {
        output::print(&format!("{}\n", head.id))?;
        return Ok(Exit::Done);
    }
    finish(&client, &head, &experiment, arguments.json).await
}

async fn submit(client: &Client, experiment: &Experiment) -> Result<RunHead, Error> {
    client.post("/v1/runs", experiment).await.map_err(|error| match error {
        client::Error::Problem(problem) if (400..500).contains(&problem.status) => Error::ExperimentRefused(problem),
        error => error.into(),
    })
}

/// Follows a run to its end and shows it; Ctrl-C cancels it.
async fn finish(client: &Client, head: &RunHead, experiment: &Experiment, json: bool) -> Result<Exit, Error> {
    let id = head.id;
    let mut interrupts = Interrupts::catch()?;
    let or_more = if experiment.until.is_some() { " or more" } else { "" };
    output::notice(&format!("run {id}: {} trials{or_more}; Ctrl-C cancels", head.trials_planned));
    let asked_to_cancel = follow::or_cancel(client, id, &mut Reporter::on_stderr(experiment), &mut interrupts).await?;
    let run = interrupts.end(follow::outcome(client, id)).await??;
    if asked_to_cancel && run.head.status == RunStatus::Cancelled {
        output::notice(&format!("run {id} is cancelled; look at what is there with: gilctl show {id}"));
        return Ok(Exit::Interrupted);
    }
    conclude(&run, json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Answer, FakeDaemon};

    #[tokio::test]
    async fn a_refused_experiment_is_a_usage_error() {
        let daemon = FakeDaemon::answering([Answer::problem(404, "no such kernel", "there is no kernel \"nul\"")]);
        let error = submit(&daemon.client(), &testing::experiment()).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Refused);
        assert_eq!(error.to_string(), "the experiment was refused: there is no kernel \"nul\"");
    }

    #[tokio::test]
    async fn what_is_submitted_is_the_experiment() {
        let daemon = FakeDaemon::answering([Answer::json(201, &testing::run().head)]);
        let head = submit(&daemon.client(), &testing::experiment()).await.unwrap();
        assert_eq!(head.id, testing::run().head.id);
        let request = daemon.requests().remove(0);
        assert!(request.starts_with("POST /v1/runs HTTP/1.1\r\n"), "{request}");
        let body = request.split("\r\n\r\n").nth(1).unwrap();
        assert_eq!(serde_json::from_str::<Experiment>(body).unwrap(), testing::experiment());
    }
}
