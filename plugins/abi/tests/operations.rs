//! The doors of an asynchronous form: operations that wait, that fail, that are given up, and what a host may do wrong.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod patient;

use std::ffi::c_void;
use std::ptr;

use gild_abi::testing::{Failure, Trial, Wishes, host, run, run_async_with, table, waits};
use gild_abi::{Kernel, raw};
use patient::{NAP, Patient, TOLD};

fn go(way: &str, wishes: Wishes) -> Result<Trial<u64>, Failure> {
    run_async_with::<Patient>(&[("way", way.into())], wishes)
}

#[track_caller]
fn fails(way: &str, wishes: Wishes, status: raw::Status, text: &str) {
    let failure = go(way, wishes).unwrap_err();
    assert_eq!((failure.task, failure.status), (Some(0), status), "{failure}");
    assert!(failure.text.contains(text), "no {text:?} in {failure}");
}

#[test]
fn a_task_waits_for_time_and_descriptors_and_ends_like_a_plain_one() {
    for way in ["sleep", "yield", "read", "read in vain", "joined"] {
        let trial = go(way, Wishes::default()).unwrap();
        let plain = run::<Patient>(&[("way", way.into())]).unwrap();
        assert_eq!(trial.outputs, plain.outputs, "{way}");
        assert!(trial.record.waits >= 2 && trial.record.polls >= 4, "{way}: {:?}", trial.record);
    }
}

#[test]
fn a_task_bears_to_be_polled_when_nothing_has_happened() {
    for way in ["sleep", "yield", "read", "read in vain", "joined"] {
        let wishes = Wishes { spurious_polls: true, ..Wishes::default() };
        assert_eq!(go(way, wishes).unwrap().outputs, [way.len() as u64; 2], "{way}");
    }
}

#[test]
fn a_task_that_is_given_up_is_dropped_where_it_waits() {
    for polls in 0..3 {
        let wishes = Wishes { give_up_after: Some(polls), spurious_polls: true, ..Wishes::default() };
        assert_eq!(go("sleep", wishes).unwrap().outputs, [0_u64; 0]);
    }
    let wishes = Wishes { give_up_after: Some(1), ..Wishes::default() };
    go("use it in a destructor", wishes).unwrap();
    assert_eq!(TOLD.take(), Some(false), "in a destructor of a task that is given up there is no host");
    go("use it in a destructor", Wishes::default()).unwrap();
    assert_eq!(TOLD.take(), Some(true), "at the end of a scope there is");
}

#[test]
fn errors_and_panics_are_those_of_a_plain_run() {
    fails("error", Wishes::default(), raw::E_INTERNAL, "asked to fail");
    fails("panic", Wishes::default(), raw::E_PANIC, "panicked: asked to panic");
    fails("panic later", Wishes::default(), raw::E_PANIC, "panicked: asked to panic later");
    fails("block and panic", Wishes::default(), raw::E_PANIC, "panicked: asked to panic while blocking");
    fails("phase and panic", Wishes::default(), raw::E_PANIC, "panicked: asked to panic in a phase");
    fails("no such phase", Wishes::default(), raw::E_PANIC, "panicked: phase 2 of 2 does not exist");
}

#[test]
fn a_task_that_waits_for_nothing_is_an_error_and_no_hang() {
    for way in ["pending", "pending later"] {
        fails(way, Wishes::default(), raw::E_INTERNAL, "waits for nothing that the host knows of");
    }
}

#[test]
fn a_context_is_of_no_use_while_its_task_is_not_polled() {
    fails("use it while blocking", Wishes::default(), raw::E_INTERNAL, "while it was not polled");
}

#[test]
fn a_cancelled_task_ends_at_its_safe_point() {
    for way in ["spin", "block"] {
        fails(way, Wishes { cancel_at: Some(0), ..Wishes::default() }, raw::E_CANCELLED, "");
    }
}

#[test]
fn phases_are_entered_anew_by_every_poll() {
    let trial = go("phases", Wishes::default()).unwrap();
    // Before and after the wait the inner phase is in the outer one.
    assert_eq!(trial.record.phases, [0, 1, 0, 1, 1].repeat(2));
    assert_eq!(trial.record.safe_points, 2);
}

#[test]
fn messages_arrive_from_blocking_regions_too() {
    let record = go("log", Wishes::default()).unwrap().record;
    let expected = [(raw::LOG_WARN, "before".to_owned()), (raw::LOG_DEBUG, "while blocking".to_owned())];
    assert_eq!(record.log, [&expected[..], &expected].concat());
    assert_eq!((record.releases, record.acquires), (2, 2));
}

