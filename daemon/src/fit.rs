//! Holds an experiment against what its kernel declares and what this machine has. Pure.

use gild_model::case::{Case, Pinning, Start};
use gild_model::experiment::Experiment;
use gild_model::host::CoreInfo;
use gild_model::params::{self, ParamError};
use gild_model::plugin::KernelInfo;

/// What in an experiment its kernel, or this machine, cannot do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Misfit {
    /// A parameter.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A parameter of a single case.
    #[error("case \"{case}\": {source}")]
    CaseParam {
        /// The case.
        case: String,
        /// What is wrong with it.
        source: Box<ParamError>,
    },
    /// The kernel does not survive a fork.
    #[error(
        "case \"{case}\": start: the kernel {kernel} does not work in a process that is forked after it was loaded; \
         use start = \"spawn\""
    )]
    ForkUnsafe {
        /// The case.
        case: String,
        /// The kernel.
        kernel: String,
    },
    /// A core that is not there, or that the daemon may not use.
    #[error("case \"{case}\": pinning: found core {core}, expected one of: {known}")]
    NoCore {
        /// The case.
        case: String,
        /// The core.
        core: u32,
        /// The cores that there are.
        known: String,
    },
}

/// Checks an experiment.
///
/// # Errors
/// The first misfit.
pub fn check(experiment: &Experiment, kernel: &KernelInfo, cores: &[CoreInfo]) -> Result<(), Misfit> {
    params::resolve(kernel, &experiment.params)?;
    for case in &experiment.cases {
        params::resolve(kernel, &experiment.params_of(case))
            .map_err(|source| Misfit::CaseParam { case: case.name.clone(), source: Box::new(source) })?;
        check_case(case, kernel, cores)?;
    }
    Ok(())
}

fn check_case(case: &Case, kernel: &KernelInfo, cores: &[CoreInfo]) -> Result<(), Misfit> {
    if case.start == Some(Start::Fork) && !kernel.fork_safe {
        return Err(Misfit::ForkUnsafe { case: case.name.clone(), kernel: kernel.name.clone() });
    }
    check_pinning(case, cores)
}

/// Checks the cases of a kernel in Python, of which the interpreters know everything else.
///
/// # Errors
/// The first misfit.
pub fn check_python(experiment: &Experiment, cores: &[CoreInfo]) -> Result<(), Misfit> {
    experiment.cases.iter().try_for_each(|case| check_pinning(case, cores))
}

fn check_pinning(case: &Case, cores: &[CoreInfo]) -> Result<(), Misfit> {
    let Pinning::Cores(asked) = &case.pinning else { return Ok(()) };
    match asked.iter().find(|core| !cores.iter().any(|known| known.cpu == **core)) {
        None => Ok(()),
        Some(core) => {
            let known: Vec<_> = cores.iter().map(|it| it.cpu.to_string()).collect();
            Err(Misfit::NoCore { case: case.name.clone(), core: *core, known: known.join(", ") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_model::experiment::parse;
    use std::path::Path;

    fn check(text: &str) -> Result<(), String> {
        let experiment = parse(&format!("kernel = 'cpu-bound'\n{text}"), Path::new("x.toml")).unwrap();
        let cores = [0, 1].map(|cpu| CoreInfo { cpu, core: cpu, package: 0 });
        let kernel = KernelInfo { fork_safe: false, ..crate::testing::kernel("cpu-bound") };
        super::check(&experiment, &kernel, &cores).map_err(|misfit| misfit.to_string())
    }

    #[test]
    fn parameters_are_checked_first() {
        let error = check("param.m = 3\n[[case]]\nmodel = 'processes'\nworkers = 2").unwrap_err();
        assert!(error.starts_with("param.m: kernel cpu-bound has no such parameter"), "{error}");
    }

    #[test]
    fn fork_of_a_kernel_that_does_not_survive_it_names_the_way_out() {
        let error = check("[[case]]\nmodel = 'processes'\nworkers = 2").unwrap_err();
        assert!(error.starts_with("case \"processes-2\"") && error.ends_with("use start = \"spawn\""), "{error}");
        assert_eq!(check("[[case]]\nmodel = 'processes'\nworkers = 2\nstart = 'spawn'"), Ok(()));
        let hybrid = "[[case]]\nmodel = 'hybrid'\nworkers = 4\nthreads_per_process = 2";
        let error = check(hybrid).unwrap_err();
        assert!(error.starts_with("case \"hybrid-2x2\"") && error.ends_with("use start = \"spawn\""), "{error}");
        assert_eq!(check(&format!("{hybrid}\nstart = 'spawn'")), Ok(()));
        for model in ["threads", "subinterpreters"] {
            assert_eq!(check(&format!("[[case]]\nmodel = '{model}'\nworkers = 2")), Ok(()), "nothing is forked");
        }
    }

    #[test]
    fn cores_that_are_not_there_are_refused() {
        let error = check("[[case]]\nmodel = 'sequential'\npinning = [1, 7]").unwrap_err();
        assert!(error.ends_with("pinning: found core 7, expected one of: 0, 1"), "{error}");
        assert_eq!(check("[[case]]\nmodel = 'sequential'\npinning = [1, 0]"), Ok(()));
    }
}
