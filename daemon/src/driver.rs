//! The one task that runs runs: takes the next from the queue, runs its trials one by one, says how it ended.
//!
//! ```text
//!   next ─▶ set running ─▶ ┌ trial ─▶ store it ─▶ compare ┐ ─▶ finish
//!                          └──────────── again ───────────┘
//! ```
//!
//! Trials never overlap, so that runs do not disturb each other. It leaves early when it is asked to stop, when
//! results differ, when a trial cannot be started, and when a trial cannot be stored; a trial that fails only ends
//! its case.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gild_engine::ledger::Live;
use gild_engine::spec::TrialSpec;
use gild_model::api::{EventKind, Progress};
use gild_model::case::Case;
use gild_model::experiment::Experiment;
use gild_model::host::HostReport;
use gild_model::run::RunId;
use gild_model::trial::{Trial, TrialStatus};
use jiff::Timestamp;

use crate::daemon::Daemon;
use crate::findings::Findings;
use crate::python::spec::{Ask, PythonSpec};
use crate::retention;
use crate::runs::Accepted;
use crate::schedule::{Schedule, Turn};
use crate::spawner::StartError;
use crate::trial::{self, LOOK_INTERVAL, Limits, StopSignal, TrialError, Work};
use crate::until::Widths;

/// Least time between two progress events.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Runs runs until the queue is closed and the last one is over.
pub async fn drive(daemon: Arc<Daemon>) {
    retention::apply(&daemon).await;
    while let Some((id, accepted, stop)) = daemon.runs.next().await {
        let drive = Drive::new(&daemon, id, &accepted);
        drive.run(stop).await;
        daemon.between_runs();
        // Before the next run, which this would disturb.
        retention::apply(&daemon).await;
    }
}

/// One run on its way.
struct Drive<'a> {
    daemon: &'a Arc<Daemon>,
    id: RunId,
    experiment: &'a Experiment,
    host: Arc<HostReport>,
    schedule: Schedule,
    findings: Findings,
    /// `None`: the number of repetitions is fixed.
    widths: Option<Widths>,
    started: Instant,
}

