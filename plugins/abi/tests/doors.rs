//! Every door of a library, with everything that may come through it: errors, panics, null pointers, wrong types.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod fragile;

use std::ffi::{CStr, c_void};
use std::ptr;

use fragile::{Fragile, Note};
use gild_abi::testing::{Step, Wishes, host, run, run_with, table};
use gild_abi::{Kernel, Value, raw};

/// An instance, as a host holds it.
struct Held(*mut c_void);

impl Held {
    fn new(fault: &CStr) -> Held {
        let (status, this) = create(host::table(), fault);
        assert_eq!(status, raw::OK, "{:?}", host::record());
        Held(this)
    }

    fn plan(&self) -> raw::Status {
        // SAFETY: the instance lives.
        unsafe { doors().plan.unwrap()(self.0, host::plan()) }
    }

    /// Runs a task and says what the host has seen. The result is looked at for its type only, and leaks.
    fn run(&self, text: &str, wishes: Wishes) -> (raw::Status, host::Record) {
        host::begin(wishes);
        let input = value(Note::new(text));
        let mut output = nothing();
        let mut task = host::Task::new();
        // SAFETY: all pointers are valid.
        let status = unsafe { doors().run.unwrap()(self.0, task.as_mut_ptr(), &input, &mut output) };
        drop_value(input);
        assert_eq!(output.r#type.is_null(), status != raw::OK, "a result exists exactly if the run succeeded");
        (status, host::record())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: made by `create`, destroyed once.
        unsafe { doors().destroy.unwrap()(self.0) };
    }
}

fn doors() -> &'static raw::Kernel {
    table::<Fragile>()
}

fn create(host: *const raw::Host, fault: &CStr) -> (raw::Status, *mut c_void) {
    let args = [
        raw::Scalar { str: fault.as_ptr() },
        raw::Scalar { i64: 3 },
        raw::Scalar { f64: 1.5 },
        raw::Scalar { str: c"fast".as_ptr() },
    ];
    let mut this = ptr::null_mut();
    // SAFETY: one argument per parameter, of its kind.
    let status = unsafe { doors().create.unwrap()(host, args.as_ptr(), &mut this) };
    assert_eq!(this.is_null(), status != raw::OK, "an instance exists exactly if it was created");
    (status, this)
}

fn note_type() -> &'static raw::Type {
    // SAFETY: the list has at least one type, and types are static.
    unsafe { &**doors().types }
}

