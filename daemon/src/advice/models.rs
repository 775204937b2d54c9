//! What the rules have to know of execution models: which is simpler, and which can compute on several cores.

use gild_model::case::{Case, LockPolicy, Model};

/// Which of two cases is simpler: fewer workers, then a model with less to it, then fewer choices that were made.
pub(crate) fn simplicity(case: &Case) -> (u32, u8, u8) {
    let model = match case.model {
        Model::Sequential => 0,
        Model::Threads => 2,
        Model::Processes => 4,
    };
    let lock = match case.lock {
        None | Some(LockPolicy::Cpython) => 0,
        Some(LockPolicy::Fair) => 1,
        Some(LockPolicy::None) => 2,
    };
    (case.workers, model, lock)
}

/// One thread that has several tasks in flight.
pub(crate) fn is_event_loop(case: &Case) -> bool {
    case.model.name() == "event-loop"
}

/// Its workers can compute at the same time.
pub(crate) fn computes_in_parallel(case: &Case) -> bool {
    match case.model {
        Model::Sequential => false,
        Model::Threads => case.lock == Some(LockPolicy::None),
        Model::Processes => true,
    }
}
