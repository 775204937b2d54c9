-- Schema version 4 of gild's store: recorded programs, and kernels in Python.

ALTER TABLE workers ADD COLUMN thread TEXT;  -- the thread's name; NULL unless a recorded program's
ALTER TABLE workers ADD COLUMN command TEXT; -- the command line of its process; NULL unless a recorded program's

-- The interpreter, as the user names it; NULL unless the kernel is one in Python.
ALTER TABLE cases ADD COLUMN python TEXT;

-- The views of version 3 with these columns.
DROP VIEW v_task_times;
DROP VIEW v_counters;
DROP VIEW v_accounts;
DROP VIEW v_trials;

-- A constraint cannot be changed, so the column is replaced by one that knows helpers, too: threads and processes of a Python
-- executor's own. (A new table would take the accounts along when the old one is dropped.)
ALTER TABLE workers ADD COLUMN part TEXT NOT NULL DEFAULT 'worker' CHECK (part IN ('coordinator', 'worker', 'helper'));
UPDATE workers SET part = role;
ALTER TABLE workers DROP COLUMN role;
ALTER TABLE workers RENAME COLUMN part TO role;

CREATE VIEW v_trials AS
SELECT trials.run, runs.name AS run_name, runs.kernel, trials.case_position, cases.name AS "case", cases.model,
       cases.workers AS case_workers, cases.in_flight, cases.threads_per_process, cases.lock, cases.interval_us,
       cases.check_interval, cases.start, cases.transport, cases.dispatch, cases.chunk, cases.pinning, cases.params,
       cases.python, trials.repetition, trials.warmup, trials.status, trials.error, trials.wall_ns, trials.tasks_planned,
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
       v_trials.transport, v_trials.dispatch, v_trials.chunk, v_trials.pinning, v_trials.params, v_trials.python,
       v_trials.repetition,
       v_trials.warmup, v_trials.status, v_trials.wall_ns AS trial_wall_ns, v_trials.noise_window_ns,
       v_trials.noise_cpus, v_trials.noise_steal_ns, v_trials.noise_steal_most_ns, v_trials.noise_other_cpu_ns,
       v_trials.noise_frequency_min_khz, v_trials.noise_frequency_max_khz, v_trials.noise_throttles, workers.role,
       workers.number AS worker, workers.pid, workers.tid, workers.thread, workers.command, workers.core,
       accounts.phase, accounts.kernel_phase,
       accounts.entries, accounts.wall_ns, accounts.on_cpu_ns, accounts.preempted_ns, accounts.waking_ns,
       accounts.run_queue_ns, accounts.blocked_ns, accounts.stolen_ns, accounts.cpu_ns, accounts.lost_records,
       accounts.open, accounts.counters, accounts.id AS account
FROM v_trials
JOIN workers ON workers.trial = v_trials.trial
JOIN accounts ON accounts.worker = workers.id;

-- For people: the counters of v_accounts, one row per counter.
CREATE VIEW v_counters AS
SELECT v_accounts.run, v_accounts."case", v_accounts.repetition, v_accounts.warmup, v_accounts.status,
       v_accounts.role, v_accounts.worker, v_accounts.phase, v_accounts.kernel_phase,
       json_extract(counter.value, '$.name') AS counter,
       json_extract(counter.value, '$.value') AS value,
       json_extract(counter.value, '$.running_ratio') AS running_ratio,
       v_accounts.account
FROM v_accounts, json_each(v_accounts.counters) AS counter;

-- For people: the rows of `gilctl export --table tasks`, in its order when sorted by task_times.
CREATE VIEW v_task_times AS
SELECT v_trials.run, v_trials."case", v_trials.model, v_trials.case_workers, v_trials.in_flight,
       v_trials.threads_per_process, v_trials.lock, v_trials.interval_us, v_trials.check_interval, v_trials.start,
       v_trials.transport, v_trials.dispatch, v_trials.chunk, v_trials.pinning, v_trials.params, v_trials.python,
       v_trials.repetition,
       v_trials.warmup, v_trials.status, v_trials.wall_ns AS trial_wall_ns, task_times.class, task_times.planned,
       wait_count, wait_mean_ns, wait_p50_ns, wait_p90_ns, wait_p99_ns, wait_max_ns,
       service_count, service_mean_ns, service_p50_ns, service_p90_ns, service_p99_ns, service_max_ns,
       total_count, total_mean_ns, total_p50_ns, total_p90_ns, total_p99_ns, total_max_ns, task_times.id AS task_times
FROM v_trials
JOIN task_times ON task_times.trial = v_trials.trial;
