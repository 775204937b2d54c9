//! The figures that figures are compared with: sums over accounts, made here from the raw rows.

use gild_model::account::{PhaseAccount, Role, WorkerAccount};
use gild_model::phase::Phase;
use gild_model::trial::Trial;

/// The workers (not the coordinator) of these trials.
pub fn workers<'t>(trials: impl IntoIterator<Item = &'t Trial>) -> Vec<&'t WorkerAccount> {
    trials.into_iter().flat_map(|trial| &trial.workers).filter(|row| row.role == Role::Worker).collect()
}

/// The trials of a case that count.
pub fn of_case(trials: &[Trial], case: usize) -> Vec<&Trial> {
    trials.iter().filter(|trial| trial.case as usize == case && !trial.warmup).collect()
}

/// The accounts of these phases.
pub fn in_phases<'w>(rows: &[&'w WorkerAccount], phases: &[Phase]) -> Vec<&'w PhaseAccount> {
    rows.iter().flat_map(|row| &row.phases).filter(|account| phases.contains(&account.phase)).collect()
}

/// The sum of a figure, in nanoseconds.
///
/// # Panics
/// One of them was not measured.
pub fn sum<'a>(accounts: &[&'a PhaseAccount], figure: impl Fn(&'a PhaseAccount) -> Option<u64>) -> f64 {
    let parts = accounts.iter().map(|account| figure(account).unwrap_or_else(|| panic!("not measured: {account:?}")));
    parts.map(u128::from).sum::<u128>() as f64
}

/// Wall time, in nanoseconds.
pub fn wall_ns(accounts: &[&PhaseAccount]) -> f64 {
    sum(accounts, |account| Some(account.wall_ns))
}

/// Time that the hypervisor has taken from this machine since it started, summed over its cores, in nanoseconds.
/// `None`: the kernel does not tell.
pub fn stolen_since_boot_ns() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    // proc_stat(5): cpu user nice system idle iowait irq softirq steal …, in hundredths of a second.
    let steal = stat.lines().next()?.split_whitespace().nth(8)?.parse::<f64>().ok()?;
    Some(steal * 1e7)
}
