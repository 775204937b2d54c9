//! What errors mean where; and refusals that the tests bring about themselves, on threads of their own.

use super::*;
use crate::measure::counter_group::CounterGroup;
use crate::measure::counters::TASK_CLOCK;
use crate::measure::switch_ring::SwitchRing;
use std::io;

fn opening(event: &'static str, in_kernel: bool, errno: Errno) -> PerfError {
    PerfError::Open { event, in_kernel, source: io::Error::from(errno) }
}

/// A thread without privilege, no filter, the settings of most distributions.
fn facts() -> Facts {
    Facts { paranoid: Some(2), mlock_kib: Some(516), memlock_limit: Some("8192 KiB".to_owned()), ..Facts::default() }
}

#[track_caller]
fn check(error: PerfError, facts: Facts, expected: Refusal, remedy_has: &str) {
    let refusal = Refusal::of(&error, &facts);
    assert_eq!(refusal, expected);
    let remedy = refusal.remedy().unwrap_or_default();
    assert!(remedy.contains(remedy_has), "{remedy}");
}

#[test]
fn no_pmu_is_told_from_an_event_that_is_not_there() {
    for errno in [Errno::ENOENT, Errno::ENODEV, Errno::EOPNOTSUPP] {
        check(opening("cycles", false, errno), facts(), Refusal::NoPmu(errno), "pmu=on");
    }
    let other = Refusal::of(&opening("tsc-cycles", true, Errno::ENOENT), &facts());
    assert!(matches!(&other, Refusal::Other(words) if words.starts_with("tsc-cycles: ")), "{other:?}");
}

#[test]
fn paranoid_names_the_value_that_allows_the_event() {
    let in_kernel = Refusal::Paranoid { level: 2, needed: 1 };
    check(opening("page-faults", true, Errno::EACCES), facts(), in_kernel, "sysctl kernel.perf_event_paranoid=1");
    let debian = Facts { paranoid: Some(3), ..facts() };
    let anything = Refusal::Paranoid { level: 3, needed: 2 };
    check(opening("cycles", false, Errno::EACCES), debian, anything, "sysctl kernel.perf_event_paranoid=2");
}

#[test]
fn what_paranoid_would_allow_is_forbidden_by_somebody_else() {
    let filtered = Facts { seccomp: true, ..facts() };
    for errno in [Errno::EPERM, Errno::EACCES, Errno::ENOSYS] {
        check(opening("cycles", false, errno), filtered.clone(), Refusal::Seccomp(errno), "--cap-add PERFMON");
    }
    check(opening("cycles", false, Errno::EACCES), facts(), Refusal::SecurityModule(Errno::EACCES), "ausearch");
    let privileged = Facts { paranoid: Some(4), privileged: true, ..facts() };
    check(opening("cycles", true, Errno::EACCES), privileged, Refusal::SecurityModule(Errno::EACCES), "policy");
}

#[test]
fn a_kernel_without_perf_events_has_no_such_setting() {
    let error = || opening("cycles", false, Errno::ENOSYS);
    check(error(), Facts { paranoid: None, seccomp: true, ..facts() }, Refusal::NoPerfEvents, "CONFIG_PERF_EVENTS");
    check(error(), facts(), Refusal::NoPerfEvents, "CONFIG_PERF_EVENTS");
}

#[test]
fn locked_memory_names_the_budget() {
    let error = PerfError::Map { event: "context-switch records", source: Errno::EPERM.into() };
    let budget = "kernel.perf_event_mlock_kb is 516, RLIMIT_MEMLOCK 8192 KiB".to_owned();
    check(error, facts(), Refusal::LockedMemory(budget), "kernel.perf_event_mlock_kb=");
    let other = PerfError::Map { event: "context-switch records", source: Errno::ENOMEM.into() };
    assert!(matches!(Refusal::of(&other, &facts()), Refusal::Other(_)));
}

#[test]
fn every_refusal_says_what_was_found_and_in_short() {
    let all = [
        Refusal::NoPmu(Errno::ENOENT),
        Refusal::Paranoid { level: 2, needed: 1 },
        Refusal::Seccomp(Errno::EPERM),
        Refusal::SecurityModule(Errno::EACCES),
        Refusal::NoPerfEvents,
        Refusal::LockedMemory("kernel.perf_event_mlock_kb is 516".to_owned()),
        Refusal::CountsTooLittle { counted: 0, least: 200_000 },
        Refusal::NeverOnPmu,
        Refusal::Other("something else".to_owned()),
    ];
    for (place, refusal) in all.iter().enumerate() {
        assert!(!refusal.found().is_empty());
        assert_eq!(refusal.remedy().is_none(), matches!(refusal, Refusal::Other(_)), "{refusal:?}");
        assert!(all[..place].iter().all(|other| other.in_short() != refusal.in_short()), "{refusal:?}");
        assert!(all[..place].iter().all(|other| other.remedy() != refusal.remedy()), "{refusal:?}");
    }
}

