-- Schema version 4 of gild's store: recorded programs; kernels in Python; timelines; tags and notes; who made whom wait for a
-- lock.

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

-- When a worker was in which phase: the first trial of each case that counts, if the experiment asked for it.
CREATE TABLE timelines (
    worker        INTEGER PRIMARY KEY REFERENCES workers (id) ON DELETE CASCADE,
    intervals     INTEGER NOT NULL, -- intervals kept
    dropped       INTEGER NOT NULL, -- intervals not kept: those before the first
    kernel_phases TEXT NOT NULL,    -- JSON [name]: the kernel's own phases, in their order
    packed        BLOB NOT NULL     -- the intervals: docs/store.md
) STRICT;

-- What people write on runs. Apart from runs, because it is read with every line of a list, and there it would lie behind
-- the long texts of the row.
CREATE TABLE tags (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    tag TEXT NOT NULL, -- a word that the run is found by
    PRIMARY KEY (run, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_of_tag ON tags (tag, run);

CREATE TABLE notes (
    run  INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    note TEXT NOT NULL -- what somebody noted of the run
) STRICT;

-- What lists are narrowed by. Each holds the run's number, too, so that what it finds comes in the order of runs.
CREATE INDEX runs_of_kernel ON runs (kernel);
CREATE INDEX runs_of_status ON runs (status);
CREATE INDEX runs_since ON runs (submitted_at);
CREATE INDEX runs_of_model ON cases (model, run);

-- For people: runs with what was written on them.
CREATE VIEW v_runs AS
SELECT runs.id AS run, runs.name AS run_name, runs.kernel, runs.status, runs.error,
       (SELECT count(*) FROM cases WHERE cases.run = runs.id) AS cases,
       (SELECT count(*) FROM trials WHERE trials.run = runs.id) AS trials_done, runs.trials_planned,
       runs.submitted_at, runs.started_at, runs.finished_at,
       (SELECT json_group_array(tag) FROM tags WHERE tags.run = runs.id) AS tags,
       (SELECT note FROM notes WHERE notes.run = runs.id) AS note
FROM runs;

ALTER TABLE trials ADD COLUMN lock_waits_measured INTEGER; -- 1: who made whom wait is in lock_waits, if anybody did; NULL: not measured
ALTER TABLE trials ADD COLUMN holders_measured INTEGER;    -- 1: functions that held the interpreter's lock are in holders; NULL: not measured

-- Who made whom wait: one row per lock × waiter × holder. A waiter's rows of a lock add up to its time in the lock's list of
-- waiters.
CREATE TABLE lock_waits (
    id          INTEGER PRIMARY KEY, -- order: waiter by waiter
    trial       INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    lock_kind   TEXT NOT NULL,    -- policy: the case's; interpreter: Python's (the GIL); other: any other of a recorded program
    waiter      INTEGER NOT NULL, -- number of the worker that waited
    holder_kind TEXT NOT NULL,    -- worker; nobody: it was free, the waiter on its way; others: no room to tell; unknown
    holder      INTEGER,          -- number of the worker that held it; NULL: holder_kind is not worker
    waited_ns   INTEGER NOT NULL, -- time waited
    entries     INTEGER NOT NULL  -- how often
) STRICT;
CREATE INDEX lock_waits_of_trial ON lock_waits (trial);
CREATE INDEX workers_by_number ON workers (trial, role, number); -- waiters and holders are numbers of workers

-- The functions of a recorded program that held the interpreter's lock while others waited for it.
CREATE TABLE holders (
    id         INTEGER PRIMARY KEY, -- order: the longest first
    trial      INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    function   TEXT,             -- its name; NULL: it is not known which ones these were
    file       TEXT,             -- where it is from
    line       INTEGER,          -- its first line there
    waited_ns  INTEGER NOT NULL, -- the time that others waited while it held the lock, all of them together
    hand_overs INTEGER NOT NULL  -- how often it released the lock while somebody waited
) STRICT;
CREATE INDEX holders_of_trial ON holders (trial);

-- For people: the rows of `gilctl export --table waits` and `--table holders`.
CREATE VIEW v_lock_waits AS
SELECT v_trials.run, v_trials."case", v_trials.model, v_trials.case_workers, v_trials.lock, v_trials.params,
       v_trials.repetition, v_trials.warmup, v_trials.status, v_trials.wall_ns AS trial_wall_ns, lock_waits.lock_kind,
       lock_waits.waiter, waiters.pid AS waiter_pid, waiters.tid AS waiter_tid, waiters.thread AS waiter_thread,
       lock_waits.holder_kind, lock_waits.holder, holders.pid AS holder_pid, holders.tid AS holder_tid,
       holders.thread AS holder_thread, lock_waits.waited_ns, lock_waits.entries, lock_waits.id AS lock_wait
FROM v_trials
JOIN lock_waits ON lock_waits.trial = v_trials.trial
LEFT JOIN workers AS waiters
  ON waiters.trial = v_trials.trial AND waiters.role = 'worker' AND waiters.number = lock_waits.waiter
LEFT JOIN workers AS holders
  ON holders.trial = v_trials.trial AND holders.role = 'worker' AND holders.number = lock_waits.holder;

CREATE VIEW v_holders AS
SELECT v_trials.run, v_trials."case", v_trials.model, v_trials.case_workers, v_trials.params, v_trials.repetition,
       v_trials.warmup, v_trials.status, v_trials.wall_ns AS trial_wall_ns, holders.function, holders.file, holders.line,
       holders.waited_ns, holders.hand_overs, holders.id AS holder
FROM v_trials
JOIN holders ON holders.trial = v_trials.trial;
