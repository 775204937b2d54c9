//! What carries values between coordinator and worker: framed messages.
//!
//! | module | subject |
//! |---|---|
//! | [`channel`] | one end of a connection: messages out, messages in, and their phases |
//! | [`frame`] | what a message looks like in bytes |
//! | `stream` | pipes and sockets |
//! | `shared` | rings in shared memory, and bells |
//! | [`ring`] | a ring: who may write where, and who wakes whom (pure; put under a model checker) |
//! | [`memory`] | the mapping behind two rings |
//! | [`sync`] | what a ring is made of |
//!
//! A worker has one message at a time, so beside the spec no message follows another unasked. Waiting for the first byte of
//! a message is `idle`, from the first byte to the last is `receive`. To keep the two apart for large values and still
//! read a small message with one system call, the first read of a pipe or socket asks for no more than 512 bytes; copying
//! those is part of the wait. Through shared memory the wait ends when the other side has published its first bytes, and
//! all copying is `receive`.

pub mod channel;
pub mod frame;
pub mod memory;
pub mod ring;
mod shared;
mod stream;
pub mod sync;
