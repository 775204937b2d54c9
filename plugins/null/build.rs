//! Compiles `null.c` with the system C compiler and lays the library beside those that cargo builds.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// What `null.c` says at its top, and every warning.
const FLAGS: &[&str] = &[
    "-std=c11",
    "-O2",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-Wl,-z,defs",
    "-Wl,-z,nodelete",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error=cannot build libnull.so: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let include = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../abi/include");
    let built = PathBuf::from(variable("OUT_DIR")?).join("libnull.so");
    compile(&include, &built)?;
    let beside = profile_folder(&built)?.join("libnull.so");
    replace(&built, &beside).map_err(|error| format!("{}: {error}", beside.display()))?;
    println!("cargo::rustc-env=GILD_NULL_LIBRARY={}", built.display());
    for input in [Path::new("null.c"), &include.join("gild_kernel.h"), &beside] {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    println!("cargo::rerun-if-env-changed=CC");
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}: run by cargo only"))
}

fn compile(include: &Path, built: &Path) -> Result<(), String> {
    let way_out = "install one (Debian: apt install gcc) or name it in the environment variable CC";
    let compiler = cc::Build::new()
        .no_default_flags(true)
        .warnings(false)
        .cargo_metadata(false)
        .try_get_compiler()
        .map_err(|error| format!("no C compiler: {error}; {way_out}"))?;
    let mut command: Command = compiler.to_command();
    command.args(FLAGS).arg("-I").arg(include).arg("-o").arg(built).arg("null.c");
    let output = command.output().map_err(|error| format!("cannot run the C compiler: {error}; {way_out}"))?;
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        println!("cargo::warning={line}");
    }
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", output.status)) }
}

/// `target/release` of `target/release/build/gild-null-…/out/libnull.so`.
fn profile_folder(built: &Path) -> Result<&Path, String> {
    built.ancestors().nth(4).ok_or_else(|| format!("{} is not in a folder of cargo's", built.display()))
}

/// Copies by renaming, because a running process may have the old library mapped. The copy gets the time of its source,
/// so that cargo runs this program again when the copy is gone, and not because it was made.
fn replace(built: &Path, beside: &Path) -> std::io::Result<()> {
    let new = beside.with_extension(format!("so.{}", std::process::id()));
    fs::copy(built, &new)?;
    fs::File::options().write(true).open(&new)?.set_modified(fs::metadata("null.c")?.modified()?)?;
    fs::rename(&new, beside)
}
