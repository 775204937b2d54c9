//! One trial: its coordinator is started, watched, and its books are closed.
//!
//! ```text
//!  ledger made ─▶ coordinator started ─▶ spec sent ─▶ … running … ─▶ outcome read ─▶ process over ─▶ books closed
//!                                                  │                                    ▲
//!                                                  └ cancelled, limit passed: killed ───┘
//! ```
//!
//! What else the machine does meanwhile is read before the first step and once the process is over, and not in between.
//! The ledger is looked at every [`LOOK_INTERVAL`], and only while the trial runs. Nothing here decides what the
//! trial's end means: [`crate::verdict`] does, from the evidence collected here.

mod accounts;

use std::future::pending;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gild_engine::ledger::Live;
use gild_engine::noise::{Reading, between};
use gild_engine::spec::{CONTROL_FD, Outcome};
use gild_model::account::Role;
use gild_model::noise::Noise;
use gild_model::trial::Trial;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use accounts::{Over, close};

pub use accounts::{Accounts, Work};

use crate::output::{Tail, pipe, read_bounded};
use crate::schedule::Turn;
use crate::spawner::protocol::{End, Exit, Job, JobKind};
use crate::spawner::{Process, Spawner, StartError};
use crate::vanished;
use crate::verdict::{Answer, Evidence, Stop, judge};

/// How often the ledger is looked at while a trial runs.
pub const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long a coordinator may take to end after it has answered.
const END_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the output is waited for after everybody who could write is dead.
const OUTPUT_TIME_MAX: Duration = Duration::from_secs(1);
/// Longest answer of a coordinator, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Why a trial could not even be started. Not the kernel's fault: the run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Memory, a pipe or a socket for it could not be had.
    #[error("cannot make {what} for a trial: {error}")]
    Resource {
        /// What could not be had.
        what: &'static str,
        /// Why.
        error: io::Error,
    },
    /// The coordinator could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Longest times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Of a task.
    pub task_s: f64,
    /// Of the trial.
    pub trial_s: f64,
}

/// Why a run is to be stopped; `None`: it is not. Set once.
pub type StopSignal = watch::Receiver<Option<Stop>>;

/// Runs a trial to its end. `show` is shown the accounts before anybody writes to them, `look` every state of the ledger that
/// was looked at.
///
/// # Errors
/// It could not be started.
pub async fn run(
    spawner: &Arc<Spawner>,
    turn: Turn,
    work: &Work,
    limits: Limits,
    stop: StopSignal,
    show: impl FnOnce(&Arc<Accounts>),
    look: impl FnMut(&Live),
) -> Result<Trial, TrialError> {
    let resource = |what| move |error| TrialError::Resource { what, error };
    let (output, output_writer) = pipe().map_err(resource("a pipe"))?;
    let (control, theirs) = control_socket().map_err(resource("a socket"))?;
    let accounts = Arc::new(Accounts::of(work)?);
    show(&accounts);
    let theirs_too = accounts.descriptors();
    let job = Job {
        kind: JobKind::Trial,
        arguments: vec![work.program().to_owned()],
        descriptors: [1, 2, CONTROL_FD].into_iter().chain(theirs_too.iter().map(|(number, _)| *number)).collect(),
    };
    let mut descriptors = vec![output_writer.as_fd(), output_writer.as_fd(), theirs.as_fd()];
    descriptors.extend(theirs_too.iter().map(|(_, descriptor)| *descriptor));
    let before = read_machine().await;
    let mut process = spawner.start(job, &descriptors).await?;
    drop((output_writer, theirs));

    let pid = process.pid();
    let mut tail = Tail::default();
    let mut answer = Answer::None;
    let seen = {
        let drain = tail.read(output);
        let talk = async {
            answer = converse(control, work.spec()).await;
            answer != Answer::None
        };
        watch_over(&mut process, &accounts, limits, stop, look, talk, drain).await
    };
    let noise = noise(before, read_machine().await, seen.end);
    let last = accounts.live();
    let Over { books, task_times, timelines, functions, notes } = close(accounts).await;
    let exit = seen.end.map(|end| end.exit);
    let verdict =
        judge(&Evidence { answer: &answer, pid, exit, stop: seen.stop.as_ref(), last: &last, faults: &books.faults });
    let mut workers = books.workers;
    // A trial in Python may have nobody but its only worker.
    let place = workers.iter().position(|it| it.role == Role::Coordinator).unwrap_or(0);
    if let Some(row) = workers.get_mut(place) {
        row.notes.extend(notes_of(&answer));
        row.notes.extend(strays_note(seen.end, seen.stop.as_ref()));
        row.notes.extend(notes);
        row.notes.extend(noise.as_ref().err().map(|error| format!("noise could not be measured: {error}")));
    }
    Ok(Trial {
        case: turn.case,
        repetition: turn.repetition,
        warmup: turn.warmup,
        status: verdict.status,
        error: verdict.error,
        wall_ns: books.wall_ns,
        tasks_planned: books.tasks_planned,
        tasks_done: books.tasks_done,
        digest: verdict.digest,
        verified: verdict.verified,
        tier: books.tier,
        accounting: books.accounting,
        noise: noise.ok(),
        task_times,
        timelines,
        lock_waits: Some(books.lock_waits),
        holders: functions,
        workers,
        output: tail.text(),
    })
}

