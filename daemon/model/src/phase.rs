//! What a worker is doing (its phase), and whether it is running while it does it (the state).

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a worker is doing. It is in exactly one phase at any time, so its phases sum up to its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u32)]
pub enum Phase {
    /// Fork or exec, dynamic loading, kernel creation, until the first task can be taken.
    Startup = 0,
    /// Nothing to do: waiting for a task or, in the coordinator, for a result.
    Idle = 1,
    /// Bytes to value.
    Decode = 2,
    /// Value to bytes.
    Encode = 3,
    /// Moving bytes into the transport, blocked on it included.
    Send = 4,
    /// Moving bytes out of the transport, from the first byte of a message to its last.
    Receive = 5,
    /// Asked for the lock, does not have it.
    LockWait = 6,
    /// Gave the lock up on request and waits until another worker has taken it (forced switching).
    /// Lock waiting too, counted apart because the releaser pays it.
    SwitchWait = 7,
    /// Running kernel code.
    Compute = 8,
    /// Inside a blocking region that the kernel declared; the lock is given away. On an event loop: asking which tasks in
    /// flight are ready, and waiting until one is.
    IoWait = 9,
    /// After the last task, until exit.
    Teardown = 10,
    /// Starting the workers: fork, exec or clone. The coordinator's alone; a part of the trial's wall time.
    Launch = 11,
    /// Waiting for a lock that is not the interpreter's: a mutex, a semaphore, a condition variable, a bare futex.
    /// Recorded programs alone have it; what an executor's idle threads wait in is such a lock, too.
    OtherLock = 12,
}

impl Phase {
    /// Every phase, in the order of its number in the ledger.
    pub const ALL: [Phase; 13] = [
        Phase::Startup,
        Phase::Idle,
        Phase::Decode,
        Phase::Encode,
        Phase::Send,
        Phase::Receive,
        Phase::LockWait,
        Phase::SwitchWait,
        Phase::Compute,
        Phase::IoWait,
        Phase::Teardown,
        Phase::Launch,
        Phase::OtherLock,
    ];

    /// The name used in TOML, the API, the exports and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Startup => "startup",
            Phase::Idle => "idle",
            Phase::Decode => "decode",
            Phase::Encode => "encode",
            Phase::Send => "send",
            Phase::Receive => "receive",
            Phase::LockWait => "lock-wait",
            Phase::SwitchWait => "switch-wait",
            Phase::Compute => "compute",
            Phase::IoWait => "io-wait",
            Phase::Teardown => "teardown",
            Phase::Launch => "launch",
            Phase::OtherLock => "other-lock",
        }
    }

    /// The phase with this number in the ledger, if there is one.
    pub fn from_index(index: u32) -> Option<Phase> {
        Self::ALL.get(index as usize).copied()
    }

    /// The phase with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Phase> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the scheduler did with a worker during a phase. The states of a phase sum up to its wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Running.
    OnCpu,
    /// Ready, but another thread has the core.
    Preempted,
    /// Woken, waiting for a core.
    Waking,
    /// Waiting for an event.
    Blocked,
    /// The hypervisor ran someone else: on-CPU wall time that the thread's CPU clock did not see.
    Stolen,
}

impl State {
    /// Every state, in the order of the columns.
    pub const ALL: [State; 5] = [State::OnCpu, State::Preempted, State::Waking, State::Blocked, State::Stolen];

    /// The name used in the API, the exports and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            State::OnCpu => "on-cpu",
            State::Preempted => "preempted",
            State::Waking => "waking",
            State::Blocked => "blocked",
            State::Stolen => "stolen",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_numbered_by_their_place_and_named_once() {
        for (index, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase as u32 as usize, index);
            assert_eq!(Phase::from_index(index as u32), Some(phase));
            assert_eq!(Phase::from_name(phase.name()), Some(phase));
            let json = serde_json::to_string(&phase).unwrap();
            assert_eq!(json, format!("\"{}\"", phase.name()));
        }
        assert_eq!(Phase::from_index(Phase::ALL.len() as u32), None);
    }
}
