//! Null tasks through a thread pool without a lock, against rounds over bare crossbeam channels.

use std::time::Instant;

use crossbeam::channel::bounded;

use crate::paired::median;
use crate::report::Row;
use crate::trial::{Lab, null};

/// Tasks per batch.
const TASKS: u64 = 100_000;

/// The goal is a million tasks per second or twice a channel round, whichever is easier.
pub fn rows() -> Vec<Row> {
    let lab = Lab::new(
        null(),
        &format!(
            "kernel = 'null'\ncounters = 'trial'\nparam.tasks = {TASKS}\n\
             [[case]]\nmodel = 'threads'\nworkers = 2\nlock = 'none'\n"
        ),
    );
    let (mut floors, mut runs) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        floors.push(channel_rounds());
        runs.push(lab.run() as f64 / TASKS as f64);
    }
    let (run, floor) = (median(runs), median(floors));
    let goal = (1_000.0 / floor).max(2.0);
    vec![Row::ratio("null task through 2 threads, no lock / channel round", run, floor, goal)]
}

/// Sends numbers to two threads over one channel and takes them back over another: nanoseconds per number.
fn channel_rounds() -> f64 {
    let (tasks, queue) = bounded::<u64>(1_024);
    let (done, results) = bounded::<u64>(TASKS as usize);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (queue, done) = (queue.clone(), done.clone());
            scope.spawn(move || queue.iter().for_each(|task| done.send(task).expect("somebody listens")));
        }
        (0..TASKS).for_each(|task| tasks.send(task).expect("somebody listens"));
        drop(tasks);
    });
    drop(done);
    assert_eq!(results.iter().count() as u64, TASKS);
    start.elapsed().as_nanos() as f64 / TASKS as f64
}