/// What was seen while the trial ran.
struct Seen {
    end: Option<End>,
    stop: Option<Stop>,
}

/// Waits for the end of the process, and brings it about where that has to be. `talk` tells whether there was an
/// answer.
async fn watch_over(
    process: &mut Process,
    accounts: &Accounts,
    limits: Limits,
    mut stop: StopSignal,
    mut look: impl FnMut(&Live),
    talk: impl Future<Output = bool>,
    drain: impl Future<Output = ()>,
) -> Seen {
    let mut threads = vanished::Watch::default();
    let started = Instant::now();
    let mut looks = interval_at(started + LOOK_INTERVAL, LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut talk = Box::pin(talk);
    let mut drain = Box::pin(drain);
    let (mut talked, mut drained) = (false, false);
    let mut answered: Option<Instant> = None;
    let mut stopped: Option<Stop> = None;
    let trial_end = started + Duration::from_secs_f64(limits.trial_s);
    let end = loop {
        // In this order: what the coordinator said counts even if it is gone by now.
        let kill = tokio::select! {
            biased;
            with_answer = &mut talk, if !talked => {
                talked = true;
                answered = with_answer.then(Instant::now);
                None
            }
            end = process.ended() => break end,
            () = &mut drain, if !drained => {
                drained = true;
                None
            }
            why = asked_to_stop(&mut stop), if stopped.is_none() => Some(why),
            () = sleep_until(trial_end), if stopped.is_none() => Some(Stop::TrialLimit { limit_s: limits.trial_s }),
            _ = looks.tick() => {
                let live = accounts.live();
                look(&live);
                match answered {
                    Some(since) if since.elapsed() > END_TIME_MAX => {
                        Some(Stop::Lingered { limit_s: END_TIME_MAX.as_secs_f64() })
                    }
                    _ => over_limit(&live, limits.task_s).or_else(|| threads.look(&live)),
                }
            }
        };
        if let (Some(why), None) = (kill, &stopped) {
            stopped = Some(why);
            process.kill();
        }
    };
    // Everybody who held the other ends is dead: what is still in the pipes is all there will be.
    let rest = async {
        if !talked {
            talk.await;
        }
        if !drained {
            drain.await;
        }
    };
    // A process stuck in the kernel may hold them open; then what was read so far has to do.
    let _ = timeout(OUTPUT_TIME_MAX, rest).await;
    Seen { end, stop: stopped }
}

/// Never returns while nobody asks.
async fn asked_to_stop(stop: &mut StopSignal) -> Stop {
    let asked = stop.wait_for(Option::is_some).await.map(|why| why.clone());
    match asked {
        Ok(Some(why)) => why,
        // The sender is gone without having asked.
        _ => pending().await,
    }
}

/// The first worker whose task has taken too long.
fn over_limit(live: &Live, limit_s: f64) -> Option<Stop> {
    let limit = Duration::from_secs_f64(limit_s);
    live.workers.iter().find_map(|worker| {
        let (task, for_ns) = worker.task?;
        (Duration::from_nanos(for_ns) > limit).then_some(Stop::TaskLimit {
            worker: worker.index,
            pid: worker.pid,
            task,
            limit_s,
        })
    })
}

/// Tells the coordinator its trial and reads its answer.
async fn converse(mut control: UnixStream, spec: Vec<u8>) -> Answer {
    // A coordinator that dies before it has read all of this is judged by its death.
    let _ = control.write_all(&spec).await;
    let _ = control.shutdown().await;
    match read_bounded(control, ANSWER_BYTES_MAX).await {
        // A dead peer that has not read everything resets the connection.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Answer::None,
        Err(error) => Answer::Garbage(error.to_string()),
        Ok(bytes) if bytes.is_empty() => Answer::None,
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(outcome) => Answer::Outcome(outcome),
            Err(error) => Answer::Garbage(error.to_string()),
        },
    }
}

/// A socket to talk to a program over, and its end.
pub(crate) fn control_socket() -> io::Result<(UnixStream, StdStream)> {
    let (ours, theirs) = StdStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs))
}

