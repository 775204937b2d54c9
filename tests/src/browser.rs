//! A real browser: the system's Chromium, driven by playwright-core on node, to look at reports.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde::de::DeserializeOwned;

use crate::binaries::{binaries, repository};
use crate::lab::Lab;
use crate::program;

/// The environment variable that names a folder for screenshots.
const SCREENSHOTS: &str = "GILD_TEST_SCREENSHOTS";

/// What opens a report.
#[derive(Debug, Clone)]
pub struct Browser {
    chromium: PathBuf,
    packages: PathBuf,
}

/// The browser; its driver is installed into a folder beside the programs the first time, which takes the network, and kept.
///
/// # Errors
/// There is no browser, no node, or the packages cannot be had here.
pub fn browser() -> Result<Browser, String> {
    // Two tests must not install at the same time.
    static BROWSER: OnceLock<Result<Browser, String>> = OnceLock::new();
    BROWSER.get_or_init(find).clone()
}

fn find() -> Result<Browser, String> {
    let chromium = on_path("chromium").or_else(|| on_path("google-chrome"));
    let chromium = chromium.ok_or("there is no chromium (apt-get install chromium)")?;
    on_path("node").ok_or("there is no node (apt-get install nodejs npm)")?;
    Ok(Browser { chromium, packages: installed()? })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The folder with the packages, as the lock file names them.
fn installed() -> Result<PathBuf, String> {
    let (source, folder) = (repository().join("tests/browser"), binaries().folder.join("browser-tests"));
    let lock = fs::read(source.join("package-lock.json")).map_err(|error| format!("the lock file: {error}"))?;
    let done = folder.join("installed");
    if fs::read(&done).is_ok_and(|it| it == lock) {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(source.join(name), folder.join(name)).map_err(|error| format!("cannot copy {name}: {error}"))?;
    }
    let line = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let npm = Command::new("npm").args(line).current_dir(&folder).output();
    match npm {
        Err(error) => Err(format!("there is no npm: {error}")),
        Ok(output) if !output.status.success() => {
            Err(format!("the packages cannot be installed: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
        Ok(_) => {
            fs::write(&done, &lock).map_err(|error| format!("cannot write {}: {error}", done.display()))?;
            Ok(folder)
        }
    }
}

impl Browser {
    /// Opens a report and gives what `tests/browser/look.mjs` saw.
    ///
    /// # Panics
    /// The script fails, or what it says is something else.
    pub fn look<T: DeserializeOwned>(&self, lab: &Lab, report: &Path, what: &str) -> T {
        let mut command = lab.command("node");
        command.arg(repository().join("tests/browser/look.mjs")).arg(report).arg(&self.chromium).arg(what);
        command.env("NODE_PATH", &self.packages);
        command.args(screenshots());
        program::run(&mut command).well().json()
    }
}

/// Where screenshots are wanted, if they are.
pub fn screenshots() -> Option<PathBuf> {
    std::env::var_os(SCREENSHOTS).map(PathBuf::from)
}
