//! Runs the scenarios, one after the other, as ordinary runs of the daemon, and removes these runs afterwards.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gild_model::case::CounterScope;
use gild_model::experiment::{Experiment, MAX_OVERHEAD_DEFAULT, ParamValue};
use gild_model::host::HostReport;
use gild_model::run::{RunHead, RunId, RunStatus};
use gild_model::trial::{Trial, TrialStatus};
use nix::unistd::geteuid;
use serde_json::Value;
use tempfile::TempDir;

use super::beside::{Bare, ClockSteps, ping_pong};
use super::evidence::Evidence;
use super::finding::{BALANCE_GOAL, Finding};
use super::options::AccuracyOptions;
use super::report::{Report, Row, Verdict, judge, without_findings};
use super::scenarios::{self, Scenario, Special};
use crate::client::{self, Client};
use crate::error::Error;
use crate::follow::{self, Interrupts};
use crate::output;
use crate::progress::Reporter;

/// The kernel with a known truth.
const KERNEL: &str = "calibrated";

/// Runs all scenarios that the options ask for.
pub async fn run(client: &Client, host: &HostReport, options: &AccuracyOptions) -> Result<Report, Error> {
    let chosen = choose(&options.only)?;
    let mut suite =
        Suite { client, host, options, folder: report_folder(client.socket())?, interrupts: Interrupts::catch()? };
    let mut rows = Vec::new();
    for (number, scenario) in (1..).zip(&chosen) {
        output::notice(&format!("{number}/{} {}: {}", chosen.len(), scenario.name, scenario.about));
        rows.extend(suite.rows(scenario).await?);
    }
    Ok(Report {
        machine: format!("{}: Linux {}, {}, {} cores", host.hostname, host.kernel, host.cpu, host.cores.len()),
        tier: host.tier.name().to_owned(),
        repetitions: options.repeat,
        rows,
    })
}

