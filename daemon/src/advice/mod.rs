//! The answer to a run: which case to use, what bounds each, how it scales, what to try next.
//!
//! Pure functions of the summary's accounts; a run is read anew each time that it is shown, so nothing here is stored. The
//! rules know phases and states, never the name of a kernel. `docs/advice.md` has every rule, threshold and formula.
//!
//! | module | subject |
//! |---|---|
//! | [`evidence`] | what the rules see of a case |
//! | [`models`] | which model is simpler, how many workers compute at once |
//! | [`bounds`] | what bounds a case, and how fast it would be at best without that |
//! | [`choice`] | the case to use, or why there is none |
//! | [`words`] | the two sentences |
//! | [`suggest`] | what to try, with the command to type |
//! | [`break_even`] | from which task size on it pays to encode values |
//! | [`scaling`] | laws of scaling, fitted and put to the test |

mod bounds;
mod break_even;
mod choice;
pub(crate) mod evidence;
mod models;
mod scaling;
mod suggest;
#[cfg(test)]
mod tests;
mod words;

use gild_model::advice::{Advice, Decision, GroupAdvice};
use gild_model::experiment::Experiment;

use choice::Choice;
use evidence::Evidence;

/// The advice on the cases of an experiment. `sound`: the trials that are to be compared did the same work, with the
/// right results.
pub(crate) fn advise(experiment: &Experiment, evidence: Vec<Evidence>, sound: bool) -> Advice {
    let mut groups: Vec<Vec<Evidence>> = Vec::new();
    for it in evidence {
        let params = experiment.params_of(&it.case);
        match groups.iter_mut().find(|group| experiment.params_of(&group[0].case) == params) {
            Some(group) => group.push(it),
            None => groups.push(vec![it]),
        }
    }
    Advice { groups: groups.iter().map(|group| of_group(experiment, group, sound)).collect() }
}

/// The advice on cases with the same parameters.
fn of_group(experiment: &Experiment, evidence: &[Evidence], sound: bool) -> GroupAdvice {
    let choice = choice::of(evidence, sound);
    let name = |at: usize| evidence[at].case.name.clone();
    let finished = evidence.iter().zip(&choice.slower).filter(|(it, _)| it.wall.is_some());
    GroupAdvice {
        params: evidence[0].case.params.clone(),
        decision: decision(&choice),
        case: choice.case.as_ref().ok().map(|case| name(*case)),
        tied_with: choice.tied.iter().map(|at| name(*at)).collect(),
        sentences: words::sentences(evidence, &choice),
        tries: suggest::tries(experiment, evidence, &choice),
        cases: finished.map(|(it, slower)| bounds::row(it, *slower)).collect(),
        scaling: scaling::family::all(evidence),
        break_even: break_even::of_models(evidence),
    }
}

fn decision(choice: &Choice) -> Decision {
    match (&choice.case, choice.tied.is_empty()) {
        (Err(_), _) => Decision::NotEnoughEvidence,
        (Ok(_), false) => Decision::Tie,
        (Ok(_), true) => Decision::Use,
    }
}
