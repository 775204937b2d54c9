//! What whoever asked for the recording is told: one [`Report`] a line, through a pipe.
//!
//! Looks are made at intervals, by reading the shared memory, so they cost the program nothing but the time of a core. A
//! reader that is slow misses looks and never delays the recorder: the pipe takes what it has room for, and no look is made
//! before the last one is through. Of all lines only the last one is waited for.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use gild_engine::clock::raw_ns;
use gild_engine::record::owner::Recording as Ledger;
use gild_model::account::WorkerAccount;
use gild_model::look::{Begun, Look, PhaseTime, Report, THREADS_MAX, ThreadLook};
use gild_model::phase::Phase;
use gild_model::recording::Recording;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::PollTimeout;

/// Between two looks lies this many times the time that the last one took: they use no more than a hundredth of a core.
const PAUSE_PER_LOOK: u32 = 100;

/// Tells.
#[derive(Debug)]
pub struct Teller {
    out: File,
    /// What was written and has not gone through yet; empty: all has.
    pending: Vec<u8>,
    /// How often looks are made at most; `None`: never, or nobody listens any more.
    every: Option<Duration>,
    next: Instant,
    began_raw_ns: u64,
}

impl Teller {
    /// Tells through `out`; looks are made at this interval, if at all.
    ///
    /// # Errors
    /// `out` cannot be made to take what it has room for (fcntl(2)).
    pub fn new(out: File, every: Option<Duration>) -> io::Result<Teller> {
        set_blocking(&out, false)?;
        Ok(Teller { out, pending: Vec::new(), every, next: Instant::now(), began_raw_ns: raw_ns() })
    }

    /// The command runs.
    pub fn begun(&mut self, begun: Begun) {
        self.say(&Report::Begun(begun));
    }

    /// How long until there is something to do without being asked.
    pub fn due_in(&self) -> PollTimeout {
        let wait = self.every.filter(|_| self.pending.is_empty());
        let left = wait.map(|_| self.next.saturating_duration_since(Instant::now()) + Duration::from_millis(1));
        left.and_then(|left| PollTimeout::try_from(left).ok()).unwrap_or(PollTimeout::NONE)
    }

    /// What has to have room again before anything else is told.
    pub fn blocked_on(&self) -> Option<BorrowedFd<'_>> {
        (!self.pending.is_empty()).then(|| self.out.as_fd())
    }

    /// Tells what there is to tell by now.
    pub fn go_on(&mut self, ledger: &Ledger) {
        self.flush();
        let Some(every) = self.every.filter(|_| self.pending.is_empty() && Instant::now() >= self.next) else { return };
        let from = Instant::now();
        let (rows, hand_overs) = (ledger.look(), ledger.hand_overs());
        let look = Look { hand_overs, ..look(&rows, self.began_raw_ns, raw_ns()) };
        self.say(&Report::Look(look));
        self.next = Instant::now() + every.max(from.elapsed() * PAUSE_PER_LOOK);
    }

    /// The recording is over. Waits until that has gone through.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn over(mut self, recording: Recording) -> io::Result<()> {
        set_blocking(&self.out, true)?;
        self.out.write_all(&self.pending)?;
        self.out.write_all(&line(&Report::Over(Box::new(recording))))
    }

    fn say(&mut self, report: &Report) {
        self.pending.extend(line(report));
        self.flush();
    }

    fn flush(&mut self) {
        while !self.pending.is_empty() {
            match self.out.write(&self.pending) {
                Ok(length) => drop(self.pending.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    // Whoever asked is gone: the command goes on, and nobody is told.
                    self.every = None;
                    self.pending.clear();
                }
            }
        }
    }
}

fn line(report: &Report) -> Vec<u8> {
    let mut line = serde_json::to_vec(report).expect("the vocabulary has nothing that JSON cannot say");
    line.push(b'\n');
    line
}

fn set_blocking(file: &File, blocking: bool) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(file, FcntlArg::F_GETFL)?);
    let flags = if blocking { flags - OFlag::O_NONBLOCK } else { flags | OFlag::O_NONBLOCK };
    fcntl(file, FcntlArg::F_SETFL(flags))?;
    Ok(())
}

