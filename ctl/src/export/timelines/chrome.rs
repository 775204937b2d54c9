//! Chrome's JSON, the Trace Event Format: what chrome://tracing, Perfetto, speedscope and many more read.
//!
//! After "Trace Event Format" (Google, docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU), in the object
//! format:
//!
//! | `ph` | event | here |
//! |---|---|---|
//! | `X` | complete | an interval, a hold of a lock, the wall time |
//! | `M` | metadata | names and order of processes and threads |
//! | `s`, `f` | flow begins, ends | a lock that goes from one worker to another |
//! | `C` | counter | how many workers compute, wait, … |
//! | `i` | instant | what was not kept; a trial that did not get to its end |
//!
//! Times are in microseconds with three decimals, so no nanosecond is lost. A lock and the wall time are threads, because the
//! format has no other tracks.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::ownership::Hold;
use super::scene::{Scene, TrialScene};

/// No process or thread has an id from here on; `super::ids` gives those from 2^22 on to workers.
const LOCKS_FROM: u32 = 1 << 30;
/// The thread that is a trial's wall time.
const TRIAL: u32 = LOCKS_FROM - 1;

/// An event. Only what an event of its kind has is written.
#[derive(Debug, Default, Serialize)]
struct Event<'e> {
    ph: &'static str,
    name: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'e str>,
    pid: u32,
    tid: u32,
    ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    /// Which flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    /// `e`: an arrow points at the slice around its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    /// `t`: an instant is of a thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Value>,
}

/// Writes a scene.
pub fn write(scene: &Scene, out: &mut dyn Write) -> io::Result<()> {
    let other = json!({
        "producer": format!("gilctl {}", env!("CARGO_PKG_VERSION")),
        "run": scene.run,
        "experiment": scene.experiment,
        "kernel": scene.kernel,
        "intervals": scene.intervals(),
        "intervals_not_kept": scene.dropped(),
    });
    write!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{other},\"traceEvents\":[")?;
    let mut events = Events { scene, out, is_first: true, flows: 0 };
    scene.trials.iter().enumerate().try_for_each(|(place, trial)| events.trial(place, trial))?;
    events.out.write_all(b"\n]}\n")
}

/// Events on their way out.
struct Events<'o> {
    scene: &'o Scene,
    out: &'o mut dyn Write,
    is_first: bool,
    /// Arrows so far.
    flows: u64,
}

