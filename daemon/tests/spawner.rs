//! The spawner against real processes: what a job gets, what is left when something dies (nothing).
//!
//! Without the test harness, which has threads: a process with threads must not fork a spawner. Jobs are shell
//! scripts; each writes its process ids to its output, and the tests look for them in `/proc`.
#![expect(clippy::unwrap_used, reason = "these are tests, which clippy knows by their harness")]

use std::fs;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gild::spawner::protocol::{End, Exit, Job, JobKind};
use gild::spawner::{Link, Process, Spawner, StartError, fork_spawner};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid};

/// Far longer than anything here takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

const TESTS: &[(&str, fn())] = &[
    ("a_job_gets_its_descriptors_and_no_others", a_job_gets_its_descriptors_and_no_others),
    (
        "a_job_starts_with_default_signals_in_a_group_of_its_own",
        a_job_starts_with_default_signals_in_a_group_of_its_own,
    ),
    ("exit_statuses_and_signals_are_reported", exit_statuses_and_signals_are_reported),
    ("a_program_that_cannot_be_executed_is_named_with_errno", a_program_that_cannot_be_executed_is_named_with_errno),
    ("a_kill_takes_the_whole_group", a_kill_takes_the_whole_group),
    ("a_dropped_job_is_killed", a_dropped_job_is_killed),
    ("a_daemonised_grandchild_does_not_outlive_its_job", a_daemonised_grandchild_does_not_outlive_its_job),
    ("a_chain_of_daemonised_processes_is_swept_to_its_end", a_chain_of_daemonised_processes_is_swept_to_its_end),
    ("a_scan_that_ends_leaves_the_trial_beside_it_alone", a_scan_that_ends_leaves_the_trial_beside_it_alone),
    ("cpu_time_of_everybody_in_a_job_is_the_job_s", cpu_time_of_everybody_in_a_job_is_the_job_s),
    ("nothing_outlives_a_daemon_that_is_killed", nothing_outlives_a_daemon_that_is_killed),
    ("nothing_outlives_a_spawner_that_is_killed", nothing_outlives_a_spawner_that_is_killed),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filter = arguments.iter().find(|it| !it.starts_with('-'));
    for (name, test) in TESTS.iter().filter(|(name, _)| filter.is_none_or(|filter| name.contains(filter.as_str()))) {
        if arguments.iter().any(|it| it == "--list") {
            println!("{name}: test");
            continue;
        }
        test();
        println!("test {name} ... ok");
    }
}

/// A spawner of shells, and a runtime to talk to it.
struct Bench {
    link: Link,
    spawner: Arc<Spawner>,
    runtime: tokio::runtime::Runtime,
}

/// A script that runs.
struct Running {
    process: Process,
    output: BufReader<PipeReader>,
    control: UnixStream,
}

impl Bench {
    fn new(program: &str) -> Bench {
        let link = fork_spawner(Path::new(program)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let spawner = runtime.block_on(async {
            let spawner = link.connect().unwrap();
            let reports = Arc::clone(&spawner);
            tokio::spawn(async move { reports.run().await });
            spawner
        });
        Bench { link, spawner, runtime }
    }

    fn start(&self, kind: JobKind, script: &str) -> Result<Running, StartError> {
        let (output, writer) = std::io::pipe().unwrap();
        let (control, theirs) = UnixStream::pair().unwrap();
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        let job = Job { kind, arguments, descriptors: vec![1, 2, 3] };
        let descriptors: [BorrowedFd<'_>; 3] = [writer.as_fd(), writer.as_fd(), theirs.as_fd()];
        let process = self.runtime.block_on(self.spawner.start(job, &descriptors))?;
        Ok(Running { process, output: BufReader::new(output), control })
    }

    fn trial(&self, script: &str) -> Running {
        self.start(JobKind::Trial, script).unwrap()
    }

    fn end(&self, running: &mut Running) -> Option<End> {
        self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, running.process.ended()).await.expect("the job does not end")
        })
    }

    fn close(self) {
        drop(self.runtime);
        assert!(self.link.close());
    }
}

impl Running {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn pid(&mut self) -> i32 {
        self.line().parse().unwrap()
    }

    /// Scripts wait for this with `read go <&3`.
    fn go(&mut self) {
        self.control.write_all(b"go\n").unwrap();
    }
}

/// Neither there nor a zombie that somebody else has to bury.
fn is_gone(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with(['Z', 'X']))
}

/// How a job ended and what it left behind.
fn outcome(end: End) -> (Exit, u32, u32) {
    (end.exit, end.strays, end.left)
}

