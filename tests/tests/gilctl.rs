//! `gilctl` as its users meet it: exit codes, what goes where, private daemons, Ctrl-C.

use std::fs;
use std::process::Stdio;

use gild_model::api::DaemonStatus;
use gild_model::experiment::Experiment;
use gild_model::host::HostReport;
use gild_model::plugin::{PluginInfo, PluginList};
use gild_model::run::{Run, RunHead, RunStatus};
use gild_model::trial::Trial;
use gild_tests::experiments::wait_for_work;
use gild_tests::lab::Lab;
use gild_tests::waiting::wait_for;
use gild_tests::{processes, program, skipped, terminal};
use nix::sys::signal::Signal;

/// A run that takes a moment.
const QUICK: [&str; 10] =
    ["null", "--tasks", "20", "--model", "sequential", "--repeat", "1", "--warmups", "0", "--name=quick"];
/// A run that nobody waits for.
const ENDLESS: [&str; 11] = [
    "faulty",
    "--param",
    "fault=slow",
    "--param",
    "ms=3600000",
    "--model",
    "sequential",
    "--repeat",
    "1",
    "--warmups",
    "0",
];
/// A run whose only case fails.
const FAILING: [&str; 9] =
    ["faulty", "--param", "fault=error", "--model", "sequential", "--repeat", "1", "--warmups", "0"];

fn run<'a>(what: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    ["run"].iter().chain(what).chain(more).copied().collect()
}

#[test]
fn exit_codes_tell_what_became_of_a_command() {
    let lab = Lab::new();
    let check = |code: i32, arguments: &[&str]| lab.gilctl(arguments).ended_with(code);
    check(4, &["show", "last"]).complains(["there is no run yet"]);
    check(0, &run(&QUICK, &[]));
    check(1, &run(&FAILING, &[])).complains(["failed: task 0 failed"]).says(["asked to fail in task 0"]);
    check(0, &["show", "2"]);
    check(1, &["watch", "2"]);
    check(2, &["show", "zero"]).complains(["expected the number of a run, or last"]);
    check(2, &["frobnicate"]);
    check(2, &run(&["null", "--model", "sequential"], &["--param", "cores=3"]))
        .complains(["param.cores", "it has: tasks"]);
    check(2, &["run", "nul", "--model", "sequential"]).complains(["no plugin in", "has a kernel nul"]);
    check(3, &["ls", "--no-start", "--socket", "/nowhere/gild.sock"]).complains(["/nowhere/gild.sock"]);
    check(4, &["show", "77"]).complains(["there is no run 77"]);
    check(4, &["rm", "77"]).complains(["there is no run 77"]);
    check(4, &["cancel", "77"]).complains(["there is no run 77"]);
    check(4, &["export", "77", "--format", "csv"]).complains(["there is no run 77"]);
    check(4, &["plugin", "info", "nul"]).complains(["has a kernel nul"]);
    check(5, &["run", "missing.toml"]).complains(["cannot read missing.toml"]);
    check(5, &["export", "1", "--format", "csv", "-o", "/nowhere/x.csv"]).complains(["/nowhere/x.csv"]);
    check(5, &["man", "--dir", "/dev/null/x"]).complains(["/dev/null/x"]);
}

