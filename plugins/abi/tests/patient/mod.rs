//! A kernel whose tasks wait, in the way that their input says.

use std::cell::Cell;
use std::ffi::CStr;
use std::future::{pending, poll_fn};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use gild_abi::{Args, AsyncCx, AsyncForm, AsyncKernel, Cx, Error, Kernel, Level, Param, Plan, Result};

/// How long a task sleeps.
pub const NAP: Duration = Duration::from_millis(3);

pub struct Patient {
    way: String,
}

impl Kernel for Patient {
    const NAME: &'static CStr = c"patient";
    const SUMMARY: &'static CStr = c"waits in the way that it is told";
    const PARAMS: &'static [Param] = &[Param::text(c"way", c"sleep").summary(c"how")];
    const PHASES: &'static [&'static CStr] = &[c"outer", c"inner"];
    const ASYNC: Option<AsyncForm<Self>> = Some(AsyncForm::new());

    type In = String;
    type Out = u64;

    fn create(args: &Args<'_>) -> Result<Patient> {
        Ok(Patient { way: args.text("way").to_owned() })
    }

    fn plan(&self, tasks: &mut Plan<'_, String>) -> Result<()> {
        (0..2).try_for_each(|_| tasks.emit(self.way.clone()))
    }

    fn run(&self, _: &mut Cx<'_>, way: &String) -> Result<u64> {
        Ok(way.len() as u64)
    }
}

impl AsyncKernel for Patient {
    async fn run_async(&self, cx: AsyncCx<'_>, way: &String) -> Result<u64> {
        match way.as_str() {
            "sleep" => sleeps_long_enough(cx).await?,
            "yield" => cx.yield_now().await?,
            "read" => reads(cx, true).await?,
            "read in vain" => reads(cx, false).await?,
            "joined" => joined(cx).await?,
            "error" => return Err(Error::new("asked to fail")),
            "panic" => panic!("asked to panic"),
            "panic later" => {
                cx.sleep(NAP).await?;
                panic!("asked to panic later");
            }
            "pending" => pending().await,
            "pending later" => {
                cx.yield_now().await?;
                pending().await
            }
            "block" => cx.blocking(|| ())?,
            "block and panic" => cx.blocking(|| panic!("asked to panic while blocking"))?,
            "use it while blocking" => cx.blocking(|| cx.poll())??,
            "use it in a destructor" => {
                let _guard = TriesTheHost(cx);
                cx.sleep(NAP).await?;
            }
            "spin" => loop {
                cx.poll()?;
            },
            "phases" => {
                let inner = cx.phase(1, async {
                    cx.yield_now().await?;
                    cx.poll()
                });
                cx.phase(0, inner).await?;
                cx.phase(1, async {}).await;
            }
            "phase and panic" => cx.phase(0, cx.phase(1, async { panic!("asked to panic in a phase") })).await,
            "no such phase" => cx.phase(2, async {}).await,
            "log" => {
                let logger = cx.logger();
                cx.log(Level::Warn, "before");
                cx.blocking(|| logger.log(Level::Debug, format_args!("while {}", "blocking")))?;
            }
            other => return Err(Error::new(format!("no way is called {other}"))),
        }
        Ok(way.len() as u64)
    }
}

async fn sleeps_long_enough(cx: AsyncCx<'_>) -> Result<()> {
    let start = Instant::now();
    cx.sleep(NAP).await?;
    let slept = start.elapsed();
    if slept < NAP { Err(Error::new(format!("slept for {slept:?}"))) } else { Ok(()) }
}

/// Reads what somebody writes, or gives up at a deadline if nobody does.
async fn reads(cx: AsyncCx<'_>, is_written: bool) -> Result<()> {
    let (mut ours, mut theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    cx.writable(&theirs).await?;
    if is_written {
        theirs.write_all(b"x")?;
    }
    let deadline = Instant::now() + if is_written { Duration::from_secs(3600) } else { NAP };
    loop {
        match ours.read(&mut [0; 8]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            outcome => return outcome.map(|_| ()).map_err(Error::from),
        }
        if Instant::now() >= deadline {
            return Ok(());
        }
        cx.readable(&ours).until(deadline).await?;
    }
}

/// Two parts of one task, each polled only when it has been woken, as executors of futures do.
async fn joined(cx: AsyncCx<'_>) -> Result<()> {
    let (mut first, mut second) = (pin!(cx.sleep(NAP)), pin!(reads(cx, true)));
    let flags = [Rc::new(Flag::new()), Rc::new(Flag::new())];
    let (mut first_done, mut second_done) = (false, false);
    poll_fn(|_| {
        if flags[0].take() && !first_done {
            first_done = first.as_mut().poll(&mut Context::from_waker(&flags[0].waker)).is_ready();
        }
        if flags[1].take() && !second_done {
            second_done = second.as_mut().poll(&mut Context::from_waker(&flags[1].waker)).is_ready();
        }
        if first_done && second_done { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// Whether a part was woken.
struct Flag {
    woken: std::sync::Arc<Woken>,
    waker: Waker,
}

struct Woken(std::sync::atomic::AtomicBool);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Flag {
    fn new() -> Flag {
        let woken = std::sync::Arc::new(Woken(true.into()));
        Flag { waker: std::sync::Arc::clone(&woken).into(), woken }
    }

    fn take(&self) -> bool {
        self.woken.0.swap(false, std::sync::atomic::Ordering::Relaxed)
    }
}

thread_local! {
    /// What a destructor that tried the host was told.
    pub static TOLD: Cell<Option<bool>> = const { Cell::new(None) };
}

struct TriesTheHost<'a>(AsyncCx<'a>);

impl Drop for TriesTheHost<'_> {
    fn drop(&mut self) {
        TOLD.set(Some(self.0.poll().is_ok()));
    }
}
