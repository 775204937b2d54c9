//! The parameters, and what a task makes of them.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use gild_abi::{Args, Error, Param, Result};

use crate::host::Host;
use crate::instructions::{self, Pattern};
use crate::value::CODEC_US_MAX;

const MINUTE_US: i64 = 60_000_000;
const COUNT_MAX: i64 = 1_000_000_000_000;
const BYTES_MAX: i64 = 1 << 30;

/// All parameters. Everything is off at its preset.
pub(crate) const PARAMS: &[Param] = &[
    Param::i64(c"tasks", 100, 1..=1_000_000).summary(c"how many tasks"),
    Param::i64(c"cpu_us", 0, 0..=MINUTE_US).summary(c"burns that much CPU time").unit(c"us"),
    Param::i64(c"rounds", 0, 0..=1_000_000).summary(c"holds and gives away the lock that many times"),
    Param::i64(c"hold_us", 0, 0..=MINUTE_US).summary(c"CPU time burnt with the lock, in each round").unit(c"us"),
    Param::i64(c"rest_us", 0, 0..=MINUTE_US).summary(c"time slept without the lock, in each round").unit(c"us"),
    Param::i64(c"block_us", 0, 0..=MINUTE_US).summary(c"gives the lock away and sleeps for that long").unit(c"us"),
    Param::i64(c"working_set_bytes", 0, 0..=BYTES_MAX)
        .summary(c"touches one byte per cache line of that much fresh memory")
        .unit(c"bytes"),
    Param::i64(c"fault_pages", 0, 0..=BYTES_MAX >> 12).summary(c"touches that many fresh pages: one minor fault each"),
    Param::i64(c"instructions", 0, 0..=COUNT_MAX)
        .summary(c"runs that many instructions, counted by hand (x86_64 only)"),
    Param::i64(c"branches", 0, 0..=COUNT_MAX)
        .summary(c"runs that many data-dependent branches, counted by hand (x86_64 only)"),
    Param::choice(c"branch_pattern", c"predictable", c"predictable|random").summary(c"which way these branches go"),
    Param::i64(c"yields", 0, 0..=1_000_000_000).summary(c"calls sched_yield that many times"),
    Param::i64(c"naps", 0, 0..=1_000_000_000).summary(c"switches voluntarily that many times, with the lock"),
    Param::i64(c"migrations", 0, 0..=1_000_000).summary(c"moves to another core that many times"),
    Param::i64(c"child_us", 0, 0..=MINUTE_US)
        .summary(c"forks a child that burns that much CPU time, and waits for it")
        .unit(c"us"),
    Param::i64(c"payload_bytes", 0, 0..=BYTES_MAX)
        .summary(c"size of an argument and of a result alike, in place of the two below")
        .unit(c"bytes"),
    Param::i64(c"argument_bytes", 0, 0..=BYTES_MAX).summary(c"size of an argument, without its header").unit(c"bytes"),
    Param::i64(c"value_bytes", 0, 0..=BYTES_MAX).summary(c"size of a result, without its header").unit(c"bytes"),
    Param::i64(c"encode_us", 0, 0..=CODEC_US_MAX as i64)
        .summary(c"CPU time to encode a result, and as much to decode it")
        .unit(c"us"),
    Param::i64(c"create_us", 0, 0..=MINUTE_US).summary(c"CPU time to make an instance").unit(c"us"),
    Param::i64(c"destroy_us", 0, 0..=MINUTE_US).summary(c"CPU time to give an instance up").unit(c"us"),
    Param::i64(c"fork_us", 0, 0..=MINUTE_US).summary(c"how long the process sleeps before each fork").unit(c"us"),
    Param::i64(c"steal", 0, 0..=1).summary(c"1: looks at what the hypervisor takes from the core (pin the worker)"),
    Param::i64(c"late_wake", 0, 0..=1).summary(c"1: a worker that wakes up waits until its core is given to it"),
    Param::i64(c"vanishing_task", -1, -1..=1_000_000)
        .summary(c"the thread of this task ends in the middle of it; -1: none"),
    Param::i64(c"no_safe_points", 0, 0..=1).summary(c"1: a task passes no safe point"),
    Param::i64(c"report", 0, 0..=1).summary(c"1: every task says what it has measured, in one line of JSON"),
    Param::text(c"report_path", c"").summary(c"absolute path of a file to which these lines are appended"),
];

/// The parameters of an instance.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) tasks: u64,
    pub(crate) cpu: Duration,
    pub(crate) lock_pattern: LockPattern,
    pub(crate) block: Duration,
    pub(crate) working_set_bytes: Option<NonZeroUsize>,
    pub(crate) fault_pages: Option<NonZeroUsize>,
    pub(crate) instructions: u64,
    pub(crate) branches: u64,
    pub(crate) branch_pattern: Pattern,
    pub(crate) yields: u64,
    pub(crate) naps: u64,
    pub(crate) migrations: u64,
    pub(crate) child: Duration,
    pub(crate) argument_bytes: usize,
    pub(crate) value_bytes: usize,
    pub(crate) codec_us: u64,
    pub(crate) create: Duration,
    pub(crate) destroy: Duration,
    pub(crate) fork: Duration,
    pub(crate) steal: bool,
    pub(crate) late_wake: bool,
    pub(crate) vanishing_task: Option<u64>,
    pub(crate) safe_points: SafePoints,
    pub(crate) report_to_log: bool,
    pub(crate) report_path: Option<PathBuf>,
}

