//! The trial that is in progress, for whoever asks what is happening in it.
//!
//! ```text
//!  driver ── begin ── show accounts ── go on, go on, … ── end ──▶ stage ◀── look ── API
//! ```
//!
//! A look borrows the trial's shared memory for a moment; it neither holds up the driver nor asks the workers anything.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use gild_model::api::Progress;
use gild_model::run::RunId;

use crate::trial::Accounts;

/// Where the trial in progress is seen.
#[derive(Debug, Default)]
pub struct Stage(Mutex<Option<Scene>>);

/// A trial in progress.
#[derive(Debug, Clone)]
struct Scene {
    run: RunId,
    progress: Progress,
    /// Nothing to upgrade: they are not made yet, or closed already.
    accounts: Weak<Accounts>,
}

impl Stage {
    /// A trial of a run begins, whose accounts are not there yet.
    pub fn begin(&self, run: RunId, progress: Progress) {
        *self.lock() = Some(Scene { run, progress, accounts: Weak::new() });
    }

    /// The accounts of the trial are there.
    pub fn show(&self, accounts: &Arc<Accounts>) {
        if let Some(scene) = self.lock().as_mut() {
            scene.accounts = Arc::downgrade(accounts);
        }
    }

    /// The trial has come this far.
    pub fn go_on(&self, progress: &Progress) {
        if let Some(scene) = self.lock().as_mut() {
            scene.progress = progress.clone();
        }
    }

    /// The trial is over.
    pub fn end(&self) {
        *self.lock() = None;
    }

    /// How far the trial of this run is, and its accounts; `None`: no trial of it is in progress.
    pub fn look(&self, run: RunId) -> Option<(Progress, Option<Arc<Accounts>>)> {
        let scene = self.lock().clone().filter(|scene| scene.run == run)?;
        Some((scene.progress, scene.accounts.upgrade()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Scene>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use crate::trial::Work;

    #[test]
    fn a_trial_is_seen_from_its_beginning_to_its_end_and_by_its_run_alone() {
        let stage = Stage::default();
        assert!(stage.look(3).is_none());
        stage.begin(3, testing::progress());
        assert!(stage.look(4).is_none() && stage.look(3).is_some_and(|(_, accounts)| accounts.is_none()));
        let accounts = Arc::new(Accounts::of(&Work::Kernel(testing::trial_spec())).unwrap());
        stage.show(&accounts);
        stage.go_on(&Progress { tasks_done: 7, ..testing::progress() });
        let (progress, seen) = stage.look(3).unwrap();
        assert_eq!((progress.tasks_done, seen.map(|it| it.snapshot().rows.len())), (7, Some(2)));
        drop(accounts);
        assert!(stage.look(3).unwrap().1.is_none(), "closed books are not kept for whoever looks");
        stage.end();
        assert!(stage.look(3).is_none());
    }
}
