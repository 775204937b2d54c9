//! The library that the C compiler made: what it exports, what it says of itself, and a whole life through it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::ffi::{CStr, c_char};
use std::path::{Path, PathBuf};
use std::process::Command;

use gild_abi::raw;
use gild_abi::testing::{Arg, RawTrial, Wishes, drive};
use gild_null::LIBRARY;
use object::{Object, ObjectSymbol};

/// Opens the library for good: a plugin is never unloaded.
fn open(library: &Path) -> &'static raw::Plugin {
    // SAFETY: the library is ours and has no constructor; the entry symbol has this type (header).
    unsafe {
        let library = libloading::Library::new(library).unwrap();
        let plugin = library.get::<raw::Entry>(raw::ENTRY_SYMBOL).unwrap()();
        std::mem::forget(library);
        &*plugin
    }
}

fn kernel(plugin: &raw::Plugin) -> &'static raw::Kernel {
    // SAFETY: the list has one kernel, and tables are static.
    unsafe { &**plugin.kernels }
}

fn text(pointer: *const c_char) -> &'static str {
    // SAFETY: only called for texts of the library: static and NUL-terminated.
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()
}

fn run(library: &Path, args: &[(&str, Arg)]) -> RawTrial {
    // SAFETY: the table is one as the header specifies it: that is what is tested.
    unsafe { drive(kernel(open(library)), args, Wishes::default()) }.unwrap()
}

#[test]
fn the_library_exports_the_entry_function_and_nothing_else() {
    let bytes = std::fs::read(LIBRARY).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let exports: Vec<&str> = file.dynamic_symbols().filter(|s| s.is_definition()).map(|s| s.name().unwrap()).collect();
    assert_eq!(exports, ["gild_plugin_v1"]);
}

#[test]
fn the_library_lies_beside_those_of_cargo() {
    // target/release of target/release/deps/library-…
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("libnull.so");
    assert_eq!(std::fs::read(profile).unwrap(), std::fs::read(LIBRARY).unwrap());
}

#[test]
fn the_library_says_who_it_is() {
    let plugin = open(Path::new(LIBRARY));
    assert_eq!((plugin.abi_major, plugin.abi_minor, plugin.abi_minor_min), (1, 0, 0));
    assert_eq!(plugin.size as usize, size_of::<raw::Plugin>());
    assert_eq!(text(plugin.name), env!("CARGO_PKG_NAME"));
    assert_eq!(text(plugin.version), env!("CARGO_PKG_VERSION"));
    assert_eq!(text(plugin.license), "MIT OR Apache-2.0");
    // SAFETY: the list ends in null.
    assert!(unsafe { *plugin.kernels.add(1) }.is_null());
}

#[test]
fn the_kernel_says_what_it_needs() {
    let kernel = kernel(open(Path::new(LIBRARY)));
    assert_eq!(text(kernel.name), "null");
    assert_eq!(kernel.flags, raw::KERNEL_SHARED | raw::KERNEL_DETERMINISTIC | raw::KERNEL_FORK_SAFE);
    // SAFETY: the kernel has that many parameters.
    let params = unsafe { std::slice::from_raw_parts(kernel.params, kernel.n_params) };
    assert_eq!(params.iter().map(|param| text(param.name)).collect::<Vec<_>>(), ["tasks", "payload"]);
    for param in params {
        // SAFETY: both are integers.
        let (min, preset, max) = unsafe { (param.min.i64, param.preset.i64, param.max.i64) };
        assert!(param.kind == raw::KIND_I64 && min <= preset && preset <= max, "{}", text(param.name));
    }
}

#[test]
fn every_task_gives_a_payload_of_the_size_asked_for() {
    let trial = run(Path::new(LIBRARY), &[]);
    assert_eq!(trial.outputs, vec![Vec::<u8>::new(); 1000]);
    assert_eq!((trial.weights, trial.verified), (vec![1; 1000], false));
    let trial = run(Path::new(LIBRARY), &[("tasks", 2.into()), ("payload", 5.into())]);
    assert_eq!(trial.outputs, [[0; 5], [0; 5]]);
}

/// A library that was built against v1.0 loads and runs for ever.
#[test]
fn the_source_builds_and_runs_against_the_frozen_header() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    let frozen = here.join("../abi/tests/frozen/gild_kernel_v1_0.h");
    std::fs::copy(frozen, dir.path().join("gild_kernel.h")).unwrap();
    let library: PathBuf = dir.path().join("libfrozen.so");
    let status = Command::new(std::env::var_os("CC").unwrap_or("cc".into()))
        .args(["-std=c11", "-fPIC", "-shared", "-fvisibility=hidden", "-Wl,-z,defs,-z,nodelete"])
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .args([dir.path(), &here.join("null.c"), Path::new("-o"), &library])
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(open(&library).abi_minor, 0);
    assert_eq!(run(&library, &[("tasks", 3.into())]).outputs, vec![Vec::<u8>::new(); 3]);
}
