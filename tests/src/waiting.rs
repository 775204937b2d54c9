//! Waits for something to become true.

use std::time::{Duration, Instant};

/// Longest wait; far more than a loaded machine takes.
pub const LIMIT: Duration = Duration::from_secs(120);
/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Looks until there is something, and gives it.
///
/// # Panics
/// When there is nothing within [`LIMIT`].
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(LIMIT, look).unwrap_or_else(|| panic!("waited {} s for this: {what}", LIMIT.as_secs()))
}

/// Looks until there is something; `None` if there is nothing within `limit`.
pub fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if started.elapsed() > limit {
            return None;
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}