fn nothing() -> raw::Value {
    raw::Value { r#type: ptr::null(), ptr: ptr::null_mut() }
}

/// A value as `plan` would have emitted it.
fn value(note: Note) -> raw::Value {
    raw::Value { r#type: note_type(), ptr: Box::into_raw(Box::new(note)).cast() }
}

fn drop_value(value: raw::Value) {
    // SAFETY: the value is of this type and given away here.
    unsafe { note_type().drop.unwrap()(value.ptr) };
}

/// The error that the last call named.
fn named() -> Option<(raw::Status, String)> {
    host::record().failure
}

fn error(status: raw::Status, text: &str) -> Option<(raw::Status, String)> {
    Some((status, text.to_owned()))
}

#[test]
fn a_kernel_without_a_fault_lives_its_whole_life() {
    let trial = run::<Fragile>(&[]).unwrap();
    assert_eq!(trial.outputs, ["note 0", "note 1", "note 2"].map(Note::new));
    assert_eq!(trial.weights, [1, 1, 2], "no weight is below 1");
    assert!(trial.verified);
    assert!(trial.record.log.is_empty() && trial.record.failure.is_none());
}

#[test]
fn an_error_ends_the_call_with_its_text_and_the_status_of_the_door() {
    for (fault, step, status, text) in [
        ("error in create", Step::Create, raw::E_PARAM, "asked to fail in create"),
        ("error in plan", Step::Plan, raw::E_INTERNAL, "asked to fail in plan"),
        ("error in verify", Step::Verify, raw::E_MISMATCH, "3 notes, none of them right"),
    ] {
        let failure = run::<Fragile>(&[("fault", fault.into())]).unwrap_err();
        assert_eq!((failure.step, failure.status, failure.text.as_str()), (step, status, text));
    }
    let held = Held::new(c"none");
    for (input, status, text) in [
        ("error", raw::E_INTERNAL, "asked to fail"),
        ("io", raw::E_IO, "the disk is on fire"),
        ("unsupported", raw::E_UNSUPPORTED, "not on this machine"),
    ] {
        let (found, record) = held.run(input, Wishes::default());
        assert_eq!((found, record.failure), (status, error(status, text)));
    }
}

#[test]
fn a_panic_in_create_plan_verify_is_an_error() {
    for (fault, step, text) in [
        ("panic in create", Step::Create, "panicked: asked to panic in create"),
        ("panic in plan", Step::Plan, "panicked: asked to panic in plan"),
        ("panic in verify", Step::Verify, "panicked: asked to panic in verify"),
        ("unknown parameter", Step::Create, "panicked: the kernel has no parameter no-such"),
        ("wrong kind", Step::Create, "panicked: parameter fault is not an integer but Text(\"wrong kind\")"),
    ] {
        let failure = run::<Fragile>(&[("fault", fault.into())]).unwrap_err();
        assert_eq!((failure.step, failure.status, failure.text.as_str()), (step, raw::E_PANIC, text));
    }
}

#[test]
fn a_panic_in_run_is_an_error_whatever_its_payload() {
    let held = Held::new(c"none");
    for (input, text) in [
        ("panic", "panicked: asked to panic"),
        ("panic with a number", "panicked with something that is not a text"),
        ("panic with a bomb", "panicked with something that is not a text"),
        ("no such phase", "panicked: phase 2 of 2 does not exist"),
    ] {
        let (status, record) = held.run(input, Wishes::default());
        assert_eq!((status, record.failure), (raw::E_PANIC, error(raw::E_PANIC, text)));
    }
    assert_eq!(held.run("ok", Wishes::default()).0, raw::OK, "the instance lives on");
}

#[test]
fn a_panic_in_destroy_or_drop_is_a_message() {
    let held = Held::new(c"panic in destroy");
    host::begin(Wishes::default());
    drop(held);
    let text = "while dropping fragile: panicked: asked to panic in destroy";
    assert_eq!(host::record().log, [(raw::LOG_ERROR, text.to_owned())]);

    host::begin(Wishes::default());
    drop_value(value(Note::new("panic in drop")));
    let text = "while dropping test.note/1: panicked: asked to panic in drop";
    assert_eq!(host::record().log, [(raw::LOG_ERROR, text.to_owned())]);
}

/// A writer that takes a number of calls and then fails.
struct Tape {
    bytes: Vec<u8>,
    calls: usize,
    good_calls: usize,
}

unsafe extern "C" fn write(ctx: *mut c_void, src: *const c_void, len: usize) -> raw::Status {
    // SAFETY: `encode` below put a tape there; the type lends the bytes.
    let (tape, src) = unsafe { (&mut *ctx.cast::<Tape>(), std::slice::from_raw_parts(src.cast::<u8>(), len)) };
    tape.calls += 1;
    if tape.calls > tape.good_calls {
        return raw::E_NOMEM;
    }
    tape.bytes.extend_from_slice(src);
    raw::OK
}

fn encode(text: &str, good_calls: usize) -> (raw::Status, Tape) {
    host::begin(Wishes::default());
    let mut tape = Tape { bytes: Vec::new(), calls: 0, good_calls };
    let writer = raw::Writer { ctx: (&raw mut tape).cast(), write: Some(write) };
    let value = value(Note::new(text));
    // SAFETY: value and writer are valid.
    let status = unsafe { note_type().encode.unwrap()(value.ptr, &writer) };
    drop_value(value);
    (status, tape)
}

#[test]
fn encode_passes_on_what_the_writer_says() {
    Held::new(c"none");
    let (status, tape) = encode("use io", 9);
    assert_eq!((status, tape.bytes.as_slice()), (raw::OK, &b"use io"[..]));
    for text in ["plain", "use io"] {
        let (status, tape) = encode(text, 0);
        assert_eq!((status, tape.calls, named()), (raw::E_NOMEM, 1, None), "{text}");
    }
}

#[test]
fn a_failed_writer_is_asked_no_more_and_not_forgotten() {
    Held::new(c"none");
    let (status, tape) = encode("ignore the writer", 2);
    assert_eq!((status, tape.calls, tape.bytes.as_slice()), (raw::E_NOMEM, 3, &b"ig"[..]));
}

#[test]
fn errors_and_panics_in_encode_are_errors() {
    Held::new(c"none");
    assert_eq!(encode("error in encode", 9).0, raw::E_INTERNAL);
    assert_eq!(named(), error(raw::E_INTERNAL, "asked to fail in encode"));
    assert_eq!(encode("panic in encode", 9).0, raw::E_PANIC);
    assert_eq!(named(), error(raw::E_PANIC, "panicked: asked to panic in encode"));
}

#[test]
fn encode_bears_null_pointers() {
    let encode = note_type().encode.unwrap();
    let empty = raw::Writer { ctx: ptr::null_mut(), write: None };
    let note = value(Note::new("x"));
    // SAFETY: null is what is being tested.
    unsafe {
        assert_eq!(encode(ptr::null(), &empty), raw::E_INTERNAL);
        assert_eq!(encode(note.ptr, ptr::null()), raw::E_INTERNAL);
        assert_eq!(encode(note.ptr, &empty), raw::E_INTERNAL);
    }
    drop_value(note);
}

fn decode(kind: &raw::Type, bytes: &[u8]) -> (raw::Status, *mut c_void) {
    host::begin(Wishes::default());
    let mut decoded = ptr::null_mut();
    let src = raw::Bytes { ptr: bytes.as_ptr(), len: bytes.len() };
    // SAFETY: the bytes are readable; the pointer receives the value.
    let status = unsafe { kind.decode.unwrap()(src, &mut decoded) };
    assert_eq!(decoded.is_null(), status != raw::OK, "a value exists exactly if it was decoded");
    (status, decoded)
}

#[test]
fn decode_refuses_what_is_not_a_value() {
    Held::new(c"none");
    assert_eq!(decode(note_type(), b"\xff\xfe").0, raw::E_DECODE);
    assert_eq!(named(), error(raw::E_DECODE, "a note is UTF-8"));
    assert_eq!(decode(note_type(), b"panic in decode").0, raw::E_PANIC);
    assert_eq!(named(), error(raw::E_PANIC, "panicked: asked to panic in decode"));
}

#[test]
fn decode_bears_null_pointers() {
    let decode = note_type().decode.unwrap();
    let (none, some) = (raw::Bytes { ptr: ptr::null(), len: 0 }, raw::Bytes { ptr: ptr::null(), len: 8 });
    let mut decoded = ptr::null_mut();
    // SAFETY: null is what is being tested.
    unsafe {
        assert_eq!(decode(none, ptr::null_mut()), raw::E_INTERNAL);
        assert_eq!(decode(some, &mut decoded), raw::E_DECODE);
        assert!(decoded.is_null());
        assert_eq!(decode(none, &mut decoded), raw::OK, "an empty note is a note");
        note_type().drop.unwrap()(decoded);
        note_type().drop.unwrap()(ptr::null_mut());
    }
}

#[test]
fn ready_made_values_survive_the_way_and_refuse_other_lengths() {
    fn there_and_back<T: Value + PartialEq + std::fmt::Debug>(original: T, bytes: &[u8]) {
        assert_eq!(T::decode(bytes).unwrap(), original);
    }
    there_and_back(0x0102_0304_0506_0708_u64, &[8, 7, 6, 5, 4, 3, 2, 1]);
    there_and_back(vec![1_u8, 2], &[1, 2]);
    there_and_back("ä".to_owned(), "ä".as_bytes());
    for length in [0, 7, 9] {
        assert_eq!(u64::decode(&vec![0; length]).unwrap_err().to_string(), format!("expected 8 bytes, found {length}"));
    }
    String::decode(b"\xff").unwrap_err();
}

#[test]
fn a_cancel_at_a_safe_point_comes_out_of_run_without_a_text() {
    let held = Held::new(c"none");
    let (status, record) = held.run("poll", Wishes { cancel_at: Some(1000), ..Wishes::default() });
    assert_eq!((status, record.safe_points, record.failure), (raw::E_CANCELLED, 1001, None));
}

#[test]
fn a_blocking_region_takes_the_lock_back_on_every_way_out() {
    let held = Held::new(c"none");
    let never = Wishes::default();
    for (input, wishes, expected) in [
        ("block", never, raw::OK),
        ("block", Wishes { cancel_at: Some(0), ..never }, raw::E_CANCELLED),
        ("block and panic", never, raw::E_PANIC),
        ("block and panic", Wishes { cancel_at: Some(0), ..never }, raw::E_PANIC),
    ] {
        let (status, record) = held.run(input, wishes);
        assert_eq!((status, record.releases, record.acquires), (expected, 1, 1), "{input}, {wishes:?}");
        assert!(record.mistakes.is_empty(), "{:?}", record.mistakes);
    }
}

#[test]
fn phases_nest_and_close_on_every_way_out() {
    let held = Held::new(c"none");
    for (input, cancel_at, expected, phases) in [
        ("phases", None, raw::OK, &[0, 1, 1][..]),
        ("phases", Some(0), raw::E_CANCELLED, &[0, 1]),
        ("phase and panic", None, raw::E_PANIC, &[0, 1]),
    ] {
        let (status, record) = held.run(input, Wishes { cancel_at, ..Wishes::default() });
        assert_eq!((status, record.phases.as_slice()), (expected, phases), "{input}");
        assert!(record.open_phases.is_empty() && record.mistakes.is_empty(), "{input}: {record:?}");
    }
}

#[test]
fn messages_reach_the_host_even_while_blocking() {
    let (status, record) = Held::new(c"none").run("log", Wishes::default());
    let expected = [(raw::LOG_WARN, "before".to_owned()), (raw::LOG_DEBUG, "while blocking".to_owned())];
    assert_eq!((status, record.log.as_slice(), record.mistakes.len()), (raw::OK, &expected[..], 0));
}

#[test]
fn a_refused_task_ends_the_plan_even_if_the_kernel_ignores_it() {
    for (fault, tasks) in [(c"none", 2), (c"ignore a refusal", 2)] {
        let held = Held::new(fault);
        host::begin(Wishes { refuse_task: Some(1), ..Wishes::default() });
        assert_eq!(held.plan(), raw::E_NOMEM);
        let planned = host::take_tasks();
        assert_eq!(planned.len(), tasks, "{fault:?}");
        planned.into_iter().for_each(|(input, _)| drop_value(input));
    }
    let wishes = Wishes { refuse_task: Some(0), ..Wishes::default() };
    assert_eq!(run_with::<Fragile>(&[], wishes).unwrap_err().step, Step::Plan);
}

#[test]
fn no_door_follows_a_null_instance() {
    Held::new(c"none");
    host::begin(Wishes::default());
    let (kernel, input, mut output) = (doors(), value(Note::new("x")), nothing());
    let expected = error(raw::E_INTERNAL, "the host gave no instance");
    // SAFETY: null is what is being tested.
    unsafe {
        assert_eq!(kernel.plan.unwrap()(ptr::null_mut(), host::plan()), raw::E_INTERNAL);
        assert_eq!(named(), expected);
        let mut task = host::Task::new();
        assert_eq!(kernel.run.unwrap()(ptr::null_mut(), task.as_mut_ptr(), &input, &mut output), raw::E_INTERNAL);
        assert_eq!(named(), expected);
        assert_eq!(kernel.verify.unwrap()(ptr::null_mut(), ptr::null(), 0), raw::E_INTERNAL);
        assert_eq!(named(), expected);
        kernel.destroy.unwrap()(ptr::null_mut());
    }
    drop_value(input);
}

#[test]
fn run_and_verify_bear_null_pointers() {
    let held = Held::new(c"none");
    let (kernel, input, mut output) = (doors(), value(Note::new("x")), nothing());
    let mut task = host::Task::new();
    let mut blind = raw::Task { attention: ptr::null() };
    // SAFETY: null is what is being tested.
    unsafe {
        let run = kernel.run.unwrap();
        assert_eq!(run(held.0, ptr::null_mut(), &input, &mut output), raw::E_INTERNAL);
        assert_eq!(run(held.0, &mut blind, &input, &mut output), raw::E_INTERNAL);
        assert_eq!(run(held.0, task.as_mut_ptr(), ptr::null(), &mut output), raw::E_INTERNAL);
        assert_eq!(run(held.0, task.as_mut_ptr(), &input, ptr::null_mut()), raw::E_INTERNAL);
        let hollow = raw::Value { ptr: ptr::null_mut(), ..input };
        assert_eq!(run(held.0, task.as_mut_ptr(), &hollow, &mut output), raw::E_INTERNAL);
        assert_eq!(run(held.0, task.as_mut_ptr(), &nothing(), &mut output), raw::E_MISMATCH);
        assert_eq!(kernel.verify.unwrap()(held.0, ptr::null(), 1), raw::E_INTERNAL);
        assert_eq!(kernel.verify.unwrap()(held.0, ptr::null(), 0), raw::OK);
    }
    assert!(output.r#type.is_null());
    drop_value(input);
}

#[test]
fn run_looks_at_the_id_of_a_type_and_not_at_its_address() {
    let held = Held::new(c"none");
    let (mut output, mut task) = (nothing(), host::Task::new());
    let note = value(Note::new("x"));
    let (copy, stranger) = (*note_type(), raw::Type { id: c"test.other/1".as_ptr(), ..*note_type() });
    // SAFETY: the value is the one that its type's id says, or must not be looked at.
    unsafe {
        let run = doors().run.unwrap();
        let foreign = raw::Value { r#type: &stranger, ..note };
        assert_eq!(run(held.0, task.as_mut_ptr(), &foreign, &mut output), raw::E_MISMATCH);
        assert_eq!(named(), error(raw::E_MISMATCH, "expected a value of type test.note/1, found \"test.other/1\""));
        let same = raw::Value { r#type: &copy, ..note };
        assert_eq!(run(held.0, task.as_mut_ptr(), &same, &mut output), raw::OK);
    }
    drop_value(output);
    drop_value(note);
}

#[test]
fn create_refuses_a_host_that_is_not_whole() {
    // SAFETY: the test host's table is valid for ever.
    let whole = unsafe { *host::table() };
    let short = raw::Host { size: whole.size - 8, ..whole };
    let holed = raw::Host { acquire: None, ..whole };
    for host in [ptr::null(), &raw const short, &raw const holed] {
        assert_eq!(create(host, c"none").0, raw::E_MISMATCH);
    }
    let longer = raw::Host { size: whole.size + 64, ..whole };
    let (status, this) = create(&longer, c"none");
    assert_eq!(status, raw::OK, "a host of a later minor version has a longer table");
    drop(Held(this));
}

#[test]
fn create_bears_null_pointers_and_bad_texts() {
    let mut this = ptr::null_mut();
    let args = [raw::Scalar { str: ptr::null() }; 4];
    // SAFETY: null is what is being tested.
    unsafe {
        let create = doors().create.unwrap();
        assert_eq!(create(host::table(), ptr::null(), &mut this), raw::E_INTERNAL);
        assert_eq!(create(host::table(), args.as_ptr(), &mut this), raw::E_INTERNAL);
        assert_eq!(create(host::table(), args.as_ptr(), ptr::null_mut()), raw::E_INTERNAL);
    }
    assert!(this.is_null());
    assert_eq!(create(host::table(), c"\xff").0, raw::E_PARAM);
}

#[test]
fn a_type_that_is_input_and_output_is_listed_once() {
    // SAFETY: the list ends in null.
    unsafe {
        assert_eq!(CStr::from_ptr((**doors().types).id), Note::ID);
        assert!((*doors().types.add(1)).is_null());
    }
}

#[test]
fn flags_and_phases_are_in_the_table() {
    assert_eq!(doors().flags, raw::KERNEL_SHARED | raw::KERNEL_DETERMINISTIC);
    // SAFETY: the list ends in null.
    let phases: Vec<&CStr> = (0..)
        .map(|i| unsafe { *doors().phases.add(i) })
        .take_while(|p| !p.is_null())
        .map(|p| unsafe { CStr::from_ptr(p) })
        .collect();
    assert_eq!(phases, Fragile::PHASES);
}
