//! Builds the programs and plugins that the tests run.
//!
//! `cargo test` builds what it tests and no more: the programs of other packages and the plugins in the target folder
//! may be missing, or of yesterday. So the first test of a process has cargo build them, in the profile and the target
//! folder that the test program itself was built in; where everything is fresh this takes a moment.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What was built.
#[derive(Debug)]
pub struct Binaries {
    /// The folder of the programs and plugins, such as `target/release`.
    pub folder: PathBuf,
}

impl Binaries {
    /// The daemon.
    pub fn gild(&self) -> PathBuf {
        self.folder.join("gild")
    }

    /// The control program.
    pub fn gilctl(&self) -> PathBuf {
        self.folder.join("gilctl")
    }

    /// What is preloaded into programs that are recorded.
    pub fn preload(&self) -> PathBuf {
        self.folder.join("libgild_preload.so")
    }

    /// The plugins that the tests use: four that work and one that does not.
    pub fn plugins(&self) -> [PathBuf; 5] {
        ["libcalibrated.so", "libcpu_bound.so", "libio_bound.so", "libnull.so", "examples/libfaulty.so"]
            .map(|name| self.folder.join(name))
    }
}

/// The top folder of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

/// Builds everything, the first time that it is called.
pub fn binaries() -> &'static Binaries {
    static BINARIES: OnceLock<Binaries> = OnceLock::new();
    BINARIES.get_or_init(|| {
        let folder = target_folder();
        build(&folder);
        let built = Binaries { folder };
        for file in [built.gild(), built.gilctl(), built.preload()].iter().chain(&built.plugins()) {
            assert!(file.is_file(), "cargo did not build {}", file.display());
        }
        built
    })
}

/// The folder of this test program is `TARGET/PROFILE/deps`.
fn target_folder() -> PathBuf {
    let exe = std::env::current_exe().expect("procfs tells the test program's path");
    exe.ancestors().nth(2).expect("cargo puts test programs two folders deep").to_owned()
}

fn build(folder: &Path) {
    let profile = match folder.file_name().and_then(|it| it.to_str()).expect("cargo names folders after profiles") {
        "debug" => "dev",
        profile => profile,
    };
    let target = folder.parent().expect("the profile's folder lies in the target folder");
    // The same selection as `cargo test --workspace` makes, so that features, and with them dependencies, are the same.
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--quiet",
            "--workspace",
            "--lib",
            "--bins",
            "--examples",
            "--profile",
            profile,
            "--target-dir",
        ])
        .arg(target)
        .current_dir(repository())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "cargo build failed:\n{}", String::from_utf8_lossy(&output.stderr));
}
