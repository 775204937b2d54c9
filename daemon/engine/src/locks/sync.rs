//! What lock policies are made of: the standard library's mutex, condition and atomic numbers.
//!
//! Policies take these from here and from nowhere else, so that a model checker can put its own in their place: the model
//! checks include the policies' very source files beside another `sync`.

pub use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
pub use std::sync::{Condvar, Mutex, MutexGuard};

use std::sync::PoisonError;

/// A mutex of a policy is never poisoned by a panic that matters: nothing is done under it that could leave it half changed.
pub fn held<G>(lock: Result<G, PoisonError<G>>) -> G {
    lock.unwrap_or_else(PoisonError::into_inner)
}
