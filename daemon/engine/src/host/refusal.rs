//! Why a perf event cannot be used here, and what to type. Pure: an error and facts in, words out.
//!
//! | errno | step | means |
//! |---|---|---|
//! | ENOENT, ENODEV, EOPNOTSUPP | open | no PMU, or one without this event |
//! | EACCES | open | perf_event_paranoid is too high for a thread without CAP_PERFMON; if it is not: a filter or a policy |
//! | EPERM, ENOSYS | open | a seccomp filter, if there is one; else a security module, or a kernel without perf events |
//! | EPERM | mmap | the budget of locked memory is spent |

use nix::errno::Errno;

use super::facts::Facts;
use crate::measure::counters::{is_hardware, place};
use crate::measure::perf_error::PerfError;

/// Why an event cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no PMU, or it does not know the event.
    NoPmu(Errno),
    /// kernel.perf_event_paranoid is `level`, and more than `needed`.
    Paranoid {
        /// What it is.
        level: i32,
        /// The highest value that allows the event.
        needed: i32,
    },
    /// A seccomp filter forbids perf_event_open(2).
    Seccomp(Errno),
    /// A security module forbids it.
    SecurityModule(Errno),
    /// The kernel has no perf events.
    NoPerfEvents,
    /// No memory of an event may be mapped any more; what the budget is, in words.
    LockedMemory(String),
    /// It opens, and counts less than was certainly there to be counted.
    CountsTooLittle {
        /// What it counted.
        counted: u64,
        /// What was there at least.
        least: u64,
    },
    /// It opens, and never gets onto the PMU.
    NeverOnPmu,
    /// Something else, in words.
    Other(String),
}

impl Refusal {
    /// What an error means where these are the facts.
    pub fn of(error: &PerfError, facts: &Facts) -> Refusal {
        match error {
            PerfError::Open { event, in_kernel, source } => {
                let errno = source.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw);
                let hardware = place(event).is_some_and(is_hardware);
                Refusal::of_open(errno, hardware, *in_kernel, facts)
                    .unwrap_or_else(|| Refusal::Other(error.to_string()))
            }
            PerfError::Map { source, .. } if source.raw_os_error() == Some(libc::EPERM) => {
                let known = |it: Option<String>| it.unwrap_or_else(|| "unknown".to_owned());
                Refusal::LockedMemory(format!(
                    "kernel.perf_event_mlock_kb is {}, RLIMIT_MEMLOCK {}",
                    known(facts.mlock_kib.map(|kib| kib.to_string())),
                    known(facts.memlock_limit.clone())
                ))
            }
            _ => Refusal::Other(error.to_string()),
        }
    }

    fn of_open(errno: Errno, hardware: bool, in_kernel: bool, facts: &Facts) -> Option<Refusal> {
        // Upstream kernels forbid events in the kernel from 2 on; those of Debian and Android everything from 3 on.
        let needed = if in_kernel { 1 } else { 2 };
        match errno {
            Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP if hardware => Some(Refusal::NoPmu(errno)),
            Errno::EACCES | Errno::EPERM => Some(match facts.paranoid {
                Some(level) if errno == Errno::EACCES && level > needed && !facts.privileged => {
                    Refusal::Paranoid { level, needed }
                }
                _ if facts.seccomp => Refusal::Seccomp(errno),
                _ => Refusal::SecurityModule(errno),
            }),
            // Where the setting is there, the kernel has perf events, and somebody else says that it has not.
            Errno::ENOSYS if facts.seccomp && facts.paranoid.is_some() => Some(Refusal::Seccomp(errno)),
            Errno::ENOSYS => Some(Refusal::NoPerfEvents),
            _ => None,
        }
    }

    /// What was found, in words.
    pub fn found(&self) -> String {
        match self {
            Refusal::NoPmu(errno) => format!("no PMU ({errno:?}): this machine shows none, as most virtual machines"),
            Refusal::Paranoid { level, .. } => format!("not allowed (EACCES): kernel.perf_event_paranoid is {level}"),
            Refusal::Seccomp(errno) => format!("a seccomp filter forbids perf_event_open ({errno:?})"),
            Refusal::SecurityModule(errno) => format!("a security module forbids perf_event_open ({errno:?})"),
            Refusal::NoPerfEvents => "the kernel was built without perf events (ENOSYS)".to_owned(),
            Refusal::LockedMemory(budget) => {
                format!("the budget of locked memory is spent (EPERM from mmap): {budget}")
            }
            Refusal::CountsTooLittle { counted, least } => {
                format!("opens but does not count: {counted} of at least {least}")
            }
            Refusal::NeverOnPmu => "opens but never gets onto the PMU".to_owned(),
            Refusal::Other(words) => words.clone(),
        }
    }

    /// The same in a few words: they stand above every table.
    pub fn in_short(&self) -> &'static str {
        match self {
            Refusal::NoPmu(_) => "no PMU",
            Refusal::Paranoid { .. } => "not allowed by perf_event_paranoid",
            Refusal::Seccomp(_) => "forbidden by a seccomp filter",
            Refusal::SecurityModule(_) => "forbidden by a security module",
            Refusal::NoPerfEvents => "no perf events in this kernel",
            Refusal::LockedMemory(_) => "no locked memory left",
            Refusal::CountsTooLittle { .. } => "hardware counters do not count",
            Refusal::NeverOnPmu => "the PMU is taken",
            Refusal::Other(_) => "hardware counters do not work",
        }
    }

    /// What to type or change; `None`: nothing is known to help.
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Refusal::NoPmu(_) => "run on bare metal, or give the virtual machine a PMU (KVM: -cpu host,pmu=on; libvirt: <pmu state='on'/>)".to_owned(),
            Refusal::Paranoid { needed, .. } => format!(
                "sysctl kernel.perf_event_paranoid={needed}, or give gild the capability: setcap cap_perfmon=ep $(command -v gild)"
            ),
            Refusal::Seccomp(_) => "allow perf_event_open: docker or podman run --cap-add PERFMON (or a profile of your own: --security-opt seccomp=FILE); in a systemd unit SystemCallFilter=perf_event_open".to_owned(),
            Refusal::SecurityModule(_) => "allow perf_event for gild in the policy; ausearch -m avc -c gild (SELinux) or journalctl -k -g apparmor says which rule it was".to_owned(),
            Refusal::NoPerfEvents => "use a kernel with CONFIG_PERF_EVENTS".to_owned(),
            Refusal::LockedMemory(_) => "sysctl kernel.perf_event_mlock_kb=4096, or ulimit -l unlimited before gild starts (in a systemd unit LimitMEMLOCK=infinity), or use fewer workers".to_owned(),
            Refusal::CountsTooLittle { .. } => "the hypervisor pretends: give the virtual machine a PMU that counts (KVM: -cpu host,pmu=on), or run on bare metal".to_owned(),
            Refusal::NeverOnPmu => "end what holds the PMU: other profilers, and the watchdog (sysctl kernel.nmi_watchdog=0)".to_owned(),
            Refusal::Other(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests;
