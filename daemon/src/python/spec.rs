//! What the daemon tells `gild python`, and what that answers.
//!
//! It is started like a coordinator ([`gild_engine::spec`]): one JSON value each way over the control socket. A trial has its ledger
//! and its recording in two more descriptors; a probe has neither.

use std::path::PathBuf;

use gild_engine::spec::Outcome;
use gild_model::case::{Case, Model};
use gild_model::python::{Interpreter, PythonKernel};
use serde::{Deserialize, Serialize};

/// What to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PythonSpec {
    /// With which kernel.
    pub kernel: PythonKernel,
    /// What.
    pub ask: Ask,
}

/// What to do with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Look whether this interpreter could run it under these models. Answered by a [`Probed`].
    Probe {
        /// As the user names it.
        python: PathBuf,
        /// The models.
        models: Vec<Model>,
    },
    /// Run a trial. Answered by an [`Outcome`].
    Trial {
        /// What is run for the case's interpreter.
        executable: PathBuf,
        /// The case.
        case: Case,
    },
}

/// What an interpreter turned out to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probed {
    /// Trials can be run.
    Possible(Interpreter),
    /// They cannot, for this reason.
    Refused(String),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of a probe.
    Probed(Probed),
    /// Of a trial.
    Outcome(Outcome),
}
