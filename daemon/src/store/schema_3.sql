-- Schema version 3 of gild's store: models with more choices, parameters of a single case,
-- and how long tasks waited and took.
--
-- NULL in in_flight to chunk: the choice has no meaning for the case, or the run is from before version 3, when there was
-- none (its tasks came from one shared queue, one by one).

ALTER TABLE cases ADD COLUMN in_flight INTEGER;                -- tasks in flight at once (event-loop)
ALTER TABLE cases ADD COLUMN threads_per_process INTEGER;      -- workers of each process (hybrid)
ALTER TABLE cases ADD COLUMN check_interval INTEGER;           -- safe points between two releases of the lock (cpython2)
ALTER TABLE cases ADD COLUMN dispatch TEXT;                    -- how tasks get to workers: shared, per-worker
ALTER TABLE cases ADD COLUMN chunk INTEGER;                    -- tasks dealt out at once
ALTER TABLE cases ADD COLUMN params TEXT NOT NULL DEFAULT '{}'; -- JSON {name: value}: parameters of this case alone

-- The views of version 2 with these columns. v_counters stays as it is.
DROP VIEW v_accounts;
DROP VIEW v_trials;

CREATE VIEW v_trials AS
SELECT trials.run, runs.name AS run_name, runs.kernel, trials.case_position, cases.name AS "case", cases.model,
       cases.workers AS case_workers, cases.in_flight, cases.threads_per_process, cases.lock, cases.interval_us,
       cases.check_interval, cases.start, cases.transport, cases.dispatch, cases.chunk, cases.pinning, cases.params,
       trials.repetition, trials.warmup, trials.status, trials.error, trials.wall_ns, trials.tasks_planned,
       trials.tasks_done, trials.digest, trials.verified, trials.tier, trials.accounting_share,
       trials.noise_window_ns, trials.noise_cpus, trials.noise_steal_ns, trials.noise_steal_most_ns,
       trials.noise_other_cpu_ns, trials.noise_frequency_min_khz, trials.noise_frequency_max_khz,
       trials.noise_throttles, trials.id AS trial
FROM trials
JOIN runs ON runs.id = trials.run
JOIN cases ON cases.run = trials.run AND cases.position = trials.case_position;

CREATE VIEW v_accounts AS
SELECT v_trials.run, v_trials."case", v_trials.model, v_trials.case_workers, v_trials.in_flight,
       v_trials.threads_per_process, v_trials.lock, v_trials.interval_us, v_trials.check_interval, v_trials.start,
       v_trials.transport, v_trials.dispatch, v_trials.chunk, v_trials.pinning, v_trials.params, v_trials.repetition,
       v_trials.warmup, v_trials.status, v_trials.wall_ns AS trial_wall_ns, v_trials.noise_window_ns,
       v_trials.noise_cpus, v_trials.noise_steal_ns, v_trials.noise_steal_most_ns, v_trials.noise_other_cpu_ns,
       v_trials.noise_frequency_min_khz, v_trials.noise_frequency_max_khz, v_trials.noise_throttles, workers.role,
       workers.number AS worker, workers.pid, workers.tid, workers.core, accounts.phase, accounts.kernel_phase,
       accounts.entries, accounts.wall_ns, accounts.on_cpu_ns, accounts.preempted_ns, accounts.waking_ns,
       accounts.run_queue_ns, accounts.blocked_ns, accounts.stolen_ns, accounts.cpu_ns, accounts.lost_records,
       accounts.open, accounts.counters, accounts.id AS account
FROM v_trials
JOIN workers ON workers.trial = v_trials.trial
JOIN accounts ON accounts.worker = workers.id;

-- One row per class of a trial's tasks, before them one for all of its tasks. None: the trial is from before version 3, or has
-- no task log. Times are in nanoseconds. A percentile that would be the maximum under another name is NULL.
CREATE TABLE task_times (
    id                INTEGER PRIMARY KEY, -- order: all tasks, then class by class
    trial             INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    class             TEXT,             -- the kernel's name for the class; NULL: all tasks
    planned           INTEGER NOT NULL, -- tasks planned
    wait_count        INTEGER NOT NULL, -- tasks that a worker took: from the start of the wall time until then
    wait_mean_ns      REAL,
    wait_p50_ns       INTEGER,
    wait_p90_ns       INTEGER,
    wait_p99_ns       INTEGER,
    wait_max_ns       INTEGER,
    wait_histogram    TEXT NOT NULL,    -- all values: HdrHistogram, V2 compressed, base64
    service_count     INTEGER NOT NULL, -- tasks whose result was done: from when they were taken until then
    service_mean_ns   REAL,
    service_p50_ns    INTEGER,
    service_p90_ns    INTEGER,
    service_p99_ns    INTEGER,
    service_max_ns    INTEGER,
    service_histogram TEXT NOT NULL,
    total_count       INTEGER NOT NULL, -- tasks whose result the coordinator had: from the start of the wall time until then
    total_mean_ns     REAL,
    total_p50_ns      INTEGER,
    total_p90_ns      INTEGER,
    total_p99_ns      INTEGER,
    total_max_ns      INTEGER,
    total_histogram   TEXT NOT NULL
) STRICT;
CREATE INDEX task_times_of_trial ON task_times (trial);

-- For people: the rows of `gilctl export --table tasks`, in its order when sorted by task_times.
CREATE VIEW v_task_times AS
SELECT v_trials.run, v_trials."case", v_trials.model, v_trials.case_workers, v_trials.in_flight,
       v_trials.threads_per_process, v_trials.lock, v_trials.interval_us, v_trials.check_interval, v_trials.start,
       v_trials.transport, v_trials.dispatch, v_trials.chunk, v_trials.pinning, v_trials.params, v_trials.repetition,
       v_trials.warmup, v_trials.status, v_trials.wall_ns AS trial_wall_ns, task_times.class, task_times.planned,
       wait_count, wait_mean_ns, wait_p50_ns, wait_p90_ns, wait_p99_ns, wait_max_ns,
       service_count, service_mean_ns, service_p50_ns, service_p90_ns, service_p99_ns, service_max_ns,
       total_count, total_mean_ns, total_p50_ns, total_p90_ns, total_p99_ns, total_max_ns, task_times.id AS task_times
FROM v_trials
JOIN task_times ON task_times.trial = v_trials.trial;