#[test]
fn wherever_a_person_reads_a_table_a_program_can_have_json() {
    let lab = Lab::new();
    let finished: Run = lab.gilctl(&run(&QUICK, &["--json"])).well().json();
    assert_eq!((finished.head.id, finished.head.status), (1, RunStatus::Done));
    let json = |arguments: &[&str]| lab.gilctl(arguments).well();
    assert_eq!(json(&["ls", "--json"]).json::<Vec<RunHead>>(), std::slice::from_ref(&finished.head));
    assert_eq!(json(&["show", "1", "--json"]).json::<Run>(), finished);
    assert_eq!(json(&["watch", "last", "--json"]).json::<Run>(), finished);
    assert_eq!(json(&["show", "1", "--experiment", "--json"]).json::<Experiment>(), finished.experiment);
    assert_eq!(json(&["show", "1", "--trials", "--json"]).json::<Vec<Trial>>(), finished.trials);
    let with_accounts: Vec<Trial> = json(&["show", "1", "--workers", "--json"]).json();
    assert_eq!(with_accounts, lab.trials(1));
    assert_eq!(with_accounts[0].workers.len(), 2, "coordinator and worker");
    let list: PluginList = json(&["plugin", "ls", "--json"]).json();
    let kernels: Vec<_> = list.plugins.iter().flat_map(|it| &it.kernels).map(|it| it.name.as_str()).collect();
    assert_eq!(kernels, ["calibrated", "cpu-bound", "faulty", "faulty-deterministic", "io-bound", "mixed", "null"]);
    assert!(list.refused.is_empty(), "{list:?}");
    assert!(list.plugins.contains(&json(&["plugin", "info", "cpu-bound", "--json"]).json::<PluginInfo>()));
    assert_eq!(json(&["doctor", "--json"]).json::<HostReport>(), lab.get("/v1/host"));
    assert_eq!(json(&["daemon", "status", "--json"]).json::<DaemonStatus>().pid, lab.daemon_pid());
    let id = lab.submit(&ENDLESS).to_string();
    assert_eq!(json(&["cancel", &id, "--json"]).json::<RunHead>().id, 2);
    lab.wait_for_end(2);
}

#[test]
fn nothing_but_text_goes_into_a_pipe_and_results_are_not_mixed_with_progress() {
    let lab = Lab::new();
    for arguments in [
        run(&["null", "--workers", "2", "--repeat", "3"], &[]),
        vec!["ls"],
        vec!["show", "last"],
        vec!["show", "last", "--workers"],
        vec!["show", "last", "--trials"],
        vec!["show", "last", "--experiment"],
        vec!["plugin", "ls"],
        vec!["plugin", "info", "cpu-bound"],
        vec!["doctor"],
        vec!["daemon", "status"],
    ] {
        let ran = lab.gilctl(&arguments).well();
        let odd = |text: &str| text.chars().any(|it| it.is_control() && it != '\n');
        assert!(!odd(&ran.stdout) && !odd(&ran.stderr), "control characters: {ran}");
        assert!(!ran.stdout.is_empty() && !ran.stdout.contains("gilctl: "), "messages among results: {ran}");
        let messages = ran.stderr.lines().all(|line| line.starts_with("gilctl: "));
        assert!(messages, "results among messages: {ran}");
    }
}

#[test]
fn colours_are_for_terminals_without_no_color() {
    let lab = Lab::new();
    lab.gilctl(&run(&FAILING, &[])).ended_with(1);
    let look = |variables: &[(&str, &str)]| {
        let mut command = lab.gilctl_command(&["show", "1"]);
        terminal::run(command.env("TERM", "xterm-256color").envs(variables.iter().copied()))
    };
    const ESCAPE: char = '\u{1b}';
    assert!(look(&[]).contains(ESCAPE), "{}", look(&[]));
    assert!(look(&[("NO_COLOR", "")]).contains(ESCAPE), "an empty NO_COLOR counts as unset");
    for variables in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        let text = look(&variables);
        assert!(!text.contains(ESCAPE) && text.contains("asked to fail"), "{variables:?}: {text}");
    }
}

#[test]
fn on_a_terminal_there_is_a_progress_bar() {
    let lab = Lab::new();
    let line =
        run(&["faulty", "--param", "fault=slow", "--param", "ms=200", "--model", "sequential"], &["--repeat", "1"]);
    let mut command = lab.gilctl_command(&line);
    let text = terminal::run(command.env("TERM", "xterm-256color"));
    assert!(text.contains('\r') && text.contains("warm-up"), "{text}");
    assert!(text.contains("1 thread spent"), "the result follows: {text}");
}

