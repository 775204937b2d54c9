//! What the rules have to know of execution models: which is simpler, and how many workers can compute at once.

use gild_model::case::{Case, Dispatch, LockPolicy, Model};

/// How much there is to a case: workers, then its model, its lock, its dispatch. Smaller is simpler.
pub(crate) fn simplicity(case: &Case) -> (u32, u8, u8, u8) {
    let model = match case.model {
        Model::Sequential => 0,
        Model::EventLoop => 1,
        Model::Threads => 2,
        Model::Subinterpreters => 3,
        Model::Processes => 4,
        Model::Hybrid => 5,
        // Alone in its run, so there is nothing to be simpler than.
        Model::Recorded => 6,
    };
    let lock = match case.lock {
        None | Some(LockPolicy::Cpython) => 0,
        Some(LockPolicy::Cpython2) => 1,
        Some(LockPolicy::Fair) => 2,
        Some(LockPolicy::None) => 3,
    };
    let dispatch = u8::from(case.dispatch == Some(Dispatch::PerWorker)) + u8::from(case.chunk.is_some_and(|it| it > 1));
    (case.workers, model, lock, dispatch)
}

/// How many of its workers can compute at the same time, if they have a core each: one behind each lock.
pub(crate) fn at_once(case: &Case) -> u32 {
    match case.lock {
        Some(lock) if lock != LockPolicy::None => {
            case.workers / case.threads_per_process.unwrap_or(case.workers).max(1)
        }
        _ => case.workers,
    }
}

/// The cases differ in their number of workers alone.
pub(crate) fn are_one_family(a: &Case, b: &Case) -> bool {
    let common = |case: &Case| Case { name: String::new(), workers: 0, ..case.clone() };
    common(a) == common(b)
}

/// What a family of cases has in common, in words.
pub(crate) fn family(case: &Case) -> String {
    let mut words = case.model.name().to_owned();
    words += &case.lock.map_or_else(String::new, |lock| match lock {
        LockPolicy::None => " without a lock".to_owned(),
        lock => format!(" with lock {lock}"),
    });
    words += &case.interval_us.map_or_else(String::new, |us| format!(", interval {us} µs"));
    words += &case.start.map_or_else(String::new, |start| format!(", {start}"));
    words += &case.transport.map_or_else(String::new, |transport| format!(", {transport}"));
    words += &case.threads_per_process.map_or_else(String::new, |it| format!(", {it} threads per process"));
    words += &case.chunk.filter(|it| *it > 1).map_or_else(String::new, |it| format!(", chunks of {it}"));
    words + if case.dispatch == Some(Dispatch::PerWorker) { ", dispatch per worker" } else { "" }
}
