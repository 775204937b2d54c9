//! What many runs cost whoever asks: whole commands, client and daemon together, beside a floor measured in the same run.
//!
//! `cargo bench -p gild-tests --bench many`. The stores are made up by [`gild_tests::stored`]. Times are medians of commands
//! that take turns; memory is the peak of each process, as the kernel tells it. Goals and figures: docs/performance.md.

mod measured;

use std::process::ExitCode;

use gild_tests::lab::Lab;
use gild_tests::stored::{Shape, fill};
use measured::{Measured, measure, memory_mib};

/// How often short commands are run, and long ones.
const SHORT: usize = 21;
const LONG: usize = 5;
/// The longest that a short command may take, in milliseconds.
const SHORT_MS_MAX: f64 = 50.0;
/// The longest that a million rows may take, in milliseconds.
const ROWS_MS_MAX: f64 = 2_000.0;
/// Most memory of the daemon, in MiB.
const DAEMON_MIB_MAX: u64 = 200;
/// Where one run's time went.
const SHARES: &str = "SELECT \"case\", phase, sum(wall_ns) FROM v_accounts WHERE run = 5000 GROUP BY 1, 2";
/// Every column of every row of a run.
const ROWS: &str = "SELECT * FROM v_accounts WHERE run = 1";

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let met = [many_runs(), many_rows("no counters", false), many_rows("five counters in each", true)];
    if check && met.contains(&false) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Ten thousand runs of a usual size.
fn many_runs() -> bool {
    let shape = Shape { workers: 4, repetitions: 2, counters: true };
    let lab = lab(10_000, shape);
    lab.gilctl(&["tag", "7", "--add", "quiet"]).well();
    println!("10 000 runs with {} rows of accounts each, {} MiB", shape.rows(), size_mib(&lab));
    let heads = "SELECT id, name, kernel, status, submitted_at FROM runs ORDER BY id DESC LIMIT 50";
    let ask = |what, arguments: &[&str]| Measured::new(what, lab.gilctl_command(arguments)).at_most(SHORT_MS_MAX);
    let met = measure(
        vec![
            Measured::new("floor: gilctl --version", lab.gilctl_command(&["--version"])),
            sqlite3(&lab, "floor: sqlite3 reads 50 runs", heads),
            ask("ls", &["ls"]),
            ask("ls --kernel --status", &["ls", "--kernel", "mixed", "--status", "failed"]),
            ask("ls --model", &["ls", "--model", "threads"]),
            ask("ls --since", &["ls", "--since", "3d"]),
            ask("ls --tag", &["ls", "--tag", "quiet"]),
            ask("show last", &["show", "last"]),
            ask("show 1", &["show", "1"]),
            ask("sql: shares of one run", &["sql", SHARES]),
            Measured::new("ls --limit all --json", lab.gilctl_command(&["ls", "--limit", "all", "--json"])),
        ],
        SHORT,
    );
    met & daemon(&lab)
}

/// A run with a million rows of accounts.
fn many_rows(what: &str, counters: bool) -> bool {
    let shape = Shape { workers: 100, repetitions: 490, counters };
    let lab = lab(1, shape);
    println!("\none run with {} rows of accounts, {what}, {} MiB", shape.rows(), size_mib(&lab));
    let export = |format| lab.gilctl_command(&["export", "1", "--format", format, "-o", "out"]);
    let met = measure(
        vec![
            sqlite3(&lab, "floor: sqlite3 prints the rows", ROWS),
            Measured::new("export, Parquet", export("parquet")).at_most(ROWS_MS_MAX),
            Measured::new("export, CSV", export("csv")),
            Measured::new("export, JSON lines", export("jsonl")),
            Measured::new("sql --csv", lab.gilctl_command(&["sql", "--csv", "--time-limit", "600", ROWS])),
            Measured::new("show", lab.gilctl_command(&["show", "1"])),
        ],
        LONG,
    );
    met & daemon(&lab)
}

/// A world whose daemon has so many runs.
fn lab(runs: u32, shape: Shape) -> Lab {
    let mut lab = Lab::empty();
    fill(&lab.store(), runs, shape);
    lab.start_daemon();
    lab
}

fn sqlite3(lab: &Lab, what: &'static str, sql: &str) -> Measured {
    let mut command = lab.command("sqlite3");
    command.arg("-readonly").arg(lab.store()).arg(sql);
    Measured::new(what, command)
}

/// What it cost the daemon.
fn daemon(lab: &Lab) -> bool {
    let peak_mib = memory_mib(lab.daemon_pid()).expect("the daemon lives");
    println!("peak of the daemon: {peak_mib} MiB (goal: ≤ {DAEMON_MIB_MAX} MiB)");
    peak_mib <= DAEMON_MIB_MAX
}

fn size_mib(lab: &Lab) -> u64 {
    std::fs::metadata(lab.store()).expect("the store is there").len() >> 20
}