#[test]
fn a_private_daemon_is_started_where_none_listens_and_stays() {
    let lab = Lab::empty();
    let ran = lab.gilctl(&["ls"]).well().complains(["started a private daemon (pid ", "gild.sock", "gild.db"]);
    let status: DaemonStatus = lab.gilctl(&["daemon", "status", "--json"]).well().json();
    assert!(ran.stderr.contains(&format!("(pid {},", status.pid)), "{ran}");
    assert_eq!(status.store, lab.store());
    // proc_pid_stat(5): pid (name) state parent group session …: a session of its own survives the terminal.
    let stat = fs::read_to_string(format!("/proc/{}/stat", status.pid)).unwrap();
    let session: u32 = stat.rsplit(") ").next().unwrap().split(' ').nth(3).unwrap().parse().unwrap();
    assert_eq!(session, status.pid);
    assert!(lab.path("state/gild/gild.log").is_file());
    let again = lab.gilctl(&["ls"]).well();
    assert!(again.stderr.is_empty(), "it is the same daemon: {again}");
    lab.gilctl(&["daemon", "stop"]).well().says([format!("stopped the daemon (pid {})", status.pid).as_str()]);
    lab.assert_nobody_is_left();
}

#[test]
fn a_run_from_nothing_finds_its_plugin_beside_the_daemon() {
    let lab = Lab::empty();
    let ran =
        lab.gilctl(&run(&["cpu-bound", "--param", "n=8", "--tasks", "5", "--workers", "2", "--repeat", "2"], &[]));
    ran.well().complains(["started a private daemon"]).says(["All results are identical and equal the known answer"]);
}

#[test]
fn the_daemon_is_started_stopped_shown_and_restarted() {
    let lab = Lab::empty();
    let daemon = |command: &str| lab.gilctl(&["daemon", command]);
    let pid = || lab.gilctl(&["daemon", "status", "--json"]).well().json::<DaemonStatus>().pid;
    daemon("status").ended_with(3).says(["no daemon listens at"]);
    lab.gilctl(&["daemon", "status", "--json"]).ended_with(3).says(["null"]);
    daemon("stop").well().says(["no daemon listens at"]);
    daemon("start").well().says(["started the daemon (pid "]);
    daemon("start").well().says(["the daemon runs already (pid "]);
    daemon("status").well().says(["no run, 0 queued"]);
    lab.gilctl(&run(&QUICK, &[])).well();
    let first = pid();
    daemon("restart").well().says(["stopped the daemon (pid ", "started the daemon (pid "]);
    assert_ne!(first, pid());
    lab.gilctl(&["ls"]).well().says(["quick"]);
    daemon("stop").well();
    daemon("status").ended_with(3);
    lab.assert_nobody_is_left();
}

#[test]
fn stopping_the_daemon_interrupts_the_run_in_progress() {
    let lab = Lab::empty();
    lab.write("config/gild.toml", "");
    lab.gilctl(&["daemon", "start", "--config", "gild.toml"]).well();
    let id = lab.submit(&ENDLESS);
    wait_for_work(&lab, id);
    lab.gilctl(&["daemon", "stop"]).well().complains(["run 1 was in progress", "gilctl show 1"]);
    lab.assert_nobody_is_left();
    lab.gilctl(&["ls"]).well().says(["interrupted"]);
}

#[test]
fn two_that_start_a_daemon_at_once_share_it() {
    let lab = Lab::empty();
    let both = [0, 1].map(|_| lab.start_gilctl(&["ls"]));
    let both = both.map(|it| it.finish().well());
    let started = both.iter().filter(|it| it.stderr.contains("started a private daemon")).count();
    assert_eq!(started, 1, "{} {}", both[0], both[1]);
    let servers = lab.processes().into_iter().filter(|it| it.line.contains("gild serve")).count();
    assert_eq!(servers, 2, "a daemon and its spawner: {:?}", lab.processes());
}