impl<'a> Drive<'a> {
    fn new(daemon: &'a Arc<Daemon>, id: RunId, accepted: &'a Accepted) -> Drive<'a> {
        let experiment = &accepted.experiment;
        Drive {
            daemon,
            id,
            experiment,
            host: daemon.host(),
            schedule: Schedule::new(experiment.cases.len(), experiment.warmups, experiment.repetitions),
            findings: Findings::new(accepted.deterministic),
            widths: experiment.until.map(|until| Widths::new(until, experiment.cases.len())),
            started: Instant::now(),
        }
    }

    async fn run(mut self, stop: StopSignal) {
        tracing::info!(run = self.id, name = %self.experiment.name, kernel = %self.experiment.kernel, "run started");
        let running = self.daemon.runs.record(|store| store.set_running(self.id, &self.host, Timestamp::now()));
        match running {
            Err(error) => self.findings.fatal(format!("the start of the run could not be stored: {error}")),
            Ok(()) => {
                self.emit(EventKind::Started);
                self.run_trials(&stop).await;
            }
        }
        let why = stop.borrow().clone();
        let (status, error) = self.findings.end(why.as_ref());
        tracing::info!(run = self.id, status = status.name(), error, "run ended");
        self.daemon.runs.finish(self.id, status, error);
    }

    async fn run_trials(&mut self, stop: &StopSignal) {
        while stop.borrow().is_none() && !self.findings.is_fatal() {
            let Some(turn) = self.schedule.next_turn() else {
                match self.repeat_once_more().await {
                    true => continue,
                    false => return,
                }
            };
            let started = Instant::now();
            let result = self.run_trial(turn, stop.clone()).await;
            let spawner_is_gone =
                self.daemon.spawner.is_gone() || matches!(result, Err(TrialError::Start(StartError::Gone)));
            if spawner_is_gone {
                // The daemon stops for that, and interrupts the run. It may hear of it a moment later than this task.
                let mut told = stop.clone();
                let _ = told.wait_for(Option::is_some).await;
            }
            match result {
                Err(_) if spawner_is_gone => return,
                Err(error) => self.findings.fatal(error.to_string()),
                Ok(trial) => self.take(turn, &trial, started.elapsed()),
            }
        }
    }

    /// Plans another repetition, if the intervals are to be narrower than they are.
    async fn repeat_once_more(&mut self) -> bool {
        let Some(widths) = self.widths.clone() else { return false };
        let (repetitions, elapsed) = (self.schedule.repetitions(), self.started.elapsed());
        // The bootstrap takes a while, and the daemon has one thread to answer with.
        let decided = tokio::task::spawn_blocking(move || widths.go_on(repetitions, elapsed)).await;
        let go_on = decided.expect("deciding whether to go on does not panic");
        if go_on {
            self.schedule.repeat_once_more();
            let planned = self.schedule.planned(None);
            if let Err(error) = self.daemon.runs.record(|store| store.set_planned(self.id, planned)) {
                self.findings.fatal(format!("the number of trials could not be stored: {error}"));
            }
        }
        go_on
    }

    async fn run_trial(&self, turn: Turn, stop: StopSignal) -> Result<Trial, TrialError> {
        let Turn { case, repetition, warmup } = turn;
        tracing::debug!(run = self.id, case, repetition, warmup, "trial started");
        self.emit(EventKind::TrialStarted { case, repetition, warmup });
        let work = self.work(turn);
        let mut reporter = Reporter { started: Instant::now(), last: None };
        let stage = &self.daemon.runs.stage;
        let look = |live: &Live| {
            if reporter.is_due() {
                let progress = self.progress(turn, live, reporter.started.elapsed());
                stage.go_on(&progress);
                self.emit(EventKind::Progress(progress));
            }
        };
        self.daemon.runs.begin_trial(self.id);
        stage.begin(self.id, self.progress(turn, &Live::default(), Duration::ZERO));
        let show = |accounts: &_| stage.show(accounts);
        let mut result = trial::run(&self.daemon.spawner, turn, &work, self.limits(), stop, show, look).await;
        stage.end();
        self.daemon.runs.end_trial(result.as_mut().ok());
        result
    }

    /// Stores a trial that is over, and takes it into account.
    fn take(&mut self, turn: Turn, trial: &Trial, spent: Duration) {
        let case = &self.experiment.cases[turn.case as usize];
        let name = &case.name;
        self.daemon.runs.trials.add(case, trial);
        if let Err(error) = self.daemon.runs.record(|store| store.insert_trial(self.id, trial)) {
            self.findings.fatal(format!("a trial of case \"{name}\" could not be stored: {error}"));
        }
        self.schedule.finished(turn.case, spent, trial.status == TrialStatus::Failed);
        self.findings.add(self.experiment, trial);
        if let Some(widths) = &mut self.widths {
            widths.add(trial);
        }
        let Turn { case, repetition, warmup } = turn;
        let (status, error) = (trial.status.name(), trial.error.as_deref());
        tracing::info!(run = self.id, case = %name, repetition, warmup, status, error, wall_ns = trial.wall_ns, "trial ended");
        self.emit(EventKind::TrialFinished {
            case,
            repetition,
            warmup,
            status: trial.status,
            error: trial.error.clone(),
            wall_ns: trial.wall_ns,
        });
    }

    fn work(&self, turn: Turn) -> Work {
        let case = &self.experiment.cases[turn.case as usize];
        // One timeline of a case says what it is like; all of them would fill the store.
        let has_timeline = turn.repetition == 0 && !turn.warmup;
        let timeline = if has_timeline { self.experiment.timeline } else { 0 };
        let Some(kernel) = &self.experiment.python else { return Work::Kernel(self.spec(case, timeline)) };
        let interpreter = kernel.interpreter_of(case);
        let executable = interpreter.expect("interpreters were looked at when the run was accepted").executable.clone();
        let ask = Ask::Trial { executable, case: case.clone() };
        let spec = PythonSpec { kernel: kernel.clone(), ask };
        Work::Python { spec, workers: case.workers, timeline: timeline > 0 }
    }

    fn spec(&self, case: &Case, timeline: u32) -> TrialSpec {
        TrialSpec {
            plugin: self.experiment.plugin.clone().expect("the plugin was looked up when the run was accepted"),
            kernel: self.experiment.kernel.clone(),
            params: self.experiment.params_of(case),
            case: case.clone(),
            counters: self.experiment.counters,
            max_overhead: self.experiment.max_overhead,
            tier: self.host.tier,
            counter_groups: self.host.counter_groups.clone(),
            counts_kernel: self.host.counts_kernel,
            timeline,
        }
    }

    fn limits(&self) -> Limits {
        let config = self.daemon.config();
        Limits {
            task_s: self.experiment.task_limit_s.unwrap_or(config.task_limit_s),
            trial_s: self.experiment.trial_limit_s.unwrap_or(config.trial_limit_s),
        }
    }

    fn progress(&self, turn: Turn, live: &Live, elapsed: Duration) -> Progress {
        let open_ended = self.widths.as_ref().is_some_and(|widths| widths.may_go_on(self.schedule.repetitions()));
        let left = self.schedule.left(turn.case, elapsed, live.done_share).filter(|_| !open_ended);
        Progress {
            case: turn.case,
            repetition: turn.repetition,
            warmup: turn.warmup,
            tasks_done: live.tasks_done,
            tasks_planned: live.tasks_planned,
            trials_done: self.schedule.done(),
            trials_planned: self.schedule.planned(Some(turn)),
            open_ended,
            left_s: left.map(|left| left.as_secs_f64()),
        }
    }

    fn emit(&self, what: EventKind) {
        self.daemon.runs.logs.add(self.id, what);
    }
}

/// Thins the looks at the ledger out to progress events.
struct Reporter {
    started: Instant,
    last: Option<Instant>,
}

impl Reporter {
    fn is_due(&mut self) -> bool {
        // Half a look early is in time: waiting for the next one would be half a look late.
        let due = self.last.is_none_or(|last| last.elapsed() + LOOK_INTERVAL / 2 >= PROGRESS_INTERVAL);
        if due {
            self.last = Some(Instant::now());
        }
        due
    }
}
