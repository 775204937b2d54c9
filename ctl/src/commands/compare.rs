//! `gilctl compare`: holds a run against an earlier one.

use gild_model::comparison::{Comparison, Verdict};

use super::select;
use crate::cli::{CompareArguments, DaemonOptions};
use crate::error::{Error, Exit};
use crate::{output, render, session};

/// Shows what became faster and what slower.
pub async fn run(daemon: &DaemonOptions, arguments: &CompareArguments) -> Result<Exit, Error> {
    let client = session::open(daemon).await?;
    let (old, new) = (select(&client, arguments.old).await?, select(&client, arguments.new).await?);
    let comparison: Comparison = client.get(&format!("/v1/compare?old={old}&new={new}")).await?;
    match arguments.json {
        true => output::print_json(&comparison)?,
        false => output::print(&render::comparison::render(&comparison, output::style()))?,
    }
    Ok(exit(&comparison, arguments.threshold))
}

/// A case that became slower by more than `threshold` counts most; then one of which nothing can be said.
fn exit(comparison: &Comparison, threshold: f64) -> Exit {
    let mut slower = comparison.cases.iter().filter(|case| case.verdict == Some(Verdict::Slower));
    if slower.any(|case| case.ratio.is_some_and(|ratio| 1.0 / ratio.median - 1.0 > threshold)) {
        return Exit::Slower;
    }
    match comparison.cases.iter().all(|case| case.verdict.is_some()) {
        true => Exit::Done,
        false => Exit::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn only_a_slower_case_beyond_the_threshold_fails_a_check() {
        let slower = testing::comparison();
        assert_eq!(exit(&slower, 0.0), Exit::Slower);
        assert_eq!(exit(&slower, 0.24), Exit::Slower);
        assert_eq!(exit(&slower, 0.26), Exit::Done, "it became slower by 25 %");
        let mut other = slower.clone();
        other.cases[1].verdict = Some(Verdict::Tie);
        assert_eq!(exit(&other, 0.0), Exit::Done);
    }

    #[test]
    fn a_case_without_a_trial_is_not_taken_for_a_good_one() {
        let mut comparison = testing::comparison();
        (comparison.cases[0].ratio, comparison.cases[0].verdict) = (None, None);
        assert_eq!(exit(&comparison, 0.0), Exit::Slower);
        assert_eq!(exit(&comparison, 1.0), Exit::Refused);
    }
}