/// The scenarios of these names; all if there is none.
fn choose(names: &[String]) -> Result<Vec<Scenario>, Error> {
    let all = scenarios::all();
    if names.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        all.iter().find(|it| it.name == name).copied().ok_or_else(|| {
            let known: Vec<_> = all.iter().map(|it| format!("\"{}\"", it.name)).collect();
            Error::Usage(format!("there is no scenario \"{name}\", but {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// A folder for the kernel's reports. The daemon may be another user's, whose kernel must be able to write into a file
/// there; others cannot guess the folder's name.
fn report_folder(socket: &Path) -> Result<Reports, Error> {
    let at = |source| Error::File { verb: "create", path: std::env::temp_dir(), source };
    let folder = tempfile::Builder::new().prefix("gild-accuracy-").tempdir().map_err(at)?;
    let foreign = fs::metadata(socket).is_ok_and(|it| it.uid() != geteuid().as_raw());
    if foreign {
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).map_err(at)?;
    }
    Ok(Reports { folder, mode: if foreign { 0o666 } else { 0o600 } })
}

/// Where the kernel's reports go.
struct Reports {
    folder: TempDir,
    mode: u32,
}

impl Reports {
    /// An empty file for the reports of a scenario.
    fn create(&self, number: usize) -> Result<PathBuf, Error> {
        let path = self.folder.path().join(format!("{number}.jsonl"));
        let created = OpenOptions::new().write(true).create_new(true).mode(self.mode).open(&path);
        // The mode of open(2) is cut by the umask.
        let created = created.and_then(|file| file.set_permissions(Permissions::from_mode(self.mode)));
        created.map(|()| path.clone()).map_err(|source| Error::File { verb: "create", path, source })
    }
}

/// What is the same for all scenarios.
struct Suite<'a> {
    client: &'a Client,
    host: &'a HostReport,
    options: &'a AccuracyOptions,
    folder: Reports,
    interrupts: Interrupts,
}

impl Suite<'_> {
    /// The rows of a scenario.
    async fn rows(&mut self, scenario: &Scenario) -> Result<Vec<Row>, Error> {
        let skipped = |reason: String| vec![without_findings(scenario.name, Verdict::Skipped, reason)];
        let off = |reason: String| vec![without_findings(scenario.name, Verdict::Off, reason)];
        if scenario.special == Special::ClockSteps && !self.options.step_clock {
            return Ok(skipped("it sets the machine's clock; allow it with --step-clock".to_owned()));
        }
        let case = match (scenario.case)(self.host).map(|case| case.resolve()) {
            Ok(Ok(case)) => case,
            Ok(Err(error)) => return Ok(off(error)),
            Err(reason) => return Ok(skipped(reason)),
        };
        let path = self.folder.create(fs::read_dir(self.folder.folder.path()).map_or(0, Iterator::count))?;
        let experiment = self.experiment(scenario, case, &path)?;
        let before = before(scenario.special)?;
        let steps = (scenario.special == Special::ClockSteps).then(ClockSteps::start);
        let trials = self.trials(&experiment).await;
        let stepped = steps.map(ClockSteps::stop).transpose();
        let trials = trials?;
        if let Err(reason) = stepped {
            return Ok(skipped(reason));
        }
        let bare = after(scenario.special, before)?;
        let lines = match lines(&path)? {
            Ok(lines) => lines,
            Err(reason) => return Ok(off(reason)),
        };
        Ok(match findings(scenario, &trials, &lines, bare) {
            Ok(findings) => judged(scenario.name, &findings),
            Err(reason) => off(reason),
        })
    }

    fn experiment(&self, scenario: &Scenario, case: gild_model::case::Case, path: &Path) -> Result<Experiment, Error> {
        let path = path.to_str().ok_or_else(|| Error::Usage(format!("{} is not UTF-8", path.display())))?;
        let int = |(name, value): &(&str, i64)| ((*name).to_owned(), ParamValue::Int(*value));
        let mut params: BTreeMap<_, _> = scenario.params.iter().map(int).collect();
        params.insert("report_path".to_owned(), ParamValue::Text(path.to_owned()));
        Ok(Experiment {
            name: format!("accuracy: {}", scenario.name),
            kernel: KERNEL.to_owned(),
            python: None,
            plugin: None,
            params,
            cases: vec![case],
            repetitions: if scenario.special == Special::Fails { 1 } else { self.options.repeat },
            until: None,
            warmups: 0,
            counters: CounterScope::Phase,
            max_overhead: MAX_OVERHEAD_DEFAULT,
            timeline: 0,
            task_limit_s: None,
            trial_limit_s: None,
        })
    }

    /// Runs an experiment and gives its trials.
    async fn trials(&mut self, experiment: &Experiment) -> Result<Vec<Trial>, Error> {
        let head: RunHead = self.client.post("/v1/runs", experiment).await.map_err(without_kernel)?;
        let mut reporter = Reporter::silent(experiment);
        let cancelled = follow::or_cancel(self.client, head.id, &mut reporter, &mut self.interrupts).await?;
        let run = follow::outcome(self.client, head.id).await?;
        let trials = self.read_trials(head.id).await?;
        if !self.options.keep {
            self.client.delete(&format!("/v1/runs/{}", head.id)).await?;
        }
        match cancelled || run.head.status == RunStatus::Cancelled {
            true => Err(Error::Interrupted),
            false => Ok(trials),
        }
    }

    async fn read_trials(&self, id: RunId) -> Result<Vec<Trial>, Error> {
        let mut lines = self.client.lines(&format!("/v1/runs/{id}/trials")).await?;
        let mut trials = Vec::new();
        while let Some(trial) = lines.next().await? {
            trials.push(trial);
        }
        Ok(trials)
    }
}

/// Says where the kernel would come from.
fn without_kernel(error: client::Error) -> Error {
    match error {
        client::Error::Problem(problem) if problem.status == 404 => Error::Usage(format!(
            "{}; the accuracy is measured with the kernel {KERNEL}: build it (cargo build --release), or put \
             libcalibrated.so where gild looks for plugins",
            problem.detail
        )),
        error => error.into(),
    }
}

fn before(special: Special) -> Result<Option<f64>, Error> {
    let Special::PingPong(bytes) = special else { return Ok(None) };
    ping_pong(bytes).map(Some).map_err(|source| Error::Setup { what: "a bare ping-pong", source })
}

fn after(special: Special, before_ns: Option<f64>) -> Result<Option<Bare>, Error> {
    let (Special::PingPong(bytes), Some(before_ns)) = (special, before_ns) else { return Ok(None) };
    let after_ns = ping_pong(bytes).map_err(|source| Error::Setup { what: "a bare ping-pong", source })?;
    Ok(Some(Bare { before_ns, after_ns }))
}

/// Reads a report, or says which line is none.
fn lines(path: &Path) -> Result<Result<Vec<Value>, String>, Error> {
    let text =
        fs::read_to_string(path).map_err(|source| Error::File { verb: "read", path: path.to_owned(), source })?;
    let line = |line: &str| serde_json::from_str(line).map_err(|error| format!("the kernel's report: {error}: {line}"));
    Ok(text.lines().map(line).collect())
}

/// The findings of every trial: the scenario's own, and that the books balance.
fn findings(
    scenario: &Scenario,
    trials: &[Trial],
    lines: &[Value],
    bare: Option<Bare>,
) -> Result<Vec<Vec<Finding>>, String> {
    let of_trial = |trial: &Trial| {
        let expected = if scenario.special == Special::Fails { TrialStatus::Failed } else { TrialStatus::Done };
        if trial.status != expected {
            let error = trial.error.as_deref().unwrap_or("it gave no reason");
            return Err(format!("a trial is {}: {error}", trial.status.name()));
        }
        let evidence = Evidence::new(trial, lines, bare);
        let mut findings = (scenario.findings)(&evidence)?;
        findings.push(balance(trial)?);
        Ok(findings)
    };
    if trials.is_empty() {
        return Err("there is no trial".to_owned());
    }
    trials.iter().map(of_trial).collect()
}

/// The row of accounts that is most off its life.
fn balance(trial: &Trial) -> Result<Finding, String> {
    let lives =
        trial.workers.iter().filter_map(|it| Some((it.accounted_ns as f64, it.life_ns.filter(|ns| *ns > 0)? as f64)));
    let off = |(accounted, life): &(f64, f64)| (accounted / life - 1.0).abs();
    let most = lives.max_by(|a, b| off(a).total_cmp(&off(b))).ok_or("nobody lived to the end of the trial")?;
    Ok(Finding::ratio(
        "phases of a life, in all (s)",
        "CLOCK_MONOTONIC_RAW",
        BALANCE_GOAL,
        Some(most.0 / 1e9),
        most.1 / 1e9,
    ))
}

/// One row per quantity: all trials have the same ones, in the same order.
fn judged(scenario: &'static str, trials: &[Vec<Finding>]) -> Vec<Row> {
    let quantities = trials.first().map_or(0, Vec::len);
    let of_all = |at: usize| trials.iter().filter_map(|it| it.get(at)).collect::<Vec<_>>();
    (0..quantities).filter_map(|at| judge(scenario, &of_all(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_chosen_by_name() {
        assert_eq!(choose(&[]).unwrap().len(), scenarios::all().len());
        assert_eq!(choose(&["blocked".to_owned()]).unwrap()[0].name, "blocked");
        let error = choose(&["nonsense".to_owned()]).unwrap_err();
        assert!(error.to_string().starts_with("there is no scenario \"nonsense\", but \"computing\", "), "{error}");
    }

    #[test]
    fn report_files_are_private_unless_the_daemon_is_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        fs::write(&socket, "").unwrap();
        let mode = |reports: &Reports| fs::metadata(reports.create(0).unwrap()).unwrap().mode() & 0o777;
        assert_eq!(mode(&report_folder(&socket).unwrap()), 0o600);
        if geteuid().is_root() {
            std::os::unix::fs::chown(&socket, Some(4711), None).unwrap();
            assert_eq!(mode(&report_folder(&socket).unwrap()), 0o666);
        }
    }
}
