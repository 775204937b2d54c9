//! Who made whom wait: for each lock the time that a worker waited, by the worker that held the lock meanwhile.
//!
//! A waiter's rows of a lock add up to its time in the lock's list of waiters (docs/locks.md has the scheme).

use serde::{Deserialize, Serialize};

/// Most functions that are kept of a trial: those of a recording's table, and those that are not known.
pub const FUNCTIONS_MAX: usize = 4097;

/// Which lock was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockKind {
    /// The one that the case's lock policy guards its kernel with.
    Policy,
    /// A Python interpreter's (the GIL).
    Interpreter,
    /// Any other lock of a recorded program.
    Other,
}

impl LockKind {
    /// All of them.
    pub const ALL: [LockKind; 3] = [LockKind::Policy, LockKind::Interpreter, LockKind::Other];

    /// The name used in the API, the store and the exports.
    pub fn name(self) -> &'static str {
        match self {
            LockKind::Policy => "policy",
            LockKind::Interpreter => "interpreter",
            LockKind::Other => "other",
        }
    }
}

/// What a wait is booked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// The worker with this number: it held the lock.
    Worker(u32),
    /// Nobody: the lock was free, and the waiter on its way.
    Nobody,
    /// Workers that there was no room for in the table.
    Others,
    /// It is not known who.
    Unknown,
}

impl Holder {
    /// The name of its kind, as in the store and the exports.
    pub fn kind(self) -> &'static str {
        match self {
            Holder::Worker(_) => "worker",
            Holder::Nobody => "nobody",
            Holder::Others => "others",
            Holder::Unknown => "unknown",
        }
    }

    /// The number of the worker, if it is one.
    pub fn worker(self) -> Option<u32> {
        match self {
            Holder::Worker(number) => Some(number),
            _ => None,
        }
    }

    /// The holder with this kind and number.
    pub fn of(kind: &str, worker: Option<u32>) -> Option<Holder> {
        match (kind, worker) {
            ("worker", Some(number)) => Some(Holder::Worker(number)),
            ("nobody", None) => Some(Holder::Nobody),
            ("others", None) => Some(Holder::Others),
            ("unknown", None) => Some(Holder::Unknown),
            _ => None,
        }
    }
}

/// One cell of a lock's matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockWait {
    /// The lock.
    pub lock: LockKind,
    /// Number of the worker that waited.
    pub waiter: u32,
    /// Who held the lock meanwhile.
    pub holder: Holder,
    /// Time waited, in nanoseconds.
    pub waited_ns: u64,
    /// How often: releases by this holder while the waiter waited; for `nobody`, how often the waiter got the lock after a
    /// wait; of other locks, waits that found it in this holder's hands.
    pub entries: u64,
}

/// A function of the program that held the interpreter's lock while others waited for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingFunction {
    /// Its name. `None`: it is not known which functions these were.
    pub function: Option<String>,
    /// The file that it is from.
    pub file: Option<String>,
    /// Its first line there.
    pub line: Option<u32>,
    /// The time that others waited while it held the lock, all of them together, in nanoseconds.
    pub waited_ns: u64,
    /// How often it released the lock while somebody waited for it.
    pub hand_overs: u64,
}

/// The function that others waited for longest, in a sentence; `None`: it is not known, or nobody waited.
pub fn top_holder(holders: &[HoldingFunction]) -> Option<String> {
    let all_ns: u64 = holders.iter().map(|it| it.waited_ns).sum();
    let top = holders.iter().filter(|it| it.function.is_some()).max_by_key(|it| it.waited_ns)?;
    let (function, file) = (top.function.as_deref()?, top.file.as_deref().unwrap_or_default());
    let file = file.rsplit('/').next().unwrap_or_default();
    let line = top.line.map(|line| format!(":{line}")).unwrap_or_default();
    let share = (all_ns > 0).then(|| top.waited_ns as f64 * 100.0 / all_ns as f64)?;
    Some(format!(
        "{file}{line} {function} held the interpreter's lock for {share:.0} % of the time that others waited for it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_that_others_waited_for_longest_is_named_with_its_share_of_all() {
        let held = |function: Option<&str>, waited_ns| HoldingFunction {
            function: function.map(str::to_owned),
            file: function.map(|_| "/home/me/app.py".to_owned()),
            line: function.map(|_| 12),
            waited_ns,
            hand_overs: 1,
        };
        let said = top_holder(&[held(None, 300), held(Some("work"), 630), held(Some("rest"), 70)]).unwrap();
        let expected = "app.py:12 work held the interpreter's lock for 63 % of the time that others waited for it";
        assert_eq!(said, expected);
        assert_eq!(top_holder(&[held(None, 300)]), None);
        assert_eq!(top_holder(&[held(Some("work"), 0)]), None);
    }

    #[test]
    fn a_holder_is_its_kind_and_its_number() {
        for holder in [Holder::Worker(3), Holder::Nobody, Holder::Others, Holder::Unknown] {
            assert_eq!(Holder::of(holder.kind(), holder.worker()), Some(holder));
        }
        assert_eq!([Holder::of("worker", None), Holder::of("nobody", Some(1)), Holder::of("x", None)], [None; 3]);
    }
}
