//! A trial's accounts beside what the kernel `calibrated` reported of the same trial.
//!
//! The kernel's lines are described in docs/calibrated.md. Sums of gild's figures are `None` as soon as one of them was
//! not measured; a field that the report lacks is an error.

use std::collections::BTreeMap;

use gild_model::account::{PhaseAccount, Role, WorkerAccount};
use gild_model::phase::Phase;
use gild_model::trial::Trial;
use serde_json::Value;

use super::beside::Bare;

/// Most of a core that other programs may use where the machine must be quiet.
const QUIET: f64 = 0.1;

/// What is known of a trial, from both sides.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// gild's side.
    pub trial: &'a Trial,
    /// The kernel's lines of this trial.
    lines: Vec<&'a Value>,
    /// What was measured beside the run.
    pub bare: Option<Bare>,
}

/// Which accounts of a phase are meant.
pub type Which<'w> = &'w dyn Fn(&PhaseAccount) -> bool;

impl<'a> Evidence<'a> {
    /// Picks the trial's lines out of all lines of its run: those of its processes.
    pub fn new(trial: &'a Trial, lines: &'a [Value], bare: Option<Bare>) -> Evidence<'a> {
        let is_ours = |line: &&Value| {
            let pid = line["pid"].as_u64();
            pid.is_some() && trial.workers.iter().any(|worker| worker.pid.map(u64::from) == pid)
        };
        Evidence { trial, lines: lines.iter().filter(is_ours).collect(), bare }
    }

    /// The workers' rows.
    pub fn workers(&self) -> impl Iterator<Item = &'a WorkerAccount> {
        self.trial.workers.iter().filter(|it| it.role == Role::Worker)
    }

    /// The coordinator's row.
    pub fn coordinator(&self) -> Result<&'a WorkerAccount, String> {
        self.trial.workers.iter().find(|it| it.role == Role::Coordinator).ok_or_else(|| "no coordinator".to_owned())
    }

    /// The workers' lives, in all.
    pub fn life_ns(&self) -> Result<u64, String> {
        let lives: Option<u64> = self.workers().map(|it| it.life_ns).sum();
        lives.ok_or_else(|| "a worker did not live to its end".to_owned())
    }

    /// The trial's wall time.
    pub fn wall_ns(&self) -> Result<u64, String> {
        self.trial.wall_ns.ok_or_else(|| "the trial did not get to its end".to_owned())
    }

    /// A figure of gild's, summed over the phases that are meant, of all workers.
    pub fn workers_sum(&self, which: Which<'_>, figure: fn(&PhaseAccount) -> Option<u64>) -> Option<u64> {
        self.workers().map(|worker| sum(worker, which, figure)).sum()
    }

    /// A counter of gild's, summed over the workers' kernel phases of this name.
    pub fn counter(&self, kernel_phase: &str, name: &str) -> Option<u64> {
        let phases =
            self.workers().flat_map(|it| &it.phases).filter(|it| it.kernel_phase.as_deref() == Some(kernel_phase));
        phases.map(|it| it.counters.iter().find(|counter| counter.name == name)?.value).sum()
    }

    /// The lines of tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &'a Value> {
        self.lines.iter().copied().filter(|line| line["task"].is_u64())
    }

    /// The lines that have this text in this field, of the coordinator's process or of the others.
    pub fn lines_with(&self, field: &str, text: &str, role: Role) -> Result<Vec<&'a Value>, String> {
        let coordinator = self.coordinator()?.pid.map(u64::from);
        let is_meant =
            |line: &&Value| line[field] == text && (line["pid"].as_u64() == coordinator) == (role == Role::Coordinator);
        Ok(self.lines.iter().copied().filter(is_meant).collect())
    }

    /// A field of the tasks' lines, summed.
    pub fn truth(&self, pointer: &str) -> Result<u64, String> {
        self.tasks().map(|line| number(line, pointer)).sum()
    }

    /// Why an expectation does not hold that needs the machine for itself; `None`: it does.
    pub fn others_use_the_machine(&self) -> Option<String> {
        let Some((noise, other_ns)) = self.trial.noise.as_ref().and_then(|it| Some((it, it.other_cpu_ns?))) else {
            return Some("what other programs do is not known here".to_owned());
        };
        let share = other_ns as f64 / noise.window_ns.max(1) as f64;
        (share > QUIET).then(|| format!("other programs used {:.0} % of a core", share * 100.0))
    }

    /// From the start of the first task to the end of the last one, by `CLOCK_MONOTONIC`; of several processes the sum.
    pub fn span_ns(&self) -> Result<u64, String> {
        let mut spans: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for line in self.tasks() {
            let (start_ns, end_ns) = (number(line, "/whole/start_ns")?, end(line, "/whole")?);
            let span = spans.entry(number(line, "/pid")?).or_insert((start_ns, end_ns));
            *span = (span.0.min(start_ns), span.1.max(end_ns));
        }
        match spans.is_empty() {
            true => Err("the kernel has reported no task".to_owned()),
            false => Ok(spans.values().map(|(start_ns, end_ns)| end_ns - start_ns).sum()),
        }
    }
}

