//! What is preloaded into every process of a program that is recorded: it stands in for the libc functions in which
//! threads wait, start and end, and books what they do, with the meter that all of gild's own workers have.
//!
//! ```text
//!  program ── pthread_cond_timedwait ─▶ hook ── mark(lock-wait) ── libc's own ── mark(what it was) ─▶ program
//!                                        │
//!                                        └ the recording's memory, opened anew in every process
//! ```
//!
//! A guest in somebody else's process has to be a good one. It needs no symbol that the program may lack, so it loads into
//! anything that libc loads into; it does nothing at all where there is no recording to be found. Hooks allocate nothing,
//! take no lock, keep errno, and let signal handlers, cancellation and longjmp pass through them. What runs in the child of a
//! fork is system calls and stores alone. Descriptors of its own are few, high and closed by exec.
//!
//! | module | subject |
//! |---|---|
//! | `start` | the library's constructor and destructor |
//! | `process` | what the threads of a process share |
//! | `thread` | a thread's accounts; what surrounds a call that may wait |
//! | `live` | the threads that are alive, and their clocks when the process ends |
//! | `tools` | what watches a thread, within somebody else's limits |
//! | `exec` | a program that is replaced by another |
//! | `python` | telling the interpreter's lock from other locks |
//! | `orders` | what Python code of ours tells us |
//! | `trial` | the trial that the recording is of, if it is of one |
//! | `next` | the functions that the hooks stand in for |
//! | `errno` | errno, kept |
//! | `hooks` | the functions that are stood in for, by subject |

mod errno;
mod exec;
mod hooks;
mod live;
mod next;
mod orders;
mod process;
mod python;
mod start;
mod thread;
mod tools;
mod trial;
