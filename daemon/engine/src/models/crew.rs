//! The workers of one process: its main thread is the first, and starts the others.
//!
//! ```text
//! main thread   startup: its accounts, the lock, the other threads ─ serves ─ teardown: waits for the others
//! other thread               born ─ startup: its accounts, its instance ─ serves ─ teardown
//! ```
//!
//! In the model `processes` a crew is one worker without a lock; in `hybrid` it is several, under one lock.

use std::io;
use std::thread::{self, Scope, ScopedJoinHandle};

use gild_model::experiment::ParamValue;
use gild_model::phase::Phase;

use super::serve::{Desk, EXIT_FAILED, refuse};
use super::{STACK_SIZE, stamp_birth_of, start_pinned};
use crate::ledger::layout::Section;
use crate::ledger::map::Map;
use crate::locks::Lock;
use crate::measure::meter::Meter;
use crate::measure::tools::Plan;
use crate::plugin::instance::Instance;
use crate::plugin::library::Kernel;
use crate::spec::TrialSpec;
use crate::transport::channel::Channel;

/// What the workers of a process share.
#[derive(Debug)]
pub struct Crew<'c> {
    /// The trial.
    pub spec: &'c TrialSpec,
    /// What each measures.
    pub plan: &'c Plan,
    /// The ledger.
    pub map: &'static Map,
    /// The kernel.
    pub kernel: &'c Kernel,
    /// Its arguments, resolved.
    pub values: &'c [ParamValue],
    /// Number of the first worker.
    pub first: usize,
    /// The core of each, the first one's first.
    pub cores: &'c [Option<u32>],
}

impl Crew<'_> {
    /// The calling thread is the first worker from now on.
    pub fn start(map: &'static Map, plan: &Plan, first: usize, core: Option<u32>) -> Meter<'static> {
        let section = map.worker(first as u32);
        crate::fault::watch(section);
        start_pinned(section, plan, core)
    }

    /// Works at these connections, one for each worker, until the coordinator closes them. The calling thread is the first
    /// worker, with an instance that is there already. Gives the exit status of the process.
    pub fn work(&self, instance: &Instance<'_>, channels: Vec<Channel>, meter: &mut Meter<'static>) -> i32 {
        let workers: Vec<_> = (0..channels.len()).map(|place| self.section(place)).collect();
        let lock = Lock::of_case(&self.spec.case, &workers);
        let shared = self.kernel.info.shared.then_some(instance);
        let mut channels = channels.into_iter().enumerate();
        let Some((_, mut own)) = channels.next() else { return 0 };
        thread::scope(|scope| {
            let lock = &lock;
            let start = |(place, channel)| {
                self.spawn(scope, place, move |it, section| it.live(place, section, shared, lock, channel))
            };
            let others: io::Result<Vec<_>> = channels.map(start).collect();
            let own = match &others {
                Ok(_) => Desk { worker: self.first, instance, lock, place: 0 }.serve(own, meter),
                Err(error) => {
                    meter.mark(Phase::Teardown);
                    refuse(&mut own, &format!("a thread cannot be started: {error}"));
                    EXIT_FAILED
                }
            };
            let others = others.into_iter().flatten().map(|thread| thread.join().unwrap_or(EXIT_FAILED));
            others.fold(own, i32::max)
        })
    }

    /// Starts the thread of another worker.
    fn spawn<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        place: usize,
        life: impl FnOnce(&Self, &'static Section) -> i32 + Send + 's,
    ) -> io::Result<ScopedJoinHandle<'s, i32>> {
        let worker = self.first + place;
        let section = stamp_birth_of(self.map, worker, self.cores[place]);
        let builder = thread::Builder::new().name(format!("worker-{worker}")).stack_size(STACK_SIZE);
        builder.spawn_scoped(scope, move || life(self, section))
    }

    fn section(&self, place: usize) -> &'static Section {
        self.map.worker((self.first + place) as u32)
    }

    /// The life of another worker.
    fn live(
        &self,
        place: usize,
        section: &'static Section,
        shared: Option<&Instance<'_>>,
        lock: &Lock,
        channel: Channel,
    ) -> i32 {
        crate::fault::watch(section);
        let mut meter = start_pinned(section, self.plan, self.cores[place]);
        let worker = self.first + place;
        let status = match shared {
            Some(instance) => Desk { worker, instance, lock, place }.serve(channel, &mut meter),
            None => with_own_instance(self.kernel, self.values, channel, &mut meter, |instance, channel, meter| {
                Desk { worker, instance, lock, place }.serve(channel, meter)
            }),
        };
        meter.finish();
        status
    }
}

/// Makes an instance for one worker, has it used, and gives it up in `teardown`. A coordinator whose worker has none hears
/// why.
pub(super) fn with_own_instance(
    kernel: &Kernel,
    values: &[ParamValue],
    mut channel: Channel,
    meter: &mut Meter<'_>,
    work: impl FnOnce(&Instance<'_>, Channel, &mut Meter<'_>) -> i32,
) -> i32 {
    match Instance::create(kernel, values) {
        Ok(instance) => work(&instance, channel, meter),
        Err(error) => {
            meter.mark(Phase::Teardown);
            refuse(&mut channel, &format!("create: {error}"));
            EXIT_FAILED
        }
    }
}
