//! The kernel as a host sees it, and what its tasks say of themselves.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::ffi::CStr;

use calibrated::{Calibrated, HEADER_BYTES, Report};
use gild_abi::testing::{Arg, Failure, Step, Trial, Wishes, run, run_async, run_with, table};
use gild_abi::{Kernel, raw};

/// Runs some tasks and reads the lines that they say.
fn reported(args: &[(&str, Arg)]) -> (Trial<calibrated::Parcel>, Vec<Report>) {
    let trial = run::<Calibrated>(&[args, &[("report", 1.into())]].concat()).unwrap();
    let reports = trial.record.log.iter().map(|(_, line)| Report::parse(line).unwrap()).collect();
    (trial, reports)
}

/// Runs one task and reads the line that it says.
fn report(args: &[(&str, Arg)]) -> (Trial<calibrated::Parcel>, Report) {
    let (trial, reports) = reported(&[args, &[("tasks", 1.into())]].concat());
    assert_eq!(reports.len(), 1);
    (trial, reports[0])
}

#[track_caller]
fn refused(args: &[(&str, Arg)]) -> Failure {
    run::<Calibrated>(args).unwrap_err()
}

#[test]
fn everything_is_off_at_its_preset() {
    let (trial, reports) = reported(&[]);
    assert_eq!(reports.len(), 100);
    for (task, (report, parcel)) in (0_u64..).zip(reports.iter().zip(&trial.outputs)) {
        assert_eq!((report.task, parcel.task(), parcel.padding_bytes()), (task, task, 0));
        assert_eq!(report.parts, calibrated::Parts::default());
    }
    assert_eq!((trial.record.safe_points, trial.record.releases), (0, 0));
    assert!(trial.verified);
}

#[test]
fn the_asynchronous_form_does_the_same_and_gives_way_where_it_sleeps() {
    let args = [("tasks", 2), ("cpu_us", 1000), ("rounds", 3), ("hold_us", 200), ("rest_us", 300), ("block_us", 1000)];
    let args: Vec<(&str, Arg)> = args.into_iter().map(|(name, value)| (name, value.into())).collect();
    let trial = run_async::<Calibrated>(&[&args[..], &[("fault_pages", 20.into()), ("report", 1.into())]].concat());
    let trial = trial.unwrap();
    assert_eq!(trial.outputs, run::<Calibrated>(&args).unwrap().outputs);
    // Every sleep is a wait of its own, and none is a blocking region.
    assert_eq!((trial.record.waits, trial.record.releases), (2 * (3 + 1), 0));
    for (_, line) in &trial.record.log {
        let parts = Report::parse(line).unwrap().parts;
        assert!(parts.cpu.unwrap().truth.burnt_ns >= 1_000_000);
        let held = parts.lock_pattern.unwrap().truth;
        assert!(held.rounds == 3 && held.hold_cpu_ns >= 600_000 && held.rest_wall_ns >= 900_000, "{held:?}");
        let block = parts.block.unwrap().truth;
        assert!(block.blocked_wall_ns >= 1_000_000, "{block:?}");
        assert_eq!((block.release_wall_ns, block.reacquire_wall_ns), (0, 0), "there is no lock to give away");
        let faults = parts.faults.unwrap();
        assert_eq!((faults.truth.pages, faults.figures.minor_faults), (20, 20), "{faults:?}");
    }
}

