//! What a plugin says of itself and its kernels, as read by a short-lived scan process.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::experiment::ParamValue;

/// The note on a worker that ran such a kernel on an event loop.
pub const BLOCKS_LOOP: &str = "the kernel has no asynchronous form: each task blocked the event loop";

/// A plugin library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// Where the library is.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence.
    pub license: String,
    /// Version of the ABI it was built against, `major.minor`.
    pub abi: String,
    /// Its kernels.
    pub kernels: Vec<KernelInfo>,
}

/// A kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelInfo {
    /// Its name.
    pub name: String,
    /// What it does, in one line.
    pub summary: String,
    /// Its parameters.
    pub params: Vec<ParamInfo>,
    /// Its own phases inside `compute`.
    pub phases: Vec<String>,
    /// Several workers may use one instance at once.
    pub shared: bool,
    /// Equal arguments and input give equal output.
    pub deterministic: bool,
    /// It works in a child forked after loading, without exec.
    pub fork_safe: bool,
    /// It checks its results against a known answer.
    pub verifies: bool,
    /// It has an asynchronous form: many of its tasks can share one thread.
    #[serde(default)]
    pub asynchronous: bool,
}

/// A parameter of a kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParamInfo {
    /// Its name.
    pub name: String,
    /// What it means, in one line.
    pub summary: String,
    /// Its unit, if it has one.
    pub unit: Option<String>,
    /// `integer`, `number` or `string`.
    pub kind: ParamKind,
    /// Its value unless one is given.
    pub preset: ParamValue,
    /// Least value, inclusive (numbers).
    pub min: Option<ParamValue>,
    /// Greatest value, inclusive (numbers).
    pub max: Option<ParamValue>,
    /// The values it may have (strings with a closed choice).
    pub choices: Vec<String>,
}

/// What a parameter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParamKind {
    /// A 64-bit signed integer.
    Integer,
    /// A 64-bit floating-point number.
    Number,
    /// A string.
    String,
}

/// A library in the plugin path that could not be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginRefusal {
    /// Where the library is.
    pub path: PathBuf,
    /// Why it was refused.
    pub reason: String,
}

/// All the libraries of the plugin path.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PluginList {
    /// The folders that were searched, in order.
    pub path: Vec<PathBuf>,
    /// The plugins found.
    pub plugins: Vec<PluginInfo>,
    /// Libraries that say they are plugins and cannot be used.
    pub refused: Vec<PluginRefusal>,
}
