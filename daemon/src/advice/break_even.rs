//! From which task size on it pays to encode values and to compute elsewhere.
//!
//! One thread (or threads behind one lock) does K tasks that compute c each in K·c. Workers of which p compute at once take
//! about S + K · max((c + w) / p, s): S to start and end them, w what a task costs its worker beside computing, s what it costs
//! the coordinator, who does one thing at a time. The two are equal at
//!
//! c* = max((S·p/K + w) / (p − 1), S/K + s)
//!
//! S, w and s are measured, in the fastest case of the model. w has what a worker waits to be given a task, and in it
//! the waiting for a coordinator that is busy with others: where that is so, c* is too large rather than too small.

use gild_model::advice::BreakEven;
use gild_model::case::Model;
use gild_model::phase::Phase;

use super::bounds::share_of_io;
use super::evidence::{Evidence, Times};
use super::models::at_once;

/// Tasks that wait for something else for more than this share of the time gain from threads under a lock, too, and the
/// formula does not hold.
const IO_MAX: f64 = 0.05;
const VALUES: [Phase; 4] = [Phase::Encode, Phase::Decode, Phase::Send, Phase::Receive];

/// One for each model that encodes values and has a case in which workers compute at once.
pub(crate) fn of_models(evidence: &[Evidence]) -> Vec<BreakEven> {
    let models = Model::ALL.iter().filter(|model| model.has_transport());
    models.filter_map(|model| of_model(evidence, *model)).collect()
}

fn of_model(evidence: &[Evidence], model: Model) -> Option<BreakEven> {
    let fits = |it: &&Evidence| it.case.model == model && it.failed == 0 && cores_at_once(it) > 1;
    let wall = |it: &Evidence| it.wall.map_or(f64::INFINITY, |wall| wall.median);
    let fastest = evidence.iter().filter(fits).min_by(|a, b| wall(a).total_cmp(&wall(b)))?;
    let few_waits = share_of_io(fastest).is_some_and(|share| share < IO_MAX);
    of_case(fastest).filter(|_| few_waits)
}

fn of_case(evidence: &Evidence) -> Option<BreakEven> {
    let Times { worker, coordinator, imbalance_ns, .. } = evidence.times.as_ref()?;
    let tasks = evidence.tasks.filter(|tasks| *tasks > 0)?;
    let per_task = f64::from(evidence.case.workers) / tasks as f64;
    let waits_ns = (worker.of(&[Phase::Idle]) - imbalance_ns).max(0.0);
    let worker_ns = (worker.of(&VALUES) + waits_ns) * per_task;
    let coordinator_ns = coordinator.of(&VALUES) / tasks as f64;
    let phases = [Phase::Startup, Phase::Teardown, Phase::Launch];
    let start_ns = worker.of(&phases) + coordinator.of(&phases);
    let at_once = cores_at_once(evidence);
    Some(BreakEven {
        case: evidence.case.name.clone(),
        at_once,
        compute_ns: worker.of(&[Phase::Compute]) * per_task,
        worker_ns,
        coordinator_ns,
        start_ns,
        tasks,
        break_even_ns: size_ns(at_once, tasks, start_ns, worker_ns, coordinator_ns),
    })
}

/// c*.
fn size_ns(at_once: u32, tasks: u64, start_ns: f64, worker_ns: f64, coordinator_ns: f64) -> f64 {
    let (p, start_ns) = (f64::from(at_once), start_ns / tasks as f64);
    ((start_ns * p + worker_ns) / (p - 1.0)).max(start_ns + coordinator_ns)
}

/// Workers that compute at once: no more than there are cores.
fn cores_at_once(evidence: &Evidence) -> u32 {
    at_once(&evidence.case).min(u32::try_from(evidence.cores).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::size_ns;

    /// The model's own times at the break-even are equal.
    #[test]
    fn at_the_break_even_both_take_as_long() {
        let table =
            [(2, 100, 5e6, 60e3, 40e3), (2, 1000, 0.0, 60e3, 40e3), (8, 100, 20e6, 10e3, 90e3), (4, 10, 1e6, 0.0, 0.0)];
        for (at_once, tasks, start, worker, coordinator) in table {
            let c = size_ns(at_once, tasks, start, worker, coordinator);
            let k = tasks as f64;
            let elsewhere = start + k * ((c + worker) / f64::from(at_once)).max(coordinator);
            assert!((elsewhere / (k * c) - 1.0).abs() < 1e-12, "{at_once} at once: {elsewhere} against {}", k * c);
        }
        assert_eq!(size_ns(2, 100, 0.0, 0.0, 0.0), 0.0, "what costs nothing always pays");
    }
}
