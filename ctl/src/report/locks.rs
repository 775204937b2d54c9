//! Who made whom wait: the functions that held the interpreter's lock while others waited for it, and who waited for whom.

use gild_model::case::Case;
use maud::{Markup, html};

use super::material::Material;
use super::tables::{folded, of_grid};
use crate::render::locks;

/// The cases in which anybody waited for a lock; `None`: there is none, or it was not measured.
pub fn of_run(material: &Material) -> Option<Markup> {
    let cases = material.run.experiment.cases.iter().zip(0..);
    let cases: Vec<_> = cases.filter_map(|(case, place)| of_case(material, case, place)).collect();
    (!cases.is_empty()).then(|| {
        html! {
            @for case in &cases { (case) }
            p class="keys" { (locks::EXPLAINED) }
        }
    })
}

fn of_case(material: &Material, case: &Case, place: u32) -> Option<Markup> {
    let holders = locks::holders(material.holders.get(&place).into_iter().flatten());
    let shown = material.shown.get(&place).and_then(|shown| shown.trial.as_ref());
    let waits = locks::waits(shown.into_iter());
    (holders.is_some() || !waits.is_empty()).then(|| {
        html! {
            h3 { (case.name) }
            @if let Some(grid) = &holders {
                (of_grid(grid, "Functions that held the interpreter's lock, and how long others waited meanwhile, all trials together"))
            }
            @for (what, grid) in &waits {
                @let caption = format!("Who waited for whom, {what}, in the trial shown");
                (folded(&caption, of_grid(grid, &caption)))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::timelines::tests::row;
    use crate::testing;
    use gild_model::lock_wait::{Holder, HoldingFunction, LockKind, LockWait};
    use gild_model::phase::Phase;
    use gild_model::run::TimelineRow;

    fn holder(function: &str, waited_ns: u64) -> HoldingFunction {
        let (file, line) = (Some("/x/app.py".to_owned()), Some(12));
        HoldingFunction { function: Some(function.to_owned()), file, line, waited_ns, hand_overs: 7 }
    }

    #[test]
    fn functions_of_all_trials_are_added_up_and_the_waits_are_those_of_the_trial_shown() {
        let mut material = Material::new(testing::run(), None);
        assert!(of_run(&material).is_none(), "nobody waited");
        let mut trial = testing::trial_with_accounts();
        let row = row(0, &[(0, Phase::Compute)], 10);
        material.add_timeline(TimelineRow { case_position: trial.case, repetition: trial.repetition, ..row });
        trial.holders = Some(vec![holder("<work>", 300_000_000), holder("rest", 100_000_000)]);
        let wait =
            LockWait { lock: LockKind::Interpreter, waiter: 0, holder: Holder::Worker(1), waited_ns: 5, entries: 2 };
        trial.lock_waits = Some(vec![wait]);
        material.add_trial(trial.clone());
        trial.repetition += 1;
        material.add_trial(trial);
        let html = of_run(&material).unwrap().into_string();
        assert!(html.contains("&lt;work&gt;") && html.contains("app.py:12") && html.contains("600 ms"), "{html}");
        assert!(html.contains("75.0 %") && html.matches("Who waited for whom").count() >= 1, "{html}");
        assert!(html.contains("<th scope=\"row\" class=\"\">worker 0</th>"), "{html}");
    }
}
