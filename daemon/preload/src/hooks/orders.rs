//! getpgid(2): of a process that cannot exist, it is an order for us.

use libc::pid_t;

use gild_engine::record::orders::Order;

use crate::next::Next;
use crate::orders;

static GETPGID: Next = Next::new(c"getpgid");

/// What the hooks here stand in for.
pub static NEXT: &[&Next] = &[&GETPGID];

#[unsafe(no_mangle)]
unsafe extern "C" fn getpgid(process: pid_t) -> pid_t {
    if let Some(answer) = Order::decode(process).and_then(orders::obey) {
        return answer;
    }
    // SAFETY: it is libc's function of this name (or another preloaded library's), and of this type by getpgid(2).
    let next: unsafe extern "C" fn(pid_t) -> pid_t = unsafe { std::mem::transmute(GETPGID.get()) };
    // SAFETY: it takes any number.
    unsafe { next(process) }
}
