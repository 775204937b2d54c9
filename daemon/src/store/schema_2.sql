-- Schema version 2 of gild's store: what else the machine did while a trial ran, and what reading clocks and counters cost.
--
-- NULL in all of these columns: the trial is from before version 2, or nothing could be read.

ALTER TABLE trials ADD COLUMN rdpmc_reads INTEGER;             -- of counter_reads: hardware counters read in user space
ALTER TABLE trials ADD COLUMN cpu_clock_reads INTEGER;         -- reads of a thread's CPU clock
ALTER TABLE trials ADD COLUMN cpu_clock_read_ns REAL;          -- cost of one of them

ALTER TABLE trials ADD COLUMN noise_window_ns INTEGER;         -- time between the readings before and after the trial
ALTER TABLE trials ADD COLUMN noise_cpus INTEGER;              -- CPUs online at both readings
ALTER TABLE trials ADD COLUMN noise_steal_ns INTEGER;          -- taken by the hypervisor, all CPUs
ALTER TABLE trials ADD COLUMN noise_steal_most_ns INTEGER;     -- of it, from the CPU that lost most
ALTER TABLE trials ADD COLUMN noise_other_cpu_ns INTEGER;      -- CPU time used by others than the trial, all CPUs
ALTER TABLE trials ADD COLUMN noise_frequency_min_khz INTEGER; -- lowest frequency of a CPU at either reading
ALTER TABLE trials ADD COLUMN noise_frequency_max_khz INTEGER; -- highest frequency of a CPU at either reading
ALTER TABLE trials ADD COLUMN noise_throttles INTEGER;         -- how often CPUs were slowed down by their heat

-- The views of version 1 with these columns. v_counters stays as it is.
DROP VIEW v_accounts;
DROP VIEW v_trials;

CREATE VIEW v_trials AS
SELECT trials.run, runs.name AS run_name, runs.kernel, trials.case_position, cases.name AS "case", cases.model,
       cases.workers AS case_workers, cases.lock, cases.interval_us, cases.start, cases.transport, cases.pinning,
       trials.repetition, trials.warmup, trials.status, trials.error, trials.wall_ns, trials.tasks_planned,
       trials.tasks_done, trials.digest, trials.verified, trials.tier, trials.accounting_share,
       trials.noise_window_ns, trials.noise_cpus, trials.noise_steal_ns, trials.noise_steal_most_ns,
       trials.noise_other_cpu_ns, trials.noise_frequency_min_khz, trials.noise_frequency_max_khz,
       trials.noise_throttles, trials.id AS trial
FROM trials
JOIN runs ON runs.id = trials.run
JOIN cases ON cases.run = trials.run AND cases.position = trials.case_position;

CREATE VIEW v_accounts AS
SELECT v_trials.run, v_trials."case", v_trials.model, v_trials.case_workers, v_trials.lock, v_trials.start,
       v_trials.transport, v_trials.pinning, v_trials.repetition, v_trials.warmup, v_trials.status,
       v_trials.wall_ns AS trial_wall_ns, v_trials.noise_window_ns, v_trials.noise_cpus, v_trials.noise_steal_ns,
       v_trials.noise_steal_most_ns, v_trials.noise_other_cpu_ns, v_trials.noise_frequency_min_khz,
       v_trials.noise_frequency_max_khz, v_trials.noise_throttles, workers.role, workers.number AS worker, workers.pid,
       workers.tid, workers.core, accounts.phase, accounts.kernel_phase, accounts.entries, accounts.wall_ns,
       accounts.on_cpu_ns, accounts.preempted_ns, accounts.waking_ns, accounts.run_queue_ns, accounts.blocked_ns,
       accounts.stolen_ns, accounts.cpu_ns, accounts.lost_records, accounts.open, accounts.counters,
       accounts.id AS account
FROM v_trials
JOIN workers ON workers.trial = v_trials.trial
JOIN accounts ON accounts.worker = workers.id;
