//! Kernel in plain C: does nothing, so that what remains is the price of the harness. The kernel is `null.c`; the
//! build lays `libnull.so` beside the libraries that cargo builds. There is no Rust to call.

/// Where the build has put the library, for tests.
pub const LIBRARY: &str = env!("GILD_NULL_LIBRARY");
