//! Null tasks through one worker process, one at a time, against a bare ping-pong over pipes with the same pinning.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Instant;

use gild_engine::measure::switch_ring::SwitchRing;
use gild_engine::{host, topology};
use gild_model::host::Tier;
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

/// What a case is measured with, and held against.
struct Setup {
    what: &'static str,
    /// The worker's core; the coordinator has the first.
    core: u32,
    /// The tier of the trial.
    tier: Tier,
    /// Whether both ends of the ping-pong have context-switch records of their own.
    records: bool,
}

/// Both ends on two cores, and on one. On one core a round trip is two context switches and little else, so there the
/// kernel's own cost of recording a switch shows; two more lines tell it apart from gild's.
pub fn rows() -> Vec<Row> {
    let cores = topology::allowed_cores().expect("sched_getaffinity");
    let (first, last) = (cores[0].cpu, cores[cores.len() - 1].cpu);
    let best = host::probe().tier;
    let setup = |what, core, tier, records| Setup { what, core, tier, records };
    let mut setups = vec![
        setup("null task through a process, same core / ping-pong", first, best, false),
        setup("… without switch records (tier bare) / ping-pong", first, Tier::Bare, false),
        setup("… / ping-pong with switch records on both sides", first, best, true),
    ];
    if last != first {
        setups.insert(0, setup("null task through a process, other core / ping-pong", last, best, false));
    }
    // Prepared before this thread is pinned: a case is placed on the cores that its coordinator may use.
    let labs: Vec<_> = setups.into_iter().map(|setup| (lab(&setup), setup)).collect();
    topology::pin_self(first).expect("an allowed core");
    let rows = labs.iter().map(|(lab, setup)| row(setup, lab)).collect();
    topology::unpin_self(&cores).expect("the cores are still allowed");
    rows
}

fn lab(setup: &Setup) -> Lab {
    let case = format!("[[case]]\nmodel = 'processes'\nworkers = 1\npinning = [{}]\n", setup.core);
    let experiment = format!("kernel = 'null'\ncounters = 'trial'\nparam.tasks = {TASKS}\n{case}");
    Lab::with(null(), &experiment, setup.tier, false)
}

fn row(setup: &Setup, lab: &Lab) -> Row {
    let (mut floors, mut runs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..15 {
        let floor = ping_pong(setup);
        let run = lab.run() as f64 / TASKS as f64;
        floors.push(floor);
        runs.push(run);
        ratios.push(run / floor);
    }
    Row { value: median(ratios), ..Row::ratio(setup.what, median(runs), median(floors), 1.5) }
}

/// The time of one round trip, in nanoseconds; as for a trial, the worker's start and end are part of it.
fn ping_pong(setup: &Setup) -> f64 {
    let open_ring = || setup.records.then(|| SwitchRing::open().expect("a ring"));
    let _ring = open_ring();
    let (there_read, here_write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let (here_read, there_write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let start = Instant::now();
    // SAFETY: the bench has one thread so far, so the child may run any code; it ends with `_exit`.
    match unsafe { fork() }.expect("a fork") {
        ForkResult::Child => {
            drop((here_read, here_write));
            topology::pin_self(setup.core).expect("an allowed core");
            let _ring = open_ring();
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