/// Runs something on a thread that is gone afterwards, and with it what was taken from it.
fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(work).join().unwrap()
}

/// Why counting events in the kernel, and mapping a ring, are refused to the calling thread.
fn refusals_here() -> (Option<Refusal>, Option<Refusal>) {
    let facts = Facts::of_this_thread();
    let counting = CounterGroup::open(&[TASK_CLOCK], true, None).err();
    let ring = SwitchRing::open().err();
    (counting.map(|error| Refusal::of(&error, &facts)), ring.map(|error| Refusal::of(&error, &facts)))
}

/// Takes every privilege from the calling thread, and from it alone. `false`: it has none to give.
fn become_nobody() -> bool {
    // By the system call: the C library's function would take them from every thread of the process.
    // SAFETY: setresuid(2) with three numbers.
    nix::unistd::geteuid().is_root() && unsafe { libc::syscall(libc::SYS_setresuid, 65_534, 65_534, 65_534) } == 0
}

#[test]
fn a_thread_without_privilege_is_told_what_paranoid_forbids() {
    let level = Facts::of_this_thread().paranoid;
    if level.is_none_or(|level| level < 2) {
        return eprintln!("skipped: kernel.perf_event_paranoid is {level:?}, which forbids nothing here");
    }
    let Some((counting, _)) = on_a_thread(|| become_nobody().then(refusals_here)) else {
        return eprintln!("skipped: only root can become nobody");
    };
    let level = level.unwrap();
    assert_eq!(counting, Some(Refusal::Paranoid { level, needed: 1 }));
}

#[test]
fn a_spent_budget_of_locked_memory_is_told_from_a_lack_of_rights() {
    let refused = on_a_thread(|| {
        if !become_nobody() {
            return None;
        }
        // Each ring takes 36 KiB of the user's budget for all CPUs, then of RLIMIT_MEMLOCK (8 MiB as a rule).
        let facts = Facts::of_this_thread();
        let mut rings = Vec::new();
        for _ in 0..2_000 {
            match SwitchRing::open() {
                Ok(ring) => rings.push(ring),
                Err(error) => return Some((rings.len(), Refusal::of(&error, &facts))),
            }
        }
        None
    });
    match refused {
        None => eprintln!("skipped: only root can become nobody, or the budget has no end"),
        Some((0, refusal)) => eprintln!("skipped: {}", refusal.found()),
        Some((_, Refusal::Other(words))) => eprintln!("skipped: something else ended first: {words}"),
        Some((rings, refusal)) => {
            assert!(matches!(refusal, Refusal::LockedMemory(_)), "after {rings} rings: {refusal:?}");
        }
    }
}

/// Makes perf_event_open(2) fail with this number for the calling thread.
#[cfg(target_arch = "x86_64")]
fn forbid_perf_events(errno: Errno) -> io::Result<()> {
    use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO};
    let step =
        |code: u32, if_so: u8, if_not: u8, k: u32| libc::sock_filter { code: code as u16, jt: if_so, jf: if_not, k };
    // The first word of what a filter sees is the number of the call (struct seccomp_data).
    let mut filter = [
        step(BPF_LD | BPF_W | BPF_ABS, 0, 0, 0),
        step(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, libc::SYS_perf_event_open as u32),
        step(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | errno as u32),
        step(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    nix::sys::prctl::set_no_new_privs()?;
    // SAFETY: the program points to the filter above, which outlives the call; the filter is for this thread alone.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    Errno::result(set).map(drop).map_err(io::Error::from)
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_seccomp_filter_is_told_from_the_rest() {
    for errno in [Errno::EPERM, Errno::EACCES, Errno::ENOSYS] {
        let refused = on_a_thread(move || forbid_perf_events(errno).map(|()| refusals_here()));
        let (counting, ring) = match refused {
            Ok(refused) => refused,
            Err(error) => return eprintln!("skipped: no filter can be set here: {error}"),
        };
        let facts = Facts::of_this_thread();
        if facts.paranoid.is_some_and(|level| level > 2) && !facts.privileged {
            return eprintln!("skipped: perf_event_paranoid forbids it already");
        }
        assert_eq!(ring, Some(Refusal::Seccomp(errno)));
        if facts.privileged || errno != Errno::EACCES {
            assert_eq!(counting, Some(Refusal::Seccomp(errno)));
        }
    }
}
