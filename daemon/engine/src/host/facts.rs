//! What the system says about perf events and this thread's rights to them.

use std::fs;
use std::path::Path;

/// Bit of CAP_SYS_ADMIN in a set of capabilities.
const CAP_SYS_ADMIN: u32 = 21;
/// Bit of CAP_PERFMON.
const CAP_PERFMON: u32 = 38;

/// What explains a refusal. `None`: the system does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// kernel.perf_event_paranoid.
    pub paranoid: Option<i32>,
    /// kernel.perf_event_mlock_kb: memory that a user may map of perf events, per CPU.
    pub mlock_kib: Option<u64>,
    /// RLIMIT_MEMLOCK in words: memory that this process may map beyond that.
    pub memlock_limit: Option<String>,
    /// Whether the watchdog for stuck CPUs (kernel.nmi_watchdog) holds a counter.
    pub nmi_watchdog: bool,
    /// Whether a seccomp filter is on this thread.
    pub seccomp: bool,
    /// Whether this thread has CAP_PERFMON or CAP_SYS_ADMIN, for which perf_event_paranoid does not count.
    pub privileged: bool,
}

impl Facts {
    /// Those of the calling thread.
    pub fn of_this_thread() -> Facts {
        Facts::read(Path::new("/proc"))
    }

    /// Reads them from a proc file system.
    pub fn read(proc: &Path) -> Facts {
        let text = |path: &str| fs::read_to_string(proc.join(path)).ok();
        let setting = |name: &str| text(&format!("sys/kernel/{name}")).map(|it| it.trim().to_owned());
        let status = text("thread-self/status").unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let capabilities = field("CapEff:").and_then(|it| u64::from_str_radix(it, 16).ok()).unwrap_or(0);
        Facts {
            paranoid: setting("perf_event_paranoid").and_then(|it| it.parse().ok()),
            mlock_kib: setting("perf_event_mlock_kb").and_then(|it| it.parse().ok()),
            memlock_limit: text("thread-self/limits").as_deref().and_then(soft_memlock),
            nmi_watchdog: setting("nmi_watchdog").as_deref() == Some("1"),
            seccomp: field("Seccomp:") == Some("2"),
            privileged: capabilities >> CAP_PERFMON & 1 == 1 || capabilities >> CAP_SYS_ADMIN & 1 == 1,
        }
    }
}

/// The soft limit of locked memory, as /proc/PID/limits writes it: `Max locked memory  8388608  8388608  bytes`.
fn soft_memlock(limits: &str) -> Option<String> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
    let soft = line.split_whitespace().next()?;
    Some(soft.parse::<u64>().map_or_else(|_| soft.to_owned(), |bytes| format!("{} KiB", bytes / 1024)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_read_from_proc() {
        let proc = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = proc.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("sys/kernel/perf_event_paranoid", "3\n");
        write("sys/kernel/perf_event_mlock_kb", "516\n");
        write("sys/kernel/nmi_watchdog", "1\n");
        write(
            "thread-self/limits",
            "Limit  Soft Limit  Hard Limit  Units\nMax locked memory         65536                unlimited            bytes     \n",
        );
        write("thread-self/status", "Name:\tgild\nCapEff:\t0000004000000000\nSeccomp:\t2\nSeccomp_filters:\t1\n");
        let expected = Facts {
            paranoid: Some(3),
            mlock_kib: Some(516),
            memlock_limit: Some("64 KiB".to_owned()),
            nmi_watchdog: true,
            seccomp: true,
            privileged: true,
        };
        assert_eq!(Facts::read(proc.path()), expected);
        assert_eq!(Facts::read(Path::new("/nowhere")), Facts::default());
        assert_eq!(soft_memlock("Max locked memory unlimited unlimited bytes").as_deref(), Some("unlimited"));
    }
}
