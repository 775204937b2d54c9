//! Null tasks through one worker process, one at a time, against a bare ping-pong over pipes with the same pinning.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Instant;

use gild_engine::topology;
use nix::fcntl::OFlag;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, pipe2};

use crate::paired::median;
use crate::report::Row;
use crate::trial::{Lab, null};

/// Round trips per batch.
const TASKS: u64 = 2_000;
/// Bytes of a frame with an empty value: a header and a type id.
const MESSAGE: usize = 24 + 16;

/// Both ends on one core, and on two.
pub fn rows() -> Vec<Row> {
    let cores = topology::allowed_cores().expect("sched_getaffinity");
    let (first, last) = (cores[0].cpu, cores[cores.len() - 1].cpu);
    let mut pairs = vec![("null task through a worker process, same core / ping-pong", first)];
    if last != first {
        pairs.push(("null task through a worker process, other core / ping-pong", last));
    }
    // Prepared before this thread is pinned: a case is placed on the cores that its coordinator may use.
    let labs: Vec<_> = pairs.into_iter().map(|(what, core)| (what, core, lab(core))).collect();
    topology::pin_self(first).expect("an allowed core");
    let rows = labs.iter().map(|(what, core, lab)| row(what, *core, lab)).collect();
    topology::unpin_self(&cores).expect("the cores are still allowed");
    rows
}

fn lab(worker_core: u32) -> Lab {
    let case = format!("[[case]]\nmodel = 'processes'\nworkers = 1\npinning = [{worker_core}]\n");
    Lab::new(null(), &format!("kernel = 'null'\ncounters = 'trial'\nparam.tasks = {TASKS}\n{case}"))
}

fn row(what: &'static str, worker_core: u32, lab: &Lab) -> Row {
    let (mut floors, mut runs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..15 {
        let floor = ping_pong(worker_core);
        let run = lab.run() as f64 / TASKS as f64;
        floors.push(floor);
        runs.push(run);
        ratios.push(run / floor);
    }
    Row { value: median(ratios), ..Row::ratio(what, median(runs), median(floors), 1.5) }
}

/// The time of one round trip, in nanoseconds; as for a trial, the worker's start and end are part of it.
fn ping_pong(worker_core: u32) -> f64 {
    let (there_read, here_write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let (here_read, there_write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let start = Instant::now();
    // SAFETY: the bench has one thread so far, so the child may run any code; it ends with `_exit`.
    match unsafe { fork() }.expect("a fork") {
        ForkResult::Child => {
            drop((here_read, here_write));
            topology::pin_self(worker_core).expect("an allowed core");
            echo(&mut there_read.into(), &mut there_write.into());
            // SAFETY: no preconditions.
            unsafe { nix::libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop((there_read, there_write));
            let (mut reader, mut writer): (File, File) = (here_read.into(), here_write.into());
            let mut message = [7; MESSAGE];
            for _ in 0..TASKS {
                writer.write_all(&message).expect("the child is there");
                reader.read_exact(&mut message).expect("the child answers");
            }
            drop((reader, writer));
            waitpid(child, None).expect("the child ends");
        }
    }
    start.elapsed().as_nanos() as f64 / TASKS as f64
}

fn echo(reader: &mut File, writer: &mut File) {
    let mut message = [0; MESSAGE];
    while reader.read_exact(&mut message).is_ok() && writer.write_all(&message).is_ok() {}
}
