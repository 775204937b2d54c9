//! The C ABI between gild and its kernels ([`raw`]), and the Rust SDK to write a kernel.

pub mod raw;