/// Holding the lock and giving it away.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockPattern {
    pub(crate) rounds: u64,
    pub(crate) hold: Duration,
    pub(crate) rest: Duration,
}

/// Whether a task comes by safe points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SafePoints {
    Passed,
    Avoided,
}

impl SafePoints {
    /// Passes one, or not.
    #[inline(always)]
    pub(crate) fn pass(self, cx: &impl Host) -> Result<()> {
        match self {
            SafePoints::Passed => cx.safe_point(),
            SafePoints::Avoided => Ok(()),
        }
    }
}

impl Settings {
    /// Everything is off.
    pub(crate) fn off(tasks: u64) -> Settings {
        Settings {
            tasks,
            cpu: Duration::ZERO,
            lock_pattern: LockPattern { rounds: 0, hold: Duration::ZERO, rest: Duration::ZERO },
            block: Duration::ZERO,
            working_set_bytes: None,
            fault_pages: None,
            instructions: 0,
            branches: 0,
            branch_pattern: Pattern::Predictable,
            yields: 0,
            naps: 0,
            migrations: 0,
            child: Duration::ZERO,
            argument_bytes: 0,
            value_bytes: 0,
            codec_us: 0,
            create: Duration::ZERO,
            destroy: Duration::ZERO,
            fork: Duration::ZERO,
            steal: false,
            late_wake: false,
            vanishing_task: None,
            safe_points: SafePoints::Passed,
            report_to_log: false,
            report_path: None,
        }
    }

    /// Reads the arguments and checks them together.
    pub(crate) fn read(args: &Args<'_>) -> Result<Settings> {
        let time = |name| Duration::from_micros(args.u64(name));
        let settings = Settings {
            tasks: args.u64("tasks"),
            cpu: time("cpu_us"),
            lock_pattern: LockPattern { rounds: args.u64("rounds"), hold: time("hold_us"), rest: time("rest_us") },
            block: time("block_us"),
            working_set_bytes: NonZeroUsize::new(args.usize("working_set_bytes")),
            fault_pages: NonZeroUsize::new(args.usize("fault_pages")),
            instructions: args.u64("instructions"),
            branches: args.u64("branches"),
            branch_pattern: match args.text("branch_pattern") {
                "random" => Pattern::Random,
                _ => Pattern::Predictable,
            },
            yields: args.u64("yields"),
            naps: args.u64("naps"),
            migrations: args.u64("migrations"),
            child: time("child_us"),
            argument_bytes: size(args, "argument_bytes")?,
            value_bytes: size(args, "value_bytes")?,
            codec_us: args.u64("encode_us"),
            create: time("create_us"),
            destroy: time("destroy_us"),
            fork: time("fork_us"),
            steal: args.u64("steal") == 1,
            late_wake: args.u64("late_wake") == 1,
            vanishing_task: u64::try_from(args.i64("vanishing_task")).ok(),
            safe_points: if args.u64("no_safe_points") == 1 { SafePoints::Avoided } else { SafePoints::Passed },
            report_to_log: args.u64("report") == 1,
            report_path: file(args.text("report_path"))?,
        };
        settings.check_together()?;
        Ok(settings)
    }

    fn check_together(&self) -> Result<()> {
        let pattern = self.lock_pattern;
        if pattern.rounds == 0 && pattern.hold + pattern.rest > Duration::ZERO {
            return Err(Error::new("hold_us and rest_us say what a round is, and rounds is 0: set rounds"));
        }
        if self.instructions + self.branches > 0 {
            instructions::check_supported()?;
        }
        Ok(())
    }

    /// Rounds, if there are any.
    pub(crate) fn pattern(&self) -> Option<LockPattern> {
        (self.lock_pattern.rounds > 0).then_some(self.lock_pattern)
    }

    /// Whether a task sleeps until points in time.
    pub(crate) fn sleeps(&self) -> bool {
        self.block + self.lock_pattern.rest > Duration::ZERO
    }

    /// Expected time of a task in µs: all tasks are alike, so it is only for the eye.
    pub(crate) fn weight(&self) -> u64 {
        let rounds = u32::try_from(self.lock_pattern.rounds).expect("the bound of rounds is a million");
        let time = self.cpu + self.block + self.child + (self.lock_pattern.hold + self.lock_pattern.rest) * rounds;
        u64::try_from(time.as_micros()).expect("bounds keep it below 2^47").max(1)
    }
}

/// The size of an argument or a result: its own, or that of both.
fn size(args: &Args<'_>, name: &str) -> Result<usize> {
    match (args.usize("payload_bytes"), args.usize(name)) {
        (payload, 0) => Ok(payload),
        (0, own) => Ok(own),
        (payload, own) => Err(Error::new(format!(
            "payload_bytes is {payload} and {name} is {own}: give the size of both, or of each"
        ))),
    }
}

/// The file of `report_path`. A worker's folder is not the user's, so that the path must be absolute.
fn file(path: &str) -> Result<Option<PathBuf>> {
    match PathBuf::from(path) {
        _ if path.is_empty() => Ok(None),
        absolute if absolute.is_absolute() => Ok(Some(absolute)),
        _ => Err(Error::new(format!("report_path is {path:?}, expected an absolute path"))),
    }
}
