//! Many runs at once: which of them to list, and which to remove.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::case::Model;
use crate::label::Tag;
use crate::run::{RunHead, RunId, RunStatus};

/// Most runs in one answer, and as many as there are in one that does not say.
pub const LIST_MAX: u32 = 1_000;

/// Which runs to list, as the part of an address behind the `?`. What is not given does not narrow the choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunFilter {
    /// Runs of this kernel.
    pub kernel: Option<String>,
    /// Runs with at least one case of this execution model.
    pub model: Option<Model>,
    /// Runs with this tag.
    pub tag: Option<Tag>,
    /// Runs that stand here.
    pub status: Option<RunStatus>,
    /// Runs submitted at this time or later, to the second.
    pub since: Option<Timestamp>,
    /// Runs with a smaller number than this one: the next page after a page that ended with it.
    pub before: Option<RunId>,
    /// At most so many, the newest; 1 to [`LIST_MAX`].
    pub limit: Option<u32>,
}

impl RunFilter {
    /// The number of runs to list.
    ///
    /// # Errors
    /// It is out of bounds.
    pub fn limit(&self) -> Result<u32, String> {
        match self.limit.unwrap_or(LIST_MAX) {
            limit @ 1..=LIST_MAX => Ok(limit),
            limit => Err(format!("limit: {limit} is not in 1..={LIST_MAX}; for more, ask again with before")),
        }
    }
}

/// Which runs to remove. Runs that are waiting or running stay whatever is asked for. What is given has to hold all at
/// once: with `keep` and `before`, a run goes if it is neither among the newest nor young.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PruneRequest {
    /// So many of the newest runs stay, whatever their status and their tags.
    pub keep: Option<u32>,
    /// Runs submitted at this time or later stay, to the second.
    pub before: Option<Timestamp>,
    /// Runs with a tag go, too.
    pub tagged: bool,
    /// Runs with a larger number stay: those that came after somebody looked.
    pub up_to: Option<RunId>,
    /// Nothing is removed: the answer says what would be.
    pub dry_run: bool,
}

impl PruneRequest {
    /// Checks that it says which runs stay.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self) -> Result<(), String> {
        match (self.keep, self.before) {
            (None, None) => Err("keep, before: expected at least one of them".to_owned()),
            _ => Ok(()),
        }
    }
}

/// One line of what comes of a [`PruneRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum PruneEvent {
    /// A run was removed, or would be.
    Removed {
        /// What it was.
        run: RunHead,
    },
    /// The last line.
    Done {
        /// How many runs were removed, or would be.
        removed: u32,
        /// Size of the store's files before, in bytes.
        bytes_before: u64,
        /// And after.
        bytes_after: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_bound() {
        let of = |limit| RunFilter { limit, ..RunFilter::default() }.limit();
        assert_eq!((of(None), of(Some(1)), of(Some(1_000))), (Ok(1_000), Ok(1), Ok(1_000)));
        assert!(of(Some(0)).is_err() && of(Some(1_001)).unwrap_err().contains("ask again with before"));
    }

    #[test]
    fn a_prune_without_a_limit_is_refused() {
        assert!(PruneRequest { tagged: true, ..PruneRequest::default() }.check().is_err());
        PruneRequest { keep: Some(0), ..PruneRequest::default() }.check().unwrap();
    }
}