#[test]
fn a_daemon_that_cannot_start_says_why_in_the_words_of_its_log() {
    let lab = Lab::empty();
    lab.write("bad.toml", "log_level = 'info'\nlog_levle = 'info'\n");
    let ran = lab.gilctl(&["--config", "bad.toml", "ls"]).ended_with(3);
    ran.complains(["before it answered", "bad.toml:2:1: unknown field `log_levle`"]);
    lab.assert_nobody_is_left();
}

#[test]
fn another_store_than_the_daemons_is_refused() {
    let lab = Lab::new();
    lab.gilctl(&["ls", "--store", "other.db"]).ended_with(2).complains(["keeps its runs in", "other.db"]);
    assert!(!lab.path("other.db").exists());
}

#[test]
fn a_detached_run_can_be_watched_to_its_end() {
    let lab = Lab::new();
    let id =
        lab.submit(&["faulty", "--param", "fault=slow", "--param", "ms=100", "--model", "sequential", "--repeat", "2"]);
    let ran = lab.gilctl(&["watch", "last"]).well();
    ran.says(["1 thread spent", "run 1: gilctl show 1"]).complains(["repetition 2/2"]);
    assert_eq!(lab.head(id).status, RunStatus::Done);
}

#[test]
fn ctrl_c_cancels_the_run_and_says_how_to_look_at_what_is_there() {
    let lab = Lab::new();
    let running = lab.start_gilctl(&run(&ENDLESS, &[]));
    wait_for("the run is there", || (lab.ask("GET", "/v1/runs/1", "").status == 200).then_some(()));
    wait_for_work(&lab, 1);
    running.signal(Signal::SIGINT);
    running.finish().ended_with(130).complains(["cancelling", "run 1 is cancelled", "gilctl show 1"]);
    assert_eq!(lab.head(1).status, RunStatus::Cancelled);
    lab.assert_no_trial_is_left();
    lab.gilctl(&run(&QUICK, &[])).well();
}

#[test]
fn ctrl_c_in_watch_ends_the_watching_and_not_the_run() {
    if processes::ignores(Signal::SIGINT) {
        return skipped("Ctrl-C in watch", "whoever started the tests ignores it, as a shell does for its background");
    }
    let lab = Lab::new();
    let id = lab.submit(&ENDLESS);
    wait_for_work(&lab, id);
    let watching = lab.start_gilctl(&["watch", "1"]);
    wait_for("it watches", || lab.log().contains("path=\"/v1/runs/1/events\"").then_some(()));
    watching.signal(Signal::SIGINT);
    watching.finish().ended_with(130);
    assert_eq!(lab.head(id).status, RunStatus::Running);
    lab.gilctl(&["cancel", "1"]).well();
    assert_eq!(lab.wait_for_end(id).head.status, RunStatus::Cancelled);
}

#[test]
fn a_run_that_somebody_else_cancels_ends_its_gilctl() {
    let lab = Lab::new();
    let running = lab.start_gilctl(&run(&ENDLESS, &[]));
    wait_for("the run is there", || (lab.ask("GET", "/v1/runs/1", "").status == 200).then_some(()));
    lab.gilctl(&["cancel", "last"]).well();
    running.finish().ended_with(1);
}

