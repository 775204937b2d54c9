//! The examples of `docs/plugins.md` build and work as they are printed. (Its Rust blocks are doctests, too.)

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use gild_abi::raw;
use gild_abi::testing::{Arg, Form, RawTrial, Wishes, drive_in};
use tempfile::TempDir;

const GUIDE: &str = include_str!("../../../docs/plugins.md");

/// The first block of a language that contains a text.
fn block(language: &str, containing: &str) -> &'static str {
    let blocks = GUIDE.split("\n```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap());
    let mut matching =
        blocks.filter(|(info, body)| info.split(',').next() == Some(language) && body.contains(containing));
    matching.next().unwrap().1
}

/// A folder that has a clone of gild in it, as the guide wants it.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    std::os::unix::fs::symlink(root, dir.path().join("gild")).unwrap();
    dir
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs the first kernel of a library.
fn run(library: PathBuf, form: Form, args: &[(&str, Arg)]) -> RawTrial {
    // SAFETY: the guide's libraries have no constructors and keep to the header: that is what is tested.
    unsafe {
        let library = libloading::Library::new(library).unwrap();
        let plugin = library.get::<raw::Entry>(raw::ENTRY_SYMBOL).unwrap()();
        std::mem::forget(library);
        drive_in(*(*plugin).kernels, form, args, Wishes::default()).unwrap()
    }
}

#[test]
fn the_c_example_builds_without_a_warning_by_the_line_given_and_works() {
    let dir = folder();
    std::fs::write(dir.path().join("squares.c"), block("c", "gild_plugin_v1")).unwrap();
    let line = GUIDE.lines().find(|line| line.starts_with("cc ")).unwrap();
    let strict = format!("{line} -Wall -Wextra -Wpedantic -Werror");
    succeeds(Command::new("sh").arg("-c").arg(strict).current_dir(dir.path()));
    let trial = run(dir.path().join("libsquares.so"), Form::Plain, &[("tasks", 4.into())]);
    assert_eq!(trial.outputs, [0_u64, 1, 5, 14].map(u64::to_le_bytes));
    assert_eq!((trial.weights, trial.verified), (vec![1, 2, 3, 4], true));
}

#[test]
fn the_rust_example_builds_from_the_files_given_and_works() {
    let dir = folder();
    let library = build(&dir, "checksum", block("rust", "export!(Checksum)"));
    let trial = run(library, Form::Plain, &[("documents", 3.into()), ("bytes", 8192.into())]);
    assert_eq!(trial.outputs, [0_u64, 8192, 16384].map(u64::to_le_bytes));
    assert_eq!(trial.record.phases, [0, 1, 0, 1, 0, 1]);
    assert!(trial.verified);
}

#[test]
fn the_asynchronous_example_builds_and_gives_the_same_results_in_both_forms() {
    let dir = folder();
    let library = build(&dir, "letters", block("rust", "export!(Letters)"));
    let args = [("letters", 3.into()), ("postman", 1.into())];
    let [plain, on_loop] = [Form::Plain, Form::Async].map(|form| run(library.clone(), form, &args));
    assert_eq!(plain.outputs, [1_u64, 2, 3].map(u64::to_le_bytes));
    assert_eq!(on_loop.outputs, plain.outputs);
    assert_eq!((plain.record.releases, on_loop.record.releases), (3, 0), "one blocks, the other waits");
    assert!(on_loop.record.waits >= 3 && on_loop.record.phases.len() >= 3, "{:?}", on_loop.record);
}

/// Builds a package as the guide says, from its `Cargo.toml` with this name, and gives the library.
fn build(dir: &TempDir, name: &str, code: &str) -> PathBuf {
    let package = dir.path().join(name);
    std::fs::create_dir_all(package.join("src")).unwrap();
    std::fs::write(package.join("Cargo.toml"), block("toml", "checksum").replace("checksum", name)).unwrap();
    std::fs::write(package.join("src/lib.rs"), code).unwrap();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    succeeds(cargo.args(["build", "--release", "--offline", "--target-dir", "target"]).current_dir(&package));
    package.join(format!("target/release/lib{name}.so"))
}

#[test]
fn the_asynchronous_part_in_c_is_that_of_a_whole_kernel_that_the_tests_run() {
    let whole = include_str!("../../../tests/plugins/relay.c");
    let shown = block("c", "gild_waits");
    assert!(whole.contains(shown), "the guide shows something else than tests/plugins/relay.c has:\n{shown}");
}
