//! Kernel `io-bound`: every task makes requests and computes a little after each answer.

use std::ffi::CStr;

use gild_abi::{Args, AsyncCx, AsyncForm, AsyncKernel, Cx, Error, Kernel, Param, Plan, Result, Verify};

use crate::requests::{Client, Phases};
use crate::settings::{self, Settings};
use crate::task::{Task, Work, expected};

const PHASES: Phases = Phases { request: 0, compute: 1 };

/// The kernel.
#[derive(Debug)]
pub struct IoBound {
    tasks: u64,
    client: Client,
}

impl Kernel for IoBound {
    const NAME: &'static CStr = c"io-bound";
    const SUMMARY: &'static CStr = c"makes requests to a server and waits for the answers, with some computing between";
    const PARAMS: &'static [Param] = &[
        settings::TASKS,
        settings::REQUESTS,
        settings::BYTES,
        settings::COMPUTE_US,
        settings::SERVICE_US,
        settings::SERVER,
        settings::SERVER_CORE,
        settings::TIMEOUT_MS,
    ];
    const PHASES: &'static [&'static CStr] = &[c"request", c"handle"];
    const DETERMINISTIC: bool = true;
    const FORK_SAFE: bool = true;
    const VERIFY: Option<Verify<Self>> = Some(IoBound::verify);
    const ASYNC: Option<AsyncForm<Self>> = Some(AsyncForm::new());

    type In = Task;
    type Out = u64;

    fn create(args: &Args<'_>) -> Result<IoBound> {
        Ok(IoBound { tasks: args.u64("tasks"), client: Client::new(Settings::read(args)?) })
    }

    fn plan(&self, tasks: &mut Plan<'_, Task>) -> Result<()> {
        let server = self.client.server()?;
        (0..self.tasks).try_for_each(|number| tasks.emit(Task { number, work: Work::Requests(server.clone()) }))
    }

    fn run(&self, cx: &mut Cx<'_>, task: &Task) -> Result<u64> {
        self.client.run(cx, server(task)?, task.number, PHASES)
    }
}

impl AsyncKernel for IoBound {
    async fn run_async(&self, cx: AsyncCx<'_>, task: &Task) -> Result<u64> {
        self.client.run_async(cx, server(task)?, task.number, PHASES).await
    }
}

fn server(task: &Task) -> Result<&str> {
    match &task.work {
        Work::Requests(server) => Ok(server),
        Work::Compute => Err(Error::new("every task of io-bound makes requests, and this one has no server")),
    }
}

impl IoBound {
    fn verify(&self, results: &[&u64]) -> Result<()> {
        let Settings { requests, bytes, .. } = self.client.settings;
        check(self.tasks, results, |task| expected(task, requests, bytes))
    }
}

/// Compares each result with the one that is right.
pub(crate) fn check(tasks: u64, results: &[&u64], right: impl Fn(u64) -> u64) -> Result<()> {
    if results.len() as u64 != tasks {
        return Err(Error::new(format!("{} results for {tasks} tasks", results.len())));
    }
    match (0..tasks).zip(results).find(|(task, result)| right(*task) != ***result) {
        Some((task, _)) => Err(Error::new(format!("the result of task {task} is not the sum over its answers"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_result_is_found_and_its_task_named() {
        let right = |task| expected(task, 2, 10);
        let (first, second) = (right(0), right(1));
        assert_eq!(check(2, &[&first, &second], right), Ok(()));
        let error = check(2, &[&first, &first], right).unwrap_err();
        assert_eq!(error.to_string(), "the result of task 1 is not the sum over its answers");
        assert_eq!(check(2, &[&first], right).unwrap_err().to_string(), "1 results for 2 tasks");
    }
}