#[test]
fn mistakes_in_an_experiment_are_told_by_file_and_line_before_a_daemon_is_started() {
    let lab = Lab::empty();
    let check = |text: &str, expected: &str| {
        lab.write("x.toml", text);
        lab.gilctl(&["run", "x.toml"]).ended_with(2).complains([expected]);
    };
    check("kernel = 'null'\nkernal = 1", "x.toml:2:1: unknown field `kernal`");
    check("kernel = 'null'\n\n[[case]]\nmodel = 'treads'", "x.toml:4:9: unknown variant `treads`");
    check("kernel = 'null'\n[[case]]\nmodel = 'threads'", "x.toml:2:1: workers: is missing");
    check("kernel = 'null'\n[[case]\nmodel = 'threads'", "x.toml:2:");
    check("kernel = 'null'", "case: at least one is needed");
    assert!(!lab.socket().exists(), "no daemon was started for this");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let lab = Lab::new();
    lab.gilctl(&run(&["null", "--workers", "20", "--repeat", "3"], &[])).well();
    for arguments in [vec!["ls"], vec!["show", "1"], vec!["export", "1", "--format", "csv"], vec!["doctor", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = lab.gilctl_command(&arguments);
        let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn an_export_to_a_full_device_is_an_error() {
    let lab = Lab::new();
    lab.gilctl(&run(&QUICK, &[])).well();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = lab.gilctl_command(&["export", "1", "--format", "csv"]);
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"), "{output:?}");
}

#[test]
fn an_export_appears_under_its_name_when_it_is_complete() {
    let lab = Lab::new();
    lab.gilctl(&run(&QUICK, &[])).well();
    for format in ["csv", "jsonl", "parquet"] {
        let file = format!("out.{format}");
        lab.gilctl(&["export", "last", "--format", format, "-o", &file]).well().complains(["wrote ", " rows to "]);
        assert!(fs::metadata(lab.path(&file)).unwrap().len() > 0);
        assert!(!lab.path(&format!("{file}.partial")).exists());
    }
}

#[test]
fn a_run_can_be_repeated_from_its_own_record() {
    let lab = Lab::new();
    let line =
        ["null", "--tasks", "7", "--workers", "2", "--lock", "cpython,none", "--start", "spawn", "--repeat", "2"];
    lab.gilctl(&run(&line, &["--pinning", "0", "--task-limit", "9.5", "--counters", "task"])).well();
    let text = lab.gilctl(&["show", "1", "--experiment"]).well().stdout;
    lab.write("again.toml", &text);
    lab.gilctl(&["run", "again.toml"]).well();
    assert_eq!(lab.show(1).experiment, lab.show(2).experiment);
}

#[test]
fn removed_runs_are_gone_and_their_numbers_are_not_used_again() {
    let lab = Lab::new();
    lab.gilctl(&run(&QUICK, &[])).well();
    lab.gilctl(&run(&QUICK, &[])).well();
    lab.gilctl(&["rm", "1", "2"]).well();
    lab.gilctl(&["show", "last"]).ended_with(4);
    lab.gilctl(&run(&QUICK, &["--detach"])).well().says(["3"]);
    lab.wait_for_end(3);
    let id = lab.submit(&ENDLESS);
    lab.gilctl(&["rm", &id.to_string()]).complains(["cancel it first"]);
    lab.gilctl(&["cancel", "last"]).well();
}

#[test]
fn doctor_says_the_tier_and_why_it_is_not_a_better_one() {
    let lab = Lab::new();
    let report: HostReport = lab.get("/v1/host");
    let ran = lab.gilctl(&["doctor"]).well().says([&report.cpu as &str, report.tier.name()]);
    if let Some(reason) = &report.tier_reason {
        assert!(ran.stdout.contains(reason), "{ran}");
    }
    for counter in &report.counters {
        assert!(ran.stdout.contains(&counter.name), "{ran}");
        assert_eq!(counter.usable, counter.reason.is_none(), "{counter:?}");
    }
}

#[test]
fn completions_and_manual_pages_need_no_daemon() {
    let lab = Lab::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        lab.gilctl(&["completions", shell]).well().says(["export", "doctor"]);
    }
    lab.gilctl(&["man"]).well().says([".TH gilctl", "Exit codes"]);
    lab.gilctl(&["man", "--dir", "man1"]).well();
    assert!(lab.path("man1/gilctl-run.1").is_file());
    let syntax = program::run(lab.command("bash").args(["-n", "-c", &lab.gilctl(&["completions", "bash"]).stdout]));
    syntax.well();
    assert!(!lab.socket().exists());
}
