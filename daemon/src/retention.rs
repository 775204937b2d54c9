//! How long runs are kept: the part `[retention]` of the configuration, applied when the daemon starts and after each run.
//!
//! It is pruning by itself: runs that are not over stay, and so do those with a tag.

use std::sync::Arc;

use gild_model::age::Age;
use gild_model::many::{PruneEvent, PruneRequest};
use jiff::Zoned;
use serde::{Deserialize, Serialize};

use crate::daemon::Daemon;
use crate::runs::RunError;

/// Which runs are kept. Without a limit all are; with both, a run goes if it is neither among the newest nor young.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// So many of the newest runs.
    pub keep: Option<u32>,
    /// Runs younger than this.
    pub older_than: Option<Age>,
}

impl Retention {
    /// What there is to prune at this moment; `None`: nothing ever.
    fn request(&self, now: &Zoned) -> Option<PruneRequest> {
        let before = self.older_than.map(|age| age.before(now));
        let request = PruneRequest { keep: self.keep, before, ..PruneRequest::default() };
        request.check().is_ok().then_some(request)
    }
}

/// Removes the runs that the configuration says are old enough. What fails is logged: the next time may be better.
pub async fn apply(daemon: &Arc<Daemon>) {
    let Some(request) = daemon.config().retention.request(&Zoned::now()) else { return };
    let pruned = tokio::task::spawn_blocking({
        let daemon = Arc::clone(daemon);
        move || prune(&daemon, &request)
    });
    match pruned.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "old runs could not be removed (retention)"),
        Err(error) => tracing::error!(%error, "old runs could not be removed (retention)"),
    }
}

fn prune(daemon: &Daemon, request: &PruneRequest) -> Result<(), RunError> {
    daemon.runs.prune(request, &mut |event| {
        match event {
            PruneEvent::Removed { run } => tracing::debug!(run = run.id, name = %run.name, "run removed (retention)"),
            PruneEvent::Done { removed: 0, .. } => {}
            PruneEvent::Done { removed, bytes_before, bytes_after } => {
                tracing::info!(removed, bytes_before, bytes_after, "old runs removed (retention)");
            }
        }
        // A daemon that is told to stop does not go on with this.
        !*daemon.stopping().borrow()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_limit_nothing_is_removed_and_an_age_is_counted_from_now() {
        let now: Zoned = "2026-11-22T10:00:00+00:00[UTC]".parse().unwrap();
        assert_eq!(Retention::default().request(&now), None);
        let retention: Retention = toml::from_str("keep = 5\nolder_than = '90d'").unwrap();
        let request = retention.request(&now).unwrap();
        assert_eq!((request.keep, request.tagged, request.dry_run), (Some(5), false, false));
        assert_eq!(request.before.unwrap().to_string(), "2026-08-24T10:00:00Z");
    }
}
