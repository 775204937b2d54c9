//! The asynchronous form: what sleeps without the lock in a plain task gives way to other tasks here. Everything else
//! computes, or blocks with the lock, and holds the loop up.
//!
//! The thread is that of all tasks in flight. So the operating system's figures of a part that waits, and of a task as a
//! whole, are of everything that the thread did meanwhile. Parts that do not wait have it for themselves.

use std::time::{Duration, Instant};

use gild_abi::{AsyncCx, AsyncKernel, Result};

use crate::argument::Argument;
use crate::block::Blocked;
use crate::burn::burn;
use crate::clocks::{Measured, Start, nanoseconds, wall_time};
use crate::lock_pattern::Held;
use crate::report::Parts;
use crate::settings::{LockPattern, SafePoints};
use crate::value::Parcel;
use crate::{Calibrated, Phase, time};

impl AsyncKernel for Calibrated {
    async fn run_async(&self, mut cx: AsyncCx<'_>, argument: &Argument) -> Result<Parcel> {
        let begun = self.begin(&mut cx, argument.task)?;
        let it = &self.settings;
        let parts = Parts {
            cpu: self.burn(&mut cx)?,
            lock_pattern: part(cx, Phase::LockPattern, it.pattern(), async |pattern| {
                hold_and_rest(cx, pattern, it.safe_points).await
            })
            .await?,
            block: part(cx, Phase::Block, time(it.block), async |time| give_way(cx, time).await).await?,
            ..Parts::default()
        };
        let parts = self.compute(&mut cx, parts)?;
        self.finish(&mut cx, argument.task, begun, parts)
    }
}

/// Does a part that waits, in its phase, and looks at the clocks around it.
async fn part<A, T>(
    cx: AsyncCx<'_>,
    phase: Phase,
    amount: Option<A>,
    work: impl AsyncFnOnce(A) -> Result<T>,
) -> Result<Option<Measured<T>>> {
    let Some(amount) = amount else { return Ok(None) };
    let measured = async {
        let start = Start::now();
        let truth = work(amount).await?;
        Ok(Measured { truth, figures: start.figures() })
    };
    cx.phase(phase as usize, measured).await.map(Some)
}

/// Gives way to other tasks for that long: to the end of it, and until the loop comes back here.
async fn give_way(cx: AsyncCx<'_>, time: Duration) -> Result<Blocked> {
    let start = wall_time();
    if time > Duration::ZERO {
        cx.sleep_until(Instant::now() + time).await?;
    }
    // There is no lock to give away.
    Ok(Blocked { blocked_wall_ns: nanoseconds(wall_time() - start), ..Blocked::default() })
}

/// Goes through the rounds of holding and giving way.
async fn hold_and_rest(cx: AsyncCx<'_>, pattern: LockPattern, safe_points: SafePoints) -> Result<Held> {
    let mut held = Held::default();
    for _ in 0..pattern.rounds {
        let start = wall_time();
        if pattern.hold > Duration::ZERO {
            held.add_burnt(&burn(pattern.hold, || safe_points.pass(&cx))?);
        }
        held.hold_wall_ns += nanoseconds(wall_time() - start);
        held.add_rest(&give_way(cx, pattern.rest).await?);
    }
    Ok(held)
}
