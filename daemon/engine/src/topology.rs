//! The machine's hardware threads: which exist, which may be used, and which core and package each belongs to.

use std::fs;
use std::io;
use std::path::Path;

use gild_model::host::CoreInfo;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Where the kernel describes the CPUs.
const SYSFS_CPUS: &str = "/sys/devices/system/cpu";

/// The hardware threads that this process may run on, in the order of their numbers.
///
/// # Errors
/// sched_getaffinity failed (a machine with more CPUs than the set holds).
pub fn allowed_cores() -> io::Result<Vec<CoreInfo>> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    let allowed = (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false));
    Ok(allowed.map(|cpu| core(Path::new(SYSFS_CPUS), cpu as u32)).collect())
}

/// Reads a CPU's place; a kernel that does not tell (no sysfs) gives each CPU a core of its own in one package.
fn core(root: &Path, cpu: u32) -> CoreInfo {
    let number = |file: &str| {
        let path = root.join(format!("cpu{cpu}/topology/{file}"));
        fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u32>().ok())
    };
    CoreInfo { cpu, core: number("core_id").unwrap_or(cpu), package: number("physical_package_id").unwrap_or(0) }
}

/// Binds the calling thread to one hardware thread.
///
/// # Errors
/// EINVAL: there is no such CPU, or this process may not use it.
pub fn pin_self(cpu: u32) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu as usize)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Lets the calling thread run on any of these cores again; they come from [`allowed_cores`].
///
/// # Errors
/// A core has been taken from this process meanwhile.
pub fn unpin_self(cores: &[CoreInfo]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(core.cpu as usize)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_is_read_from_its_folder_and_stands_alone_without_one() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("cpu5/topology");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("core_id"), "2\n").unwrap();
        fs::write(folder.join("physical_package_id"), "1\n").unwrap();
        assert_eq!(core(root.path(), 5), CoreInfo { cpu: 5, core: 2, package: 1 });
        assert_eq!(core(root.path(), 6), CoreInfo { cpu: 6, core: 6, package: 0 });
    }

    #[test]
    fn a_thread_can_be_pinned_to_an_allowed_core_only() {
        let last = allowed_cores().unwrap().pop().unwrap();
        std::thread::spawn(move || {
            pin_self(last.cpu).unwrap();
            assert_eq!(nix::sched::sched_getcpu().unwrap() as u32, last.cpu);
            assert!(pin_self(1_023).is_err());
            assert!(pin_self(u32::MAX).is_err());
        })
        .join()
        .unwrap();
    }
}
