//! Plugins in C that are wrong from the start: compiled by the test that needs them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `tests/plugins/NAME.c` into `folder/libNAME.so`.
///
/// # Panics
/// The compiler complains.
pub fn compile(name: &str, folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("plugins/{name}.c"));
    compile_file(&source, folder)
}

/// Compiles C text into `folder/libNAME.so`.
///
/// # Panics
/// The compiler complains.
pub fn compile_text(name: &str, text: &str, folder: &Path) -> PathBuf {
    let source = folder.join(format!("{name}.c"));
    std::fs::write(&source, text).expect("the folder is the test's own");
    compile_file(&source, folder)
}

fn compile_file(source: &Path, folder: &Path) -> PathBuf {
    let name = source.file_stem().expect("it is a file").to_string_lossy();
    let library = folder.join(format!("lib{name}.so"));
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/abi/include");
    let status = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wl,-z,defs,-z,nodelete", "-I"])
        .args([&header, source, Path::new("-o"), &library])
        .status()
        .expect("a C compiler is installed");
    assert!(status.success(), "{name}: {status}");
    library
}
