//! What a timeline file shows, whatever its format: cases, and of each its processes, threads, locks and counts.

use std::collections::BTreeMap;

use gild_model::case::{Case, Model};
use gild_model::run::{Run, RunId, TimelineRow};
use gild_model::timeline::{Meaning, Timeline};
use jiff::Timestamp;

use super::counts::{Count, counts};
use super::ids::Ids;
use super::ownership::{Ownership, whole_from_ns};

/// Everything that a file shows.
#[derive(Debug)]
pub struct Scene {
    /// The run.
    pub run: RunId,
    /// The experiment's name.
    pub experiment: String,
    /// The kernel's name.
    pub kernel: String,
    /// When the run began.
    pub started_at: Option<Timestamp>,
    /// The earliest moment, since the start of a wall time: the zero of the file.
    origin_ns: i64,
    /// The trials that have timelines, at most one of each case today.
    pub trials: Vec<TrialScene>,
}

/// A trial of a case.
#[derive(Debug)]
pub struct TrialScene {
    /// The case.
    pub case: Case,
    /// `trial 0`, `warm-up 0`.
    pub name: String,
    /// How it ended.
    pub status: String,
    /// Its wall time.
    pub wall_ns: Option<u64>,
    /// Its processes, in the order of their workers; the first one is the trial's own.
    pub processes: Vec<Process>,
    /// A track for each worker and for the coordinator.
    pub tracks: Vec<Track>,
    /// Its locks, if it is known who has them.
    pub locks: Vec<Lock>,
    /// How many workers were in a phase.
    pub counts: Vec<Count>,
}

/// A process.
#[derive(Debug)]
pub struct Process {
    /// Its id, or another if the file has a process of that id already.
    pub pid: u32,
    /// What it is called.
    pub name: String,
}

/// A thread.
#[derive(Debug)]
pub struct Track {
    /// Its process, by its place.
    pub process: usize,
    /// Its id, or another if the file has a thread of that id already.
    pub tid: u32,
    /// What it is called.
    pub name: String,
    /// Whose it is.
    pub row: TimelineRow,
    /// What slices in the kernel's own phases are called.
    kernel_names: Vec<String>,
}

/// A lock.
#[derive(Debug)]
pub struct Lock {
    /// The process whose lock it is, by its place.
    pub process: usize,
    /// What it is called.
    pub name: String,
    /// Who had it.
    pub ownership: Ownership,
}

impl Scene {
    /// Of these timelines of a run.
    pub fn of(run: &Run, rows: Vec<TimelineRow>) -> Scene {
        let starts = rows.iter().filter_map(|row| row.timeline.intervals().next());
        // The wall time begins at 0, and is shown.
        let origin_ns = starts.map(|it| it.from_ns).min().unwrap_or(0).min(0);
        let (mut pids, mut tids) = (Ids::new(), Ids::new());
        let mut trials = BTreeMap::<_, Vec<TimelineRow>>::new();
        for row in rows {
            trials.entry((row.case_position, !row.warmup, row.repetition)).or_default().push(row);
        }
        Scene {
            run: run.head.id,
            experiment: run.head.name.clone(),
            kernel: run.head.kernel.clone(),
            started_at: run.head.started_at,
            origin_ns,
            trials: trials.into_values().map(|rows| TrialScene::of(rows, &mut pids, &mut tids)).collect(),
        }
    }

    /// A moment, told from the start of a wall time, on the time axis of the file.
    pub fn at(&self, ns: i64) -> u64 {
        ns.saturating_sub(self.origin_ns).max(0).cast_unsigned()
    }

    /// All tracks.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.trials.iter().flat_map(|it| &it.tracks)
    }

    /// Number of intervals.
    pub fn intervals(&self) -> u64 {
        self.tracks().map(|it| it.row.timeline.len() as u64).sum()
    }

    /// Number of intervals that were not kept.
    pub fn dropped(&self) -> u64 {
        self.tracks().map(|it| it.row.timeline.dropped).sum()
    }
}

