//! What gild costs, each time beside a floor measured in the same run: `cargo bench -p gild-tests`.
//!
//! Measured and floor are interleaved, in short batches, so that whatever else the machine does hits both; the ratio
//! is that of the two medians (or, where a figure is a property and not a time, the figure itself). A goal that is
//! missed is said; with `-- --check` it also makes the exit status 1. Goals and figures: docs/performance.md.
//!
//! The program stays single-threaded until the measurements that need threads, because the `processes` model forks it.

mod idle;
mod mark;
mod paired;
mod ping_pong;
mod pool;
mod report;
mod safe_point;
mod scrape;
mod sequential;
mod shared_memory;
mod trial;

use std::process::ExitCode;

use report::Row;

fn main() -> ExitCode {
    // The coordinator's control descriptor, which worker processes close: nothing of the bench must be there.
    let _placeholder = std::fs::File::open("/dev/null").expect("/dev/null can be opened");
    let check = std::env::args().any(|argument| argument == "--check");
    let benches: [fn() -> Vec<Row>; 9] = [
        mark::rows,
        safe_point::rows,
        sequential::rows,
        ping_pong::rows,
        shared_memory::rows,
        mark::memory_rows,
        pool::rows,
        scrape::rows,
        idle::rows,
    ];
    report::header();
    let rows: Vec<Row> = benches.into_iter().flat_map(|bench| bench().into_iter().inspect(report::print)).collect();
    let missed = rows.iter().filter(|row| !row.met()).count();
    println!("\n{} of {} goals met", rows.len() - missed, rows.len());
    if check && missed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
