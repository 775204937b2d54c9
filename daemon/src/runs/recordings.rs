//! Recordings: given whole, or from their beginning to their end.
//!
//! ```text
//!  begin ──▶ running ── look, look, … ──▶ end ──▶ done, or cancelled
//!                └── whoever records is gone ──▶ interrupted
//! ```

use std::collections::BTreeSet;

use gild_model::api::EventKind;
use gild_model::host::HostReport;
use gild_model::look::{Begun, Look};
use gild_model::recording::Recording;
use gild_model::run::{RunHead, RunId, RunStatus};
use gild_model::trial::Trial;

use super::live::{self, Ends};
use super::{RunError, Runs};
use crate::metrics::runs::RunKind;
use crate::queue::Denied;

/// Why a recording was interrupted.
const GONE: &str = "whoever recorded it was gone before the program ended";

impl Runs {
    /// Keeps a program that somebody recorded, as a run that is over.
    ///
    /// # Errors
    /// The store failed; what was begun is taken back.
    pub fn keep(&self, recording: &Recording, host: &HostReport) -> Result<RunHead, RunError> {
        let store = self.store();
        let experiment = recording.experiment();
        let id = store.insert_run(&experiment, recording.started_at)?;
        let kept = store
            .set_running(id, host, recording.started_at)
            .and_then(|()| store.insert_trial(id, &recording.trial))
            .and_then(|()| store.finish_run(id, RunStatus::Done, None, recording.finished_at));
        if let Err(error) = kept {
            store.remove_run(id)?;
            return Err(error.into());
        }
        self.tally.accepted(RunKind::Recording);
        self.tally.finished(RunKind::Recording, RunStatus::Done);
        self.trials.add(&experiment.cases[0], &recording.trial);
        store.head(id)?.ok_or(RunError::Missing(id))
    }

    /// Takes a recording that has begun, as a run that is running, and gives what tells of its end being asked for.
    ///
    /// # Errors
    /// The daemon is stopping; the store failed.
    pub fn begin_recording(&self, begun: &Begun, host: &HostReport) -> Result<(RunHead, Ends), RunError> {
        let mut work = self.work();
        if work.queue.is_closed() {
            return Err(Denied::Closed.into());
        }
        let id = self.store().insert_run(&begun.experiment(), begun.started_at)?;
        if let Err(error) = self.store().set_running(id, host, begun.started_at) {
            self.store().remove_run(id)?;
            return Err(error.into());
        }
        let ends = work.live.begin(id);
        self.tally.accepted(RunKind::Recording);
        self.logs.add(id, EventKind::Started);
        Ok((self.head_with(&work, id)?, ends))
    }

    /// Tells the watchers how far a recording is.
    ///
    /// # Errors
    /// It is not in progress.
    pub fn look(&self, id: RunId, look: Look) -> Result<(), RunError> {
        let work = self.work();
        match work.live.holds(id) {
            true => self.logs.add(id, EventKind::Look(look)),
            false => return Err(self.not_recorded(&work, id)),
        }
        Ok(())
    }

    /// Ends a recording with what it came to.
    ///
    /// # Errors
    /// It is not in progress; the store failed, and then the run has failed.
    pub fn end_recording(&self, id: RunId, mut recording: Recording) -> Result<RunHead, RunError> {
        let mut work = self.work();
        let Some(ended) = work.live.end(id) else { return Err(self.not_recorded(&work, id)) };
        note_company(&mut recording.trial, &ended.beside);
        let experiment = recording.experiment();
        let stored = {
            let store = self.store();
            store.insert_trial(id, &recording.trial).and_then(|()| store.set_workers(id, &experiment))
        };
        if let Err(error) = stored {
            let why = format!("the recording could not be stored: {error}");
            self.end(&mut work, id, RunKind::Recording, RunStatus::Failed, Some(why));
            return Err(error.into());
        }
        self.trials.add(&experiment.cases[0], &recording.trial);
        let status = if ended.cancelled { RunStatus::Cancelled } else { RunStatus::Done };
        self.end(&mut work, id, RunKind::Recording, status, None);
        self.head_with(&work, id)
    }

    /// Whoever recorded is gone; nothing happens if the recording is over.
    pub fn interrupt_recording(&self, id: RunId) {
        let mut work = self.work();
        if work.live.end(id).is_some() {
            tracing::warn!(run = id, "recording interrupted");
            self.end(&mut work, id, RunKind::Recording, RunStatus::Interrupted, Some(GONE.to_owned()));
        }
    }

    /// A trial of the run in progress is about to start.
    pub fn begin_trial(&self, id: RunId) {
        self.work().live.begin_trial(id);
    }

    /// The trial is over: it gets to know what was recorded beside it.
    pub fn end_trial(&self, trial: Option<&mut Trial>) {
        let beside = self.work().live.end_trial();
        if let Some(trial) = trial {
            note_company(trial, &beside);
        }
    }

