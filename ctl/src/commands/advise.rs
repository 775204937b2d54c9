//! `gilctl advise`: says which case of a run to use, and what that rests on.

use gild_model::advice::{Advice, Decision};
use gild_model::run::Run;

use super::open;
use crate::cli::{AdviseArguments, DaemonOptions};
use crate::error::{Error, Exit};
use crate::{output, render};

/// Shows the advice on a run.
pub async fn run(daemon: &DaemonOptions, arguments: &AdviseArguments) -> Result<Exit, Error> {
    let (client, id) = open(daemon, arguments.run).await?;
    let run: Run = client.get(&format!("/v1/runs/{id}")).await?;
    match arguments.json {
        true => output::print_json(&run.summary.advice)?,
        false => output::print(&render::advice::render(&run, output::style()))?,
    }
    Ok(exit(&run.summary.advice))
}

/// Every group of cases has to have its answer.
fn exit(advice: &Advice) -> Exit {
    match advice.groups.iter().any(|group| group.decision == Decision::NotEnoughEvidence) {
        true => Exit::NotEnoughEvidence,
        false => Exit::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn one_group_without_an_answer_decides_the_exit_code() {
        let mut advice = testing::advice();
        assert_eq!(exit(&advice), Exit::Done);
        let mut unknown = advice.groups[0].clone();
        unknown.decision = Decision::NotEnoughEvidence;
        advice.groups.push(unknown);
        assert_eq!(exit(&advice), Exit::NotEnoughEvidence);
    }
}
