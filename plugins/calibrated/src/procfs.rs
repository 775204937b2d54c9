//! What procfs says: the thread's context switches so far, and what the hypervisor took from a core.

use std::fs;
use std::io;
use std::time::Duration;

use gild_abi::{Error, Result};
use nix::unistd::{SysconfVar, sysconf};
use serde::{Deserialize, Serialize};

use crate::clocks::nanoseconds;

/// Context switches of the calling thread in all its life, from `/proc/thread-self/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    /// Voluntary ones.
    pub voluntary_ctxt_switches: u64,
    /// Involuntary ones.
    pub nonvoluntary_ctxt_switches: u64,
}

impl Switches {
    /// As of now.
    pub(crate) fn now() -> Result<Switches> {
        let text = read("/proc/thread-self/status")?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse().ok())
                .ok_or_else(|| Error::new(format!("/proc/thread-self/status has no number in {name}")))
        };
        Ok(Switches {
            voluntary_ctxt_switches: field("voluntary_ctxt_switches")?,
            nonvoluntary_ctxt_switches: field("nonvoluntary_ctxt_switches")?,
        })
    }
}

/// Time that the hypervisor took from the core that the thread is on, since the machine started, from `/proc/stat`: in
/// ticks of 10 ms, usually.
pub(crate) fn stolen_here() -> Result<u64> {
    let core = nix::sched::sched_getcpu().map_err(io::Error::from)?;
    let text = read("/proc/stat")?;
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("cpu{core} ")));
    let ticks = line.and_then(|fields| fields.split_whitespace().nth(7)?.parse::<u64>().ok());
    let ticks = ticks.ok_or_else(|| Error::new(format!("/proc/stat says nothing of the steal of core {core}")))?;
    Ok(ticks * tick_ns()?)
}

/// Length of a tick of procfs, in nanoseconds.
fn tick_ns() -> Result<u64> {
    let per_second = sysconf(SysconfVar::CLK_TCK).map_err(io::Error::from)?;
    let per_second = per_second.and_then(|it| u64::try_from(it).ok()).filter(|it| *it > 0);
    let per_second = per_second.ok_or_else(|| Error::new("sysconf does not know CLK_TCK"))?;
    Ok(nanoseconds(Duration::from_secs(1)) / per_second)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_one_voluntary_switch_more() {
        let before = Switches::now().unwrap();
        std::thread::sleep(Duration::from_millis(2));
        let after = Switches::now().unwrap();
        assert!(after.voluntary_ctxt_switches > before.voluntary_ctxt_switches, "{before:?} {after:?}");
    }

    #[test]
    fn what_was_stolen_is_whole_ticks() {
        assert_eq!(stolen_here().unwrap() % tick_ns().unwrap(), 0);
    }
}
