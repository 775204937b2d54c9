//! Values for the unit tests of other modules.

use std::path::PathBuf;

use gild_engine::spec::TrialSpec;
use gild_model::experiment::{Experiment, parse};
use gild_model::host::{CoreInfo, HostReport, Tier};
use gild_model::plugin::KernelInfo;
use gild_model::trial::{Trial, TrialStatus};

use crate::runs::Accepted;

/// An experiment with one sequential case.
pub fn experiment() -> Experiment {
    let text = "kernel = 'null'\nplugin = '/plugins/libnull.so'\n[[case]]\nmodel = 'sequential'";
    parse(text, std::path::Path::new("/x.toml")).unwrap()
}

/// That experiment, accepted.
pub fn accepted() -> Accepted {
    Accepted { experiment: experiment(), deterministic: true }
}

/// A trial that tells nothing but how it ended.
pub fn trial(status: TrialStatus) -> Trial {
    Trial {
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

/// What a coordinator is told.
pub fn trial_spec() -> TrialSpec {
    let experiment = experiment();
    TrialSpec {
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