#[test]
fn every_part_reports_what_it_was_asked_for() {
    let mut args: Vec<(&str, Arg)> = vec![
        ("cpu_us", 1000.into()),
        ("rounds", 3.into()),
        ("hold_us", 200.into()),
        ("rest_us", 300.into()),
        ("block_us", 1000.into()),
        ("working_set_bytes", 100_000.into()),
        ("fault_pages", 20.into()),
        ("yields", 5.into()),
        ("naps", 7.into()),
        ("child_us", 1000.into()),
        ("steal", 1.into()),
        ("value_bytes", 1000.into()),
    ];
    let counted = cfg!(target_arch = "x86_64");
    if counted {
        args.extend([("instructions", 100_000.into()), ("branches", 1000.into()), ("branch_pattern", "random".into())]);
    }
    let movable = nix::unistd::sysconf(nix::unistd::SysconfVar::_NPROCESSORS_ONLN).unwrap() >= Some(2);
    if movable {
        args.push(("migrations", 4.into()));
    }
    let (trial, report) = report(&args);
    let parts = report.parts;
    assert_eq!(parts.migrations.map(|it| it.truth.moves), movable.then_some(4));
    assert!(parts.child.unwrap().truth.child_wall_ns >= 1_000_000);
    assert!(parts.cpu.unwrap().truth.burnt_ns >= 1_000_000);
    let held = parts.lock_pattern.unwrap().truth;
    assert_eq!(held.rounds, 3);
    assert!(held.hold_cpu_ns >= 600_000 && held.rest_wall_ns >= 900_000, "{held:?}");
    let block = parts.block.unwrap();
    assert!(block.truth.blocked_wall_ns >= 1_000_000, "{block:?}");
    let inside = block.truth.release_wall_ns + block.truth.blocked_wall_ns + block.truth.reacquire_wall_ns;
    assert!(inside <= block.figures.wall_ns, "{block:?}");
    assert_eq!(parts.working_set.unwrap().truth.lines, 100_000_u64.div_ceil(64));
    let faults = parts.faults.unwrap();
    assert_eq!((faults.truth.pages, faults.figures.minor_faults), (20, 20), "{faults:?}");
    assert_eq!(parts.instructions.map(|it| it.truth.instructions), counted.then_some(100_000));
    assert_eq!(parts.branches.map(|it| it.truth.branches), counted.then_some(1000));
    assert_eq!(parts.yields.unwrap().truth.yields, 5);
    assert_eq!(parts.naps.unwrap().truth.nap_switches, 7);
    assert_eq!(trial.outputs[0].padding_bytes(), 1000);
    assert_eq!(trial.record.releases, 3 + 1, "one per round, and one to block");
    let mut entered = trial.record.phases.clone();
    entered.dedup();
    let all: Vec<u32> =
        (0..13).filter(|phase| (counted || ![5, 6].contains(phase)) && (movable || *phase != 9)).collect();
    assert_eq!(entered, all, "each part is a phase, in order");
}

#[test]
fn a_payload_is_that_of_arguments_and_results_alike() {
    let outputs = |args: &[(&str, Arg)]| run::<Calibrated>(args).unwrap().outputs;
    assert_eq!(outputs(&[("tasks", 1.into()), ("payload_bytes", 100.into())])[0].padding_bytes(), 100);
    assert_eq!(outputs(&[("tasks", 1.into()), ("argument_bytes", 100.into())])[0].padding_bytes(), 0);
    for own in ["argument_bytes", "value_bytes"] {
        let message = refused(&[("payload_bytes", 2.into()), (own, 3.into())]).to_string();
        assert!(message.contains(&format!("payload_bytes is 2 and {own} is 3")), "{message}");
    }
}

#[test]
fn the_parts_add_up_to_no_more_than_the_whole() {
    let (_, report) = report(&[("cpu_us", 2000.into()), ("naps", 10.into()), ("fault_pages", 100.into())]);
    let parts = [report.parts.cpu.unwrap().figures, report.parts.naps.unwrap().figures];
    let parts = [&parts[..], &[report.parts.faults.unwrap().figures]].concat();
    let sum = |figure: fn(&calibrated::Figures) -> u64| parts.iter().map(figure).sum::<u64>();
    assert!(sum(|it| it.wall_ns) <= report.whole.wall_ns, "{report:?}");
    assert!(sum(|it| it.cpu_ns) <= report.whole.cpu_ns, "{report:?}");
    assert!(sum(|it| it.voluntary_switches) <= report.whole.voluntary_switches, "{report:?}");
    assert!(sum(|it| it.minor_faults) <= report.whole.minor_faults, "{report:?}");
}

#[test]
fn without_safe_points_there_are_none() {
    let work = [("cpu_us", 500.into()), ("yields", 5.into()), ("naps", 5.into()), ("fault_pages", 5.into())];
    let safe_points = |more: &[(&str, Arg)]| report(&[&work, more].concat()).0.record.safe_points;
    assert!(safe_points(&[]) > 50, "every 10 µs at least, and one per yield, nap and page");
    assert_eq!(safe_points(&[("no_safe_points", 1.into())]), 0);
}

#[test]
fn results_do_not_depend_on_what_was_measured() {
    let bytes = |args: &[(&str, Arg)]| {
        let outputs = run::<Calibrated>(&[args, &[("value_bytes", 10.into())]].concat()).unwrap().outputs;
        outputs.iter().map(|it| gild_abi::testing::encode(it).unwrap()).collect::<Vec<_>>()
    };
    let quiet = bytes(&[]);
    assert!(quiet.iter().all(|it| it.len() == HEADER_BYTES + 10));
    assert_eq!(quiet, bytes(&[("report", 1.into()), ("cpu_us", 10.into())]));
}

