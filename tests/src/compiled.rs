//! Plugins in C that are wrong from the start: compiled by the test that needs them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `tests/plugins/NAME.c` into `folder/libNAME.so`.
///
/// # Panics
/// The compiler complains.
pub fn compile(name: &str, folder: &Path) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = folder.join(format!("lib{name}.so"));
    let status = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wl,-z,defs,-z,nodelete", "-I"])
        .args([
            &here.join("../plugins/abi/include"),
            &here.join(format!("plugins/{name}.c")),
            Path::new("-o"),
            &library,
        ])
        .status()
        .expect("a C compiler is installed");
    assert!(status.success(), "{name}: {status}");
    library
}
