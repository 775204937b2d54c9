//! A plugin that misbehaves where it is told to, for the end-to-end tests.
//!
//! The parameter `fault` says how, `at` in which task, `ms` how long. Task i gives i as its result, so that what
//! goes well can be checked. `faulty-deterministic` is the same kernel with a promise that it does not keep when
//! its fault is `nondeterministic`.

use std::ffi::CStr;
use std::io;
use std::time::Duration;

use gild_abi::{Args, Cx, Error, Kernel, Param, Plan, Result, Value, Verify, Writer, export};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{ForkResult, Pid, fork, setsid};

const FAULTS: &CStr = c"none|error|panic|segv|abort|exit|loop|loop-polling|kill-worker|orphan|print|wrong-result|\
    nondeterministic|decode-error|plan-error|plan-empty|create-error|slow|spin";

/// An input.
struct Task {
    index: u64,
    /// Whether it cannot be decoded.
    broken: bool,
}

impl Value for Task {
    const ID: &'static CStr = c"gild.tests.task/1";

    fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
        out.put(&self.index.to_le_bytes())?;
        out.put(&[u8::from(self.broken)])
    }

    fn decode(src: &[u8]) -> Result<Task> {
        match src.split_last_chunk::<1>() {
            Some((index, [0])) => Ok(Task { index: u64::decode(index)?, broken: false }),
            Some((_, [1])) => Err(Error::new("asked to fail in decode")),
            _ => Err(Error::new("not a task")),
        }
    }
}

struct Faulty<const PROMISES: bool> {
    fault: String,
    tasks: u64,
    at: u64,
    pause: Duration,
}

impl<const PROMISES: bool> Kernel for Faulty<PROMISES> {
    const NAME: &'static CStr = if PROMISES { c"faulty-deterministic" } else { c"faulty" };
    const SUMMARY: &'static CStr = c"misbehaves where it is told to";
    const PARAMS: &'static [Param] = &[
        Param::choice(c"fault", c"none", FAULTS).summary(c"how it misbehaves"),
        Param::i64(c"tasks", 4, 1..=1_000_000).summary(c"how many tasks"),
        Param::i64(c"at", 0, 0..=1_000_000).summary(c"the task that misbehaves; slow and spin: every task does"),
        Param::i64(c"ms", 10, 0..=3_600_000).summary(c"how long a task is slow or spins").unit(c"ms"),
    ];
    const DETERMINISTIC: bool = PROMISES;
    const FORK_SAFE: bool = true;
    const VERIFY: Option<Verify<Self>> = Some(Self::verify);

    type In = Task;
    type Out = u64;

    fn create(args: &Args<'_>) -> Result<Self> {
        let fault = args.text("fault").to_owned();
        if fault == "create-error" {
            return Err(Error::new("asked to fail in create"));
        }
        Ok(Faulty { fault, tasks: args.u64("tasks"), at: args.u64("at"), pause: Duration::from_millis(args.u64("ms")) })
    }

    fn plan(&self, tasks: &mut Plan<'_, Task>) -> Result<()> {
        if self.fault == "plan-empty" {
            return Ok(());
        }
        for index in 0..self.tasks {
            if index == self.at && self.fault == "plan-error" {
                return Err(Error::new(format!("asked to fail in plan at task {index}")));
            }
            tasks.emit(Task { index, broken: index == self.at && self.fault == "decode-error" })?;
        }
        Ok(())
    }

    fn run(&self, cx: &mut Cx<'_>, task: &Task) -> Result<u64> {
        match self.fault.as_str() {
            "slow" => cx.blocking(|| std::thread::sleep(self.pause))?,
            "spin" => spin(cx, self.pause)?,
            fault if task.index == self.at => return misbehave(fault, cx, task.index),
            _ => {}
        }
        Ok(task.index)
    }
}

impl<const PROMISES: bool> Faulty<PROMISES> {
    fn verify(&self, results: &[&u64]) -> Result<()> {
        if self.fault == "nondeterministic" {
            return Ok(());
        }
        match (0..).zip(results).find(|(index, result)| index != **result) {
            None => Ok(()),
            Some((index, result)) => Err(Error::new(format!("the result of task {index} is {result}"))),
        }
    }
}

/// What the chosen task does.
fn misbehave(fault: &str, cx: &mut Cx<'_>, index: u64) -> Result<u64> {
    match fault {
        "error" => return Err(Error::new(format!("asked to fail in task {index}"))),
        "panic" => panic!("asked to panic in task {index}"),
        "segv" => touch_forbidden_memory()?,
        "abort" => std::process::abort(),
        "exit" => std::process::exit(7),
        "loop" => loop {
            std::hint::spin_loop();
        },
        "loop-polling" => loop {
            cx.poll()?;
        },
        "kill-worker" => kill(Pid::this(), Signal::SIGKILL).map_err(io::Error::from)?,
        "orphan" => leave_an_orphan()?,
        "print" => print(),
        "wrong-result" => return Ok(index + 1),
        "nondeterministic" => return Ok(u64::from(std::process::id())),
        _ => {}
    }
    Ok(index)
}

/// Burns processor time, not wall time: what others take does not count.
fn spin(cx: &Cx<'_>, time: Duration) -> Result<()> {
    let spent = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).map_err(io::Error::from);
    let end = spent()? + time;
    while spent()? < end {
        cx.poll()?;
    }
    Ok(())
}

fn print() {
    for line in 1..=3 {
        println!("faulty: line {line} on standard output");
        eprintln!("faulty: line {line} on standard error");
    }
}

fn touch_forbidden_memory() -> Result<()> {
    let one_page = std::num::NonZeroUsize::new(4096).expect("4096 is not 0");
    // SAFETY: a new mapping of its own harms nobody.
    let page = unsafe { mmap_anonymous(None, one_page, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE) };
    let page = page.map_err(io::Error::from)?.cast::<u8>();
    // SAFETY: the page is mapped without permission to read it: the processor faults, which is the point.
    let byte = unsafe { page.read_volatile() };
    Err(Error::new(format!("read {byte} from memory that cannot be read")))
}

/// Leaves a process behind that is in a session of its own and keeps everything open for a minute.
fn leave_an_orphan() -> Result<()> {
    // SAFETY: the children call only functions that are allowed in the child of a process with threads.
    match unsafe { fork() }.map_err(io::Error::from)? {
        ForkResult::Parent { child } => {
            waitpid(child, None).map_err(io::Error::from)?;
            Ok(())
        }
        ForkResult::Child => {
            let detached = setsid().is_ok();
            // SAFETY: as above.
            if let (true, Ok(ForkResult::Child)) = (detached, unsafe { fork() }) {
                std::thread::sleep(Duration::from_secs(60));
            }
            // SAFETY: ends this child at once, without the parent's exit handlers.
            unsafe { nix::libc::_exit(0) }
        }
    }
}

export!(Faulty<false>, Faulty<true>);
