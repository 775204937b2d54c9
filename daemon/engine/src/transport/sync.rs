//! What the ring is made of: the standard library's atomic numbers.
//!
//! The ring takes these from here and from nowhere else, so that a model checker can put its own in their place: the model
//! check includes the ring's very source file beside another `sync`.

pub use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
