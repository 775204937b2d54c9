-- Schema version 1 of gild's store.
--
-- Times of day are RFC 3339 text in UTC. Durations are whole nanoseconds (column names end in _ns). Flags are 0 or 1.
-- NULL always means "not measured" or "does not apply"; a 0 was measured as zero.
-- Columns that hold a list or a record hold JSON, in the shape that the API gives it.

-- One row per experiment given to the daemon.
CREATE TABLE runs (
    id             INTEGER PRIMARY KEY AUTOINCREMENT, -- number of the run, from 1; never used twice, not even after rm
    name           TEXT NOT NULL,                     -- the experiment's name
    kernel         TEXT NOT NULL,                     -- the kernel's name
    status         TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
    error          TEXT,                              -- why it failed
    trials_planned INTEGER NOT NULL,                  -- trials in all, warm-ups included
    submitted_at   TEXT NOT NULL,                     -- when it was given to the daemon
    started_at     TEXT,                              -- when its first trial started; NULL: it has not
    finished_at    TEXT,                              -- when it ended; NULL: it has not, or nobody was there to see it
    experiment     TEXT NOT NULL,                     -- JSON: the experiment, every choice made; gilctl can run it again
    host           TEXT                               -- JSON: the machine it was measured on; NULL: it has not started
) STRICT;

