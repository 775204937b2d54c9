//! The table of accounts: one row per run × case × repetition × worker × phase.

use gild_model::account::CounterReading;
use gild_model::case::Case;
use gild_model::noise::Noise;
use gild_model::run::{AccountRow, RunId, RunOutline};
use gild_model::trial::Trial;

use super::table::{Column, Kind, OfTrial, Row, Value, column, columns_of_trial, integer, text};

impl OfTrial for AccountRow {
    fn run(&self) -> RunId {
        self.run
    }

    fn case(&self) -> &Case {
        &self.case
    }

    fn repetition(&self) -> u32 {
        self.repetition
    }

    fn is_warmup(&self) -> bool {
        self.warmup
    }

    fn status(&self) -> &str {
        &self.status
    }

    fn trial_wall_ns(&self) -> Option<u64> {
        self.trial_wall_ns
    }
}

impl Row for AccountRow {
    const TABLE: &'static str = "accounts";

    fn columns() -> Vec<Column<AccountRow>> {
        [columns_of_trial(), noise_columns(), worker_columns(), account_columns()].concat()
    }

    fn counters(&self) -> &[CounterReading] {
        &self.account.counters
    }
}

/// Makes the rows of a trial and hands them over one by one.
pub fn each_row<E>(
    run: &RunOutline,
    trial: Trial,
    mut take: impl FnMut(&AccountRow) -> Result<(), E>,
) -> Result<(), E> {
    let case = run.experiment.cases.get(trial.case as usize).expect("a trial is of a case of its run");
    for worker in trial.workers {
        let mut accounts = worker.phases.into_iter();
        let Some(account) = accounts.next() else { continue };
        let mut row = AccountRow {
            run: run.head.id,
            case: case.clone(),
            repetition: trial.repetition,
            warmup: trial.warmup,
            status: trial.status.name().to_owned(),
            trial_wall_ns: trial.wall_ns,
            noise: trial.noise.clone(),
            role: worker.role.name().to_owned(),
            worker: worker.index,
            pid: worker.pid,
            tid: worker.tid,
            thread: worker.thread,
            command: worker.command,
            core: worker.core,
            account,
        };
        take(&row)?;
        for account in accounts {
            row.account = account;
            take(&row)?;
        }
    }
    Ok(())
}

fn noise_columns() -> Vec<Column<AccountRow>> {
    use Kind::Integer;
    vec![
        column(
            "noise_window_ns",
            Integer,
            "time between the readings before and after the trial that noise is the difference of; null: not measured",
            |it| noise(it, |it| Some(it.window_ns)),
        ),
        column("noise_cpus", Integer, "CPUs that were online at both readings", |it| {
            noise(it, |it| Some(it.cpus.into()))
        }),
        column("noise_steal_ns", Integer, "time that the hypervisor took from all CPUs together", |it| {
            noise(it, |it| it.steal_ns)
        }),
        column("noise_steal_most_ns", Integer, "of it: from the CPU that lost most", |it| {
            noise(it, |it| it.steal_most_ns)
        }),
        column("noise_other_cpu_ns", Integer, "CPU time of others than the trial, on all CPUs together", |it| {
            noise(it, |it| it.other_cpu_ns)
        }),
        column("noise_frequency_min_khz", Integer, "lowest frequency of a CPU; null if it is not shown", |it| {
            noise(it, |it| it.frequency_min_khz)
        }),
        column("noise_frequency_max_khz", Integer, "highest frequency of a CPU; null if it is not shown", |it| {
            noise(it, |it| it.frequency_max_khz)
        }),
        column("noise_throttles", Integer, "how often CPUs were slowed down by heat; null if it is not shown", |it| {
            noise(it, |it| it.throttles)
        }),
    ]
}

fn worker_columns() -> Vec<Column<AccountRow>> {
    use Kind::{Integer, Text};
    vec![
        column(
            "role",
            Text,
            "`coordinator`, `worker`, or `helper`: a thread or process of a Python executor's own",
            |it| text(&it.role),
        ),
        column("worker", Integer, "number of the worker, from 0; 0 for the coordinator", |it| {
            Value::Integer(it.worker.into())
        }),
        column("pid", Integer, "process id; null if the worker never started", |it| integer(it.pid)),
        column("tid", Integer, "thread id; null if the worker never started", |it| integer(it.tid)),
        column("thread", Text, "the thread's name; null unless the program was recorded", |it| {
            it.thread.as_deref().map_or(Value::Null, text)
        }),
        column("command", Text, "command line of its process; null unless the program was recorded", |it| {
            it.command.as_deref().map_or(Value::Null, text)
        }),
        column("core", Integer, "core that the worker was pinned to; null if it was free to move", |it| {
            integer(it.core)
        }),
    ]
}

