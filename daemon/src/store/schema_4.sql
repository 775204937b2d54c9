-- Schema version 4 of gild's store: recorded programs, and timelines.

ALTER TABLE workers ADD COLUMN thread TEXT;  -- the thread's name; NULL unless a recorded program's
ALTER TABLE workers ADD COLUMN command TEXT; -- the command line of its process; NULL unless a recorded program's

-- The view of version 3 with these columns.
DROP VIEW v_accounts;

CREATE VIEW v_accounts AS
SELECT v_trials.run, v_trials."case", v_trials.model, v_trials.case_workers, v_trials.in_flight,
       v_trials.threads_per_process, v_trials.lock, v_trials.interval_us, v_trials.check_interval, v_trials.start,
       v_trials.transport, v_trials.dispatch, v_trials.chunk, v_trials.pinning, v_trials.params, v_trials.repetition,
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
