//! The times of the tasks of a case's trials put together, class by class.

use std::collections::{BTreeMap, BTreeSet};

use gild_model::summary::Estimate;
use gild_model::task_times::{TaskFigures, TaskTimes};
use gild_model::trial::Trial;

use crate::histogram::Times;

/// Task times of any number of trials.
#[derive(Debug, Default)]
pub(super) struct TaskPool {
    trials: u32,
    /// A trial has no times.
    incomplete: bool,
    /// Trials with times that cannot be read.
    pub damaged: u32,
    /// By class; all tasks come first.
    classes: BTreeMap<Option<String>, ClassPool>,
}

#[derive(Debug, Default)]
struct ClassPool {
    trials: u32,
    /// Numbers of tasks seen.
    planned: BTreeSet<u64>,
    wait: Times,
    service: Times,
    total: Times,
}

impl TaskPool {
    /// Takes in a trial.
    pub fn add(&mut self, trial: &Trial) {
        self.trials += 1;
        self.incomplete |= trial.task_times.is_empty();
        let mut readable = true;
        for times in &trial.task_times {
            readable &= self.classes.entry(times.class.clone()).or_default().add(times);
        }
        self.damaged += u32::from(!readable);
    }

    /// The figures, with the case's wall time; none if one of the trials lacks them.
    pub fn finish(&self, wall_ns: Option<Estimate>) -> Vec<TaskFigures> {
        if self.incomplete || self.damaged > 0 {
            return Vec::new();
        }
        let figures = |(class, pool): (&Option<String>, &ClassPool)| {
            let tasks = pool.planned.first().copied().filter(|_| pool.planned.len() == 1 && pool.trials == self.trials);
            TaskFigures {
                class: class.clone(),
                tasks,
                tasks_per_s: tasks.zip(wall_ns).and_then(|(tasks, wall_ns)| rate(tasks, wall_ns)),
                wait: pool.wait.figures(),
                service: pool.service.figures(),
                total: pool.total.figures(),
            }
        };
        self.classes.iter().map(figures).collect()
    }
}

impl ClassPool {
    /// `false`: the times cannot be read.
    fn add(&mut self, times: &TaskTimes) -> bool {
        self.trials += 1;
        self.planned.insert(times.planned);
        self.wait.add_all(&times.wait) & self.service.add_all(&times.service) & self.total.add_all(&times.total)
    }
}

/// Tasks per second; the longest time gives the lowest rate.
fn rate(tasks: u64, wall_ns: Estimate) -> Option<Estimate> {
    let per_s = |wall_ns: f64| Some(tasks as f64 / (wall_ns / 1e9)).filter(|rate| rate.is_finite());
    let (low, high) = (wall_ns.high.and_then(per_s), wall_ns.low.and_then(per_s));
    Some(Estimate { median: per_s(wall_ns.median)?, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::generate::done;

    fn times(class: Option<&str>, planned: u64, services_ns: &[u64]) -> TaskTimes {
        let mut service = Times::default();
        services_ns.iter().for_each(|ns| service.add(*ns));
        let nothing = Times::default().stored();
        let class = class.map(str::to_owned);
        TaskTimes { class, planned, wait: nothing.clone(), service: service.stored(), total: nothing }
    }

    fn pooled(trials: &[Vec<TaskTimes>]) -> TaskPool {
        let mut pool = TaskPool::default();
        for task_times in trials {
            pool.add(&Trial { task_times: task_times.clone(), ..done(0, 0) });
        }
        pool
    }

    const WALL: Option<Estimate> = Some(Estimate { median: 2e9, low: Some(1e9), high: Some(4e9) });

    #[test]
    fn tasks_of_all_trials_are_put_together_by_class() {
        let trial = |ns: u64| vec![times(None, 2, &[ns, 7]), times(Some("io"), 1, &[ns])];
        let figures = pooled(&[trial(100), trial(300)]).finish(WALL);
        let seen = |it: &TaskFigures| (it.class.clone(), it.tasks, it.service.count, it.service.max_ns);
        let expected = [(None, Some(2), 4, Some(300)), (Some("io".to_owned()), Some(1), 2, Some(300))];
        assert_eq!(figures.iter().map(seen).collect::<Vec<_>>(), expected);
        assert_eq!((figures[0].service.mean_ns, figures[0].service.p50_ns), (Some(103.5), Some(7)));
        assert_eq!(figures[0].tasks_per_s, Some(Estimate { median: 1.0, low: Some(0.5), high: Some(2.0) }));
        assert_eq!(pooled(&[trial(1)]).finish(None)[0].tasks_per_s, None);
    }

    #[test]
    fn a_number_of_tasks_that_differs_is_not_said() {
        let figures = pooled(&[vec![times(None, 2, &[1])], vec![times(None, 3, &[1]), times(Some("io"), 1, &[1])]]);
        let tasks: Vec<_> = figures.finish(WALL).iter().map(|it| (it.tasks, it.tasks_per_s)).collect();
        assert_eq!(tasks, [(None, None), (None, None)]);
    }

    #[test]
    fn a_trial_without_times_or_with_broken_ones_leaves_none_for_the_case() {
        let good = vec![times(None, 1, &[1])];
        assert_eq!(pooled(&[good.clone(), vec![]]).finish(WALL), []);
        let mut broken = good.clone();
        broken[0].service.histogram.truncate(9);
        let pool = pooled(&[good, broken]);
        assert_eq!((pool.damaged, pool.finish(WALL)), (1, vec![]));
    }
}
