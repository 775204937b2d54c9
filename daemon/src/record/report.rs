//! What a recording comes to.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use gild_engine::clock::raw_ns;
use gild_engine::noise::{Reading, between};
use gild_engine::record::books::Books;
use gild_engine::record::owner::Recording as Ledger;
use gild_model::look::Begun;
use gild_model::recording::Recording;
use gild_model::trial::{Trial, TrialStatus};
use jiff::Timestamp;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::watch::End;
use gild_model::recording::Ended;

/// What was read before the command was started.
#[derive(Debug)]
pub struct Before {
    machine: io::Result<Reading>,
    at: Timestamp,
    raw_ns: u64,
}

impl Before {
    /// Reads it; the last thing before the command is started.
    pub fn now() -> Before {
        let machine = Reading::take(Path::new("/"));
        Before { machine, at: Timestamp::now(), raw_ns: raw_ns() }
    }

    /// What is told of it as soon as the command runs.
    pub fn begun(&self, command: &[OsString]) -> Begun {
        Begun { command: words(command), started_at: self.at }
    }
}

/// Closes the books. `no_code`: why interpreters could not get our code.
pub fn report(
    ledger: &Ledger,
    before: Before,
    command: &[OsString],
    end: End,
    no_code: Option<io::Error>,
) -> Recording {
    let mut books = ledger.close();
    let after = Reading::take(Path::new("/"));
    let noise = before.machine.and_then(|before| Ok(between(&before, &after?, own_cpu_ns(&books))));
    let mut notes = notes(&books, end.how);
    notes.extend(notes_on_python(&books, no_code));
    notes.extend(noise.as_ref().err().map(|error| format!("noise could not be measured: {error}")));
    notes.extend(books.functions.unknown.iter().map(|(why, processes)| unknown_functions(why, *processes)));
    if let Some(row) = books.rows.first_mut() {
        row.notes.extend(notes);
    }
    let accounting = ledger.accounting(&books);
    let trial = Trial {
        case: 0,
        repetition: 0,
        warmup: false,
        status: TrialStatus::Done,
        error: None,
        wall_ns: Some(end.raw_ns.saturating_sub(before.raw_ns)),
        tasks_planned: None,
        tasks_done: 0,
        digest: None,
        verified: None,
        tier: books.tier,
        accounting,
        noise: noise.ok(),
        task_times: Vec::new(),
        timelines: books.timelines,
        lock_waits: Some(books.lock_waits),
        holders: books.functions.holders,
        workers: books.rows,
        output: None,
    };
    Recording { command: words(command), started_at: before.at, finished_at: Timestamp::now(), ended: end.how, trial }
}

fn words(command: &[OsString]) -> Vec<String> {
    command.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Why it is not known which functions others waited for.
fn unknown_functions(why: &str, processes: u32) -> String {
    let whose = if processes == 1 { "of one process".to_owned() } else { format!("of {processes} processes") };
    format!("which functions {whose} held the interpreter's lock while others waited is not known: {why}")
}

/// CPU time of the command and of all its children that were waited for; `None`: some are still running.
fn own_cpu_ns(books: &Books) -> Option<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok().filter(|_| books.still_running == 0)?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    u64::try_from(microseconds).ok().map(|it| it * 1_000)
}

/// What concerns the recording as a whole.
fn notes(books: &Books, ended: Ended) -> Vec<String> {
    let count = |number: u32, noun: &str| if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") };
    let status = match ended {
        Ended::Exited(0) => None,
        Ended::Exited(status) => Some(format!("the command ended with exit status {status}")),
        Ended::Signalled(signal) => Some(format!("the command was ended by signal {signal}")),
    };
    let running = (books.still_running > 0).then(|| {
        format!(
            "{} still running when the command ended; the recording ended with it",
            count(books.still_running, "thread")
        )
    });
    let untimed = (books.without_timeline > 0).then(|| {
        format!(
            "{} without a timeline: the others have a million intervals together",
            count(books.without_timeline, "thread")
        )
    });
    let lost = (books.without_place > 0)
        .then(|| format!("{} not recorded: there were no more places", count(books.without_place, "thread")));
    let never = (books.never_began > 0).then(|| {
        format!(
            "{} not recorded: nothing can be preloaded into a program that is static, privileged or of another libc",
            count(books.never_began, "program")
        )
    });
    [status, running, lost, never, untimed].into_iter().flatten().collect()
}

/// What is not known of interpreters of Python.
fn notes_on_python(books: &Books, no_code: Option<io::Error>) -> Vec<String> {
    const WITHOUT: &str =
        "-I, -E, -S, a PYTHONPATH of the program's own, a version before 3.8, an interpreter that is never started";
    let processes = match books.without_our_code {
        0 => None,
        1 => Some("1 process".to_owned()),
        more => Some(format!("{more} processes")),
    };
    let why = no_code.map_or_else(|| WITHOUT.to_owned(), |error| error.to_string());
    let without = processes.map(|processes| {
        format!("{processes} of Python did not run gild's code, so what executors and multiprocessing do is not told apart: {why}")
    });
    let missing = (!books.parts_missing.is_empty()).then(|| {
        let parts = books.parts_missing.join(", ");
        format!("this Python's {parts} lacks something that gild looks for; what is done there is not told apart")
    });
    [without, missing].into_iter().flatten().collect()
}