impl Events<'_> {
    fn write(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.out.write_all(if self.is_first { b"\n" } else { b",\n" })?;
        self.is_first = false;
        serde_json::to_writer(&mut *self.out, event).map_err(io::Error::from)
    }

    fn us(&self, ns: i64) -> f64 {
        self.scene.at(ns) as f64 / 1000.0
    }

    fn metadata(&mut self, (pid, tid): (u32, u32), name: &'static str, args: Value) -> io::Result<()> {
        self.write(&Event { ph: "M", name, pid, tid, args: Some(args), ..Event::default() })
    }

    /// Names a thread and says where it stands among those of its process.
    fn thread(&mut self, ids: (u32, u32), name: &str, order: usize) -> io::Result<()> {
        self.metadata(ids, "thread_name", json!({ "name": name }))?;
        self.metadata(ids, "thread_sort_index", json!({ "sort_index": order }))
    }

    fn slice(&mut self, from_ns: i64, until_ns: i64, event: Event<'_>) -> io::Result<()> {
        let ts = self.us(from_ns);
        // From the nanoseconds: a difference of two rounded numbers would have more decimals.
        let dur = (self.scene.at(until_ns) - self.scene.at(from_ns)) as f64 / 1000.0;
        self.write(&Event { ph: "X", ts, dur: Some(dur), ..event })
    }

    fn trial(&mut self, place: usize, trial: &TrialScene) -> io::Result<()> {
        for process in &trial.processes {
            self.metadata((process.pid, 0), "process_name", json!({ "name": process.name }))?;
            self.metadata((process.pid, 0), "process_sort_index", json!({ "sort_index": place }))?;
        }
        self.wall(trial)?;
        for place in 0..trial.tracks.len() {
            self.track(trial, place)?;
        }
        for place in 0..trial.locks.len() {
            self.lock(trial, place)?;
        }
        self.counts(trial)
    }

    fn wall(&mut self, trial: &TrialScene) -> io::Result<()> {
        let (pid, tid) = (trial.process().pid, TRIAL);
        let args = json!({ "case": trial.case.name, "model": trial.case.model.name(), "status": trial.status });
        self.thread((pid, tid), "trial", 0)?;
        let event = Event { name: &trial.name, cat: Some("trial"), pid, tid, args: Some(args), ..Event::default() };
        match trial.wall_ns {
            Some(wall_ns) => self.slice(0, i64::try_from(wall_ns).unwrap_or(i64::MAX), event),
            None => self.write(&Event { ph: "i", ts: self.us(0), s: Some("t"), ..event }),
        }
    }

    fn track(&mut self, trial: &TrialScene, place: usize) -> io::Result<()> {
        let track = &trial.tracks[place];
        let (pid, tid) = (trial.processes[track.process].pid, track.tid);
        self.thread((pid, tid), &track.name, 1 + trial.locks.len() + place)?;
        if let Some((at_ns, text)) = track.gap() {
            let args = Some(json!({ "dropped": track.row.timeline.dropped }));
            let (ts, s) = (self.us(at_ns), Some("t"));
            self.write(&Event { ph: "i", name: &text, pid, tid, ts, s, args, ..Event::default() })?;
        }
        for interval in track.row.timeline.intervals() {
            let (name, cat) = (track.slice_name(interval.meaning), Some(interval.meaning.phase.name()));
            let event = Event { name, cat, pid, tid, ..Event::default() };
            self.slice(interval.from_ns, interval.until_ns, event)?;
        }
        Ok(())
    }

    fn lock(&mut self, trial: &TrialScene, place: usize) -> io::Result<()> {
        let lock = &trial.locks[place];
        let (pid, tid) = (trial.processes[lock.process].pid, LOCKS_FROM + place as u32);
        self.thread((pid, tid), &lock.name, 1 + place)?;
        for hold in &lock.ownership.holds {
            let event = Event { name: &trial.tracks[hold.track].name, cat: Some("lock"), pid, tid, ..Event::default() };
            self.slice(hold.from_ns, hold.until_ns, event)?;
        }
        for hand_over in &lock.ownership.hand_overs {
            let (from, to) = (&lock.ownership.holds[hand_over.from], &lock.ownership.holds[hand_over.to]);
            self.arrow(trial, from, to)?;
        }
        Ok(())
    }

    /// An arrow hangs on the slices around its ends: it begins in the last nanosecond with the lock.
    fn arrow(&mut self, trial: &TrialScene, from: &Hold, to: &Hold) -> io::Result<()> {
        self.flows += 1;
        let ids = |hold: &Hold| (trial.processes[trial.tracks[hold.track].process].pid, trial.tracks[hold.track].tid);
        let ((pid, tid), (pid_to, tid_to)) = (ids(from), ids(to));
        let event = || Event { name: "hand-over", cat: Some("lock"), ..Event::default() };
        let ts = self.us((from.until_ns - 1).max(from.from_ns));
        self.write(&Event { ph: "s", pid, tid, ts, id: Some(self.flows), ..event() })?;
        let ts = self.us(to.from_ns);
        self.write(&Event { ph: "f", bp: Some("e"), pid: pid_to, tid: tid_to, ts, id: Some(self.flows), ..event() })
    }

    fn counts(&mut self, trial: &TrialScene) -> io::Result<()> {
        for count in &trial.counts {
            for (at_ns, workers) in &count.steps {
                let args = Some(json!(BTreeMap::from([("workers", workers)])));
                let pid = trial.process().pid;
                self.write(&Event { ph: "C", name: count.name, pid, ts: self.us(*at_ns), args, ..Event::default() })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn written() -> Value {
        let mut bytes = Vec::new();
        write(&testing::timelines::scene(), &mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn events(of: &Value, ph: &str) -> Vec<Value> {
        of["traceEvents"].as_array().unwrap().iter().filter(|it| it["ph"] == ph).cloned().collect()
    }

    #[test]
    fn times_are_microseconds_to_the_nanosecond() {
        let trace = written();
        let slices = events(&trace, "X");
        // 12 intervals, 3 holds and the wall time.
        assert_eq!(slices.len(), 16);
        let of_worker: Vec<_> = slices.iter().filter(|it| it["tid"] == 101).collect();
        assert_eq!((&of_worker[1]["ts"], &of_worker[1]["dur"]), (&json!(0.26), &json!(0.24)));
        assert_eq!((&of_worker[1]["name"], &of_worker[1]["cat"]), (&json!("compute"), &json!("compute")));
        assert_eq!(trace["otherData"]["intervals"], 12);
    }

    #[test]
    fn an_arrow_begins_and_ends_inside_a_slice() {
        let trace = written();
        let (begun, ended) = (events(&trace, "s"), events(&trace, "f"));
        assert_eq!((begun.len(), ended.len()), (2, 2));
        let holds_it = |arrow: &Value, slice: &Value| {
            let (at, from) = (arrow["ts"].as_f64().unwrap(), slice["ts"].as_f64().unwrap());
            slice["tid"] == arrow["tid"] && from <= at && at < from + slice["dur"].as_f64().unwrap()
        };
        for arrow in begun.iter().chain(&ended) {
            let around = events(&trace, "X").into_iter().find(|slice| holds_it(arrow, slice)).unwrap();
            assert_eq!(around["cat"], "compute", "{arrow}");
        }
    }

    #[test]
    fn counters_and_threads_have_names() {
        let trace = written();
        assert!(events(&trace, "C").iter().any(|it| it["name"] == "computing" && it["args"]["workers"] == 1));
        let names = events(&trace, "M");
        let names: Vec<_> = names.iter().filter(|it| it["name"] == "thread_name").collect();
        let names: Vec<_> = names.iter().map(|it| it["args"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["trial", "coordinator", "worker 0", "worker 1", "lock (cpython)"]);
    }
}