-- What a run compares: one row per case. The same choices are in runs.experiment; here they can be joined.
CREATE TABLE cases (
    run         INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL, -- index of the case in the experiment, from 0
    name        TEXT NOT NULL,    -- unique within the run
    model       TEXT NOT NULL,    -- sequential, threads, processes
    workers     INTEGER NOT NULL, -- number of workers
    lock        TEXT,             -- lock policy (threads): cpython, fair, none
    interval_us INTEGER,          -- switch interval of the lock, in microseconds (cpython, fair)
    start       TEXT,             -- start method (processes): fork, spawn
    transport   TEXT,             -- transport (processes): pipe, socketpair
    pinning     TEXT NOT NULL,    -- none, compact, scatter, or cores such as 0,2
    PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;

-- One row per finished trial: one execution of all tasks under one case.
CREATE TABLE trials (
    id                INTEGER PRIMARY KEY, -- order in which trials finished
    run               INTEGER NOT NULL,
    case_position     INTEGER NOT NULL,
    repetition        INTEGER NOT NULL,    -- from 0; warm-ups have their own numbers, from 0
    warmup            INTEGER NOT NULL CHECK (warmup IN (0, 1)), -- 1: left out of every figure
    status            TEXT NOT NULL CHECK (status IN ('done', 'failed', 'cancelled')),
    error             TEXT,                -- why it failed
    wall_ns           INTEGER,             -- first worker started until last result decoded and last worker gone
    tasks_planned     INTEGER,             -- NULL: it failed before it had a plan
    tasks_done        INTEGER NOT NULL,
    digest            TEXT,                -- SHA-256 over the encoded results in task order, hex
    verified          INTEGER CHECK (verified IN (0, 1)), -- the kernel's own check; NULL: it has none, or was not asked
    tier              TEXT NOT NULL CHECK (tier IN ('bare', 'software', 'pmu')), -- what could be measured
    marks             INTEGER,             -- changes of phase, all workers and the coordinator; NULL: cost not known
    mark_ns           REAL,                -- cost of one mark
    counter_reads     INTEGER,             -- readings of the counters, all groups at once
    counter_read_ns   REAL,                -- cost of a reading; NULL: none were made
    schedstat_reads   INTEGER,             -- reads of schedstat
    schedstat_read_ns REAL,                -- cost of one of them; NULL: none were made
    accounting_share  REAL,                -- all of it as a share of the workers' lives, 0 to 1
    output            TEXT,                -- end of what the kernel wrote to its standard output and error
    UNIQUE (run, case_position, warmup, repetition),
    FOREIGN KEY (run, case_position) REFERENCES cases (run, position) ON DELETE CASCADE
) STRICT;
CREATE INDEX trials_of_run ON trials (run); -- a run's trials in the order in which they finished, without sorting

-- One row per worker of a trial, and one for its coordinator (the first).
CREATE TABLE workers (
    id                   INTEGER PRIMARY KEY, -- order of the trial's workers
    trial                INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    role                 TEXT NOT NULL CHECK (role IN ('coordinator', 'worker')),
    number               INTEGER NOT NULL,    -- number of the worker, from 0; 0 for the coordinator
    pid                  INTEGER,             -- NULL: it never started
    tid                  INTEGER,             -- NULL: it never started
    core                 INTEGER,             -- the core it was pinned to; NULL: free to move
    tasks                INTEGER NOT NULL,    -- tasks completed
    life_ns              INTEGER,             -- its life by an independent clock; NULL: it died before the last reading
    accounted_ns         INTEGER NOT NULL,    -- sum of its phases
    balanced             INTEGER CHECK (balanced IN (0, 1)), -- the two agree within 0.1 %; NULL: nothing to compare
    cpu_ns               INTEGER,             -- CPU time over its life
    stolen_ns            INTEGER,             -- taken by the hypervisor over its life (estimate)
    voluntary_switches   INTEGER,             -- context switches because it waited
    involuntary_switches INTEGER,             -- context switches because it was pushed off
    counters             TEXT NOT NULL,       -- JSON [{name, value, running_ratio}]: over its life
    task_counters        TEXT NOT NULL,       -- JSON, the same: summed over its tasks
    notes                TEXT NOT NULL        -- JSON [text]: what could not be had for this worker
) STRICT;
CREATE INDEX workers_of_trial ON workers (trial);

-- One row per phase that a worker entered: the tidy table that every share is made of.
CREATE TABLE accounts (
    id           INTEGER PRIMARY KEY, -- order of the worker's phases
    worker       INTEGER NOT NULL REFERENCES workers (id) ON DELETE CASCADE,
    phase        TEXT NOT NULL,       -- startup, idle, decode, encode, send, receive, lock-wait, switch-wait, compute, io-wait, teardown
    kernel_phase TEXT,                -- the kernel's own name for this part of compute
    entries      INTEGER NOT NULL,    -- how often the phase was entered
    wall_ns      INTEGER NOT NULL,    -- wall time; the five states below are its parts
    on_cpu_ns    INTEGER,             -- running (stolen time included where stolen_ns is NULL)
    preempted_ns INTEGER,             -- ready, but another thread had the core
    waking_ns    INTEGER,             -- woken, not yet running
    run_queue_ns INTEGER,             -- waiting for a core: preempted + waking where these are known apart
    blocked_ns   INTEGER,             -- waiting for an event
    stolen_ns    INTEGER,             -- taken by the hypervisor (estimate)
    cpu_ns       INTEGER,             -- CPU time, where it was read at both ends of the phase
    counters     TEXT NOT NULL,       -- JSON [{name, value, running_ratio}]: read at both ends of the phase
    lost_records INTEGER NOT NULL,    -- context-switch records that the system dropped
    open         INTEGER NOT NULL CHECK (open IN (0, 1)) -- 1: the worker died in this phase
) STRICT;
CREATE INDEX accounts_of_worker ON accounts (worker);

-- For people: trials with the names and choices of their run and case.
CREATE VIEW v_trials AS
SELECT trials.run, runs.name AS run_name, runs.kernel, trials.case_position, cases.name AS "case", cases.model,
       cases.workers AS case_workers, cases.lock, cases.interval_us, cases.start, cases.transport, cases.pinning,
       trials.repetition, trials.warmup, trials.status, trials.error, trials.wall_ns, trials.tasks_planned,
       trials.tasks_done, trials.digest, trials.verified, trials.tier, trials.accounting_share, trials.id AS trial
FROM trials
JOIN runs ON runs.id = trials.run
JOIN cases ON cases.run = trials.run AND cases.position = trials.case_position;

-- For people: the tidy rows of `gilctl export`, in its order when sorted by account.
CREATE VIEW v_accounts AS
SELECT v_trials.run, v_trials."case", v_trials.model, v_trials.case_workers, v_trials.lock, v_trials.start,
       v_trials.transport, v_trials.pinning, v_trials.repetition, v_trials.warmup, v_trials.status,
       v_trials.wall_ns AS trial_wall_ns, workers.role, workers.number AS worker, workers.pid, workers.tid,
       workers.core, accounts.phase, accounts.kernel_phase, accounts.entries, accounts.wall_ns, accounts.on_cpu_ns,
       accounts.preempted_ns, accounts.waking_ns, accounts.run_queue_ns, accounts.blocked_ns, accounts.stolen_ns,
       accounts.cpu_ns, accounts.lost_records, accounts.open, accounts.counters, accounts.id AS account
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
