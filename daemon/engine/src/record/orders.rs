//! What Python code of ours tells the preloaded library that is in the same process: orders.
//!
//! An order is a call of getpgid(2) for a process that cannot exist: the library stands in for that function and takes
//! negative numbers for orders. `os.getpgid` is in every interpreter, sub-interpreters included, needs neither ctypes nor an
//! extension module, and calls libc without giving the interpreter's lock away. Where nothing is recorded the kernel answers
//! ESRCH, as it does to everybody who asks for such a process, and the Python code knows that it is alone.
//!
//! ```text
//!  os.getpgid(-(order << 24 | value))  ─▶ answer: a number of 0 or more
//! ```

/// Bits of an order's value.
const VALUE_BITS: u32 = 24;
/// The largest value of an order.
pub const VALUE_MAX: u32 = (1 << VALUE_BITS) - 1;
/// What [`Order::Hello`] is answered with.
pub const VERSION: i32 = 1;
/// Threads that an executor of Python's has for itself; what [`Order::Helper`] numbers. At most 15 bytes each, as the kernel
/// has names of threads.
pub const HELPERS: [&str; 5] = ["QueueFeeder", "ExecutorManager", "PoolWorkers", "PoolTasks", "PoolResults"];
/// The parts of Python's standard library that our code wraps; what [`Order::Missing`] numbers.
pub const PARTS: [&str; 10] = [
    "threading",
    "queue",
    "multiprocessing.reduction",
    "multiprocessing.connection",
    "multiprocessing.synchronize",
    "multiprocessing.queues",
    "multiprocessing.popen_fork",
    "multiprocessing.pool",
    "concurrent.futures.process",
    "concurrent.interpreters",
];

/// An order. The numbers are those of `gild_marks.py` and `gild_functions.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Is anybody there? The answer is [`VERSION`].
    Hello,
    /// From now on the calling thread is in this phase when it is in no call that has one of its own. The answer is
    /// the phase up to now, to be given back later.
    Base(u32),
    /// The trial has so many tasks.
    Planned(u32),
    /// The wall time starts. The calling thread's accounts start anew: with 0 as the coordinator's, with 1 as the only
    /// worker's.
    WallBegin(u32),
    /// The wall time ends, and with it the accounts of the calling thread.
    WallEnd,
    /// The calling thread, a worker from now on, has taken this task.
    Take(u32),
    /// The result of this task is done.
    Done(u32),
    /// The calling thread has the result of this task in its hands.
    Collected(u32),
    /// The calling thread is this one of [`HELPERS`].
    Helper(u32),
    /// Our code wraps the standard library of this process.
    Here,
    /// What it wraps in this one of [`PARTS`] is not all there.
    Missing(u32),
    /// The calling thread is a worker from now on, whether it will take a task or not. The answer is its number.
    Join,
    /// The calling thread has been pinned to this core.
    Pinned(u32),
    /// Of several tasks that the calling thread has taken and not finished, this is the current one.
    Turn(u32),
    /// The next 24 bits of a number that is being told.
    Part(u32),
    /// That number is this fact of the function that will say [`Order::Learn`].
    Fact(u32),
    /// The calling function is what was told: find out how to find it; with 1, confirm it. The answer is 0 if it was found.
    Learn(u32),
}

impl Order {
    /// The order that a call of getpgid(2) with this number is; `None`: it is none.
    pub fn decode(process: i32) -> Option<Order> {
        let number = process.checked_neg().filter(|it| *it > 0)?.cast_unsigned();
        let value = number & VALUE_MAX;
        Some(match number >> VALUE_BITS {
            1 => Order::Hello,
            2 => Order::Base(value),
            3 => Order::Planned(value),
            4 => Order::WallBegin(value),
            5 => Order::WallEnd,
            6 => Order::Take(value),
            7 => Order::Done(value),
            8 => Order::Collected(value),
            9 => Order::Helper(value),
            10 => Order::Here,
            11 => Order::Missing(value),
            32 => Order::Join,
            33 => Order::Pinned(value),
            34 => Order::Turn(value),
            64 => Order::Part(value),
            65 => Order::Fact(value),
            66 => Order::Learn(value),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_numbers_are_orders_and_others_are_not() {
        assert_eq!(Order::decode(-(6 << 24 | 77)), Some(Order::Take(77)));
        assert_eq!(Order::decode(-(2 << 24)), Some(Order::Base(0)));
        assert_eq!(Order::decode(-(11 << 24 | 9)), Some(Order::Missing(9)));
        assert_eq!(Order::decode(-(6 << 24 | 0xff_ffff)), Some(Order::Take(VALUE_MAX)));
        for process in [0, 1, i32::MAX, -1, -0xff_ffff, i32::MIN, i32::MIN + 1] {
            assert_eq!(Order::decode(process), None, "{process}");
        }
    }
}
