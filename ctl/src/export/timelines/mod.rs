//! Timelines as files for trace viewers.
//!
//! ```text
//! timelines ─▶ scene ─┬─ ownership: who had which lock when, and who took it from whom
//!                     └─ counts: how many workers computed, waited, …
//!                │
//!                ├─▶ perfetto (protobuf)
//!                ├─▶ chrome   (JSON)
//!                └─▶ firefox  (JSON)
//! ```
//!
//! | module | subject |
//! |---|---|
//! | [`scene`] | what is shown: cases, their processes, threads, locks and counts |
//! | [`ids`] | process and thread ids that are unique in a file |
//! | [`ownership`] | pure: who had the lock, from the intervals |
//! | [`counts`] | pure: how many workers were in a phase at any time |
//! | [`perfetto`], [`chrome`], [`firefox`] | the formats |
//!
//! All timelines of a run are in memory at once, nine bytes an interval: a scene has one time axis, and its zero is the
//! earliest moment of any of them. The moment at which the wall time of a trial began is the same for all cases, so that
//! cases can be compared by eye.

mod chrome;
mod counts;
mod firefox;
mod ids;
mod ownership;
mod perfetto;
mod scene;

use super::{Error, Target};
use crate::cli::TimelineFormat;
pub use scene::Scene;

/// Writes a scene in a format, and lets the file appear under its name.
pub fn write(scene: &Scene, format: TimelineFormat, mut target: Target) -> Result<(), Error> {
    let written = match format {
        TimelineFormat::Perfetto => perfetto::write(scene, &mut target),
        TimelineFormat::Chrome => chrome::write(scene, &mut target),
        TimelineFormat::Firefox => firefox::write(scene, &mut target),
    };
    written.map_err(|error| target.destination().error(error))?;
    target.commit()
}
