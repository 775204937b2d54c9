//! The workers of one process: its main thread is the first, and starts the others.
//!
//! ```text
//! main thread   startup: its accounts, the lock, the other threads ─ serves ─ teardown: waits for the others
//! other thread               born ─ startup: its accounts, its instance ─ serves ─ teardown
//! ```
//!
//! In the model `processes` a crew is one worker without a lock; in `hybrid` it is several, under one lock.

use std::sync::atomic::AtomicU32;
use std::thread;

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
    /// The section of the first worker, which the calling thread is from now on.
    pub fn start(&self) -> Meter<'static> {
        let section = self.map.worker(self.first as u32);
        crate::fault::watch(section);
        start_pinned(section, self.plan, self.cores[0])
    }

    /// Works at these connections, one for each worker, until the coordinator closes them. The calling thread is the first
    /// worker, with an instance that is there already. Gives the exit status of the process.
    pub fn work(&self, instance: &Instance<'_>, channels: Vec<Channel>, meter: &mut Meter<'static>) -> i32 {
        let words: Vec<&'static AtomicU32> = (0..channels.len()).map(|place| &self.section(place).attention.0).collect();
        let lock = Lock::of_case(&self.spec.case, words);
        let shared = self.kernel.info.shared.then_some(instance);
        thread::scope(|scope| {
            let mut others = Vec::new();
            let mut channels = channels.into_iter().enumerate();
            let own = channels.next();
            for (place, channel) in channels {
                let section = stamp_birth_of(self.map, self.first + place, self.cores[place]);
                let builder = thread::Builder::new().name(format!("worker-{}", self.first + place)).stack_size(STACK_SIZE);
                let lock = &lock;
                let life = move || self.live(place, section, shared, lock, channel);
                match builder.spawn_scoped(scope, life) {
                    Ok(thread) => others.push(thread),
                    // Its connection has gone with it, which the coordinator sees; here is why.
                    Err(error) => {
                        eprintln!("worker {} cannot be started: {error}", self.first + place);
                        return EXIT_FAILED;
                    }
                }
            }
            let desk = Desk { worker: self.first, instance, lock: &lock, place: 0 };
            let own = own.map_or(0, |(_, channel)| desk.serve(channel, meter));
            let all = others.into_iter().map(|thread| thread.join().unwrap_or(EXIT_FAILED));
            all.fold(own, i32::max)
        })
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
        let desk = |instance| Desk { worker: self.first + place, instance, lock, place };
        let status = match shared {
            Some(instance) => desk(instance).serve(channel, &mut meter),
            None => with_own_instance(self.kernel, self.values, channel, &mut meter, |instance, channel, meter| {
                desk(instance).serve(channel, meter)
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