fn await_gone(pids: &[i32]) {
    let since = Instant::now();
    while let Some(pid) = pids.iter().find(|pid| !is_gone(**pid)) {
        assert!(since.elapsed() < PATIENCE, "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn a_job_gets_its_descriptors_and_no_others() {
    // Inherited by the spawner, and not close-on-exec.
    let leak = nix::unistd::dup(std::io::stdout()).unwrap();
    let flags = nix::fcntl::fcntl(&leak, nix::fcntl::FcntlArg::F_GETFD).unwrap();
    assert_eq!(flags, 0, "this test is about a descriptor that survives exec");
    let bench = Bench::new("/bin/sh");
    let mut running = bench.trial("readlink /proc/$$/fd/0; echo x >&3; exec ls -x -w 80 /proc/self/fd");
    assert_eq!(running.line(), "/dev/null");
    // The last one is the folder that ls reads. A shell that lists its own would show its pipes, or not.
    assert_eq!(running.line().split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3", "4"]);
    bench.end(&mut running).unwrap();
    let mut said = String::new();
    BufReader::new(&running.control).read_line(&mut said).unwrap();
    assert_eq!(said, "x\n", "descriptor 3 is the control socket");
    bench.close();
    drop(leak);
}

fn a_job_starts_with_default_signals_in_a_group_of_its_own() {
    let bench = Bench::new("/bin/sh");
    let mut running = bench
        .trial("grep -E '^Sig(Blk|Ign)' /proc/self/status; read -r _ _ _ _ group _ < /proc/$$/stat; echo $group $$");
    // Signals 32 and 33 are the C library's own; it lets nobody touch them, and they come as they were inherited.
    for name in ["SigBlk", "SigIgn"] {
        let line = running.line();
        let set = line.strip_prefix(&format!("{name}:\t")).unwrap();
        assert_eq!(u64::from_str_radix(set, 16).unwrap() & !0x1_8000_0000, 0, "{line}");
    }
    let line = running.line();
    let (group, pid) = line.split_once(' ').unwrap();
    assert_eq!(group, pid);
    assert_eq!(pid.parse::<u32>().unwrap(), running.process.pid());
    bench.end(&mut running).unwrap();
    bench.close();
}

fn exit_statuses_and_signals_are_reported() {
    let bench = Bench::new("/bin/sh");
    let table = [
        ("exit 0", Exit::Exited(0)),
        ("exit 3", Exit::Exited(3)),
        ("kill -SEGV $$", Exit::Signalled(libc::SIGSEGV)),
        // A real-time signal has no name, and is one nevertheless.
        ("kill -40 $$", Exit::Signalled(40)),
    ];
    for (script, exit) in table {
        let mut running = bench.trial(script);
        assert_eq!(bench.end(&mut running).map(outcome), Some((exit, 0, 0)), "{script}");
    }
    bench.close();
}

fn a_program_that_cannot_be_executed_is_named_with_errno() {
    for (program, error) in [("/nowhere/gild", "ENOENT"), ("/etc/passwd", "EACCES")] {
        let bench = Bench::new(program);
        let refused = bench.start(JobKind::Trial, "").err().unwrap().to_string();
        assert!(refused.starts_with(&format!("cannot start {program}: exec: {error}")), "{refused}");
        bench.close();
    }
}

fn a_kill_takes_the_whole_group() {
    let bench = Bench::new("/bin/sh");
    let mut running = bench.trial("sleep 1000 & echo $!; wait");
    let child = running.pid();
    running.process.kill();
    let end = bench.end(&mut running).unwrap();
    assert_eq!(end.exit, Exit::Signalled(libc::SIGKILL));
    assert!(is_gone(child), "a job is reported as over when all of it is");
    bench.close();
}

fn a_dropped_job_is_killed() {
    let bench = Bench::new("/bin/sh");
    let mut running = bench.trial("echo $$; sleep 1000");
    let pid = running.pid();
    drop(running);
    await_gone(&[pid]);
    bench.close();
}

/// Starts a process in a session of its own whose parent is gone, and has it write its process id.
const DAEMONISE: &str = "(setsid sh -c 'echo $$; exec sleep 1000' &)";

fn a_daemonised_grandchild_does_not_outlive_its_job() {
    let bench = Bench::new("/bin/sh");
    let mut running = bench.trial(&format!("{DAEMONISE}; read go <&3; exit 7"));
    let grandchild = running.pid();
    assert!(!is_gone(grandchild));
    running.go();
    let end = bench.end(&mut running).unwrap();
    assert_eq!(outcome(end), (Exit::Exited(7), 1, 0));
    assert!(is_gone(grandchild));
    bench.close();
}

fn a_chain_of_daemonised_processes_is_swept_to_its_end() {
    let bench = Bench::new("/bin/sh");
    // Each in a session of its own, below one that waits for it: they surface one by one as they are killed.
    let script = "export BODY='echo $$; [ $1 = 0 ] && sleep 1000; setsid -w sh -c \"$BODY\" sh $(($1 - 1)); :'
        (setsid sh -c \"$BODY\" sh 3 &) ; read go <&3";
    let mut running = bench.trial(script);
    let pids: Vec<i32> = (0..4).map(|_| running.pid()).collect();
    running.go();
    let end = bench.end(&mut running).unwrap();
    assert!(end.strays >= 4, "{end:?}");
    assert!(pids.iter().all(|pid| is_gone(*pid)), "{pids:?}");
    bench.close();
}

fn a_scan_that_ends_leaves_the_trial_beside_it_alone() {
    let bench = Bench::new("/bin/sh");
    let mut trial = bench.trial(&format!("{DAEMONISE}; echo $$; read go <&3; exit 0"));
    let pids = [trial.pid(), trial.pid()];
    let mut scan = bench.start(JobKind::Scan, "exit 1").unwrap();
    assert_eq!(bench.end(&mut scan).map(outcome), Some((Exit::Exited(1), 0, 0)));
    assert!(pids.iter().all(|pid| !is_gone(*pid)), "the trial's own and its helper go on");
    trial.go();
    assert_eq!(bench.end(&mut trial).map(outcome), Some((Exit::Exited(0), 1, 0)));
    bench.close();
}

/// Burns CPU time for a while, and tells how much it was.
const BURN: &str = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; times";

/// CPU time of a shell from the first line that its builtin `times` prints, such as `0m0.13s 0m0.00s`, in nanoseconds.
fn burnt_ns(line: &str) -> u64 {
    let time = |word: &str| {
        let (minutes, seconds) = word.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    };
    (line.split_whitespace().map(time).sum::<f64>() * 1e9) as u64
}

fn cpu_time_of_everybody_in_a_job_is_the_job_s() {
    let bench = Bench::new("/bin/sh");
    let mut idle = bench.trial("read go <&3");
    idle.go();
    let idle_ns = bench.end(&mut idle).unwrap().cpu_ns;
    // One that is waited for, one that is left behind and ends, one that is left behind and has to be killed, and the first.
    let script = "export BURN; sh -c \"$BURN\"; (setsid sh -c \"$BURN\" &); read go <&3; \
                  (setsid sh -c \"$BURN; exec sleep 1000\" &); read go <&3; eval \"$BURN\"";
    let mut burning = bench.trial(&format!("BURN='{BURN}'; {script}"));
    let mut told_ns = 0;
    for go_after in [false, true, true, false] {
        let own_ns = burnt_ns(&burning.line());
        assert!(own_ns > 0, "it burns more than the hundredth of a second that times can tell");
        told_ns += own_ns;
        // Time of the children, which are told apart here.
        burning.line();
        if go_after {
            burning.go();
        }
    }
    let end = bench.end(&mut burning).unwrap();
    assert_eq!(outcome(end), (Exit::Exited(0), 1, 0));
    assert!(end.cpu_ns >= told_ns, "{end:?}: its processes told of {told_ns} ns");
    assert!(end.cpu_ns < told_ns * 2, "{end:?}: its processes told of {told_ns} ns, and did little else");
    assert!(idle_ns < told_ns / 2, "{idle_ns} ns of a job that does nothing");
    bench.close();
}

fn nothing_outlives_a_daemon_that_is_killed() {
    let (pids, mut writer) = std::io::pipe().unwrap();
    // SAFETY: this process has one thread.
    match unsafe { nix::unistd::fork() }.unwrap() {
        ForkResult::Child => {
            let bench = Bench::new("/bin/sh");
            let mut running = bench.trial(&format!("{DAEMONISE}; sleep 1000 & echo $!; echo $$; wait"));
            for pid in [running.pid(), running.pid(), running.pid(), bench.link.pid().cast_signed()] {
                writeln!(writer, "{pid}").unwrap();
            }
            std::thread::sleep(PATIENCE * 2);
            std::process::exit(1);
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let lines = BufReader::new(pids).lines().take(4);
            let pids: Vec<i32> = lines.map(|line| line.unwrap().parse().unwrap()).collect();
            assert_eq!(pids.len(), 4);
            kill(child, Signal::SIGKILL).unwrap();
            waitpid(child, None).unwrap();
            await_gone(&pids);
        }
    }
}

fn nothing_outlives_a_spawner_that_is_killed() {
    let bench = Bench::new("/bin/sh");
    let mut running = bench.trial(&format!("{DAEMONISE}; sleep 1000 & echo $!; echo $$; wait"));
    let pids = [running.pid(), running.pid(), running.pid()];
    kill(Pid::from_raw(bench.link.pid().cast_signed()), Signal::SIGKILL).unwrap();
    assert_eq!(bench.end(&mut running), None, "nobody saw how it ended");
    let refused = bench.start(JobKind::Trial, "").err().unwrap();
    assert!(matches!(refused, StartError::Gone | StartError::Send(_)), "{refused}");
    bench.close();
    await_gone(&pids);
}
