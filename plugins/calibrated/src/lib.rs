//! Kernel: does a known amount of everything, and says what the operating system's own clocks have seen of it.
//!
//! Every figure of gild can be held against one that does not come from gild: what a task was asked to do, and what the
//! thread's CPU clock, the monotonic clock and `getrusage` say while it does it. `docs/calibrated.md` lists each
//! parameter, its truth and where the truth comes from.
//!
//! | module | subject |
//! |---|---|
//! | `settings` | the parameters |
//! | `clocks` | the operating system's figures |
//! | `burn` | CPU time |
//! | `lock_pattern` | holding the lock and giving it away |
//! | `block` | blocking without the lock |
//! | `memory` | a working set, page faults |
//! | `instructions` | instructions and branches, counted by hand |
//! | `switches` | context switches |
//! | `disturb` | what disturbs an account: other cores, children, a thread that vanishes |
//! | `value` | results, and what encoding and decoding them costs |
//! | `life` | what making an instance, giving it up and forking cost |
//! | `report` | what a task says of itself |
//! | `procfs` | what procfs says |
//! | `journal` | the file that it is said to |

mod block;
mod burn;
mod clocks;
mod disturb;
mod instructions;
mod journal;
mod life;
mod lock_pattern;
mod memory;
mod procfs;
mod report;
mod settings;
mod switches;
mod value;

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use gild_abi::{Args, Cx, Error, Kernel, Param, Plan, Result, Verify, export};
use nix::unistd::{getpid, gettid};

pub use block::Blocked;
pub use burn::Burnt;
pub use clocks::{Figures, Measured};
pub use disturb::{Moved, Raised};
pub use instructions::{Branched, Counted};
pub use journal::Line;
pub use life::{Moment, MomentKind};
pub use lock_pattern::Held;
pub use memory::{Faulted, LINE_BYTES, Touched};
pub use procfs::Switches;
pub use report::{Parts, Report, Vanished};
pub use switches::{Napped, Yielded};
pub use value::{Codec, CodecKind, HEADER_BYTES, Parcel};

use clocks::{Start, measured};
use journal::Journal;
use settings::Settings;

/// The kernel: tasks that are all alike.
#[derive(Debug)]
pub struct Calibrated {
    settings: Settings,
    journal: Option<Arc<Journal>>,
}

/// A part of a task, as an index into the names of phases.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Cpu,
    LockPattern,
    Block,
    WorkingSet,
    Faults,
    Instructions,
    Branches,
    Yields,
    Naps,
    Migrations,
    Child,
    Value,
    Report,
}

impl Kernel for Calibrated {
    const NAME: &'static CStr = c"calibrated";
    const SUMMARY: &'static CStr = c"does a known amount of everything, to hold gild's figures against";
    const PARAMS: &'static [Param] = settings::PARAMS;
    const PHASES: &'static [&'static CStr] = &[
        c"cpu",
        c"lock-pattern",
        c"block",
        c"working-set",
        c"faults",
        c"instructions",
        c"branches",
        c"yields",
        c"naps",
        c"migrations",
        c"child",
        c"value",
        c"report",
    ];
    const DETERMINISTIC: bool = true;
    const FORK_SAFE: bool = true;
    const VERIFY: Option<Verify<Self>> = Some(Calibrated::verify);

    type In = u64;
    type Out = Parcel;

    fn create(args: &Args<'_>) -> Result<Calibrated> {
        let settings = Settings::read(args)?;
        let journal = settings.report_path.as_deref().map(Journal::open).transpose()?;
        life::make_forks_slow(settings.fork);
        life::spend(MomentKind::Create, settings.create, journal.as_deref())?;
        Ok(Calibrated { settings, journal })
    }

    fn plan(&self, tasks: &mut Plan<'_, u64>) -> Result<()> {
        (0..self.settings.tasks).try_for_each(|task| tasks.emit_weighted(task, self.settings.weight()))
    }

    fn run(&self, cx: &mut Cx<'_>, task: &u64) -> Result<Parcel> {
        if self.settings.sleeps() {
            block::wake_on_time()?;
        }
        if self.settings.late_wake {
            disturb::wake_late()?;
        }
        let stolen = self.settings.steal.then(procfs::stolen_here).transpose()?;
        let start = Start::now();
        if self.settings.vanishing_task == Some(*task) {
            self.vanish(cx, *task)?;
        }
        let parts = self.work(cx)?;
        let parcel =
            cx.phase(Phase::Value as usize, |_| Parcel::new(*task, self.settings.codec_us, self.settings.value_bytes));
        let whole = start.figures();
        let core_stolen_ns = stolen.map(|before| procfs::stolen_here().map(|after| after - before)).transpose()?;
        if self.settings.report_to_log || self.journal.is_some() {
            let report = Report {
                task: *task,
                pid: getpid().as_raw(),
                tid: gettid().as_raw(),
                whole,
                core_stolen_ns,
                switches: Switches::now()?,
                parts,
            };
            cx.phase(Phase::Report as usize, |cx| {
                report.deliver(cx, self.settings.report_to_log, self.journal.as_deref())
            })?;
        }
        Ok(parcel)
    }
}