impl TrialScene {
    fn of(rows: Vec<TimelineRow>, pids: &mut Ids, tids: &mut Ids) -> TrialScene {
        let first = &rows[0];
        let (case, status, wall_ns) = (first.case.clone(), first.status.clone(), first.trial_wall_ns);
        let name = format!("{} {}", if first.warmup { "warm-up" } else { "trial" }, first.repetition);
        let places = places_of_processes(&rows);
        let processes = processes(&case, &rows, &places, pids);
        let tracks: Vec<Track> = rows.into_iter().zip(places).map(|(row, place)| Track::of(row, place, tids)).collect();
        let locks = locks(&case, processes.len(), &tracks);
        let workers: Vec<&Timeline> = tracks.iter().filter(|it| it.is_worker()).map(|it| &it.row.timeline).collect();
        let counts = counts(&workers);
        TrialScene { case, name, status, wall_ns, processes, tracks, locks, counts }
    }

    /// Its own process: the coordinator's, or that of a recorded command.
    pub fn process(&self) -> &Process {
        &self.processes[0]
    }
}

impl Track {
    fn of(row: TimelineRow, process: usize, tids: &mut Ids) -> Track {
        let name = match &row.thread {
            Some(thread) => thread.clone(),
            None if is_worker(&row) => format!("worker {}", row.worker),
            None => row.role.clone(),
        };
        let kernel_names = row.kernel_phases.iter().map(|it| format!("compute: {it}")).collect();
        Track { process, tid: tids.take(row.tid), name, row, kernel_names }
    }

    /// Whether it is a worker's, and not the coordinator's.
    pub fn is_worker(&self) -> bool {
        is_worker(&self.row)
    }

    /// What a slice is called.
    pub fn slice_name(&self, meaning: Meaning) -> &str {
        let own = meaning.kernel_phase.and_then(|number| self.kernel_names.get(usize::from(number)));
        own.map_or(meaning.phase.name(), String::as_str)
    }

    /// What is said of intervals that were not kept, and when; `None`: all were.
    pub fn gap(&self) -> Option<(i64, String)> {
        let timeline = &self.row.timeline;
        let text = format!("{} intervals were not kept", timeline.dropped);
        let at_ns = timeline.intervals().next().map_or(timeline.until_ns, |it| it.from_ns);
        (timeline.dropped > 0).then_some((at_ns, text))
    }
}

fn is_worker(row: &TimelineRow) -> bool {
    row.role == gild_model::account::Role::Worker.name()
}

/// The place of each row's process. A process that executed another program is two.
fn places_of_processes(rows: &[TimelineRow]) -> Vec<usize> {
    let mut known: Vec<(Option<u32>, Option<&str>)> = Vec::new();
    let mut places = Vec::with_capacity(rows.len());
    for row in rows {
        let process = (row.pid, row.command.as_deref());
        places.push(known.iter().position(|it| row.pid.is_some() && *it == process).unwrap_or(known.len()));
        if places.last() == Some(&known.len()) {
            known.push(process);
        }
    }
    places
}

fn processes(case: &Case, rows: &[TimelineRow], places: &[usize], pids: &mut Ids) -> Vec<Process> {
    let count = places.iter().max().map_or(0, |last| last + 1);
    let of = |place: usize| {
        let mine: Vec<&TimelineRow> = rows.iter().zip(places).filter(|it| *it.1 == place).map(|it| it.0).collect();
        Process { pid: pids.take(mine[0].pid), name: name_of_process(case, &mine) }
    };
    (0..count).map(of).collect()
}

fn name_of_process(case: &Case, rows: &[&TimelineRow]) -> String {
    if let Some(command) = &rows[0].command {
        return command.clone();
    }
    if rows.iter().any(|row| !is_worker(row)) || case.model == Model::Recorded {
        return case.name.clone();
    }
    let numbers: Vec<_> = rows.iter().map(|row| row.worker.to_string()).collect();
    let plural = if numbers.len() > 1 { "s" } else { "" };
    format!("{} worker{plural} {}", case.name, numbers.join(", "))
}

