//! What the accounts of trials add up to: added once a trial's accounts are closed, in the nanoseconds that they have.
//!
//! What was not measured is not added, and has no series as long as nobody measured it. Of a phase's wall time it is the
//! state `unmeasured`, so that the states of a phase always add up to its wall time.

use gild_model::account::{PhaseAccount, WorkerAccount};
use gild_model::case::{Case, LockPolicy, Model};
use gild_model::lock_wait::{Holder, LockKind, LockWait};
use gild_model::phase::State;
use gild_model::trial::{Trial, TrialStatus};

use super::catalogue::{
    ACCOUNTING, ACCOUNTS, HAND_OVERS, INTERVALS_DROPPED, LOCK_WAITED, PHASES, RECORDS_LOST, STOLEN, TASKS, TRIAL_WALL,
    TRIALS,
};
use super::page::Page;
use super::values::{Counters, Labels, Nanoseconds, Times, begin_at_zero};

/// The state of time that was spent waiting for a core, where it is not known how it came to that.
const RUN_QUEUE: &str = "run-queue";
/// The state of time of which no state is known.
const UNMEASURED: &str = "unmeasured";

/// Trials since the daemon started.
#[derive(Debug)]
pub struct TrialTally {
    trials: Counters,
    wall: Times,
    tasks: Counters,
    phases: Times,
    hand_overs: Counters,
    lock_waited: Times,
    stolen: Times,
    accounting: Times,
    accounts: Counters,
    records_lost: Counters,
    intervals_dropped: Counters,
}

impl Default for TrialTally {
    /// No trial has been run, which is known of every model. Which states can be measured is not.
    fn default() -> TrialTally {
        let tally = TrialTally {
            trials: Counters::default(),
            wall: Times::default(),
            tasks: Counters::default(),
            phases: Times::default(),
            hand_overs: Counters::default(),
            lock_waited: Times::default(),
            stolen: Times::default(),
            accounting: Times::default(),
            accounts: Counters::default(),
            records_lost: Counters::default(),
            intervals_dropped: Counters::default(),
        };
        for model in Model::ALL.iter().copied() {
            // A kernel in Python brings its interpreter's lock along, and has no policy.
            let policies = LockPolicy::ALL.iter().filter(|_| model.has_lock()).map(|policy| Some(*policy));
            for policy in policies.chain([None]) {
                let statuses = [TrialStatus::Done, TrialStatus::Failed, TrialStatus::Cancelled];
                begin_at_zero(&tally.trials, statuses.map(|status| outcome(model, policy, status)));
            }
            begin_at_zero(&tally.tasks, [of(model.name())]);
            add_time(&tally.wall, of(model.name()), Some(0));
        }
        tally
    }
}

impl TrialTally {
    /// A trial under a case is over, and its accounts are closed.
    pub fn add(&self, case: &Case, trial: &Trial) {
        let model = case.model.name();
        self.trials.get_or_create(&outcome(case.model, case.lock, trial.status)).inc();
        self.tasks.get_or_create(&of(model)).inc_by(trial.tasks_done);
        add_time(&self.wall, of(model), trial.wall_ns);
        let accounting_ns = trial.accounting.as_ref().map(|cost| cost.spent_ns().round() as u64);
        add_time(&self.accounting, of(model), accounting_ns);
        for worker in &trial.workers {
            self.add_worker(model, worker);
        }
        for wait in trial.lock_waits.iter().flatten() {
            self.add_wait(model, wait);
        }
        let dropped = sum(trial.timelines.iter().map(|it| it.timeline.dropped));
        self.intervals_dropped.get_or_create(&of(model)).inc_by(dropped);
    }

    fn add_worker(&self, model: &'static str, worker: &WorkerAccount) {
        self.accounts.get_or_create(&vec![("model", model), ("balance", balance(worker))]).inc();
        add_time(&self.stolen, of(model), worker.stolen_ns);
        let lost = sum(worker.phases.iter().map(|account| account.lost_records));
        self.records_lost.get_or_create(&of(model)).inc_by(lost);
        for account in &worker.phases {
            let (role, phase) = (worker.role.name(), account.phase.name());
            for (state, time_ns) in states(account) {
                let labels = vec![("model", model), ("role", role), ("phase", phase), ("state", state)];
                add_time(&self.phases, labels, Some(time_ns));
            }
        }
    }

