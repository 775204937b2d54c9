//! Accounts pooled into shares of life: by phase, by state.
//!
//! A [`Pool`] sums accounts in whole nanoseconds and divides once, at the end, so that the shares add up to 1 and
//! can be had again from an export by adding the same columns.

use gild_model::account::{PhaseAccount, WorkerAccount};
use gild_model::phase::Phase;
use gild_model::summary::Shares;

/// A sum that is known only if every part of it was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum(pub Option<u128>);

impl Sum {
    fn add(&mut self, part: Option<u64>) {
        self.0 = self.0.zip(part).map(|(sum, part)| sum + u128::from(part));
    }
}

impl Default for Sum {
    /// The sum of nothing, which is known.
    fn default() -> Self {
        Sum(Some(0))
    }
}

/// Times pooled over the accounts of one phase, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PhasePool {
    /// Wall time.
    pub wall_ns: u128,
    /// Of it: waiting for a core.
    pub run_queue_ns: Sum,
}

/// Times pooled over any number of workers and trials, in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    phases: [PhasePool; Phase::ALL.len()],
    /// On-CPU time, stolen time included wherever it was measured: `on_cpu_ns` has it where it was not.
    on_cpu_and_stolen_ns: Sum,
    preempted_ns: Sum,
    waking_ns: Sum,
    run_queue_ns: Sum,
    blocked_ns: Sum,
    stolen_ns: Sum,
}

impl Pool {
    /// Takes in a worker's whole life. Where stolen time was not measured phase by phase, that of its whole
    /// life is taken.
    pub fn add_life(&mut self, worker: &WorkerAccount) {
        worker.phases.iter().for_each(|account| self.add_account(account));
        let by_phase: u64 = worker.phases.iter().filter_map(|account| account.stolen_ns).sum();
        let complete = worker.phases.iter().all(|account| account.stolen_ns.is_some());
        self.stolen_ns.add(if complete { Some(by_phase) } else { worker.stolen_ns.map(|life| life.max(by_phase)) });
    }

    /// Takes in a coordinator between the start of the first worker and the last result: its phases but startup
    /// and teardown. What was stolen over its whole life says nothing of that part, so it is not taken.
    pub fn add_middle(&mut self, coordinator: &WorkerAccount) {
        for account in coordinator.phases.iter().filter(|account| is_middle(account)) {
            self.add_account(account);
            self.stolen_ns.add(account.stolen_ns);
        }
    }

    fn add_account(&mut self, account: &PhaseAccount) {
        let run_queue_ns = run_queue_ns(account);
        let phase = &mut self.phases[account.phase as usize];
        phase.wall_ns += u128::from(account.wall_ns);
        phase.run_queue_ns.add(run_queue_ns);
        self.on_cpu_and_stolen_ns.add(account.on_cpu_ns);
        self.on_cpu_and_stolen_ns.add(Some(account.stolen_ns.unwrap_or(0)));
        self.preempted_ns.add(account.preempted_ns);
        self.waking_ns.add(account.waking_ns);
        self.run_queue_ns.add(run_queue_ns);
        self.blocked_ns.add(account.blocked_ns);
    }

    /// Σ phases.
    pub fn life_ns(&self) -> u128 {
        self.phases.iter().map(|phase| phase.wall_ns).sum()
    }

    /// One phase.
    pub fn phase(&self, phase: Phase) -> PhasePool {
        self.phases[phase as usize]
    }

    /// The share of life that was stolen, if it was measured.
    pub fn stolen_share(&self) -> Option<f64> {
        self.stolen_ns.0.filter(|_| self.life_ns() > 0).map(|stolen_ns| stolen_ns as f64 / self.life_ns() as f64)
    }

    /// How far the states are from adding up to the phases, as a share of life; `None` if not all were measured.
    pub fn states_gap(&self) -> Option<f64> {
        let states_ns = self.on_cpu_and_stolen_ns.0? + self.run_queue_ns.0? + self.blocked_ns.0?;
        let life_ns = self.life_ns();
        (life_ns > 0).then(|| states_ns.abs_diff(life_ns) as f64 / life_ns as f64)
    }

    /// Every share; `None` if nobody lived.
    pub fn shares(&self) -> Option<Shares> {
        let life_ns = self.life_ns();
        if life_ns == 0 {
            return None;
        }
        let share = |part_ns: u128| part_ns as f64 / life_ns as f64;
        let of = |phases: &[Phase]| share(phases.iter().map(|phase| self.phase(*phase).wall_ns).sum());
        let on_cpu_ns = |sum: u128| sum - self.stolen_ns.0.unwrap_or(0).min(sum);
        Some(Shares {
            life_ns: u64::try_from(life_ns).unwrap_or(u64::MAX),
            compute: of(&[Phase::Compute]),
            lock_wait: of(&[Phase::LockWait, Phase::SwitchWait]),
            switch_wait: of(&[Phase::SwitchWait]),
            other_lock: of(&[Phase::OtherLock]),
            serialize: of(&[Phase::Encode, Phase::Decode]),
            transfer: of(&[Phase::Send, Phase::Receive]),
            io_wait: of(&[Phase::IoWait]),
            idle: of(&[Phase::Idle]),
            startup: of(&[Phase::Startup, Phase::Launch]),
            teardown: of(&[Phase::Teardown]),
            on_cpu: self.on_cpu_and_stolen_ns.0.map(on_cpu_ns).map(share),
            run_queue: self.run_queue_ns.0.map(share),
            preempted: self.preempted_ns.0.map(share),
            waking: self.waking_ns.0.map(share),
            blocked: self.blocked_ns.0.map(share),
            stolen: self.stolen_ns.0.map(|stolen_ns| share(self.at_most_on_cpu(stolen_ns))),
        })
    }

    /// Stolen time is a part of the time on a CPU; an estimate of it that is larger is cut to it.
    fn at_most_on_cpu(&self, stolen_ns: u128) -> u128 {
        self.on_cpu_and_stolen_ns.0.map_or(stolen_ns, |on_cpu_ns| stolen_ns.min(on_cpu_ns))
    }
}

/// Time on a CPU that a coordinator spent between the first worker's start and the last result, in nanoseconds:
/// CPU time where it was read for the phase, on-CPU time elsewhere.
pub(super) fn middle_cpu_ns(coordinator: &WorkerAccount) -> Option<u64> {
    let middle = coordinator.phases.iter().filter(|account| is_middle(account));
    middle.map(|account| account.cpu_ns.or(account.on_cpu_ns)).sum()
}

fn is_middle(account: &PhaseAccount) -> bool {
    !matches!(account.phase, Phase::Startup | Phase::Teardown)
}

fn run_queue_ns(account: &PhaseAccount) -> Option<u64> {
    account.run_queue_ns.or_else(|| account.preempted_ns.zip(account.waking_ns).map(|(a, b)| a + b))
}
