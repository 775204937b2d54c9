//! What costs time outside of tasks: making an instance, giving it up, and forking the process that has it.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Once, PoisonError, RwLock};
use std::time::Duration;

use gild_abi::Result;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::burn::burn;
use crate::clocks::{Figures, Start, measured, nanoseconds};
use crate::journal::Journal;

/// A line on a moment in the life of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// `create`, `destroy` or `fork`.
    pub moment: MomentKind,
    /// CPU time of the whole process at the end of it (`CLOCK_PROCESS_CPUTIME_ID`).
    pub process_cpu_ns: u64,
    /// What the operating system has seen.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Which moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MomentKind {
    /// An instance was made.
    Create,
    /// An instance was given up.
    Destroy,
    /// The process was forked: from before the fork until the parent goes on.
    Fork,
}

/// Spends CPU time at a moment, and notes what it was.
pub(crate) fn spend(moment: MomentKind, time: Duration, journal: Option<&Journal>) -> Result<()> {
    if time == Duration::ZERO {
        return Ok(());
    }
    let spent = measured(|| burn(time, || Ok(())))?;
    note(moment, spent.figures, journal)
}

fn note(moment: MomentKind, figures: Figures, journal: Option<&Journal>) -> Result<()> {
    let cpu = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("every Linux process has a CPU clock");
    let moment = Moment { moment, process_cpu_ns: nanoseconds(cpu.into()), figures };
    journal.map_or(Ok(()), |journal| journal.note(moment))
}

/// How long the process sleeps before a fork, in microseconds.
static FORK_US: AtomicU64 = AtomicU64::new(0);
/// When the fork in progress began.
static FORK_START: RwLock<Option<Start>> = RwLock::new(None);

/// From now on this process sleeps so long before each fork. It sleeps because a thread that has slept is not put off its
/// core when the fork is done, as one that has computed would be.
pub(crate) fn make_forks_slow(time: Duration) {
    static HANDLERS: Once = Once::new();
    FORK_US.store(time.as_micros() as u64, Relaxed);
    if time > Duration::ZERO {
        // SAFETY: both handlers are functions of this library, which is never unloaded (see `gild_abi::export`), and they
        // run in the parent only, where anything may be done. The child has no handler.
        HANDLERS.call_once(|| unsafe {
            libc::pthread_atfork(Some(before_fork), Some(after_fork), None);
        });
    }
}

extern "C" fn before_fork() {
    let time = Duration::from_micros(FORK_US.load(Relaxed));
    if time > Duration::ZERO {
        *FORK_START.write().unwrap_or_else(PoisonError::into_inner) = Some(Start::now());
        std::thread::sleep(time);
    }
}

extern "C" fn after_fork() {
    if let Some(start) = FORK_START.write().unwrap_or_else(PoisonError::into_inner).take() {
        // There is nobody here to tell; a line that is missing in the file tells.
        let _told = note(MomentKind::Fork, start.figures(), Journal::newest().as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_noted_with_its_cost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        let journal = Journal::open(&path).unwrap();
        spend(MomentKind::Destroy, Duration::ZERO, Some(&journal)).unwrap();
        spend(MomentKind::Create, Duration::from_millis(2), Some(&journal)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let line: crate::journal::Line<Moment> = serde_json::from_str(&text).unwrap();
        assert_eq!((line.pid as u32, line.event.moment), (std::process::id(), MomentKind::Create));
        assert!(line.event.figures.cpu_ns >= 2_000_000 && line.event.process_cpu_ns >= 2_000_000, "{line:?}");
    }
}
