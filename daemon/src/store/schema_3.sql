-- Schema version 3 of gild's store: models with more choices, parameters of a single case, and recorded programs.
--
-- NULL in in_flight to chunk: the choice has no meaning for the case, or the run is from before version 3, when there was
-- none (its tasks came from one shared queue, one by one).

ALTER TABLE cases ADD COLUMN in_flight INTEGER;                -- tasks in flight at once (event-loop)
ALTER TABLE cases ADD COLUMN threads_per_process INTEGER;      -- workers of each process (hybrid)
ALTER TABLE cases ADD COLUMN check_interval INTEGER;           -- safe points between two releases of the lock (cpython2)
ALTER TABLE cases ADD COLUMN dispatch TEXT;                    -- how tasks get to workers: shared, per-worker
ALTER TABLE cases ADD COLUMN chunk INTEGER;                    -- tasks dealt out at once
ALTER TABLE cases ADD COLUMN params TEXT NOT NULL DEFAULT '{}'; -- JSON {name: value}: parameters of this case alone

ALTER TABLE workers ADD COLUMN thread TEXT;                    -- the thread's name; NULL unless a recorded program's
ALTER TABLE workers ADD COLUMN command TEXT;                   -- the command line of its process; NULL unless recorded

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
       workers.number AS worker, workers.pid, workers.tid, workers.thread, workers.command, workers.core,
       accounts.phase, accounts.kernel_phase,
       accounts.entries, accounts.wall_ns, accounts.on_cpu_ns, accounts.preempted_ns, accounts.waking_ns,
       accounts.run_queue_ns, accounts.blocked_ns, accounts.stolen_ns, accounts.cpu_ns, accounts.lost_records,
       accounts.open, accounts.counters, accounts.id AS account
FROM v_trials
JOIN workers ON workers.trial = v_trials.trial
JOIN accounts ON accounts.worker = workers.id;