/// The lock of each process that has workers which share one.
fn locks(case: &Case, processes: usize, tracks: &[Track]) -> Vec<Lock> {
    let (Some(holds), Some(policy)) = (case.has_lock_in(), case.lock) else { return Vec::new() };
    let of = |process: usize| {
        let sharers = tracks.iter().enumerate().filter(|(_, it)| it.is_worker() && it.process == process);
        let sharers: Vec<(usize, &Timeline)> = sharers.map(|(place, it)| (place, &it.row.timeline)).collect();
        let whole_from_ns = whole_from_ns(sharers.iter().map(|it| it.1));
        (!sharers.is_empty()).then(|| Lock {
            process,
            name: format!("lock ({})", policy.name()),
            ownership: Ownership::of(sharers.into_iter(), holds, whole_from_ns),
        })
    };
    (0..processes).filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use gild_model::phase::Phase;

    #[test]
    fn a_case_has_its_processes_threads_lock_and_counts() {
        let scene = testing::timelines::scene();
        let [trial] = &scene.trials[..] else { panic!("{scene:?}") };
        let names: Vec<_> = trial.tracks.iter().map(|it| (it.name.as_str(), it.tid)).collect();
        assert_eq!(names, [("coordinator", 100), ("worker 0", 101), ("worker 1", 102)]);
        assert_eq!((trial.processes.len(), trial.process().name.as_str()), (1, "threads-2"));
        assert_eq!(trial.locks[0].name, "lock (cpython)");
        assert_eq!(trial.locks[0].ownership.hand_overs.len(), 2);
        assert!(trial.counts.iter().any(|it| it.name == "waiting for the lock"));
        assert_eq!((scene.at(0), scene.at(-200), scene.intervals(), scene.dropped()), (200, 0, 12, 0));
    }

    #[test]
    fn a_worker_on_its_coordinators_thread_has_a_track_of_its_own() {
        let row =
            |role, tid| TimelineRow { tid: Some(tid), ..testing::timelines::row(role, 0, &[(0, Phase::Idle)], 9) };
        let scene = Scene::of(&testing::run(), vec![row("coordinator", 100), row("worker", 100)]);
        let tids: Vec<_> = scene.tracks().map(|it| it.tid).collect();
        assert_eq!((tids[0], scene.trials[0].processes.len()), (100, 1));
        assert!(tids[1] > 100, "{tids:?}");
    }

    #[test]
    fn a_process_is_named_by_its_workers_or_its_command() {
        let row = |pid, worker| TimelineRow {
            pid: Some(pid),
            ..testing::timelines::row("worker", worker, &[(0, Phase::Compute)], 9)
        };
        let recorded = TimelineRow { command: Some("python3 app.py".to_owned()), ..row(8, 3) };
        let scene = Scene::of(&testing::run(), vec![row(7, 0), row(8, 1), row(7, 2), recorded]);
        let names: Vec<_> = scene.trials[0].processes.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["threads-2 workers 0, 2", "threads-2 worker 1", "python3 app.py"]);
    }

    #[test]
    fn a_kernels_phase_is_named_as_a_part_of_compute() {
        let scene = testing::timelines::scene();
        let name = |kernel_phase| {
            let track = scene.tracks().last().unwrap();
            track.slice_name(Meaning { phase: Phase::Compute, kernel_phase }).to_owned()
        };
        assert_eq!([None, Some(0), Some(9)].map(name), ["compute", "compute: multiply", "compute"]);
    }

    #[test]
    fn what_is_missing_is_said_where_it_is_missing() {
        let mut row = testing::timelines::row("worker", 0, &[(5, Phase::Compute)], 9);
        row.timeline = {
            let mut timeline = Timeline::new(3);
            timeline.push(5, Meaning { phase: Phase::Compute, kernel_phase: None });
            timeline.until_ns = 9;
            timeline
        };
        let scene = Scene::of(&testing::run(), vec![row]);
        assert_eq!(scene.tracks().next().unwrap().gap(), Some((5, "3 intervals were not kept".to_owned())));
        assert_eq!(scene.dropped(), 3);
    }
}
