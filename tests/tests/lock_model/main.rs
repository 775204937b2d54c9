//! The lock policies under a model checker: their very source files, beside a `sync` whose every step is a choice.
//!
//! | module | subject |
//! |---|---|
//! | `sync` | mutex, condition and attention word of the model; how time passes; what is broken on purpose |
//! | `scenario` | what workers do, and what must hold meanwhile |
//! | `with_shuttle` | up to four workers, many drawn schedules, time-outs at any time |
//! | `with_loom` | two workers, every schedule up to a number of preemptions, weak memory |
//!
//! Checked are mutual exclusion; that no wake-up is lost (where no wait ever times out, every waiter still gets the lock);
//! progress of every waiter where holders only drop on request and waits time out at any time; forced switching (who
//! dropped on request is not the next to have the lock); and the order of a fair lock.
//!
//! Checks that cannot fail prove nothing. So each is also run where a part is broken, and has to find it.

#![expect(
    clippy::duplicate_mod,
    reason = "each model checker has primitives of its own, and the policies on top of them"
)]

mod with_loom;
mod with_shuttle;