/// What the rows come to, with those that are alive before the others where there are too many.
fn look(rows: &[(WorkerAccount, Option<u64>)], began_ns: u64, now_ns: u64) -> Look {
    let mut shown: Vec<usize> = (0..rows.len()).collect();
    shown.sort_by_key(|place| rows[*place].1.is_none());
    shown.truncate(THREADS_MAX);
    shown.sort_unstable();
    let processes = rows.chunk_by(|(a, _), (b, _)| (a.pid, &a.command) == (b.pid, &b.command)).count();
    Look {
        wall_ns: now_ns.saturating_sub(began_ns),
        processes: u32::try_from(processes).unwrap_or(u32::MAX),
        threads: u32::try_from(rows.len()).unwrap_or(u32::MAX),
        alive: u32::try_from(rows.iter().filter(|(_, since)| since.is_some()).count()).unwrap_or(u32::MAX),
        hand_overs: None,
        phases: phases(rows.iter().map(|(row, _)| row)),
        rows: shown.into_iter().map(|place| thread(&rows[place], began_ns)).collect(),
    }
}

fn thread((row, since_ns): &(WorkerAccount, Option<u64>), began_ns: u64) -> ThreadLook {
    let open = row.phases.iter().find(|account| account.open).map(|account| account.phase);
    ThreadLook {
        pid: row.pid,
        tid: row.tid,
        thread: row.thread.clone().unwrap_or_default(),
        command: row.command.clone().unwrap_or_default(),
        now: open.filter(|_| since_ns.is_some()),
        since_ns: since_ns.map(|since_ns| since_ns.saturating_sub(began_ns)),
        phases: phases(std::iter::once(row)),
    }
}

/// Wall time of all of them together, in the phases that they were in.
fn phases<'r>(rows: impl Iterator<Item = &'r WorkerAccount> + Clone) -> Vec<PhaseTime> {
    let time = |phase| PhaseTime { phase, wall_ns: rows.clone().map(|row| row.wall_in(phase)).sum() };
    Phase::ALL.into_iter().map(time).filter(|time| time.wall_ns > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read};

    fn teller(every: Option<Duration>) -> (Teller, io::PipeReader) {
        let (reader, writer) = io::pipe().unwrap();
        (Teller::new(File::from(std::os::fd::OwnedFd::from(writer)), every).unwrap(), reader)
    }

    fn begun(word: &str) -> Begun {
        Begun { command: vec![word.to_owned()], started_at: jiff::Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_reader_that_is_slow_delays_nothing_and_gets_whole_lines() {
        let (mut teller, reader) = teller(Some(Duration::ZERO));
        let ledger = Ledger::create(8).unwrap();
        // More than any pipe holds, so the rest waits here, and no look is made before it is through.
        let long = "x".repeat(4 << 20);
        teller.begun(begun(&long));
        let left = teller.pending.len();
        teller.go_on(&ledger);
        assert!(left > 0 && teller.pending.len() == left && teller.blocked_on().is_some());
        assert_eq!(teller.due_in(), PollTimeout::NONE, "what is waited for is room");
        let reading = std::thread::spawn(move || {
            let mut lines = BufReader::new(reader).lines();
            [lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()]
        });
        while teller.blocked_on().is_some() || teller.every.is_none() {
            teller.go_on(&ledger);
        }
        teller.go_on(&ledger);
        let [first, second] = reading.join().unwrap().map(|line| serde_json::from_str::<Report>(&line).unwrap());
        assert_eq!(first, Report::Begun(begun(&long)));
        assert!(matches!(second, Report::Look(Look { threads: 0, .. })), "{second:?}");
    }

    #[test]
    fn who_wants_no_looks_gets_none() {
        let (mut teller, mut reader) = teller(None);
        teller.begun(begun("a"));
        teller.go_on(&Ledger::create(8).unwrap());
        assert_eq!(teller.due_in(), PollTimeout::NONE);
        drop(teller);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn nobody_is_told_when_nobody_listens() {
        let (mut teller, reader) = teller(Some(Duration::ZERO));
        drop(reader);
        teller.begun(begun("a"));
        assert!(teller.pending.is_empty() && teller.every.is_none());
    }
}