/// A figure, summed over the phases of a row that are meant.
pub fn sum(row: &WorkerAccount, which: Which<'_>, figure: fn(&PhaseAccount) -> Option<u64>) -> Option<u64> {
    row.phases.iter().filter(|it| which(it)).map(figure).sum()
}

/// A number in a line.
pub fn number(line: &Value, pointer: &str) -> Result<u64, String> {
    let number = line.pointer(pointer).and_then(Value::as_u64);
    number.ok_or_else(|| format!("the kernel's report has no number {pointer}: {line}"))
}

/// When the part of a line at `pointer` (empty: the line itself) ended.
pub fn end(line: &Value, pointer: &str) -> Result<u64, String> {
    Ok(number(line, &format!("{pointer}/start_ns"))? + number(line, &format!("{pointer}/wall_ns"))?)
}

/// Any phase.
pub fn any(_: &PhaseAccount) -> bool {
    true
}

/// The phase of this kind, the kernel's own parts of it included.
pub fn in_phase(phase: Phase) -> impl Fn(&PhaseAccount) -> bool {
    move |it| it.phase == phase
}

/// The kernel's own phase of this name.
pub fn in_part(name: &'static str) -> impl Fn(&PhaseAccount) -> bool {
    move |it| it.kernel_phase.as_deref() == Some(name)
}

/// Waiting for the lock, the releaser's part of it included.
pub fn waiting_for_lock(it: &PhaseAccount) -> bool {
    [Phase::LockWait, Phase::SwitchWait].contains(&it.phase)
}

/// Wall time of a phase.
pub fn wall(it: &PhaseAccount) -> Option<u64> {
    Some(it.wall_ns)
}

/// Time on a core. What was stolen is no part of it only where that is known.
pub fn on_cpu(it: &PhaseAccount) -> Option<u64> {
    it.on_cpu_ns
}

/// Time in which the thread's CPU clock stood still.
pub fn not_running(it: &PhaseAccount) -> Option<u64> {
    Some(it.run_queue_ns? + it.blocked_ns? + it.stolen_ns.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_trials_lines_are_those_of_its_processes() {
        let trial = testing::trial_with_accounts();
        let pid = trial.workers[0].pid.unwrap();
        let line = |pid: u32, task: u64| serde_json::json!({"pid": pid, "task": task, "whole": {"start_ns": 5 * task, "wall_ns": 7}});
        let lines = [line(pid, 0), line(pid + 1_000_000, 1), line(pid, 2)];
        let evidence = Evidence::new(&trial, &lines, None);
        assert_eq!(evidence.truth("/task"), Ok(2));
        assert_eq!(evidence.span_ns(), Ok(17));
        assert!(evidence.truth("/cpu/burnt_ns").unwrap_err().contains("no number /cpu/burnt_ns"));
    }
}
