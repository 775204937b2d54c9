//! What the kernel says of this process. What it does not say is left out.

use std::fs;
use std::path::Path;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::{SysconfVar, sysconf};
use prometheus_client::metrics::counter::ConstCounter;

use super::catalogue::{CPU, MAX_FDS, OPEN_FDS, RESIDENT, THREADS, VIRTUAL};
use super::page::Page;

/// What is read of procfs(5).
#[derive(Debug, Default, PartialEq, Eq)]
struct Proc {
    virtual_pages: Option<u64>,
    resident_pages: Option<u64>,
    open_fds: Option<u64>,
    threads: Option<u64>,
}

impl Proc {
    /// Reads `folder`, which is `/proc/self` or stands for it.
    fn read(folder: &Path) -> Proc {
        let pages = fs::read_to_string(folder.join("statm")).unwrap_or_default();
        let mut pages = pages.split(' ').map(|field| field.parse().ok());
        let entries = |name: &str| Some(fs::read_dir(folder.join(name)).ok()?.count() as u64);
        Proc {
            virtual_pages: pages.next().flatten(),
            resident_pages: pages.next().flatten(),
            // Looking takes a descriptor.
            open_fds: entries("fd").and_then(|count| count.checked_sub(1)),
            threads: entries("task"),
        }
    }
}

pub(super) fn put_on(page: &mut Page) {
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        page.put(&CPU, ConstCounter::new(micros as f64 / 1e6));
    }
    let found = Proc::read(Path::new("/proc/self"));
    let page_bytes = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|bytes| u64::try_from(bytes).ok());
    let bytes = |pages: Option<u64>| Some(pages? * page_bytes?);
    page.put_if_known(&RESIDENT, bytes(found.resident_pages));
    page.put_if_known(&VIRTUAL, bytes(found.virtual_pages));
    page.put_if_known(&OPEN_FDS, found.open_fds);
    page.put_if_known(&THREADS, found.threads);
    page.put_if_known(&MAX_FDS, getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_from_its_folder_and_what_is_not_there_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Proc::read(folder.path()), Proc::default());
        fs::write(folder.path().join("statm"), "2500 700 300 1 0 400 0\n").unwrap();
        for name in ["fd/0", "fd/1", "fd/2", "fd/7", "task/10", "task/11"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let expected =
            Proc { virtual_pages: Some(2500), resident_pages: Some(700), open_fds: Some(3), threads: Some(2) };
        assert_eq!(Proc::read(folder.path()), expected);
    }

    #[test]
    fn this_process_has_memory_descriptors_and_threads() {
        let found = Proc::read(Path::new("/proc/self"));
        assert!(found.resident_pages > Some(100) && found.virtual_pages >= found.resident_pages, "{found:?}");
        assert!(found.open_fds >= Some(3) && found.threads >= Some(1), "{found:?}");
    }
}