/// The C side of the asynchronous form.
fn form() -> raw::Async {
    let extension = table::<Patient>().extension.unwrap();
    // SAFETY: texts of our own; the answer is a static table.
    unsafe {
        assert!(extension(c"gild.async/2".as_ptr()).is_null());
        assert!(extension(ptr::null()).is_null());
        *extension(raw::EXT_ASYNC.as_ptr()).cast::<raw::Async>()
    }
}

#[test]
fn a_kernel_without_an_asynchronous_form_answers_no_extension() {
    assert!(table::<Patient>().extension.is_some());
    struct Plain;
    impl Kernel for Plain {
        const NAME: &'static std::ffi::CStr = c"plain";
        const SUMMARY: &'static std::ffi::CStr = c"has one form";
        type In = u64;
        type Out = u64;
        fn create(_: &gild_abi::Args<'_>) -> gild_abi::Result<Plain> {
            Ok(Plain)
        }
        fn plan(&self, tasks: &mut gild_abi::Plan<'_, u64>) -> gild_abi::Result<()> {
            tasks.emit(1)
        }
        fn run(&self, _: &mut gild_abi::Cx<'_>, input: &u64) -> gild_abi::Result<u64> {
            Ok(*input)
        }
    }
    assert!(table::<Plain>().extension.is_none());
}

/// An operation of one task that sleeps, as a host holds it.
fn with_operation(look: impl FnOnce(&raw::Async, *mut c_void, *mut raw::Task)) {
    host::begin(Wishes::default());
    let (kernel, form) = (table::<Patient>(), form());
    let (mut this, mut op) = (ptr::null_mut(), ptr::null_mut());
    let mut task = host::Task::new();
    // SAFETY: everything is as the header wants it, and is used in its order.
    unsafe {
        let args = [raw::Scalar { str: c"sleep".as_ptr() }];
        assert_eq!(kernel.create.unwrap()(host::table(), args.as_ptr(), &mut this), raw::OK);
        assert_eq!(kernel.plan.unwrap()(this, host::plan()), raw::OK);
        let inputs = host::take_tasks();
        let start = form.start.unwrap();
        assert_eq!(start(this, task.as_mut_ptr(), &inputs[0].0, ptr::null_mut()), raw::E_INTERNAL);
        assert_eq!(start(this, task.as_mut_ptr(), ptr::null(), &mut op), raw::E_INTERNAL);
        assert!(op.is_null());
        assert_eq!(start(this, task.as_mut_ptr(), &inputs[0].0, &mut op), raw::OK);
        look(&form, op, task.as_mut_ptr());
        form.drop.unwrap()(op);
        inputs.iter().for_each(|(input, _)| (*input.r#type).drop.unwrap()(input.ptr));
        kernel.destroy.unwrap()(this);
    }
}

#[test]
fn poll_bears_null_pointers_short_tables_and_an_operation_that_is_over() {
    with_operation(|form, op, task| {
        let mut output = raw::Value { r#type: ptr::null(), ptr: ptr::null_mut() };
        let mut blind = raw::Task { attention: ptr::null() };
        // SAFETY: the test host's table is static.
        let whole = unsafe { *waits::table() };
        let short = raw::Waits { size: whole.size - 8, ..whole };
        let poll = form.poll.unwrap();
        // SAFETY: the pointers are null or valid.
        unsafe {
            assert_eq!(poll(ptr::null_mut(), task, &whole, &mut output), raw::E_INTERNAL);
            assert_eq!(poll(op, ptr::null_mut(), &whole, &mut output), raw::E_INTERNAL);
            assert_eq!(poll(op, &mut blind, &whole, &mut output), raw::E_INTERNAL);
            assert_eq!(poll(op, task, ptr::null(), &mut output), raw::E_INTERNAL);
            assert_eq!(poll(op, task, &short, &mut output), raw::E_INTERNAL);
            assert_eq!(poll(op, task, &whole, ptr::null_mut()), raw::E_INTERNAL);
            assert_eq!(poll(op, task, &whole, &mut output), raw::PENDING, "it has only just begun");
            std::thread::sleep(NAP);
            assert_eq!(poll(op, task, &whole, &mut output), raw::OK);
            (*output.r#type).drop.unwrap()(output.ptr);
            output.r#type = ptr::null();
            assert_eq!(poll(op, task, &whole, &mut output), raw::E_INTERNAL);
        }
        assert!(output.r#type.is_null());
        let over = host::record().failure.unwrap().1;
        assert_eq!(over, "the host polled an operation that is over");
    });
    with_operation(|form, op, task| {
        let mut output = raw::Value { r#type: ptr::null(), ptr: ptr::null_mut() };
        // SAFETY: as above.
        let holed = raw::Waits { timer: None, ..unsafe { *waits::table() } };
        // SAFETY: as above.
        assert_eq!(unsafe { form.poll.unwrap()(op, task, &holed, &mut output) }, raw::E_INTERNAL);
    });
}
