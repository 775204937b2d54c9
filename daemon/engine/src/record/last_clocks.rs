//! The clocks of threads that will write no last act, read by whoever is about to end them: of their last, open visit to a
//! phase nothing else could be known.
//!
//! A process that ends reads its own threads' clocks. One that is killed cannot; but who sends the signal can, if it is
//! recorded, too: `multiprocessing.Pool` ends its workers in this way whenever it is left, and `subprocess` its children.

use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::books::kind;
use super::layout::{Kind, Place};
use super::map::Map;
use crate::clock::{Anchor, Clock, Rate};
use crate::ledger::layout::Section;
use crate::measure::schedstat::{Sample, Schedstat};

/// How long before a thread's end its clocks may have been read, or 1 % of its life if that is longer: dying takes some
/// milliseconds, in which memory is given back, and a core has to be had for it.
const UNREAD_NS: u64 = 10_000_000;

/// Notes what the clocks of a thread say now: its CPU time and its run delay.
pub fn note(section: &Section, cpu_ns: u64, run_delay_ns: u64) {
    let since_birth = |now: u64, born: u64| now.saturating_sub(born) + 1;
    section.gone_cpu_ns.store(since_birth(cpu_ns, section.born_cpu_ns.load(Relaxed)), Relaxed);
    section.gone_run_delay_ns.store(since_birth(run_delay_ns, section.born_run_delay_ns.load(Relaxed)), Relaxed);
}

/// What the clocks of a thread said at an earlier time is not what they say now.
fn forget(section: &Section) {
    section.gone_cpu_ns.store(0, Relaxed);
    section.gone_run_delay_ns.store(0, Relaxed);
}

/// All clocks of the process with this leader have been read.
pub fn are_read(leader: &Place) {
    leader.who.read_ticks.store(Clock::best().now(), Release);
}

/// Reads the clocks of a process that is about to be sent a signal which ends most. Allocates nothing, and takes no lock:
/// kill(2) may be called by a handler of signals.
///
/// What is read is schedstat's, so the CPU time of a thread that is on a CPU is up to a scheduler tick old. So would be the
/// process's CPU clock: the kernel brings it up to date for the caller's own process only (thread_group_cputime() in
/// kernel/sched/cputime.c).
pub fn read_of(map: &Map, pid: u32) {
    let places = || (0..map.taken()).filter_map(|number| Some((number, map.place(number)?)));
    let Some((number, leader)) = places().find(|(_, it)| leads(it, pid)) else { return };
    let follows = |place: &Place| place.who.leader.load(Relaxed) == number + 1;
    for (_, place) in places().filter(|(_, it)| follows(it) && lives(it)) {
        let Some(sample) = schedstat(pid, place.section.tid.load(Relaxed)) else {
            forget(&place.section);
            continue;
        };
        note(&place.section, sample.on_cpu_ns, sample.run_delay_ns);
    }
    are_read(leader);
}

/// Whether the clocks that were read of a thread are those of its end: no mark came after them, and the end came soon.
pub(super) fn are_of_end(leader: &Place, place: &Place, end: Anchor, rate: Rate) -> bool {
    let read = leader.who.read_ticks.load(Acquire);
    let life_ns = end.raw_ns.saturating_sub(place.section.born_raw_ns.load(Relaxed));
    let unread_ns = rate.to_ns(end.ticks.saturating_sub(read));
    read >= place.section.since.load(Relaxed) && unread_ns <= (life_ns / 100).max(UNREAD_NS)
}

/// The processes that have not ended, as far as is known.
pub fn processes(map: &Map) -> impl Iterator<Item = u32> {
    let places = (0..map.taken()).filter_map(|number| map.place(number));
    let pids = places.filter(|it| kind(it) == Kind::Leader && it.who.gone_ticks.load(Acquire) == 0);
    pids.map(|place| place.section.pid.load(Relaxed)).filter(|pid| *pid != 0)
}

/// Whether it is the first thread of this process, as the program that it is now.
fn leads(place: &Place, pid: u32) -> bool {
    kind(place) == Kind::Leader && place.section.pid.load(Relaxed) == pid && place.who.gone_ticks.load(Acquire) == 0
}

fn lives(place: &Place) -> bool {
    matches!(kind(place), Kind::Leader | Kind::Thread) && place.section.died_raw_ns.load(Relaxed) == 0
}

