//! What the host knows of the task that a kernel is running, behind the `gild_task` that the kernel sees.

use std::marker::PhantomData;
use std::sync::atomic::Ordering;

use gild_abi::raw;
use gild_model::phase::Phase;

use super::table::refuse;
use super::waits::Wait;
use crate::ledger::layout::{SlotId, attention};
use crate::locks::Lock;
use crate::measure::meter::Meter;

/// Deepest nesting of a kernel's own phases that is told apart.
const PHASE_DEPTH_MAX: usize = 16;

/// A task in progress, on one worker. The kernel sees its first field only.
#[derive(Debug)]
#[repr(C)]
pub struct TaskContext<'w, 'l> {
    /// What the kernel sees.
    seen: raw::Task,
    meter: &'w mut Meter<'l>,
    lock: &'w Lock,
    worker: usize,
    /// Number of phases that the kernel declares; others are plain `compute`.
    phases: u32,
    /// The kernel's open phases, innermost last.
    open: [u32; PHASE_DEPTH_MAX],
    depth: usize,
    /// Inside a blocking region: the lock is given away.
    released: bool,
    /// Where an operation's waits go; `None` where there is nobody who would wait.
    waits: Option<&'w mut Vec<Wait>>,
    _attention: PhantomData<&'l u32>,
}

impl<'w, 'l> TaskContext<'w, 'l> {
    /// Prepares a task, of a kernel that declares so many phases, for a worker that holds the lock.
    pub fn new(meter: &'w mut Meter<'l>, lock: &'w Lock, worker: usize, phases: usize) -> TaskContext<'w, 'l> {
        let seen = raw::Task { attention: meter.section().attention.0.as_ptr() };
        let open = [0; PHASE_DEPTH_MAX];
        let phases = phases as u32;
        TaskContext {
            seen,
            meter,
            lock,
            worker,
            phases,
            open,
            depth: 0,
            released: false,
            waits: None,
            _attention: PhantomData,
        }
    }

    /// The same for a poll of an operation, which may register waits.
    pub fn with_waits(self, waits: &'w mut Vec<Wait>) -> TaskContext<'w, 'l> {
        TaskContext { waits: Some(waits), ..self }
    }

    /// What goes to the kernel as `gild_task *`.
    pub fn as_raw(&mut self) -> *mut raw::Task {
        std::ptr::from_mut(self).cast()
    }

    /// The slow path of a safe point: hands the lock over if somebody waits, drains the ring, tells of a cancel.
    pub fn checkpoint(&mut self) -> raw::Status {
        if !self.released && self.lock.is_due(self.asked()) {
            self.lock.hand_over(self.worker, self.meter, self.slot());
        }
        if self.asked() & attention::DRAIN != 0 {
            self.meter.drain();
        }
        // Read anew: handing over can take many intervals.
        if self.asked() & attention::CANCEL != 0 { raw::E_CANCELLED } else { raw::OK }
    }

    /// What the worker is asked to do.
    fn asked(&self) -> u32 {
        self.meter.section().attention.0.load(Ordering::Relaxed)
    }

    /// The kernel is about to block: the lock is given away and the time is `io-wait`.
    pub fn release(&mut self) {
        if !self.released {
            self.released = true;
            self.meter.mark(Phase::IoWait);
            self.lock.release(self.worker);
        }
    }

    /// The kernel is back from blocking: it waits for the lock and computes again.
    pub fn acquire(&mut self) -> raw::Status {
        if self.released {
            self.released = false;
            let slot = self.slot();
            self.lock.acquire(self.worker, self.meter, slot);
        }
        if self.asked() & attention::CANCEL != 0 { raw::E_CANCELLED } else { raw::OK }
    }

    /// The kernel enters one of its own phases.
    pub fn phase_enter(&mut self, phase: u32) {
        if self.depth < PHASE_DEPTH_MAX {
            self.open[self.depth] = phase;
        }
        self.depth += 1;
        self.book();
    }

    /// The kernel leaves the innermost of its own phases.
    pub fn phase_exit(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.book();
    }

    fn book(&mut self) {
        if !self.released {
            let slot = self.slot();
            self.meter.mark_slot(slot);
        }
    }

    /// Where computing time is booked now.
    fn slot(&self) -> SlotId {
        match self.depth.min(PHASE_DEPTH_MAX).checked_sub(1) {
            None => SlotId::phase(Phase::Compute),
            Some(innermost) if self.open[innermost] < self.phases => SlotId::kernel_phase(self.open[innermost]),
            Some(_) => SlotId::phase(Phase::Compute),
        }
    }

    /// The kernel's operation wants to be polled again when this fires.
    pub fn register(&mut self, wait: Wait) -> raw::Status {
        match &mut self.waits {
            Some(waits) => {
                waits.push(wait);
                raw::OK
            }
            None => refuse(raw::E_INTERNAL, "a wait was registered outside of gild_async.poll".to_owned()),
        }
    }

    /// Whether the operation has registered a wait.
    pub fn has_waits(&self) -> bool {
        self.waits.as_ref().is_some_and(|waits| !waits.is_empty())
    }

    /// Closes what the kernel left open: after an error it need not have called `acquire` or `phase_exit`.
    pub fn close(&mut self) {
        self.depth = 0;
        self.acquire();
    }
}