    fn add_wait(&self, model: &'static str, wait: &LockWait) {
        let labels = vec![("model", model), ("lock", wait.lock.name())];
        // Who leaves the list of waiters with the lock books its last moments there to nobody (docs/locks.md).
        if wait.holder == Holder::Nobody && wait.lock != LockKind::Other {
            self.hand_overs.get_or_create(&labels).inc_by(wait.entries);
        }
        add_time(&self.lock_waited, labels, Some(wait.waited_ns));
    }

    pub(super) fn put_on(&self, page: &mut Page) {
        page.put(&TRIALS, self.trials.clone());
        page.put(&TRIAL_WALL, self.wall.clone());
        page.put(&TASKS, self.tasks.clone());
        page.put(&PHASES, self.phases.clone());
        page.put(&HAND_OVERS, self.hand_overs.clone());
        page.put(&LOCK_WAITED, self.lock_waited.clone());
        page.put(&STOLEN, self.stolen.clone());
        page.put(&ACCOUNTING, self.accounting.clone());
        page.put(&ACCOUNTS, self.accounts.clone());
        page.put(&RECORDS_LOST, self.records_lost.clone());
        page.put(&INTERVALS_DROPPED, self.intervals_dropped.clone());
    }
}

fn of(model: &'static str) -> Labels {
    vec![("model", model)]
}

fn outcome(model: Model, policy: Option<LockPolicy>, status: TrialStatus) -> Labels {
    let policy = policy.map(|policy| ("policy", policy.name()));
    [("model", model.name())].into_iter().chain(policy).chain([("status", status.name())]).collect()
}

fn balance(worker: &WorkerAccount) -> &'static str {
    match worker.balanced {
        Some(true) => "balanced",
        Some(false) => "unbalanced",
        None => "unknown",
    }
}

fn add_time(times: &Times, labels: Labels, time_ns: Option<u64>) {
    if let Some(time_ns) = time_ns {
        times.get_or_create(&labels).inc_by(Nanoseconds(time_ns));
    }
}

/// The accounts of a recording come from a client, who may have put any numbers into them.
fn sum(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, u64::saturating_add)
}

