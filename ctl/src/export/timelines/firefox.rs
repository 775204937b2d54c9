//! The Firefox Profiler's processed profile: what profiler.firefox.com opens.
//!
//! There are no samples in it. An interval is a marker of its thread, in a category per phase. The lock is a thread, too: its markers
//! are its owners, and say from whom and after how long a wait they got it, because the format's writer has no arrows. Counts are
//! markers with a graph.

mod markers;

use std::io::{self, Write};
use std::time::SystemTime;

use fxprof_processed_profile::{
    CategoryColor, CategoryHandle, MarkerTiming, ProcessHandle, Profile, ReferenceTimestamp, SamplingInterval,
    ThreadHandle, Timestamp,
};
use gild_model::phase::Phase;

use self::markers::{CountMarker, GapMarker, HoldMarker, PhaseMarker, TrialMarker};
use super::scene::{Lock, Scene, Track, TrialScene};

/// Writes a scene.
pub fn write(scene: &Scene, out: &mut dyn Write) -> io::Result<()> {
    let started_at = scene.started_at.map_or(SystemTime::UNIX_EPOCH, SystemTime::from);
    let title = format!("gild run {}: {}, kernel {}", scene.run, scene.experiment, scene.kernel);
    // An interval of samples has to be there, though there are none.
    let interval = SamplingInterval::from_nanos(1000);
    let mut profile = Profile::new(&title, ReferenceTimestamp::from_system_time(started_at), interval);
    profile.set_symbolicated(true);
    let categories = Phase::ALL.map(|phase| profile.add_category(phase.name(), color(phase)));
    let mut painter = Painter { scene, profile, categories };
    scene.trials.iter().for_each(|trial| painter.trial(trial));
    serde_json::to_writer(&mut *out, &painter.profile).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// The profile in the making.
struct Painter<'s> {
    scene: &'s Scene,
    profile: Profile,
    /// One for each phase, in their order.
    categories: [CategoryHandle; Phase::ALL.len()],
}

/// Of what is a thread in the file and was none; the format's writer tells equal ids apart.
const NO_TID: u32 = 0;

impl Painter<'_> {
    fn at(&self, ns: i64) -> Timestamp {
        Timestamp::from_nanos_since_reference(self.scene.at(ns))
    }

    fn interval(&self, from_ns: i64, until_ns: i64) -> MarkerTiming {
        MarkerTiming::Interval(self.at(from_ns), self.at(until_ns))
    }

    fn thread(&mut self, process: ProcessHandle, tid: u32, name: &str, is_main: bool) -> ThreadHandle {
        let start = self.at(i64::MIN);
        let thread = self.profile.add_thread(process, tid, start, is_main);
        self.profile.set_thread_name(thread, name);
        self.profile.set_thread_show_markers_in_timeline(thread, true);
        self.profile.add_initial_visible_thread(thread);
        thread
    }

    fn trial(&mut self, trial: &TrialScene) {
        let start = self.at(i64::MIN);
        let processes: Vec<ProcessHandle> =
            trial.processes.iter().map(|it| self.profile.add_process(&it.name, it.pid, start)).collect();
        // The main thread shows what is of the process, and is named after it.
        let main = self.thread(processes[0], NO_TID, "trial", true);
        self.wall(trial, main);
        self.counts(trial, main);
        for lock in &trial.locks {
            let thread = self.thread(processes[lock.process], NO_TID, &lock.name, false);
            self.lock(trial, lock, thread);
        }
        for track in &trial.tracks {
            let thread = self.thread(processes[track.process], track.tid, &track.name, false);
            self.track(track, thread);
        }
    }

    fn wall(&mut self, trial: &TrialScene, thread: ThreadHandle) {
        let timing = match trial.wall_ns {
            Some(wall_ns) => self.interval(0, i64::try_from(wall_ns).unwrap_or(i64::MAX)),
            None => MarkerTiming::Instant(self.at(0)),
        };
        let [name, case, status] =
            [&trial.name, &trial.case.name, &trial.status].map(|text| self.profile.intern_string(text));
        self.profile.add_marker(thread, timing, TrialMarker { name, case, status });
    }

    fn track(&mut self, track: &Track, thread: ThreadHandle) {
        if let Some((at_ns, text)) = track.gap() {
            let name = self.profile.intern_string(&text);
            let marker = GapMarker { name, dropped: track.row.timeline.dropped };
            self.profile.add_marker(thread, MarkerTiming::Instant(self.at(at_ns)), marker);
        }
        for interval in track.row.timeline.intervals() {
            let name = self.profile.intern_string(track.slice_name(interval.meaning));
            let category = self.categories[interval.meaning.phase as usize];
            let timing = self.interval(interval.from_ns, interval.until_ns);
            self.profile.add_marker(thread, timing, PhaseMarker { name, category });
        }
    }

    fn lock(&mut self, trial: &TrialScene, lock: &Lock, thread: ThreadHandle) {
        let mut hand_overs = lock.ownership.hand_overs.iter().peekable();
        for (place, hold) in lock.ownership.holds.iter().enumerate() {
            let from = hand_overs.next_if(|it| it.to == place).map(|it| lock.ownership.holds[it.from].track);
            let from = from.map_or("", |track| trial.tracks[track].name.as_str());
            let [name, from] =
                [trial.tracks[hold.track].name.as_str(), from].map(|text| self.profile.intern_string(text));
            let timing = self.interval(hold.from_ns, hold.until_ns);
            self.profile.add_marker(thread, timing, HoldMarker { name, from });
        }
    }

    fn counts(&mut self, trial: &TrialScene, thread: ThreadHandle) {
        for count in &trial.counts {
            let name = self.profile.intern_string(count.name);
            for step in count.steps.windows(2) {
                let marker = CountMarker { name, workers: step[0].1 };
                let timing = self.interval(step[0].0, step[1].0);
                self.profile.add_marker(thread, timing, marker);
            }
        }
    }
}