impl Calibrated {
    /// Makes an instance in which everything is off.
    pub fn with_tasks(tasks: u64) -> Calibrated {
        Calibrated { settings: Settings::off(tasks), journal: None }
    }

    /// Does every part that is on.
    fn work(&self, cx: &mut Cx<'_>) -> Result<Parts> {
        let it = &self.settings;
        let pass = |cx: &Cx<'_>| it.safe_points.pass(cx);
        if let Some(_pages) = it.fault_pages {
            // Not counted: the first touch may have to map the program's own code as well.
            measured(|| memory::touch_pages(std::num::NonZeroUsize::MIN, || pass(cx)))?;
        }
        let cpu = (it.cpu > Duration::ZERO).then_some(it.cpu);
        let child = (it.child > Duration::ZERO).then_some(it.child);
        let block = (it.block > Duration::ZERO).then_some(it.block);
        let pattern = (it.lock_pattern.rounds > 0).then_some(it.lock_pattern);
        Ok(Parts {
            cpu: part(cx, Phase::Cpu, cpu, |cx, time| burn::burn(time, || pass(cx)))?,
            lock_pattern: part(cx, Phase::LockPattern, pattern, |cx, pattern| {
                lock_pattern::hold_and_rest(cx, pattern, it.safe_points)
            })?,
            block: part(cx, Phase::Block, block, block::block)?,
            working_set: part(cx, Phase::WorkingSet, it.working_set_bytes, |cx, bytes| {
                memory::touch_lines(bytes, || pass(cx))
            })?,
            faults: part(cx, Phase::Faults, it.fault_pages, |cx, pages| memory::touch_pages(pages, || pass(cx)))?,
            instructions: part(cx, Phase::Instructions, some(it.instructions), |cx, count| {
                instructions::run_instructions(count, || pass(cx))
            })?,
            branches: part(cx, Phase::Branches, some(it.branches), |cx, count| {
                instructions::run_branches(count, it.branch_pattern, || pass(cx))
            })?,
            yields: part(cx, Phase::Yields, some(it.yields), |cx, count| switches::give_way(count, || pass(cx)))?,
            naps: part(cx, Phase::Naps, some(it.naps), |cx, count| switches::nap(count, || pass(cx)))?,
            migrations: part(cx, Phase::Migrations, some(it.migrations), |cx, count| {
                disturb::migrate(count, || pass(cx))
            })?,
            child: part(cx, Phase::Child, child, |_, time| disturb::raise_child(time))?,
        })
    }

    /// Burns its CPU time, says so, and ends the thread in the middle of the task.
    fn vanish(&self, cx: &mut Cx<'_>, task: u64) -> Result<()> {
        let burnt = cx.phase(Phase::Cpu as usize, |cx| {
            measured(|| burn::burn(self.settings.cpu, || self.settings.safe_points.pass(cx)))
        })?;
        if let Some(journal) = &self.journal {
            journal.note(Vanished { vanished: task, figures: burnt.figures })?;
        }
        disturb::vanish()
    }

    fn verify(&self, results: &[&Parcel]) -> Result<()> {
        if results.len() as u64 != self.settings.tasks {
            return Err(Error::new(format!("{} results for {} tasks", results.len(), self.settings.tasks)));
        }
        (0..).zip(results).try_for_each(|(task, parcel)| parcel.check(task, self.settings.value_bytes))
    }
}

impl Drop for Calibrated {
    fn drop(&mut self) {
        // There is nobody here to tell; a line that is missing in the file tells.
        let _told = life::spend(MomentKind::Destroy, self.settings.destroy, self.journal.as_deref());
    }
}

/// Does a part in its phase and looks at the clocks around it, inside the phase. A part that is off costs nothing.
fn part<'a, A, T>(
    cx: &mut Cx<'a>,
    phase: Phase,
    amount: Option<A>,
    work: impl FnOnce(&mut Cx<'a>, A) -> Result<T>,
) -> Result<Option<Measured<T>>> {
    amount.map(|amount| cx.phase(phase as usize, |cx| measured(|| work(cx, amount)))).transpose()
}

/// A count that is on.
fn some(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}

export!(Calibrated);
