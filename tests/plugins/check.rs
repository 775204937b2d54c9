//! The plugins that misbehave do it in the way their names say, and in no other. Faults that end the process are left
//! to the tests of the daemon.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use gild_abi::raw;
use gild_abi::testing::{Arg, Failure, RawTrial, Step, Wishes, drive};
use tempfile::TempDir;

/// Compiles one of the C files here.
fn compile(name: &str) -> (TempDir, PathBuf) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join(format!("lib{name}.so"));
    let status = Command::new(std::env::var_os("CC").unwrap_or("cc".into()))
        .args(["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wl,-z,defs,-z,nodelete"])
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .args([
            &here.join("../plugins/abi/include"),
            &here.join(format!("plugins/{name}.c")),
            Path::new("-o"),
            &library,
        ])
        .status()
        .unwrap();
    assert!(status.success(), "{name}: {status}");
    (dir, library)
}

/// Opens a library for good; `None` without the entry function.
fn open(library: &Path) -> Option<&'static raw::Plugin> {
    // SAFETY: the libraries are ours and have no constructor; the entry symbol has this type (header).
    unsafe {
        let library = libloading::Library::new(library).unwrap();
        let plugin = library.get::<raw::Entry>(raw::ENTRY_SYMBOL).ok().map(|entry| &*entry());
        std::mem::forget(library);
        plugin
    }
}

/// Cargo builds the example beside the folder of the test programs.
fn faulty() -> &'static raw::Plugin {
    let exe = std::env::current_exe().unwrap();
    open(&exe.ancestors().nth(2).unwrap().join("examples/libfaulty.so")).unwrap()
}

fn kernel(plugin: &raw::Plugin, index: usize) -> &'static raw::Kernel {
    // SAFETY: only called with kernels that the list has; tables are static.
    unsafe { &**plugin.kernels.add(index) }
}

fn run(kernel: &raw::Kernel, args: &[(&str, Arg)], wishes: Wishes) -> Result<RawTrial, Failure> {
    // SAFETY: but for the fault asked for, the table is as the header specifies it.
    unsafe { drive(kernel, args, wishes) }
}

fn run_faulty(fault: &str) -> Result<RawTrial, Failure> {
    run(kernel(faulty(), 0), &[("fault", fault.into()), ("at", 2.into())], Wishes::default())
}

#[test]
fn the_libraries_to_refuse_have_one_fault_each() {
    let versions = |plugin: &raw::Plugin| (plugin.abi_major, plugin.abi_minor, plugin.abi_minor_min);
    let plugin = |name| open(&compile(name).1).unwrap();
    assert_eq!(versions(plugin("wrong_major")), (2, 0, 0));
    assert_eq!(versions(plugin("needs_newer_minor")), (1, 9, 9));
    let empty = plugin("no_kernels");
    assert_eq!(versions(empty), (raw::ABI_MAJOR, raw::ABI_MINOR, 0));
    // SAFETY: the list has at least its end.
    assert!(unsafe { *empty.kernels }.is_null());
    assert!(open(&compile("no_symbol").1).is_none());
}

#[test]
fn the_timid_kernel_works_alone_and_promises_little() {
    let timid = kernel(open(&compile("not_fork_safe").1).unwrap(), 0);
    assert_eq!(timid.flags, raw::KERNEL_DETERMINISTIC);
    let trial = run(timid, &[("tasks", 3.into())], Wishes::default()).unwrap();
    assert_eq!(trial.outputs, [0_i64, 1, 4].map(|square| square.to_le_bytes()));
    assert!(trial.verified);
}

#[test]
fn without_a_fault_the_faulty_kernels_are_right() {
    for (index, (name, flags)) in [(c"faulty", 5), (c"faulty-deterministic", 7)].into_iter().enumerate() {
        let kernel = kernel(faulty(), index);
        // SAFETY: names are NUL-terminated.
        assert_eq!((unsafe { CStr::from_ptr(kernel.name) }, kernel.flags), (name, flags));
        let trial = run(kernel, &[], Wishes::default()).unwrap();
        assert_eq!(trial.outputs, [0_u64, 1, 2, 3].map(u64::to_le_bytes));
        assert!(trial.verified);
    }
}

#[test]
fn each_fault_shows_where_it_should() {
    for (fault, step, task, status, text) in [
        ("create-error", Step::Create, None, raw::E_PARAM, "asked to fail in create"),
        ("plan-error", Step::Plan, None, raw::E_INTERNAL, "asked to fail in plan at task 2"),
        ("plan-empty", Step::Rules, None, raw::E_INTERNAL, "the plan is empty"),
        ("decode-error", Step::Decode, Some(2), raw::E_DECODE, "asked to fail in decode"),
        ("error", Step::Run, Some(2), raw::E_INTERNAL, "asked to fail in task 2"),
        ("panic", Step::Run, Some(2), raw::E_PANIC, "panicked: asked to panic in task 2"),
        ("wrong-result", Step::Verify, None, raw::E_MISMATCH, "the result of task 2 is 3"),
    ] {
        let failure = run_faulty(fault).unwrap_err();
        assert_eq!((failure.step, failure.task, failure.status), (step, task, status), "{fault}");
        assert_eq!(failure.text, text);
    }
}

#[test]
fn an_endless_loop_with_safe_points_can_be_cancelled() {
    let wishes = Wishes { cancel_at: Some(100), ..Wishes::default() };
    let args = [("fault", "loop-polling".into()), ("at", 1.into())];
    let failure = run(kernel(faulty(), 0), &args, wishes).unwrap_err();
    assert_eq!((failure.step, failure.task, failure.status), (Step::Run, Some(1), raw::E_CANCELLED));
}

#[test]
fn slow_tasks_block_and_spinning_tasks_pass_safe_points() {
    let run = |fault: &str| {
        run(kernel(faulty(), 0), &[("fault", fault.into()), ("ms", 1.into())], Wishes::default()).unwrap().record
    };
    assert_eq!(run("slow").releases, 4, "every task blocks");
    let record = run("spin");
    assert!(record.releases == 0 && record.safe_points >= 4, "{record:?}");
}

#[test]
fn the_result_of_a_nondeterministic_task_is_that_of_its_process() {
    let trial = run_faulty("nondeterministic").unwrap();
    assert_eq!(trial.outputs[2], u64::from(std::process::id()).to_le_bytes());
    assert!(trial.verified);
}