    /// The recordings in progress.
    pub fn recording(&self) -> Vec<RunId> {
        self.work().live.ids()
    }

    fn not_recorded(&self, work: &super::Work, id: RunId) -> RunError {
        match self.head_with(work, id) {
            Ok(head) => RunError::NotRecorded { id, status: head.status },
            Err(error) => error,
        }
    }
}

fn note_company(trial: &mut Trial, beside: &BTreeSet<RunId>) {
    if let Some(row) = trial.workers.first_mut() {
        row.notes.extend(beside.iter().map(|other| live::note(*other)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{events, runs};
    use super::*;
    use crate::testing::{accepted, host, recording, trial};
    use gild_model::trial::TrialStatus;
    use jiff::Timestamp;

    fn begun() -> Begun {
        Begun { command: vec!["python3".to_owned()], started_at: Timestamp::UNIX_EPOCH }
    }

    fn look() -> Look {
        Look { wall_ns: 1, processes: 1, threads: 1, alive: 1, hand_overs: None, phases: Vec::new(), rows: Vec::new() }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_recording_runs_beside_the_queue_and_ends_with_its_accounts() {
        let (_folder, runs) = runs();
        let (head, _ends) = runs.begin_recording(&begun(), &host()).unwrap();
        assert_eq!((head.status, head.name.as_str()), (RunStatus::Running, "python3"));
        let queued = runs.submit(accepted(), 8).unwrap();
        assert_eq!(runs.next().await.unwrap().0, queued.id, "it does not wait for the recording");
        assert_eq!((runs.standing().0, runs.recording()), (Some(queued.id), vec![head.id]));
        runs.look(head.id, look()).unwrap();
        assert!(matches!(runs.remove(head.id), Err(RunError::Active { status: RunStatus::Running, .. })));
        let ended = runs.end_recording(head.id, recording(3)).unwrap();
        assert_eq!((ended.status, ended.trials_done), (RunStatus::Done, 1));
        let run = runs.reader().unwrap().run(head.id).unwrap().unwrap();
        assert_eq!(run.experiment.cases[0].workers, 3);
        assert!(matches!(events(&runs, head.id)[..], [EventKind::Started, EventKind::Finished { .. }]));
        assert!(matches!(runs.look(head.id, look()), Err(RunError::NotRecorded { status: RunStatus::Done, .. })));
        assert!(matches!(runs.end_recording(99, recording(1)), Err(RunError::Missing(99))));
    }

    #[test]
    fn a_recording_without_its_recorder_is_interrupted_and_one_that_is_over_is_not() {
        let (_folder, runs) = runs();
        let (first, ends) = runs.begin_recording(&begun(), &host()).unwrap();
        runs.interrupt_recording(first.id);
        let head = runs.head(first.id).unwrap();
        assert_eq!((head.status, head.error.as_deref()), (RunStatus::Interrupted, Some(GONE)));
        assert!(ends.has_changed().is_err(), "its orders are over");
        let (second, _ends) = runs.begin_recording(&begun(), &host()).unwrap();
        runs.end_recording(second.id, recording(1)).unwrap();
        runs.interrupt_recording(second.id);
        assert_eq!(runs.head(second.id).unwrap().status, RunStatus::Done);
    }

    #[test]
    fn a_cancelled_recording_is_ended_by_whoever_records_it() {
        let (_folder, runs) = runs();
        let (head, ends) = runs.begin_recording(&begun(), &host()).unwrap();
        assert_eq!(runs.cancel(head.id).unwrap().status, RunStatus::Running, "until the program has ended");
        assert_eq!(*ends.borrow(), 1);
        assert_eq!(runs.end_recording(head.id, recording(1)).unwrap().status, RunStatus::Cancelled);
        assert!(matches!(runs.cancel(head.id), Err(RunError::Over { status: RunStatus::Cancelled, .. })));
    }

    #[test]
    fn what_is_measured_at_the_same_time_is_noted_on_both_sides() {
        let (_folder, runs) = runs();
        let (head, _ends) = runs.begin_recording(&begun(), &host()).unwrap();
        runs.begin_trial(7);
        let mut trial = Trial { workers: recording(1).trial.workers, ..trial(TrialStatus::Done) };
        runs.end_trial(Some(&mut trial));
        assert_eq!(trial.workers[0].notes, [live::note(head.id)]);
        runs.end_recording(head.id, recording(1)).unwrap();
        let kept = runs.reader().unwrap().trials(head.id).unwrap().remove(0);
        assert_eq!(kept.workers[0].notes, [live::note(7)]);
    }

    #[test]
    fn a_daemon_that_stops_interrupts_recordings_and_takes_no_more() {
        let (_folder, runs) = runs();
        let (head, _ends) = runs.begin_recording(&begun(), &host()).unwrap();
        runs.close();
        assert_eq!(runs.head(head.id).unwrap().status, RunStatus::Interrupted);
        assert!(matches!(runs.begin_recording(&begun(), &host()), Err(RunError::Denied(Denied::Closed))));
    }
}
