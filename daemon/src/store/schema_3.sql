-- Schema version 3 of gild's store: how long tasks waited and took.

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
SELECT v_trials.run, v_trials."case", v_trials.model, v_trials.case_workers, v_trials.lock, v_trials.start,
       v_trials.transport, v_trials.pinning, v_trials.repetition, v_trials.warmup, v_trials.status,
       v_trials.wall_ns AS trial_wall_ns, task_times.class, task_times.planned,
       wait_count, wait_mean_ns, wait_p50_ns, wait_p90_ns, wait_p99_ns, wait_max_ns,
       service_count, service_mean_ns, service_p50_ns, service_p90_ns, service_p99_ns, service_max_ns,
       total_count, total_mean_ns, total_p50_ns, total_p90_ns, total_p99_ns, total_max_ns, task_times.id AS task_times
FROM v_trials
JOIN task_times ON task_times.trial = v_trials.trial;
