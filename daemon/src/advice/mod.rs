//! The answer to a run: which case to use, what bounds each, how it scales, what to try next.
//!
//! Pure functions of the summary's accounts; a run is read anew each time that it is shown, so nothing here is stored. The
//! rules know phases and states, never the name of a kernel. `docs/advice.md` has every rule, threshold and formula.
//!
//! | module | subject |
//! |---|---|
//! | `evidence` | what the rules see of a case |
//! | `models` | which model is simpler, how many workers compute at once |
//! | `bounds` | what bounds a case, and how fast it would be at best without that |
//! | `choice` | the case to use, or why there is none |
//! | `words` | the two sentences |
//! | `python` | what is said of kernels in Python: executors by name |
//! | `recorded` | what is said of a recorded program |
//! | `suggest` | what to try, with the command to type |
//! | `break_even` | from which task size on it pays to encode values |
//! | `scaling` | laws of scaling, fitted and put to the test |

mod bounds;
mod break_even;
mod choice;
pub(crate) mod evidence;
mod models;
pub(crate) mod python;
mod recorded;
mod scaling;
mod suggest;
#[cfg(test)]
mod tests;
mod words;

use gild_model::advice::{Advice, Decision, GroupAdvice};
use gild_model::experiment::Experiment;
use gild_model::summary::Group;

use choice::Choice;
use evidence::Evidence;

/// The advice on the cases of an experiment, group by group; `evidence` has one entry per case.
pub(crate) fn advise(experiment: &Experiment, evidence: &[Evidence], groups: &[Group]) -> Advice {
    Advice { groups: groups.iter().map(|group| of_group(experiment, evidence, group)).collect() }
}

/// The advice on cases with the same parameters.
fn of_group(experiment: &Experiment, evidence: &[Evidence], group: &Group) -> GroupAdvice {
    let evidence: Vec<_> = group.cases.iter().map(|case| evidence[*case as usize].clone()).collect();
    if let Some(program) = recorded::of(&evidence) {
        return program.advice();
    }
    let sound = group.results_identical != Some(false) && group.verified != Some(false);
    let choice = choice::of(&evidence, sound);
    let name = |at: usize| evidence[at].case.name.clone();
    let finished = evidence.iter().zip(&choice.slower).filter(|(it, _)| it.wall.is_some());
    let params = group.params.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    GroupAdvice {
        params: params.collect(),
        decision: decision(&choice),
        case: choice.case.as_ref().ok().map(|case| name(*case)),
        tied_with: choice.tied.iter().map(|at| name(*at)).collect(),
        sentences: words::sentences(&evidence, &choice),
        tries: suggest::tries(experiment, &evidence, &choice),
        cases: finished.map(|(it, slower)| bounds::row(it, *slower)).collect(),
        scaling: scaling::family::all(&evidence),
        break_even: break_even::of_models(&evidence),
    }
}

fn decision(choice: &Choice) -> Decision {
    match (&choice.case, choice.tied.is_empty()) {
        (Err(_), _) => Decision::NotEnoughEvidence,
        (Ok(_), false) => Decision::Tie,
        (Ok(_), true) => Decision::Use,
    }
}
