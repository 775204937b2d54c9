//! The task log of a trial folded into times by class.

use gild_engine::ledger::task_log::{CLASSES_MAX, TaskLogReading, TaskRecord};
use gild_model::task_times::TaskTimes;

use crate::histogram::Times;

/// A trial's tasks in the making: takes them one by one and keeps none of them.
#[derive(Debug, Default)]
pub struct TaskFold {
    all: ClassFold,
    classes: Vec<ClassFold>,
}

#[derive(Debug, Clone, Default)]
struct ClassFold {
    wait: Times,
    service: Times,
    total: Times,
}

impl TaskFold {
    /// Takes in a task.
    pub fn add(&mut self, record: TaskRecord) {
        self.all.add(record);
        let Some(class) = record.class.filter(|class| *class < CLASSES_MAX) else { return };
        if class >= self.classes.len() {
            self.classes.resize_with(class + 1, ClassFold::default);
        }
        self.classes[class].add(record);
    }

    /// All tasks, then class by class in the order of the plan; nothing if there was no log, or if it could not be read.
    pub fn finish(mut self, reading: &TaskLogReading, planned: Option<u64>) -> Vec<TaskTimes> {
        let Some(planned) = planned.filter(|_| reading.every > 0 && reading.error.is_none()) else {
            return Vec::new();
        };
        self.classes.resize_with(reading.classes.len(), ClassFold::default);
        let classes = reading.classes.iter().zip(&self.classes);
        let classes = classes.map(|((name, planned), fold)| fold.finish(Some(name.clone()), *planned));
        std::iter::once(self.all.finish(None, planned)).chain(classes).collect()
    }
}

impl ClassFold {
    fn add(&mut self, record: TaskRecord) {
        self.wait.add(record.taken_ns);
        if let Some(done_ns) = record.done_ns {
            self.service.add(done_ns - record.taken_ns);
        }
        if let Some(collected_ns) = record.collected_ns {
            self.total.add(collected_ns);
        }
    }

    fn finish(&self, class: Option<String>, planned: u64) -> TaskTimes {
        let (wait, service, total) = (self.wait.stored(), self.service.stored(), self.total.stored());
        TaskTimes { class, planned, wait, service, total }
    }
}

/// What a reader of the figures has to know of the log.
pub fn notes(reading: &TaskLogReading) -> Vec<String> {
    let thinned = (reading.every > 1).then(|| {
        format!(
            "the plan is so long that one of {} tasks is logged: wait, service and total are of these",
            reading.every
        )
    });
    let damaged = (reading.damaged > 0).then(|| {
        format!("entries of the task log that no trial could have made, and that are left out: {}", reading.damaged)
    });
    thinned.into_iter().chain(damaged).chain(reading.error.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(task: u64, class: Option<usize>, times: [Option<u64>; 3]) -> TaskRecord {
        let [taken_ns, done_ns, collected_ns] = times;
        TaskRecord { task, worker: 0, class, taken_ns: taken_ns.unwrap(), done_ns, collected_ns }
    }

    fn reading(classes: &[(&str, u64)]) -> TaskLogReading {
        let classes = classes.iter().map(|(name, tasks)| ((*name).to_owned(), *tasks)).collect();
        TaskLogReading { classes, every: 1, damaged: 0, error: None }
    }

    #[test]
    fn each_class_has_its_own_times_and_all_have_those_of_all() {
        let mut fold = TaskFold::default();
        fold.add(record(0, Some(1), [Some(0), Some(1_000), Some(1_100)]));
        fold.add(record(1, Some(0), [Some(10), Some(15), Some(20)]));
        fold.add(record(2, None, [Some(20), Some(23), None]));
        fold.add(record(3, Some(0), [Some(30), None, None]));
        let times = fold.finish(&reading(&[("io", 5), ("cpu", 1), ("none-ran", 2)]), Some(9));
        let counts = |it: &TaskTimes| {
            (it.class.clone(), it.planned, [&it.wait, &it.service, &it.total].map(|time| time.figures.count))
        };
        let class = |name: &str| Some(name.to_owned());
        let expected = [
            (None, 9, [4, 3, 2]),
            (class("io"), 5, [2, 1, 1]),
            (class("cpu"), 1, [1, 1, 1]),
            (class("none-ran"), 2, [0, 0, 0]),
        ];
        assert_eq!(times.iter().map(counts).collect::<Vec<_>>(), expected);
        let cpu = &times[2];
        let max = [&cpu.wait, &cpu.service, &cpu.total].map(|it| it.figures.max_ns);
        assert_eq!(max, [Some(0), Some(1_000), Some(1_100)]);
    }

    #[test]
    fn a_trial_without_a_log_has_no_times() {
        assert_eq!(TaskFold::default().finish(&TaskLogReading::default(), Some(9)), []);
        assert_eq!(TaskFold::default().finish(&reading(&[]), None), []);
        let broken = TaskLogReading { error: Some("I/O error".to_owned()), ..reading(&[]) };
        assert_eq!(TaskFold::default().finish(&broken, Some(9)), []);
        assert_eq!(notes(&broken), ["I/O error"]);
    }

    #[test]
    fn what_is_missing_is_noted() {
        assert_eq!(notes(&reading(&[])), Vec::<String>::new());
        let notes = notes(&TaskLogReading { every: 4, damaged: 3, ..reading(&[]) });
        assert!(notes[0].contains("one of 4 tasks") && notes[1].ends_with("left out: 3"), "{notes:?}");
    }
}