/// What schedstat says of a thread of a process, by its number or `self`.
pub fn schedstat(process: impl Display, tid: u32) -> Option<Sample> {
    let mut path = [0_u8; 64];
    write!(&mut path[..], "/proc/{process}/task/{tid}/schedstat").ok()?;
    let length = path.iter().position(|byte| *byte == 0)?;
    let file = File::open(str::from_utf8(&path[..length]).ok()?).ok()?;
    Schedstat::of(file).read().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    const AT: Anchor = Anchor { ticks: 1, raw_ns: 1 };

    fn born(map: &Map, kind: Kind, leader: Option<u32>, pid: u32, tid: u32) -> u32 {
        let number = map.take_place().unwrap();
        let place = map.be_born(number, kind, leader.unwrap_or(number), AT).unwrap();
        place.section.pid.store(pid, Relaxed);
        place.section.tid.store(tid, Relaxed);
        number
    }

    #[test]
    fn the_clocks_of_another_process_are_read_and_nobody_elses() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (map, _file) = Map::create(8).unwrap();
        // What it was before it became another program, what it is, somebody else, and a number that there is not.
        let before = map.place(born(&map, Kind::Leader, None, child.id(), child.id())).unwrap();
        before.who.gone_ticks.store(5, Relaxed);
        let now = map.place(born(&map, Kind::Leader, None, child.id(), child.id())).unwrap();
        let other = map.place(born(&map, Kind::Leader, None, 1, 1)).unwrap();
        let early = Clock::best().now();
        // Until it has been on a CPU for a tick, or off it again.
        let until = Instant::now() + Duration::from_secs(60);
        while now.section.gone_cpu_ns.load(Relaxed) <= 1 && Instant::now() < until {
            read_of(&map, child.id());
        }
        assert!(now.section.gone_cpu_ns.load(Relaxed) > 1, "it has used CPU time to start");
        read_of(&map, 0x3fff_fff0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(now.who.read_ticks.load(Relaxed) >= early);
        for place in [before, other] {
            assert_eq!((place.who.read_ticks.load(Relaxed), place.section.gone_cpu_ns.load(Relaxed)), (0, 0));
        }
    }

    #[test]
    fn clocks_that_were_read_before_the_last_mark_or_long_before_the_end_are_not_those_of_the_end() {
        let (map, _file) = Map::create(8).unwrap();
        let place = map.place(born(&map, Kind::Leader, None, 7, 7)).unwrap();
        let unit = Rate::between(Anchor { ticks: 0, raw_ns: 0 }, Anchor { ticks: 1, raw_ns: 1 }).unwrap();
        let are = |since, read, end| {
            place.section.since.store(since, Relaxed);
            place.who.read_ticks.store(read, Relaxed);
            are_of_end(place, place, Anchor { ticks: end, raw_ns: end }, unit)
        };
        let ms = 1_000_000;
        assert!(are(100 * ms, 150 * ms, 160 * ms) && are(100 * ms, 4_960 * ms, 5_000 * ms));
        assert!(!are(100 * ms, 0, 160 * ms), "never read");
        assert!(!are(151 * ms, 150 * ms, 160 * ms), "it went on");
        assert!(!are(100 * ms, 149 * ms, 160 * ms) && !are(100 * ms, 4_940 * ms, 5_000 * ms), "too long before");
    }

    #[test]
    fn each_thread_has_clocks_of_its_own_and_those_that_ended_have_theirs_already() {
        let (map, _file) = Map::create(8).unwrap();
        let pid = std::process::id();
        let tid = nix::unistd::gettid().as_raw().cast_unsigned();
        let leader = born(&map, Kind::Leader, None, pid, pid);
        let me = map.place(born(&map, Kind::Thread, Some(leader), pid, tid)).unwrap();
        let ended = map.place(born(&map, Kind::Thread, Some(leader), pid, tid)).unwrap();
        let unknown = map.place(born(&map, Kind::Thread, Some(leader), pid, 0x3fff_fff0)).unwrap();
        note(&unknown.section, 1, 1);
        ended.section.died_raw_ns.store(9, Relaxed);
        let until = crate::clock::thread_cpu_ns() + 30_000_000;
        while crate::clock::thread_cpu_ns() < until {}
        read_of(&map, pid);
        let cpu_ns = me.section.gone_cpu_ns.load(Relaxed).checked_sub(1).unwrap();
        // Brought up to date at ticks, of which there are 100 a second at least.
        assert!((20_000_000..=crate::clock::thread_cpu_ns()).contains(&cpu_ns), "{cpu_ns} ns of 30 ms");
        assert_eq!(ended.section.gone_cpu_ns.load(Relaxed), 0);
        assert_eq!(unknown.section.gone_cpu_ns.load(Relaxed), 0, "it was read, and cannot be read again");
    }
}
