//! What else the machine did while a trial ran: its hypervisor, other programs, its clock rate.
//!
//! Every figure is the difference of two readings of files of the kernel, or the extremes of both. `None` is not
//! measured: most virtual machines show no frequencies and no throttling.

use serde::{Deserialize, Serialize};

/// Shares are taken of at least this much time. The kernel counts CPU time in ticks of 10 ms and other programs' time is
/// made of five such counters, so that of less time little would be known.
pub const SHARE_TIME_MIN_NS: u64 = 1_000_000_000;

/// The noise of one trial, between a reading just before its coordinator was started and one just after the
/// coordinator, and everything that it had started, was gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {
    /// Time between the two readings, in nanoseconds (CLOCK_MONOTONIC). Longer than the trial's wall time: loading the
    /// plugin, planning, verifying and cleaning up are in it.
    pub window_ns: u64,
    /// CPUs that were online at both readings.
    pub cpus: u32,
    /// Time that the hypervisor kept CPUs from running that had something to run, summed over all CPUs, in nanoseconds; in ticks of
    /// 10 ms (`steal` of /proc/stat). 0 on a machine of one's own. `None`: the kernel does not tell.
    pub steal_ns: Option<u64>,
    /// Of `steal_ns`: the part of the CPU that lost most.
    pub steal_most_ns: Option<u64>,
    /// CPU time that went to others than the trial's own processes (gild's daemon is one of these others), summed over
    /// all CPUs, in nanoseconds: `user` + `nice` + `system` + `irq` + `softirq` of /proc/stat less the CPU time of all
    /// processes of the trial (getrusage). 0 where the difference is below zero: the first are sampled at the kernel's
    /// timer ticks, the second is exact. `None`: a process of the trial could not be waited for.
    pub other_cpu_ns: Option<u64>,
    /// Lowest frequency of any CPU at either reading, in kHz (`scaling_cur_freq` of cpufreq). CPUs that had nothing to do at
    /// that moment are in it. `None`: the machine does not show frequencies.
    pub frequency_min_khz: Option<u64>,
    /// Highest frequency of any CPU at either reading, in kHz.
    pub frequency_max_khz: Option<u64>,
    /// How often CPUs were slowed down because they were too hot, summed over all CPUs (`core_throttle_count` of
    /// thermal_throttle). `None`: the machine does not show it.
    pub throttles: Option<u64>,
}

impl Noise {
    /// CPU time that there was: the window times the CPUs, in nanoseconds.
    pub fn capacity_ns(&self) -> u128 {
        u128::from(self.window_ns) * u128::from(self.cpus)
    }

    /// What the hypervisor took, as a share of the time of all CPUs. `None`: not measured, or the window was shorter
    /// than [`SHARE_TIME_MIN_NS`].
    pub fn steal_share(&self) -> Option<f64> {
        self.share(self.steal_ns)
    }

    /// What other programs used, as a share of the time of all CPUs. `None`: not measured, or the window was shorter
    /// than [`SHARE_TIME_MIN_NS`].
    pub fn other_share(&self) -> Option<f64> {
        self.share(self.other_cpu_ns)
    }

    fn share(&self, part_ns: Option<u64>) -> Option<f64> {
        let measurable = self.window_ns >= SHARE_TIME_MIN_NS && self.cpus > 0;
        part_ns.filter(|_| measurable).map(|part_ns| part_ns as f64 / self.capacity_ns() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_cpus_and_of_at_least_a_second() {
        let noise = Noise {
            window_ns: 2_000_000_000,
            cpus: 2,
            steal_ns: Some(10_000_000),
            steal_most_ns: Some(10_000_000),
            other_cpu_ns: None,
            frequency_min_khz: None,
            frequency_max_khz: None,
            throttles: None,
        };
        assert_eq!((noise.steal_share(), noise.other_share()), (Some(0.0025), None));
        let short = Noise { window_ns: SHARE_TIME_MIN_NS - 1, ..noise.clone() };
        assert_eq!(short.steal_share(), None);
        let no_cpu = Noise { cpus: 0, ..noise };
        assert_eq!(no_cpu.steal_share(), None);
    }
}
