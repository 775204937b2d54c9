//! What this program does beside a run: a bare ping-pong over a pipe, steps of the machine's clock.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};

/// Messages in one go of the bare ping-pong.
const ROUNDS: usize = 30;
/// Time between two of them: computing, as a task would.
const REST: Duration = Duration::from_millis(10);
/// How far the clock is stepped, forth and back.
const STEP: Duration = Duration::from_millis(500);

/// What a bare ping-pong took: medians, before and after the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bare {
    /// Writing a message, before the run.
    pub before_ns: f64,
    /// The same, after the run.
    pub after_ns: f64,
}

/// Sends messages of so many bytes over a pipe to a thread that answers each with one byte, and gives the median time
/// from the start of writing to the end of reading: what moving the bytes takes when nobody accounts for it.
pub fn ping_pong(bytes: usize) -> io::Result<f64> {
    let (mut there_reader, mut there_writer) = io::pipe()?;
    let (mut back_reader, mut back_writer) = io::pipe()?;
    let peer = thread::spawn(move || -> io::Result<()> {
        let mut message = vec![0; bytes];
        for _ in 0..ROUNDS {
            there_reader.read_exact(&mut message)?;
            back_writer.write_all(&[1])?;
        }
        Ok(())
    });
    let message = vec![7; bytes];
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        while start.elapsed() < REST {
            std::hint::spin_loop();
        }
        let start = Instant::now();
        there_writer.write_all(&message)?;
        times.push(start.elapsed().as_nanos() as f64);
        back_reader.read_exact(&mut [0])?;
    }
    peer.join().map_err(|_| io::Error::other("the peer of the ping-pong failed"))??;
    times.sort_by(f64::total_cmp);
    Ok(times[ROUNDS / 2])
}

/// Steps the machine's clock forth and back until it is told to stop.
#[derive(Debug)]
pub struct ClockSteps {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<u64>>,
}

impl ClockSteps {
    /// Begins.
    pub fn start() -> ClockSteps {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        ClockSteps { stop, thread: thread::spawn(move || steps(&told)) }
    }

    /// Ends, with the clock where it would be, and tells how often it was stepped.
    pub fn stop(self) -> Result<u64, String> {
        self.stop.store(true, Relaxed);
        match self.thread.join() {
            Ok(Ok(steps)) => Ok(steps),
            Ok(Err(error)) => Err(format!("the machine's clock cannot be set: {error}; it takes CAP_SYS_TIME")),
            Err(_) => Err("the thread that steps the clock failed".to_owned()),
        }
    }
}

fn steps(stop: &AtomicBool) -> io::Result<u64> {
    let mut steps = 0;
    while !stop.load(Relaxed) {
        step(|now| now + STEP)?;
        thread::sleep(Duration::from_millis(20));
        step(|now| now.saturating_sub(STEP))?;
        thread::sleep(Duration::from_millis(20));
        steps += 2;
    }
    Ok(steps)
}

fn step(change: impl FnOnce(Duration) -> Duration) -> io::Result<()> {
    let now: Duration = clock_gettime(ClockId::CLOCK_REALTIME)?.into();
    Ok(clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::from(change(now)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_bytes_take_longer() {
        let (small, large) = (ping_pong(1).unwrap(), ping_pong(8 << 20).unwrap());
        assert!(small > 0.0 && large > small, "{small} {large}");
    }
}
