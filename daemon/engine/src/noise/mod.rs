//! What else the machine does while a trial runs: read before and after it, never in between.
//!
//! | module | subject |
//! |---|---|
//! | [`proc_stat`] | the text of /proc/stat |
//!
//! A [`Reading`] is taken by the daemon, in some tens of microseconds on a small machine; [`between`] two of them there
//! is a trial's [`Noise`]. Neither runs in a coordinator or a worker.

pub mod proc_stat;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

use gild_model::noise::Noise;
use nix::unistd::{SysconfVar, sysconf};

use proc_stat::Stat;

/// What is read of /proc/stat at most: the lines of the CPUs come first, and 8192 of them fit.
const STAT_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// What the kernel said at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    at: Instant,
    stat: Stat,
    /// Frequencies of the CPUs that show one, in kHz.
    frequencies_khz: Vec<u64>,
    /// How often each CPU has been throttled, where it is shown.
    throttles: BTreeMap<u32, u64>,
}

impl Reading {
    /// Reads the machine's files; `root` is `/`, or a folder that stands for it. Blocks: where the kernel measures a
    /// frequency by waiting (x86 before Linux 5.18), for up to 10 ms per CPU.
    ///
    /// # Errors
    /// /proc/stat cannot be read, or makes no sense.
    pub fn take(root: &Path) -> io::Result<Reading> {
        let stat = stat(&root.join("proc/stat"))?;
        let of_cpu = |cpu: &u32, file: &str| number(&root.join(format!("sys/devices/system/cpu/cpu{cpu}/{file}")));
        let frequencies = stat.cpus.keys().filter_map(|cpu| of_cpu(cpu, "cpufreq/scaling_cur_freq"));
        // A frequency of 0 stands for one that is not known.
        let frequencies_khz = frequencies.filter(|khz| *khz > 0).collect();
        let throttles = |cpu: &u32| Some((*cpu, of_cpu(cpu, "thermal_throttle/core_throttle_count")?));
        let throttles = stat.cpus.keys().filter_map(throttles).collect();
        Ok(Reading { at: Instant::now(), stat, frequencies_khz, throttles })
    }
}

/// What happened between two readings, beside a trial whose processes used `own_cpu_ns` of CPU time (`None`: not known).
pub fn between(before: &Reading, after: &Reading, own_cpu_ns: Option<u64>) -> Noise {
    let busy_ns = after.stat.all.busy_ns.saturating_sub(before.stat.all.busy_ns);
    let both = || before.stat.cpus.iter().filter_map(|(cpu, times)| Some((times, after.stat.cpus.get(cpu)?)));
    let frequencies = || before.frequencies_khz.iter().chain(&after.frequencies_khz).copied();
    let throttled = |(cpu, count): (&u32, &u64)| Some(after.throttles.get(cpu)?.saturating_sub(*count));
    let throttles: Vec<u64> = before.throttles.iter().filter_map(throttled).collect();
    Noise {
        window_ns: u64::try_from(after.at.saturating_duration_since(before.at).as_nanos()).unwrap_or(u64::MAX),
        cpus: u32::try_from(both().count()).unwrap_or(u32::MAX),
        steal_ns: before.stat.all.steal_until(&after.stat.all),
        steal_most_ns: both().filter_map(|(before, after)| before.steal_until(after)).max(),
        // Below zero only because the kernel samples the one at its ticks and measures the other.
        other_cpu_ns: own_cpu_ns.map(|own_ns| busy_ns.saturating_sub(own_ns)),
        frequency_min_khz: frequencies().min(),
        frequency_max_khz: frequencies().max(),
        throttles: (!throttles.is_empty()).then(|| throttles.into_iter().fold(0, u64::saturating_add)),
    }
}

fn stat(path: &Path) -> io::Result<Stat> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut text = Vec::new();
    File::open(path).and_then(|file| file.take(STAT_BYTES_MAX).read_to_end(&mut text)).map_err(named)?;
    proc_stat::parse(&text, tick_ns()).ok_or_else(|| {
        let start = String::from_utf8_lossy(&text[..text.len().min(80)]).into_owned();
        named(io::Error::new(io::ErrorKind::InvalidData, format!("no times of CPUs in it, it begins with {start:?}")))
    })
}

/// The unit of /proc/stat, in nanoseconds.
fn tick_ns() -> u64 {
    let ticks_per_s = sysconf(SysconfVar::CLK_TCK).ok().flatten();
    // The C library answers 100 everywhere but on alpha.
    let ticks_per_s = ticks_per_s.and_then(|it| u64::try_from(it).ok()).filter(|it| *it > 0).unwrap_or(100);
    1_000_000_000 / ticks_per_s
}

/// A file with one number; `None`: it is not there, or says something else (`<unknown>`).
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
