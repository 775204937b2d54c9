-- A store of schema version 1 with one run: null, two cases, a warm-up and a repetition of each. It was written by the gild
-- of that version and dumped; only names of folders and of the machine were changed. Never edit it.

CREATE TABLE runs (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT NOT NULL,
    kernel         TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
    error          TEXT,
    trials_planned INTEGER NOT NULL,
    submitted_at   TEXT NOT NULL,
    started_at     TEXT,
    finished_at    TEXT,
    experiment     TEXT NOT NULL,
    host           TEXT
) STRICT;
CREATE TABLE cases (
    run         INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    name        TEXT NOT NULL,
    model       TEXT NOT NULL,
    workers     INTEGER NOT NULL,
    lock        TEXT,
    interval_us INTEGER,
    start       TEXT,
    transport   TEXT,
    pinning     TEXT NOT NULL,
    PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE trials (
    id                INTEGER PRIMARY KEY,
    run               INTEGER NOT NULL,
    case_position     INTEGER NOT NULL,
    repetition        INTEGER NOT NULL,
    warmup            INTEGER NOT NULL CHECK (warmup IN (0, 1)),
    status            TEXT NOT NULL CHECK (status IN ('done', 'failed', 'cancelled')),
    error             TEXT,
    wall_ns           INTEGER,
    tasks_planned     INTEGER,
    tasks_done        INTEGER NOT NULL,
    digest            TEXT,
    verified          INTEGER CHECK (verified IN (0, 1)),
    tier              TEXT NOT NULL CHECK (tier IN ('bare', 'software', 'pmu')),
    marks             INTEGER,
    mark_ns           REAL,
    counter_reads     INTEGER,
    counter_read_ns   REAL,
    schedstat_reads   INTEGER,
    schedstat_read_ns REAL,
    accounting_share  REAL,
    output            TEXT,
    UNIQUE (run, case_position, warmup, repetition),
    FOREIGN KEY (run, case_position) REFERENCES cases (run, position) ON DELETE CASCADE
) STRICT;
CREATE INDEX trials_of_run ON trials (run);
CREATE TABLE workers (
    id                   INTEGER PRIMARY KEY,
    trial                INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    role                 TEXT NOT NULL CHECK (role IN ('coordinator', 'worker')),
    number               INTEGER NOT NULL,
    pid                  INTEGER,
    tid                  INTEGER,
    core                 INTEGER,
    tasks                INTEGER NOT NULL,
    life_ns              INTEGER,
    accounted_ns         INTEGER NOT NULL,
    balanced             INTEGER CHECK (balanced IN (0, 1)),
    cpu_ns               INTEGER,
    stolen_ns            INTEGER,
    voluntary_switches   INTEGER,
    involuntary_switches INTEGER,
    counters             TEXT NOT NULL,
    task_counters        TEXT NOT NULL,
    notes                TEXT NOT NULL
) STRICT;
CREATE INDEX workers_of_trial ON workers (trial);
CREATE TABLE accounts (
    id           INTEGER PRIMARY KEY,
    worker       INTEGER NOT NULL REFERENCES workers (id) ON DELETE CASCADE,
    phase        TEXT NOT NULL,
    kernel_phase TEXT,
    entries      INTEGER NOT NULL,
    wall_ns      INTEGER NOT NULL,
    on_cpu_ns    INTEGER,
    preempted_ns INTEGER,
    waking_ns    INTEGER,
    run_queue_ns INTEGER,
    blocked_ns   INTEGER,
    stolen_ns    INTEGER,
    cpu_ns       INTEGER,
    counters     TEXT NOT NULL,
    lost_records INTEGER NOT NULL,
    open         INTEGER NOT NULL CHECK (open IN (0, 1))
) STRICT;
CREATE INDEX accounts_of_worker ON accounts (worker);
CREATE VIEW v_trials AS
SELECT trials.run, runs.name AS run_name, runs.kernel, trials.case_position, cases.name AS "case", cases.model,
       cases.workers AS case_workers, cases.lock, cases.interval_us, cases.start, cases.transport, cases.pinning,
       trials.repetition, trials.warmup, trials.status, trials.error, trials.wall_ns, trials.tasks_planned,
       trials.tasks_done, trials.digest, trials.verified, trials.tier, trials.accounting_share, trials.id AS trial
FROM trials
JOIN runs ON runs.id = trials.run
JOIN cases ON cases.run = trials.run AND cases.position = trials.case_position;
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
CREATE VIEW v_counters AS
SELECT v_accounts.run, v_accounts."case", v_accounts.repetition, v_accounts.warmup, v_accounts.status,
       v_accounts.role, v_accounts.worker, v_accounts.phase, v_accounts.kernel_phase,
       json_extract(counter.value, '$.name') AS counter,
       json_extract(counter.value, '$.value') AS value,
       json_extract(counter.value, '$.running_ratio') AS running_ratio,
       v_accounts.account
FROM v_accounts, json_each(v_accounts.counters) AS counter;

INSERT INTO runs VALUES(1,'old','null','done',NULL,4,'2026-11-22T13:50:07.229093952Z','2026-11-22T13:50:07.229567648Z','2026-11-22T13:50:07.244194892Z','{"name":"old","kernel":"null","plugin":"/opt/gild/libnull.so","params":{"tasks":3},"cases":[{"name":"sequential","model":"sequential","workers":1,"lock":null,"interval_us":null,"start":null,"transport":null,"pinning":"none"},{"name":"threads-1","model":"threads","workers":1,"lock":"cpython","interval_us":5000,"start":null,"transport":null,"pinning":"none"}],"repetitions":1,"until":null,"warmups":1,"counters":"phase","max_overhead":0.005,"task_limit_s":null,"trial_limit_s":null}','{"hostname":"vm","kernel":"6.18.44-fc-v657","cpu":"AMD EPYC","cores":[{"cpu":0,"core":0,"package":0},{"cpu":1,"core":1,"package":0}],"tier":"software","tier_reason":"no PMU","clock":"tsc","clock_reason":null,"counters":[{"name":"cycles","usable":false,"reason":"no such event here (ENOENT): this machine shows no PMU, as most virtual machines"},{"name":"instructions","usable":false,"reason":"no such event here (ENOENT): this machine shows no PMU, as most virtual machines"},{"name":"cache-references","usable":false,"reason":"no such event here (ENOENT): this machine shows no PMU, as most virtual machines"},{"name":"cache-misses","usable":false,"reason":"no such event here (ENOENT): this machine shows no PMU, as most virtual machines"},{"name":"branches","usable":false,"reason":"no such event here (ENOENT): this machine shows no PMU, as most virtual machines"},{"name":"branch-misses","usable":false,"reason":"no such event here (ENOENT): this machine shows no PMU, as most virtual machines"},{"name":"tsc-cycles","usable":true,"reason":null},{"name":"task-clock-ns","usable":true,"reason":null},{"name":"context-switches","usable":true,"reason":null},{"name":"cpu-migrations","usable":true,"reason":null},{"name":"page-faults","usable":true,"reason":null}],"counts_kernel":true,"checks":[{"name":"clock","verdict":"good","found":"invariant time-stamp counter","remedy":null},{"name":"context-switch records","verdict":"good","found":"arrive in a ring of the thread''s own","remedy":null},{"name":"run delay","verdict":"good","found":"/proc/thread-self/schedstat is there","remedy":null},{"name":"counters","verdict":"limited","found":"tsc-cycles, task-clock-ns, context-switches, cpu-migrations, page-faults only; cycles: no such event here (ENOENT): this machine shows no PMU, as most virtual machines","remedy":"run on bare metal, or on a virtual machine with a virtual PMU; in a container see perf_event_open above"},{"name":"events in the kernel","verdict":"good","found":"counted (perf_event_paranoid 2)","remedy":null},{"name":"cores","verdict":"good","found":"2 hardware thread(s) on 2 core(s) may be used","remedy":null},{"name":"stolen time","verdict":"limited","found":"0.03 % of all CPU time since boot","remedy":"watch the stolen column; repeat when the host is quieter"}]}');
INSERT INTO cases VALUES(1,0,'sequential','sequential',1,NULL,NULL,NULL,NULL,'none');
INSERT INTO cases VALUES(1,1,'threads-1','threads',1,'cpython',5000,NULL,NULL,'none');
INSERT INTO trials VALUES(1,1,0,0,1,'done',NULL,41442,3,3,'877aff7d09384f39842ff05dc93298320ebf2e433fec5b5065c1aa3620a5b9c8',NULL,'software',10,9.5600000000000004973,13,987.62500000000000002,0,769.875,0.35144889142484514454,NULL);
INSERT INTO trials VALUES(2,1,1,0,1,'done',NULL,266197,3,3,'877aff7d09384f39842ff05dc93298320ebf2e433fec5b5065c1aa3620a5b9c8',NULL,'software',11,9.5600000000000004973,13,989.0,2,788.74999999999999998,0.0049747595191546407564,NULL);
INSERT INTO trials VALUES(3,1,0,0,0,'done',NULL,55132,3,3,'877aff7d09384f39842ff05dc93298320ebf2e433fec5b5065c1aa3620a5b9c8',NULL,'software',10,9.5600000000000004973,15,992.74999999999999997,3,782.375,0.58693580062980388323,NULL);
INSERT INTO trials VALUES(4,1,1,0,0,'done',NULL,338533,3,3,'877aff7d09384f39842ff05dc93298320ebf2e433fec5b5065c1aa3620a5b9c8',NULL,'software',11,9.5600000000000004973,13,991.49999999999999999,1,783.62499999999999998,0.0049725303874581360669,NULL);
INSERT INTO workers VALUES(1,1,'coordinator',0,28186,28186,NULL,0,3507155,3507036,1,1936294,2105,2,1,'[{"name":"tsc-cycles","value":952302,"running_ratio":1.0},{"name":"task-clock-ns","value":366817,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":11,"running_ratio":1.0}]','[]','[]');
INSERT INTO workers VALUES(2,1,'worker',0,28186,28186,NULL,3,36785,36804,1,25969,10835,0,0,'[{"name":"tsc-cycles","value":58760,"running_ratio":1.0},{"name":"task-clock-ns","value":22634,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]','[]','[]');
INSERT INTO workers VALUES(3,2,'coordinator',0,28187,28187,NULL,0,2697189,2697069,1,1927702,13881,1,10,'[{"name":"tsc-cycles","value":1163500,"running_ratio":1.0},{"name":"task-clock-ns","value":449480,"running_ratio":1.0},{"name":"context-switches","value":2,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":13,"running_ratio":1.0}]','[]','[]');
INSERT INTO workers VALUES(4,2,'worker',0,28187,28188,NULL,3,225586,225617,1,173739,2224,0,0,'[{"name":"tsc-cycles","value":49348,"running_ratio":1.0},{"name":"task-clock-ns","value":18999,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]','[]','[]');
INSERT INTO workers VALUES(5,3,'coordinator',0,28189,28189,NULL,0,2355420,2355409,1,1878278,48952,0,6,'[{"name":"tsc-cycles","value":1107366,"running_ratio":1.0},{"name":"task-clock-ns","value":428931,"running_ratio":1.0},{"name":"context-switches","value":4,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":11,"running_ratio":1.0}]','[]','[]');
INSERT INTO workers VALUES(6,3,'worker',0,28189,28189,NULL,3,29514,29533,1,19118,10415,0,0,'[{"name":"tsc-cycles","value":41184,"running_ratio":1.0},{"name":"task-clock-ns","value":15863,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]','[]','[]');
INSERT INTO workers VALUES(7,4,'coordinator',0,28190,28190,NULL,0,2471523,2471504,1,1877717,0,1,2,'[{"name":"tsc-cycles","value":979446,"running_ratio":1.0},{"name":"task-clock-ns","value":377773,"running_ratio":1.0},{"name":"context-switches","value":1,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":13,"running_ratio":1.0}]','[]','[]');
INSERT INTO workers VALUES(8,4,'worker',0,28190,28191,NULL,3,299356,299376,1,259056,2244,0,0,'[{"name":"tsc-cycles","value":50986,"running_ratio":1.0},{"name":"task-clock-ns","value":19639,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]','[]','[]');
INSERT INTO accounts VALUES(1,1,'startup',NULL,1,3435709,1908103,0,1324203,1324203,198756,4647,1908103,'[{"name":"tsc-cycles","value":889434,"running_ratio":1.0},{"name":"task-clock-ns","value":342611,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":10,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(2,1,'idle',NULL,1,51497,3225,0,0,0,45678,2594,3225,'[{"name":"tsc-cycles","value":8398,"running_ratio":1.0},{"name":"task-clock-ns","value":3225,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(3,1,'teardown',NULL,1,19830,19789,0,0,0,0,41,19789,'[{"name":"tsc-cycles","value":51350,"running_ratio":1.0},{"name":"task-clock-ns","value":19789,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(4,2,'startup',NULL,1,20581,8803,0,0,0,0,11778,8803,'[{"name":"tsc-cycles","value":22828,"running_ratio":1.0},{"name":"task-clock-ns","value":8803,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(5,2,'idle',NULL,4,4967,4967,0,0,0,0,0,5107,'[{"name":"tsc-cycles","value":13286,"running_ratio":1.0},{"name":"task-clock-ns","value":5107,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(6,2,'compute',NULL,3,7591,7591,0,0,0,0,0,7602,'[{"name":"tsc-cycles","value":19734,"running_ratio":1.0},{"name":"task-clock-ns","value":7602,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(7,2,'teardown',NULL,1,3665,3646,0,0,0,0,19,3646,'[{"name":"tsc-cycles","value":9464,"running_ratio":1.0},{"name":"task-clock-ns","value":3646,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(8,3,'startup',NULL,1,2400427,1848985,102353,254708,357061,194121,260,1848985,'[{"name":"tsc-cycles","value":925418,"running_ratio":1.0},{"name":"task-clock-ns","value":357313,"running_ratio":1.0},{"name":"context-switches","value":1,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":10,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(9,3,'idle',NULL,1,211715,7411,0,0,0,204304,0,9865,'[{"name":"tsc-cycles","value":24466,"running_ratio":1.0},{"name":"task-clock-ns","value":9865,"running_ratio":1.0},{"name":"context-switches","value":1,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(10,3,'teardown',NULL,1,27481,27481,0,0,0,0,0,27511,'[{"name":"tsc-cycles","value":71422,"running_ratio":1.0},{"name":"task-clock-ns","value":27511,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(11,3,'launch',NULL,1,57446,57446,0,0,0,0,0,57465,'[{"name":"tsc-cycles","value":149162,"running_ratio":1.0},{"name":"task-clock-ns","value":57465,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":2,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(12,4,'startup',NULL,1,212547,159097,0,5799,5799,43855,3796,159097,'[{"name":"tsc-cycles","value":21528,"running_ratio":1.0},{"name":"task-clock-ns","value":8293,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(13,4,'idle',NULL,4,5188,5188,0,0,0,0,0,5318,'[{"name":"tsc-cycles","value":13858,"running_ratio":1.0},{"name":"task-clock-ns","value":5318,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(14,4,'compute',NULL,3,3776,3755,0,0,0,0,21,3755,'[{"name":"tsc-cycles","value":9724,"running_ratio":1.0},{"name":"task-clock-ns","value":3755,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(15,4,'teardown',NULL,1,4106,4096,0,0,0,0,10,4096,'[{"name":"tsc-cycles","value":10634,"running_ratio":1.0},{"name":"task-clock-ns","value":4096,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(16,5,'startup',NULL,1,2214459,1866870,37106,127309,164415,183174,0,1868475,'[{"name":"tsc-cycles","value":949000,"running_ratio":1.0},{"name":"task-clock-ns","value":366988,"running_ratio":1.0},{"name":"context-switches","value":2,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":10,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(17,5,'idle',NULL,1,120520,38088,22363,20351,42714,37876,1842,38088,'[{"name":"tsc-cycles","value":96460,"running_ratio":1.0},{"name":"task-clock-ns","value":38088,"running_ratio":1.0},{"name":"context-switches","value":2,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(18,5,'teardown',NULL,1,20430,20400,0,0,0,0,30,20400,'[{"name":"tsc-cycles","value":52936,"running_ratio":1.0},{"name":"task-clock-ns","value":20400,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(19,6,'startup',NULL,1,13720,2293,0,0,0,0,11427,2293,'[{"name":"tsc-cycles","value":5954,"running_ratio":1.0},{"name":"task-clock-ns","value":2293,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(20,6,'idle',NULL,4,4897,4897,0,0,0,0,0,4957,'[{"name":"tsc-cycles","value":12896,"running_ratio":1.0},{"name":"task-clock-ns","value":4957,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(21,6,'compute',NULL,3,7561,7482,0,0,0,0,79,7482,'[{"name":"tsc-cycles","value":19396,"running_ratio":1.0},{"name":"task-clock-ns","value":7482,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(22,6,'teardown',NULL,1,3355,3345,0,0,0,0,10,3345,'[{"name":"tsc-cycles","value":8710,"running_ratio":1.0},{"name":"task-clock-ns","value":3345,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(23,7,'startup',NULL,1,2104789,1795425,0,181029,181029,124076,4259,1795425,'[{"name":"tsc-cycles","value":780624,"running_ratio":1.0},{"name":"task-clock-ns","value":300688,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":10,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(24,7,'idle',NULL,1,299555,9272,0,0,0,290283,0,12369,'[{"name":"tsc-cycles","value":30862,"running_ratio":1.0},{"name":"task-clock-ns","value":12369,"running_ratio":1.0},{"name":"context-switches","value":1,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(25,7,'teardown',NULL,1,25338,25338,0,0,0,0,0,25398,'[{"name":"tsc-cycles","value":65936,"running_ratio":1.0},{"name":"task-clock-ns","value":25398,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(26,7,'launch',NULL,1,41822,41822,0,0,0,0,0,41822,'[{"name":"tsc-cycles","value":108550,"running_ratio":1.0},{"name":"task-clock-ns","value":41822,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":2,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(27,8,'startup',NULL,1,286336,244174,0,6369,6369,31707,4086,244174,'[{"name":"tsc-cycles","value":23010,"running_ratio":1.0},{"name":"task-clock-ns","value":8873,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":1,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(28,8,'idle',NULL,4,5178,5178,0,0,0,0,0,5358,'[{"name":"tsc-cycles","value":13910,"running_ratio":1.0},{"name":"task-clock-ns","value":5358,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(29,8,'compute',NULL,3,3876,3836,0,0,0,0,40,3836,'[{"name":"tsc-cycles","value":10010,"running_ratio":1.0},{"name":"task-clock-ns","value":3836,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO accounts VALUES(30,8,'teardown',NULL,1,3986,3956,0,0,0,0,30,3956,'[{"name":"tsc-cycles","value":10270,"running_ratio":1.0},{"name":"task-clock-ns","value":3956,"running_ratio":1.0},{"name":"context-switches","value":0,"running_ratio":1.0},{"name":"cpu-migrations","value":0,"running_ratio":1.0},{"name":"page-faults","value":0,"running_ratio":1.0}]',0,0);
INSERT INTO sqlite_sequence VALUES('runs',1);

PRAGMA application_id = 1734962276;
PRAGMA user_version = 1;
