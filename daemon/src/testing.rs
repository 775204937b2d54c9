//! Values for the unit tests of other modules.

use std::path::PathBuf;
use std::sync::Arc;

use gild_engine::spec::TrialSpec;
use gild_model::account::{PhaseAccount, Role, WorkerAccount};
use gild_model::api::Progress;
use gild_model::experiment::{Experiment, parse};
use gild_model::host::{CoreInfo, HostReport, Tier};
use gild_model::phase::Phase;
use gild_model::plugin::KernelInfo;
use gild_model::recording::{Ended, Recording};
use gild_model::trial::{Trial, TrialStatus};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::config::Config;
use crate::daemon::{Daemon, Facts};
use crate::runs::{Accepted, Runs};
use crate::spawner::Spawner;
use crate::store::Store;

/// A daemon in a folder of its own, which cannot start processes; needs a runtime.
pub fn daemon(config: Config) -> (TempDir, Arc<Daemon>) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("gild.db");
    let facts = Facts {
        started_at: Timestamp::now(),
        program: std::env::current_exe().unwrap(),
        store: store.clone(),
        config: None,
        metrics: None,
        plugin_path: vec![folder.path().join("plugins")],
    };
    let runs = Runs::new(Store::open(&store).unwrap());
    (folder, Arc::new(Daemon::new(facts, config, host(), runs, Spawner::disconnected())))
}

/// An experiment with one sequential case.
pub fn experiment() -> Experiment {
    let text = "kernel = 'null'\nplugin = '/plugins/libnull.so'\n[[case]]\nmodel = 'sequential'";
    parse(text, std::path::Path::new("/x.toml")).unwrap()
}

/// That experiment, accepted.
pub fn accepted() -> Accepted {
    Accepted { experiment: experiment(), deterministic: true }
}

/// How far a trial is that has just begun.
pub fn progress() -> Progress {
    Progress {
        case: 0,
        repetition: 0,
        warmup: false,
        tasks_done: 0,
        tasks_planned: None,
        trials_done: 0,
        trials_planned: 1,
        open_ended: false,
        left_s: None,
    }
}

/// A trial that tells nothing but how it ended.
pub fn trial(status: TrialStatus) -> Trial {
    Trial {
        timelines: Vec::new(),
        case: 0,
        repetition: 0,
        warmup: false,
        status,
        error: None,
        wall_ns: None,
        tasks_planned: None,
        tasks_done: 0,
        digest: None,
        verified: None,
        tier: Tier::Bare,
        accounting: None,
        noise: None,
        task_times: Vec::new(),
        lock_waits: None,
        holders: None,
        workers: Vec::new(),
        output: None,
    }
}

/// A recording of so many threads, each of which computed for a while.
pub fn recording(threads: u32) -> Recording {
    let row = |index| WorkerAccount {
        role: Role::Worker,
        index,
        pid: Some(1),
        tid: Some(1 + index),
        thread: Some("python3".to_owned()),
        command: Some("python3".to_owned()),
        core: None,
        tasks: 0,
        life_ns: Some(100),
        accounted_ns: 100,
        balanced: Some(true),
        cpu_ns: Some(100),
        stolen_ns: None,
        voluntary_switches: None,
        involuntary_switches: None,
        counters: Vec::new(),
        task_counters: Vec::new(),
        phases: vec![computed()],
        notes: Vec::new(),
    };
    let trial = Trial { workers: (0..threads).map(row).collect(), ..trial(TrialStatus::Done) };
    let (at, command) = (Timestamp::UNIX_EPOCH, vec!["python3".to_owned()]);
    Recording { command, started_at: at, finished_at: at, ended: Ended::Exited(0), trial }
}

/// A phase in which all of the time was on a CPU, and nothing else was measured.
pub fn computed() -> PhaseAccount {
    PhaseAccount {
        phase: Phase::Compute,
        kernel_phase: None,
        entries: 1,
        wall_ns: 100,
        on_cpu_ns: Some(100),
        preempted_ns: None,
        waking_ns: None,
        run_queue_ns: None,
        blocked_ns: None,
        stolen_ns: None,
        cpu_ns: None,
        counters: Vec::new(),
        lost_records: 0,
        open: false,
    }
}

/// What a coordinator is told.
pub fn trial_spec() -> TrialSpec {
    let experiment = experiment();
    TrialSpec {
        timeline: 0,
        plugin: PathBuf::from("/plugins/libnull.so"),
        kernel: experiment.kernel,
        params: experiment.params,
        case: experiment.cases[0].clone(),
        counters: experiment.counters,
        max_overhead: experiment.max_overhead,
        tier: Tier::Bare,
        counter_groups: Vec::new(),
        counts_kernel: false,
    }
}

/// A machine with two cores.
pub fn host() -> HostReport {
    HostReport {
        hostname: "lab".to_owned(),
        kernel: "6.1".to_owned(),
        cpu: "cpu".to_owned(),
        cores: [0, 1].map(|cpu| CoreInfo { cpu, core: cpu, package: 0 }).to_vec(),
        tier: Tier::Bare,
        tier_reason: None,
        clock: "tsc".to_owned(),
        clock_reason: None,
        counters: Vec::new(),
        counter_groups: Vec::new(),
        counts_kernel: false,
        checks: Vec::new(),
    }
}

/// A kernel without parameters that can do everything.
pub fn kernel(name: &str) -> KernelInfo {
    KernelInfo {
        name: name.to_owned(),
        summary: String::new(),
        params: Vec::new(),
        phases: Vec::new(),
        shared: true,
        deterministic: true,
        fork_safe: true,
        verifies: false,
        asynchronous: false,
    }
}