/// The wall time of a phase by state: those that were measured, and the rest.
fn states(account: &PhaseAccount) -> Vec<(&'static str, u64)> {
    let mut states = Vec::new();
    let mut take = |name, time_ns: Option<u64>| states.extend(time_ns.map(|time_ns| (name, time_ns)));
    take(State::OnCpu.name(), account.on_cpu_ns);
    let told_apart = account.preempted_ns.zip(account.waking_ns);
    match told_apart.filter(|(preempted, waking)| preempted.checked_add(*waking) == account.run_queue_ns) {
        Some((preempted_ns, waking_ns)) => {
            take(State::Preempted.name(), Some(preempted_ns));
            take(State::Waking.name(), Some(waking_ns));
        }
        None => take(RUN_QUEUE, account.run_queue_ns),
    }
    take(State::Blocked.name(), account.blocked_ns);
    take(State::Stolen.name(), account.stolen_ns);
    let measured_ns = sum(states.iter().map(|(_, time_ns)| *time_ns));
    match account.wall_ns.saturating_sub(measured_ns) {
        0 => {}
        rest => states.push((UNMEASURED, rest)),
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{computed, experiment, recording, trial};
    use gild_model::phase::Phase;
    use prometheus_client::encoding::EncodeMetric;
    use prometheus_client::metrics::counter::Atomic;

    fn account(run_queue_ns: Option<u64>, apart: Option<(u64, u64)>, blocked_ns: Option<u64>) -> PhaseAccount {
        let (preempted_ns, waking_ns) = apart.unzip();
        PhaseAccount {
            on_cpu_ns: Some(60),
            preempted_ns,
            waking_ns,
            run_queue_ns,
            blocked_ns,
            stolen_ns: None,
            ..computed()
        }
    }

    #[test]
    fn states_add_up_to_the_wall_time_and_what_is_not_known_is_no_zero() {
        let check = |account: &PhaseAccount, expected: &[(&str, u64)]| {
            assert_eq!(states(account), expected);
            assert_eq!(expected.iter().map(|(_, time_ns)| time_ns).sum::<u64>(), account.wall_ns);
        };
        let apart = account(Some(30), Some((10, 20)), Some(10));
        check(&apart, &[("on-cpu", 60), ("preempted", 10), ("waking", 20), ("blocked", 10)]);
        check(&account(Some(30), None, Some(10)), &[("on-cpu", 60), ("run-queue", 30), ("blocked", 10)]);
        check(&account(Some(30), None, None), &[("on-cpu", 60), ("run-queue", 30), ("unmeasured", 10)]);
        check(
            &account(Some(40), Some((0, 40)), Some(0)),
            &[("on-cpu", 60), ("preempted", 0), ("waking", 40), ("blocked", 0)],
        );
        // A recording comes from a client: its split need not fit, and then it is not believed.
        check(&account(Some(30), Some((9, 9)), Some(10)), &[("on-cpu", 60), ("run-queue", 30), ("blocked", 10)]);
        let open = PhaseAccount { on_cpu_ns: None, open: true, ..account(None, None, None) };
        check(&open, &[("unmeasured", 100)]);
    }

    #[test]
    fn trials_are_added_up_by_model_and_what_was_not_measured_has_no_series() {
        let (tally, case) = (TrialTally::default(), experiment().cases.remove(0));
        tally.add(&case, &trial(TrialStatus::Failed));
        let sequential = of("sequential");
        assert!(tally.stolen.get(&sequential).is_none());
        assert!(tally.phases.is_empty() && tally.accounting.is_empty());
        assert_eq!(tally.trials.get(&vec![("model", "sequential"), ("status", "failed")]).unwrap().get(), 1);
        let done =
            Trial { wall_ns: Some(7), tasks_done: 3, workers: recording(2).trial.workers, ..trial(TrialStatus::Done) };
        tally.add(&case, &done);
        tally.add(&case, &done);
        assert_eq!(tally.tasks.get(&sequential).unwrap().get(), 6);
        let time = |times: &Times, labels: &Labels| -> Nanoseconds { times.get(labels).unwrap().inner().get() };
        assert_eq!(time(&tally.wall, &sequential), Nanoseconds(14));
        let phase = Phase::Compute.name();
        let on_cpu = vec![("model", "sequential"), ("role", "worker"), ("phase", phase), ("state", "on-cpu")];
        assert_eq!(time(&tally.phases, &on_cpu), Nanoseconds(400));
        let balanced = vec![("model", "sequential"), ("balance", "balanced")];
        assert_eq!(tally.accounts.get(&balanced).unwrap().get(), 4);
    }

    #[test]
    fn a_hand_over_is_a_wait_that_ended_with_the_lock() {
        let (tally, case) = (TrialTally::default(), experiment().cases.remove(0));
        let wait = |lock, holder, waited_ns, entries| LockWait { lock, waiter: 0, holder, waited_ns, entries };
        let waits = vec![
            wait(LockKind::Policy, Holder::Worker(1), 900, 5),
            wait(LockKind::Policy, Holder::Nobody, 100, 4),
            wait(LockKind::Other, Holder::Unknown, 50, 2),
        ];
        tally.add(&case, &Trial { lock_waits: Some(waits), ..trial(TrialStatus::Done) });
        let lock = |name| vec![("model", "sequential"), ("lock", name)];
        assert_eq!(tally.hand_overs.get(&lock("policy")).unwrap().get(), 4);
        assert!(tally.hand_overs.get(&lock("other")).is_none(), "it is not known when such a lock was got");
        let waited = |name| -> Nanoseconds { tally.lock_waited.get(&lock(name)).unwrap().inner().get() };
        assert_eq!([waited("policy"), waited("other")], [1_000, 50].map(Nanoseconds));
    }
}