fn account_columns() -> Vec<Column<AccountRow>> {
    use Kind::{Boolean, Integer, Text};
    vec![
        column("phase", Text, "phase, such as `compute` or `lock-wait`", |it| text(it.account.phase.name())),
        column("kernel_phase", Text, "the kernel's own name for this part of `compute`; null if it gave none", |it| {
            it.account.kernel_phase.as_deref().map_or(Value::Null, text)
        }),
        column("entries", Integer, "how many times the phase was entered", |it| {
            Value::Integer(it.account.entries.into())
        }),
        column("wall_ns", Integer, "wall time in the phase", |it| Value::Integer(it.account.wall_ns.into())),
        column("on_cpu_ns", Integer, "of it: running; holds what was stolen where `stolen_ns` is null", |it| {
            integer(it.account.on_cpu_ns)
        }),
        column("preempted_ns", Integer, "of it: ready, but another thread had the core", |it| {
            integer(it.account.preempted_ns)
        }),
        column("waking_ns", Integer, "of it: woken, waiting for a core", |it| integer(it.account.waking_ns)),
        column(
            "run_queue_ns",
            Integer,
            "`preempted_ns` + `waking_ns`; known even where these are not known apart",
            |it| integer(it.account.run_queue_ns),
        ),
        column("blocked_ns", Integer, "of it: waiting for an event", |it| integer(it.account.blocked_ns)),
        column("stolen_ns", Integer, "of it: the hypervisor ran something else (estimate)", |it| {
            integer(it.account.stolen_ns)
        }),
        column("cpu_ns", Integer, "CPU time of the thread, where it was read at both ends of the phase", |it| {
            integer(it.account.cpu_ns)
        }),
        column("lost_records", Integer, "context-switch records that the kernel dropped in this phase", |it| {
            Value::Integer(it.account.lost_records.into())
        }),
        column("open", Boolean, "the worker died inside this phase", |it| Value::Boolean(it.account.open)),
    ]
}

fn noise(row: &AccountRow, figure: impl Fn(&Noise) -> Option<u64>) -> Value<'static> {
    integer(row.noise.as_ref().and_then(figure))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::export::Schema;
    use crate::export::table::tests::{check_documentation, check_kinds, null_columns};
    use crate::testing;
    use gild_model::case::{Case, Model, Pinning};
    use gild_model::phase::Phase;

    /// Two rows: one with everything measured, one with nothing that can be missing.
    pub fn rows() -> [AccountRow; 2] {
        let reading = |name: &str, value, running_ratio| CounterReading { name: name.to_owned(), value, running_ratio };
        let mut account = testing::phase_account(Phase::Compute, 1000, Some([600, 100, 200, 100, 7]));
        account.kernel_phase = Some("multiply, then divide".to_owned());
        account.cpu_ns = Some(593);
        account.counters = vec![reading("task-clock", Some(590), Some(1.0)), reading("instructions", None, Some(0.25))];
        let full = AccountRow {
            run: 12,
            case: Case { pinning: Pinning::Cores(vec![0, 1]), ..testing::case("threads-2", Model::Threads, 2) },
            repetition: 1,
            warmup: false,
            status: "done".to_owned(),
            trial_wall_ns: Some(1_000_000),
            noise: Some(testing::noise()),
            role: "worker".to_owned(),
            worker: 1,
            pid: Some(100),
            tid: Some(101),
            thread: None,
            command: None,
            core: Some(1),
            account,
        };
        let mut bare = AccountRow { status: "failed".to_owned(), trial_wall_ns: None, ..full.clone() };
        (bare.case.lock, bare.pid, bare.tid, bare.core, bare.noise) = (None, None, None, None, None);
        bare.account = testing::phase_account(Phase::Startup, 5, None);
        bare.account.open = true;
        [full, bare]
    }

    /// The schema of [`rows`].
    pub fn schema() -> Schema<AccountRow> {
        let counters = ["task-clock", "instructions"].map(str::to_owned).to_vec();
        Schema::of(&testing::experiment()).with_counters(counters)
    }

    #[test]
    fn a_row_has_one_value_per_column_of_the_column_s_kind() {
        check_kinds(&schema(), &rows());
    }

    #[test]
    fn what_was_not_measured_is_null_and_never_zero() {
        let [_, bare] = rows();
        let expected = "in_flight threads_per_process lock check_interval start transport python trial_wall_ns noise_window_ns noise_cpus noise_steal_ns \
            noise_steal_most_ns noise_other_cpu_ns noise_frequency_min_khz noise_frequency_max_khz noise_throttles pid tid thread command core \
            kernel_phase on_cpu_ns preempted_ns waking_ns \
            run_queue_ns blocked_ns stolen_ns cpu_ns task-clock task-clock_running_ratio instructions instructions_running_ratio";
        assert_eq!(null_columns(&schema(), &bare), expected.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn a_counter_that_the_schema_does_not_know_is_an_error() {
        let error = Schema::of(&testing::experiment()).values(&rows()[0]).unwrap_err().to_string();
        assert!(error.contains("task-clock appeared"), "{error}");
    }

    #[test]
    fn the_documentation_describes_every_column() {
        check_documentation::<AccountRow>("columns");
    }
}
