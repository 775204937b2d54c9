//! A mark, with and without counters, and the memory behind it.

use std::hint::black_box;
use std::os::fd::{AsRawFd, BorrowedFd};

use gild_engine::clock::{Clock, raw_ns};
use gild_engine::core_pmus::CorePmus;
use gild_engine::host;
use gild_engine::ledger::layout::Section;
use gild_engine::ledger::map::{Map, memory_file};
use gild_engine::ledger::task_log::TaskLog;
use gild_engine::ledger::timeline::Rings;
use gild_engine::ledger::writer::stamp_birth;
use gild_engine::measure::counters;
use gild_engine::measure::meter::Meter;
use gild_engine::measure::switch_ring::SwitchRing;
use gild_engine::measure::tools::Plan;
use gild_model::case::CounterScope;
use gild_model::phase::Phase;
use gild_model::timeline::MARKS_DEFAULT;
use perf_event::events::Software;
use perf_event::{Builder, Group};

use crate::paired::paired;
use crate::report::Row;

/// A mark against a bare reading of the clock, and a mark with counters against a bare group read.
pub fn rows() -> Vec<Row> {
    let mut rows = vec![plain()];
    rows.extend(with_counters());
    rows.push(task_stamps());
    rows.push(noted());
    rows
}

/// The stamps of one task in the task log against a bare reading of the clock.
fn task_stamps() -> Row {
    const TASKS: usize = 100_000;
    let file = memory_file(1, 0).expect("a ledger");
    let map = Map::create(&file, 1, 0).expect("a ledger");
    let log = TaskLog::lay_out(&file, &map, &[], (0..TASKS).map(|_| None)).expect("a task log");
    let clock = Clock::best();
    let mut task = 0;
    let times = paired(
        201,
        20_000,
        |count| {
            for _ in 0..count {
                black_box(clock.now());
            }
        },
        |count| {
            for _ in 0..count {
                task = (task + 1) % TASKS as u64;
                log.taken(black_box(task), 0, 1);
                log.done(black_box(task), 0);
                log.finished(black_box(task), 2);
            }
        },
    );
    Row::ratio("all stamps of one task / one bare clock reading", times.measured_ns, times.floor_ns, 1.0)
}

fn meter(scope: CounterScope, counters: Vec<usize>, timeline_marks: u32) -> Meter<'static> {
    let tier = host::probe().tier;
    let file = memory_file(0, timeline_marks).expect("a ledger");
    let map: &'static Map = Box::leak(Box::new(Map::create(&file, 0, timeline_marks).expect("a ledger")));
    stamp_birth(map.coordinator(), Clock::best().now(), raw_ns());
    let plan = Plan {
        tier,
        counters: vec![counters],
        core_pmus: CorePmus::default(),
        counts_kernel: true,
        scope,
        max_overhead: f64::INFINITY,
        log: TaskLog::default(),
        rings: Rings::attach(&file, map).expect("rings"),
        settle_every_ns: 0,
    };
    Meter::start(map.coordinator(), &plan)
}

fn plain() -> Row {
    let mut meter = meter(CounterScope::Trial, Vec::new(), 0);
    let clock = Clock::best();
    let times = paired(
        201,
        20_000,
        |count| {
            for _ in 0..count {
                black_box(clock.now());
            }
        },
        |count| {
            for _ in 0..count / 2 {
                meter.mark(Phase::Compute);
                meter.mark(Phase::Idle);
            }
        },
    );
    Row::ratio("one mark, no counters / one bare clock reading", times.measured_ns, times.floor_ns, 2.5)
}

/// A mark that is noted in a timeline against one that is not.
fn noted() -> Row {
    let mut plain = meter(CounterScope::Trial, Vec::new(), 0);
    let mut noting = meter(CounterScope::Trial, Vec::new(), MARKS_DEFAULT);
    let mark = |meter: &mut Meter<'_>, count: u64| {
        for _ in 0..count / 2 {
            meter.mark(Phase::Compute);
            meter.mark(Phase::Idle);
        }
    };
    let times = paired(201, 20_000, |count| mark(&mut plain, count), |count| mark(&mut noting, count));
    Row::ratio("one mark noted in a timeline / one that is not", times.measured_ns, times.floor_ns, 1.5)
}

/// The same software counters on both sides: those that every machine has.
fn with_counters() -> Option<Row> {
    let names = ["task-clock-ns", "context-switches", "cpu-migrations", "page-faults"];
    let places: Vec<usize> = names.iter().filter_map(|name| counters::place(name)).collect();
    let mut group = Group::new().ok()?;
    let kinds = [Software::TASK_CLOCK, Software::CONTEXT_SWITCHES, Software::CPU_MIGRATIONS, Software::PAGE_FAULTS];
    let build = |kind| {
        let mut builder = Builder::new().kind(kind);
        builder.include_kernel();
        builder.group(&mut group).build()
    };
    let _members = kinds.map(build);
    group.enable().ok()?;
    let mut meter = meter(CounterScope::Phase, places, 0);
    // SAFETY: `group` owns the descriptor and outlives its last use below.
    let fd = unsafe { BorrowedFd::borrow_raw(group.as_raw_fd()) };
    let times = paired(
        201,
        500,
        |count| {
            for _ in 0..count {
                let mut bytes = [0; 8 * (3 + 2 * 5)];
                nix::unistd::read(fd, &mut bytes).expect("a group can be read");
                black_box(bytes);
            }
        },
        |count| {
            for _ in 0..count / 2 {
                meter.mark(Phase::Compute);
                meter.mark(Phase::Idle);
            }
        },
    );
    Some(Row::ratio("one mark with 4 counters / one bare group read", times.measured_ns, times.floor_ns, 1.3))
}

/// What a worker's accounting takes in memory, in KiB: its section of the ledger and its ring.
pub fn memory_rows() -> Vec<Row> {
    let ring = SwitchRing::open().map_or(0, |ring| ring.mapped_bytes());
    let kib = (size_of::<Section>() + ring) as f64 / 1024.0;
    let what = "accounting memory per worker (section + ring)";
    vec![Row { what, measured: format!("{kib:.1} KiB"), floor: String::new(), value: kib, goal: 64.0, unit: "KiB" }]
}
