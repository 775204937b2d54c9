//! Values through shared memory: null tasks against a bare ping-pong with futexes, large results against the same through
//! a pipe.

use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Instant;

use gild_engine::{host, topology};
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

use crate::paired::median;
use crate::report::Row;
use crate::trial::{Lab, null};

/// Round trips per batch.
const TASKS: u64 = 2_000;
/// Words of a frame with an empty value: a header and a type id.
const MESSAGE: usize = (24 + 16) / 8;
/// Bytes of a large result, and how many of them there are.
const LARGE: (usize, u64) = (4 << 20, 60);

/// A small value's way, on two cores and on one; a large value's.
pub fn rows() -> Vec<Row> {
    let cores = topology::allowed_cores().expect("sched_getaffinity");
    let (first, last) = (cores[0].cpu, cores[cores.len() - 1].cpu);
    let small = |what, core| (what, core, lab(TASKS, 0, "shm", core));
    let mut labs = vec![small("null task through shared memory, same core / futexes", first)];
    if last != first {
        labs.insert(0, small("null task through shared memory, other core / futexes", last));
    }
    let large = ["shm", "pipe"].map(|transport| lab(LARGE.1, LARGE.0, transport, last));
    topology::pin_self(first).expect("an allowed core");
    let mut rows: Vec<_> = labs.iter().map(|(what, core, lab)| small_row(what, *core, lab)).collect();
    rows.push(large_row(&large));
    topology::unpin_self(&cores).expect("the cores are still allowed");
    rows
}

fn lab(tasks: u64, payload: usize, transport: &str, core: u32) -> Lab {
    let case = format!("[[case]]\nmodel = 'processes'\nworkers = 1\ntransport = '{transport}'\npinning = [{core}]\n");
    let params = format!("param.tasks = {tasks}\nparam.payload = {payload}\n");
    Lab::with(null(), &format!("kernel = 'null'\ncounters = 'trial'\n{params}{case}"), host::probe().tier, false)
}

fn small_row(what: &'static str, core: u32, lab: &Lab) -> Row {
    let (mut floors, mut runs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..15 {
        let floor = ping_pong(core);
        let run = lab.run() as f64 / TASKS as f64;
        floors.push(floor);
        runs.push(run);
        ratios.push(run / floor);
    }
    Row { value: median(ratios), ..Row::ratio(what, median(runs), median(floors), 2.0) }
}

fn large_row([shared, pipe]: &[Lab; 2]) -> Row {
    let time = |lab: &Lab| lab.run() as f64 / LARGE.1 as f64;
    let pairs: Vec<_> = (0..7).map(|_| (time(pipe), time(shared))).collect();
    let ratio = median(pairs.iter().map(|(pipe, shared)| shared / pipe).collect());
    let of = |which: fn(&(f64, f64)) -> f64| median(pairs.iter().map(which).collect());
    Row {
        value: ratio,
        ..Row::ratio("result of 4 MiB through shared memory / through a pipe", of(|it| it.1), of(|it| it.0), 1.0)
    }
}

/// One direction: a message, and its number, which the other side waits for.
struct Slot {
    number: AtomicU32,
    message: [AtomicU64; MESSAGE],
}

impl Slot {
    fn send(&self, number: u32, message: [u64; MESSAGE]) {
        self.message
            .iter()
            .zip(message)
            .for_each(|(word, value)| word.store(value, std::sync::atomic::Ordering::Relaxed));
        self.number.store(number, Release);
        // SAFETY: wakes who waits for the word's address; nothing is read or written.
        unsafe { libc::syscall(libc::SYS_futex, self.number.as_ptr(), libc::FUTEX_WAKE, 1) };
    }

    fn receive(&self, number: u32) -> [u64; MESSAGE] {
        loop {
            let seen = self.number.load(Acquire);
            if seen == number {
                return std::array::from_fn(|at| self.message[at].load(std::sync::atomic::Ordering::Relaxed));
            }
            // SAFETY: waits while the word is as it was seen; without a limit.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    self.number.as_ptr(),
                    libc::FUTEX_WAIT,
                    seen,
                    std::ptr::null::<libc::timespec>(),
                )
            };
        }
    }
}

/// The time of one round trip, in nanoseconds; as for a trial, the worker's start and end are part of it.
fn ping_pong(core: u32) -> f64 {
    let length = std::num::NonZeroUsize::new(size_of::<[Slot; 2]>()).expect("a slot is something");
    let (protection, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
    // SAFETY: new memory at an address of the kernel's choice.
    let memory = unsafe { mmap_anonymous(None, length, protection, flags) }.expect("memory");
    // SAFETY: page-aligned, long enough, never unmapped, and all zeros is a valid value of atomics.
    let [there, back]: &'static [Slot; 2] = unsafe { memory.cast().as_ref() };
    let start = Instant::now();
    // SAFETY: the bench has one thread so far, so the child may run any code; it ends with `_exit`.
    match unsafe { fork() }.expect("a fork") {
        ForkResult::Child => {
            topology::pin_self(core).expect("an allowed core");
            (1..=TASKS as u32).for_each(|number| back.send(number, there.receive(number)));
            // SAFETY: no preconditions.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            for number in 1..=TASKS as u32 {
                there.send(number, [7; MESSAGE]);
                back.receive(number);
            }
            waitpid(child, None).expect("the child ends");
        }
    }
    start.elapsed().as_nanos() as f64 / TASKS as f64
}