#[test]
fn reports_are_appended_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.jsonl");
    let args: [(&str, Arg); 3] =
        [("tasks", 3.into()), ("naps", 1.into()), ("report_path", path.to_str().unwrap().into())];
    for _ in 0..2 {
        let trial = run::<Calibrated>(&args).unwrap();
        assert!(trial.record.log.is_empty(), "nothing is said when only a file is wanted");
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let reports: Vec<Report> = text.lines().map(|line| Report::parse(line).unwrap()).collect();
    assert_eq!(reports.iter().map(|it| it.task).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
    assert!(reports.iter().all(|it| it.pid == std::process::id() as i32 && it.parts.naps.unwrap().truth.naps == 1));
}

#[test]
fn a_report_that_cannot_be_written_fails_its_task_and_names_the_file() {
    let failure = refused(&[("report_path", "/nonexistent/report".into())]);
    assert_eq!((failure.step, failure.task, failure.status), (Step::Create, None, raw::E_IO));
    assert!(failure.text.starts_with("report_path /nonexistent/report: No such file"), "{}", failure.text);
}

#[test]
fn parameters_that_make_no_sense_together_are_refused() {
    for (args, text) in [
        (("hold_us", Arg::from(1)), "hold_us and rest_us say what a round is, and rounds is 0: set rounds"),
        (("rest_us", Arg::from(1)), "hold_us and rest_us say what a round is, and rounds is 0: set rounds"),
        (("report_path", Arg::from("here")), "report_path is \"here\", expected an absolute path"),
    ] {
        let failure = refused(&[args]);
        assert_eq!((failure.step, failure.status, failure.text.as_str()), (Step::Create, raw::E_PARAM, text));
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[test]
fn loops_that_nobody_has_counted_are_refused() {
    for name in ["instructions", "branches"] {
        let failure = refused(&[(name, 1.into())]);
        assert_eq!((failure.step, failure.status), (Step::Create, raw::E_UNSUPPORTED));
        assert!(failure.text.contains("x86_64 only"), "{}", failure.text);
    }
}

#[test]
fn a_cancel_ends_every_part() {
    let mut endless =
        vec![("cpu_us", 60_000_000), ("rounds", 1_000_000), ("yields", 1_000_000_000), ("naps", 1_000_000)];
    endless.extend([("working_set_bytes", 1 << 30), ("fault_pages", 1 << 18)]);
    if cfg!(target_arch = "x86_64") {
        endless.extend([("instructions", 1_000_000_000_000), ("branches", 1_000_000_000_000)]);
    }
    for (name, amount) in endless {
        let wishes = Wishes { cancel_at: Some(5), ..Wishes::default() };
        let failure = run_with::<Calibrated>(&[(name, amount.into())], wishes).unwrap_err();
        assert_eq!((failure.step, failure.status), (Step::Run, raw::E_CANCELLED), "{name}");
    }
}

#[test]
fn verify_finds_a_missing_result() {
    let trial = run::<Calibrated>(&[("tasks", 2.into())]).unwrap();
    let all = raw::KERNEL_SHARED | raw::KERNEL_DETERMINISTIC | raw::KERNEL_FORK_SAFE;
    assert_eq!((table::<Calibrated>().flags, trial.verified), (all, true));
    // The instance that verifies wants 100 results.
    let verify = Calibrated::VERIFY.unwrap();
    let results: Vec<_> = trial.outputs.iter().collect();
    let error = verify(&Calibrated::with_tasks(100), &results).unwrap_err();
    assert_eq!(error.to_string(), "2 results for 100 tasks");
    assert_eq!(verify(&Calibrated::with_tasks(2), &results), Ok(()));
    let swapped = [results[1], results[0]];
    let error = verify(&Calibrated::with_tasks(2), &swapped).unwrap_err();
    assert_eq!(error.to_string(), "the result of task 0 is that of task 1");
}

#[test]
fn the_document_names_every_parameter_and_phase() {
    let document = include_str!("../../../docs/calibrated.md");
    let kernel = table::<Calibrated>();
    for index in 0..kernel.n_params {
        // SAFETY: a kernel has that many parameters, whose names are NUL-terminated and static.
        let name = unsafe { CStr::from_ptr((*kernel.params.add(index)).name) }.to_str().unwrap();
        assert!(document.contains(&format!("`{name}`")), "docs/calibrated.md lacks the parameter {name}");
    }
    for phase in Calibrated::PHASES {
        let name = phase.to_str().unwrap();
        assert!(document.contains(&format!("`{name}`")), "docs/calibrated.md lacks the phase {name}");
    }
}

#[test]
fn the_document_names_every_field_of_a_report() {
    let document = include_str!("../../../docs/calibrated.md");
    let mut args: Vec<(&str, Arg)> =
        ["cpu_us", "rounds", "block_us", "working_set_bytes", "fault_pages", "yields", "naps", "child_us"]
            .map(|name| (name, 1.into()))
            .into();
    if cfg!(target_arch = "x86_64") {
        args.extend([("instructions", 4.into()), ("branches", 1.into())]);
    }
    let (trial, _) = report(&args);
    // Every second text between quotation marks is a name: a report has no values that are texts.
    for name in trial.record.log[0].1.split('"').skip(1).step_by(2) {
        assert!(document.contains(&format!("`{name}`")), "docs/calibrated.md lacks the field {name}");
    }
}