/// Waiting for a lock is red, computing green; the rest can be told apart.
fn color(phase: Phase) -> CategoryColor {
    match phase {
        Phase::Compute => CategoryColor::Green,
        Phase::LockWait => CategoryColor::Red,
        Phase::SwitchWait => CategoryColor::Magenta,
        Phase::OtherLock => CategoryColor::Orange,
        Phase::IoWait => CategoryColor::Blue,
        Phase::Encode | Phase::Decode => CategoryColor::Yellow,
        Phase::Send | Phase::Receive => CategoryColor::Purple,
        Phase::Idle => CategoryColor::Transparent,
        Phase::Startup | Phase::Launch | Phase::Teardown => CategoryColor::Gray,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use serde_json::Value;

    fn written() -> Value {
        let mut bytes = Vec::new();
        write(&testing::timelines::scene(), &mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn thread<'p>(profile: &'p Value, name: &str) -> &'p Value {
        profile["threads"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()
    }

    #[test]
    fn an_interval_is_a_marker_in_the_category_of_its_phase() {
        let profile = written();
        let markers = &thread(&profile, "worker 0")["markers"];
        assert_eq!(markers["length"], 5);
        let categories = profile["meta"]["categories"].as_array().unwrap();
        let names = markers["category"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|it| categories[it.as_u64().unwrap() as usize]["name"].as_str()).collect();
        let expected = ["startup", "compute", "switch-wait", "lock-wait", "compute"].map(Some);
        assert_eq!(names, expected);
        assert_eq!((&markers["startTime"][1], &markers["endTime"][1]), (&0.000_26.into(), &0.0005.into()));
    }

    #[test]
    fn the_owner_of_a_lock_says_from_whom_it_has_it() {
        let profile = written();
        let lock = thread(&profile, "lock (cpython)");
        assert_eq!(lock["markers"]["length"], 3);
        let strings = profile["shared"]["stringArray"].as_array().or(lock["stringArray"].as_array()).unwrap();
        let from = lock["markers"]["data"].as_array().unwrap().iter();
        let from: Vec<_> = from.map(|it| strings[it["from"].as_u64().unwrap() as usize].as_str().unwrap()).collect();
        assert_eq!(from, ["", "worker 0", "worker 1"]);
    }
}