/// What the machine says now; off this thread, because a large machine takes a while to say it.
async fn read_machine() -> io::Result<Reading> {
    let read = tokio::task::spawn_blocking(|| Reading::take(Path::new("/"))).await;
    read.expect("reading files does not panic")
}

/// What else happened between two readings, beside processes that ended like this.
fn noise(before: io::Result<Reading>, after: io::Result<Reading>, end: Option<End>) -> io::Result<Noise> {
    // A process that is still there has not told its CPU time.
    let own_cpu_ns = end.filter(|end| end.left == 0).map(|end| end.cpu_ns);
    Ok(between(&before?, &after?, own_cpu_ns))
}

/// What whoever ran the trial wants its reader to know.
fn notes_of(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Outcome(Outcome::Done { notes, .. }) => notes.clone(),
        _ => Vec::new(),
    }
}

/// Of a trial that ended by itself: what it left behind.
fn strays_note(end: Option<End>, stop: Option<&Stop>) -> Option<String> {
    let end = end.filter(|end| stop.is_none() && matches!(end.exit, Exit::Exited(0)))?;
    let count = |count: u32| if count == 1 { "1 process".to_owned() } else { format!("{count} processes") };
    let killed = (end.strays > 0).then(|| format!("{} outlived the trial and had to be killed", count(end.strays)));
    let left = (end.left > 0).then(|| format!("{} outlived the trial and even SIGKILL", count(end.left)));
    killed.or(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_engine::ledger::LiveWorker;
    use gild_model::phase::Phase;

    #[test]
    fn the_task_that_takes_too_long_is_found_with_its_worker() {
        let worker =
            |index, task| LiveWorker { index, pid: Some(7), tid: None, phase: Phase::Compute, task, tasks_done: 0 };
        let live = Live {
            tasks_planned: Some(9),
            tasks_done: 0,
            done_share: Some(0.0),
            workers: vec![worker(0, None), worker(1, Some((4, 999_999_999))), worker(2, Some((5, 1_000_000_001)))],
        };
        let expected = Stop::TaskLimit { worker: 2, pid: Some(7), task: 5, limit_s: 1.0 };
        assert_eq!(over_limit(&live, 1.0), Some(expected));
        assert_eq!(over_limit(&live, 2.0), None);
    }

    #[test]
    fn strays_are_noted_only_where_the_trial_ended_well() {
        let end = |exit, strays| Some(End { exit, strays, left: 0, cpu_ns: 0 });
        assert_eq!(strays_note(end(Exit::Exited(0), 0), None), None);
        assert!(strays_note(end(Exit::Exited(0), 2), None).unwrap().starts_with("2 processes outlived"));
        assert_eq!(strays_note(end(Exit::Signalled(9), 2), None), None);
        assert_eq!(strays_note(end(Exit::Exited(0), 2), Some(&Stop::Cancelled)), None);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_others_used_is_known_only_if_all_of_the_trial_was_waited_for() {
        let end = |left| Some(End { exit: Exit::Exited(0), strays: 0, left, cpu_ns: 0 });
        let (before, after) = (read_machine().await.unwrap(), read_machine().await.unwrap());
        let other_cpu_ns = |end| noise(Ok(before.clone()), Ok(after.clone()), end).unwrap().other_cpu_ns;
        assert!(other_cpu_ns(end(0)).is_some());
        assert_eq!(other_cpu_ns(end(1)), None);
        assert_eq!(other_cpu_ns(None), None, "the spawner died, and nobody saw the end");
        noise(Ok(before.clone()), Err(io::Error::other("no /proc")), end(0)).unwrap_err();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_coordinator_that_says_nothing_or_nonsense_is_told_apart() {
        async fn answer(said: &[u8]) -> Answer {
            let (ours, theirs) = control_socket().unwrap();
            theirs.set_nonblocking(true).unwrap();
            let mut theirs = UnixStream::from_std(theirs).unwrap();
            let spec = crate::testing::trial_spec();
            let (answer, ()) = tokio::join!(converse(ours, Work::Kernel(spec.clone()).spec()), async {
                let mut asked = Vec::new();
                tokio::io::AsyncReadExt::read_to_end(&mut theirs, &mut asked).await.unwrap();
                assert_eq!(serde_json::from_slice::<gild_engine::spec::TrialSpec>(&asked).unwrap(), spec);
                theirs.write_all(said).await.unwrap();
                drop(theirs);
            });
            answer
        }
        assert_eq!(answer(b"").await, Answer::None);
        assert!(matches!(answer(b"{").await, Answer::Garbage(_)));
        assert!(matches!(answer(&[b' '; ANSWER_BYTES_MAX + 1]).await, Answer::Garbage(_)));
        assert!(matches!(answer(br#"{"outcome":"failed","error":"no"}"#).await, Answer::Outcome(_)));
    }
}
