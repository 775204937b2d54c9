//! What can be asked of many runs: lists, labels, and which of them to be without.
//!
//! Pruning removes one run after the other and lets go of the locks in between, so that whoever asks for something else
//! meanwhile is answered.

use std::time::Duration;

use gild_model::label::TagChange;
use gild_model::many::{PruneEvent, PruneRequest, RunFilter};
use gild_model::run::{RunHead, RunId, RunOutline};

use super::{RunError, Runs};
use crate::store::{Question, StoreError};

/// Pause between two parts of lasting work on the store: without one, a lock is taken again before those who wait for it
/// are awake.
const PAUSE: Duration = Duration::from_millis(1);

impl Runs {
    /// Runs in one line each, newest first: those that `filter` lets pass, at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub fn list(&self, filter: &RunFilter, limit: u32) -> Result<Vec<RunHead>, RunError> {
        let work = self.work();
        let heads = self.store().list(filter, limit)?.into_iter().map(|head| work.corrected(head));
        Ok(heads.filter(|head| filter.status.is_none_or(|status| head.status == status)).collect())
    }

    /// A run without anything that has to be made from its trials.
    ///
    /// # Errors
    /// There is no such run; the store failed.
    pub fn outline(&self, id: RunId) -> Result<RunOutline, RunError> {
        let work = self.work();
        let outline = self.store().outline(id)?.ok_or(RunError::Missing(id))?;
        Ok(RunOutline { head: work.corrected(outline.head), ..outline })
    }

    /// Puts tags on a run and takes others off.
    ///
    /// # Errors
    /// There is no such run, or it would have too many tags; the store failed.
    pub fn change_tags(&self, id: RunId, change: &TagChange) -> Result<RunHead, RunError> {
        self.store().change_tags(id, change).map_err(missing)?;
        self.head(id)
    }

    /// Notes something of a run, or takes the note away.
    ///
    /// # Errors
    /// There is no such run; the store failed.
    pub fn set_note(&self, id: RunId, note: Option<&str>) -> Result<RunHead, RunError> {
        self.store().set_note(id, note).map_err(missing)?;
        self.head(id)
    }

    /// Opens a connection for a question in SQL.
    ///
    /// # Errors
    /// The store failed.
    pub fn question(
        &self,
        sql: &str,
        limit: Duration,
        is_abandoned: impl Fn() -> bool + Send + 'static,
    ) -> Result<Question, RunError> {
        Ok(self.store().question(sql, limit, is_abandoned)?)
    }

    /// Removes the runs that a request is about, oldest first, and gives their room back to the file system; tells of each
    /// one, and stops early if `tell` says `false`. Blocks.
    ///
    /// # Errors
    /// The store failed; what was removed until then stays removed.
    pub fn prune(&self, request: &PruneRequest, tell: &mut dyn FnMut(PruneEvent) -> bool) -> Result<(), RunError> {
        let bytes_before = self.store().bytes();
        let ids = self.store().prunable(request)?;
        let mut removed = 0;
        for id in ids {
            let Some(run) = self.take_out(id, request.dry_run)? else { continue };
            removed += 1;
            if !tell(PruneEvent::Removed { run }) {
                break;
            }
        }
        if removed > 0 && !request.dry_run {
            self.give_back()?;
        }
        tell(PruneEvent::Done { removed, bytes_before, bytes_after: self.store().bytes() });
        Ok(())
    }

    /// Removes a run if it is over and still there, unless that is a rehearsal.
    fn take_out(&self, id: RunId, rehearsal: bool) -> Result<Option<RunHead>, RunError> {
        let removed = self.head(id).and_then(|head| match rehearsal {
            true => Ok(head),
            false => self.remove(id).map(|()| head),
        });
        match removed {
            Ok(head) => {
                std::thread::sleep(if rehearsal { Duration::ZERO } else { PAUSE });
                Ok(Some(head))
            }
            Err(RunError::Missing(_) | RunError::Active { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives the room of removed runs back to the file system. Blocks.
    ///
    /// # Errors
    /// The store failed.
    pub fn give_back(&self) -> Result<(), RunError> {
        while self.store().give_back()? {
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

fn missing(error: StoreError) -> RunError {
    match error {
        StoreError::NoSuchRun(id) => RunError::Missing(id),
        error => error.into(),
    }
}
