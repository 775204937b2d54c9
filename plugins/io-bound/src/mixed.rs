//! Kernel `mixed`: tasks that make requests and tasks that only compute, in one pool of workers.

use std::ffi::CStr;
use std::time::Duration;

use gild_abi::{Args, AsyncCx, AsyncForm, AsyncKernel, Cx, Error, Kernel, Param, Plan, Result, Verify};

use crate::burn::burn;
use crate::io_bound::check;
use crate::requests::{Client, Phases};
use crate::settings::{self, Settings};
use crate::task::{Task, Work, expected};

/// The classes of the tasks. A task is in one phase all the time, which is called the same.
const CLASSES: [&CStr; 2] = [c"io", c"cpu"];
const IO: usize = 0;
const CPU: usize = 1;
const PHASES: Phases = Phases { request: IO, compute: IO };

/// The kernel.
#[derive(Debug)]
pub struct Mixed {
    tasks: u64,
    cpu_tasks: u64,
    cpu: Duration,
    client: Client,
}

impl Kernel for Mixed {
    const NAME: &'static CStr = c"mixed";
    const SUMMARY: &'static CStr = c"tasks that make requests (as io-bound) beside tasks that only compute";
    const PARAMS: &'static [Param] = &[
        settings::TASKS,
        Param::i64(c"cpu_tasks", 10, 0..=1_000_000)
            .summary(c"how many of the tasks only compute; they are spread evenly over the plan"),
        Param::i64(c"cpu_us", 20_000, 0..=3_600_000_000)
            .unit(c"us")
            .summary(c"CPU time that a task burns that only computes"),
        settings::REQUESTS,
        settings::BYTES,
        settings::COMPUTE_US,
        settings::SERVICE_US,
        settings::SERVER,
        settings::SERVER_CORE,
        settings::TIMEOUT_MS,
    ];
    const PHASES: &'static [&'static CStr] = &CLASSES;
    const DETERMINISTIC: bool = true;
    const FORK_SAFE: bool = true;
    const VERIFY: Option<Verify<Self>> = Some(Mixed::verify);
    const ASYNC: Option<AsyncForm<Self>> = Some(AsyncForm::new());

    type In = Task;
    type Out = u64;

    fn create(args: &Args<'_>) -> Result<Mixed> {
        let (tasks, cpu_tasks) = (args.u64("tasks"), args.u64("cpu_tasks"));
        if cpu_tasks > tasks {
            return Err(Error::new(format!("cpu_tasks is {cpu_tasks}, more than all tasks ({tasks})")));
        }
        let cpu = Duration::from_micros(args.u64("cpu_us"));
        Ok(Mixed { tasks, cpu_tasks, cpu, client: Client::new(Settings::read(args)?) })
    }

    fn plan(&self, tasks: &mut Plan<'_, Task>) -> Result<()> {
        let server = self.client.server()?;
        (0..self.tasks).try_for_each(|number| {
            let (class, work, weight) = if self.is_cpu(number) {
                (CPU, Work::Compute, self.cpu.as_micros() as u64)
            } else {
                (IO, Work::Requests(server.clone()), self.client.settings.cost_us())
            };
            tasks.emit_as(CLASSES[class], Task { number, work }, weight)
        })
    }

    fn run(&self, cx: &mut Cx<'_>, task: &Task) -> Result<u64> {
        match &task.work {
            Work::Requests(server) => cx.phase(IO, |cx| self.client.run(cx, server, task.number, PHASES)),
            Work::Compute => cx.phase(CPU, |cx| burn(self.cpu, || cx.poll())).map(|()| task.number),
        }
    }
}

impl AsyncKernel for Mixed {
    /// A task that only computes gives way to nobody: on an event loop all requests wait for it.
    async fn run_async(&self, cx: AsyncCx<'_>, task: &Task) -> Result<u64> {
        match &task.work {
            Work::Requests(server) => cx.phase(IO, self.client.run_async(cx, server, task.number, PHASES)).await,
            Work::Compute => {
                cx.phase(CPU, async { burn(self.cpu, || cx.poll()) }).await?;
                Ok(task.number)
            }
        }
    }
}

impl Mixed {
    /// Whether a task only computes. The first one does, if there is any.
    fn is_cpu(&self, task: u64) -> bool {
        let before = |task: u64| (u128::from(task) * u128::from(self.cpu_tasks)).div_ceil(u128::from(self.tasks));
        before(task + 1) > before(task)
    }

    fn verify(&self, results: &[&u64]) -> Result<()> {
        let Settings { requests, bytes, .. } = self.client.settings;
        check(self.tasks, results, |task| if self.is_cpu(task) { task } else { expected(task, requests, bytes) })
    }
}
