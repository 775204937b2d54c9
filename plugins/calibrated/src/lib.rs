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
//! | `host` | what a part needs of the host, in either form of a task |
//! | `on_loop` | the asynchronous form: tasks that give way where they wait |
//! | `disturb` | what disturbs an account: other cores, children, a thread that vanishes |
//! | `argument` | what a task is given |
//! | `value` | results, and what encoding and decoding them costs |
//! | `life` | what making an instance, giving it up and forking cost |
//! | `report` | what a task says of itself |
//! | `procfs` | what procfs says |
//! | `journal` | the file that it is said to |

mod argument;
mod block;
mod burn;
mod clocks;
mod disturb;
mod host;
mod instructions;
mod journal;
mod life;
mod lock_pattern;
mod memory;
mod on_loop;
mod procfs;
mod report;
mod settings;
mod switches;
mod value;

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use gild_abi::{Args, AsyncForm, Cx, Error, Kernel, Param, Plan, Result, Verify, export};
use nix::unistd::{getpid, gettid};

pub use argument::Argument;
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
use host::Host;
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
    const ASYNC: Option<AsyncForm<Self>> = Some(AsyncForm::new());

    type In = Argument;
    type Out = Parcel;

    fn create(args: &Args<'_>) -> Result<Calibrated> {
        let settings = Settings::read(args)?;
        let journal = settings.report_path.as_deref().map(Journal::open).transpose()?;
        life::make_forks_slow(settings.fork);
        life::spend(MomentKind::Create, settings.create, journal.as_deref())?;
        Ok(Calibrated { settings, journal })
    }

    fn plan(&self, tasks: &mut Plan<'_, Argument>) -> Result<()> {
        let argument = |task| Argument::new(task, self.settings.argument_bytes);
        (0..self.settings.tasks).try_for_each(|task| tasks.emit_weighted(argument(task), self.settings.weight()))
    }

    fn run(&self, cx: &mut Cx<'_>, argument: &Argument) -> Result<Parcel> {
        let begun = self.begin(cx, argument.task)?;
        let it = &self.settings;
        let parts = Parts {
            cpu: self.burn(cx)?,
            lock_pattern: part(cx, Phase::LockPattern, it.pattern(), |cx, pattern| {
                lock_pattern::hold_and_rest(cx, pattern, it.safe_points)
            })?,
            block: part(cx, Phase::Block, time(it.block), block::block)?,
            ..Parts::default()
        };
        let parts = self.compute(cx, parts)?;
        self.finish(cx, argument.task, begun, parts)
    }
}

/// What is looked at before a task's first part.
#[derive(Debug)]
struct Begun {
    stolen_ns: Option<u64>,
    start: Start,
}

impl Calibrated {
    /// Makes an instance in which everything is off.
    pub fn with_tasks(tasks: u64) -> Calibrated {
        Calibrated { settings: Settings::off(tasks), journal: None }
    }

    fn begin(&self, cx: &mut impl Host, task: u64) -> Result<Begun> {
        if self.settings.sleeps() {
            block::wake_on_time()?;
        }
        if self.settings.late_wake {
            disturb::wake_late()?;
        }
        let stolen_ns = self.settings.steal.then(procfs::stolen_here).transpose()?;
        let start = Start::now();
        if self.settings.vanishing_task == Some(task) {
            self.vanish(cx, task)?;
        }
        if let Some(_pages) = self.settings.fault_pages {
            // Not counted: the first touch may have to map the program's own code as well.
            measured(|| memory::touch_pages(std::num::NonZeroUsize::MIN, || self.settings.safe_points.pass(cx)))?;
        }
        Ok(Begun { stolen_ns, start })
    }

    fn burn(&self, cx: &mut impl Host) -> Result<Option<Measured<Burnt>>> {
        let it = &self.settings;
        part(cx, Phase::Cpu, time(it.cpu), |cx, time| burn::burn(time, || it.safe_points.pass(cx)))
    }

    /// Does every part that is on and comes after those that wait without the lock.
    fn compute<H: Host>(&self, cx: &mut H, parts: Parts) -> Result<Parts> {
        let it = &self.settings;
        let pass = |cx: &H| it.safe_points.pass(cx);
        Ok(Parts {
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
            child: part(cx, Phase::Child, time(it.child), |_, time| disturb::raise_child(time))?,
            ..parts
        })
    }

    /// Makes the result, and says what has been measured wherever it is wanted.
    fn finish(&self, cx: &mut impl Host, task: u64, begun: Begun, parts: Parts) -> Result<Parcel> {
        let it = &self.settings;
        let parcel = cx.within(Phase::Value as usize, |_| Parcel::new(task, it.codec_us, it.value_bytes));
        let whole = begun.start.figures();
        let core_stolen_ns = begun.stolen_ns.map(|before| procfs::stolen_here().map(|after| after - before));
        let core_stolen_ns = core_stolen_ns.transpose()?;
        if it.report_to_log || self.journal.is_some() {
            let (pid, tid, switches) = (getpid().as_raw(), gettid().as_raw(), Switches::now()?);
            let report = Report { task, pid, tid, whole, core_stolen_ns, switches, parts };
            cx.within(Phase::Report as usize, |cx| report.deliver(cx, it.report_to_log, self.journal.as_deref()))?;
        }
        Ok(parcel)
    }

    /// Burns its CPU time, says so, and ends the thread in the middle of the task.
    fn vanish(&self, cx: &mut impl Host, task: u64) -> Result<()> {
        let burnt = cx.within(Phase::Cpu as usize, |cx| {
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
fn part<H: Host, A, T>(
    cx: &mut H,
    phase: Phase,
    amount: Option<A>,
    work: impl FnOnce(&mut H, A) -> Result<T>,
) -> Result<Option<Measured<T>>> {
    amount.map(|amount| cx.within(phase as usize, |cx| measured(|| work(cx, amount)))).transpose()
}

/// A time that is on.
fn time(time: Duration) -> Option<Duration> {
    (time > Duration::ZERO).then_some(time)
}

/// A count that is on.
fn some(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}

export!(Calibrated);
