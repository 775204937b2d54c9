//! The C ABI between gild and its kernels, and the Rust SDK to write a kernel.
//!
//! `include/gild_kernel.h` is the specification; [`raw`] is its transcription, for hosts. Authors need neither: they
//! implement [`Kernel`] (and [`Value`] for what goes in and comes out), name it in [`export!`], and build a `cdylib`.
//! Everything an author writes is safe Rust. The SDK stands at every door of the library: it checks pointers and
//! types, and turns errors and panics into a status and a text that the host prints.
//!
//! ```rust,standalone_crate
//! use std::ffi::CStr;
//! use std::ops::Range;
//!
//! use gild_abi::{Args, Cx, Error, Kernel, Param, Plan, Result, Value, Writer, export};
//!
//! struct Primes {
//!     limit: u64,
//!     parts: u64,
//! }
//!
//! struct Part(Range<u64>);
//!
//! impl Value for Part {
//!     const ID: &'static CStr = c"example.part/1";
//!
//!     fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
//!         out.put(&self.0.start.to_le_bytes())?;
//!         out.put(&self.0.end.to_le_bytes())
//!     }
//!
//!     fn decode(src: &[u8]) -> Result<Part> {
//!         let src: &[u8; 16] = src.try_into().map_err(|_| Error::new("a part has 16 bytes"))?;
//!         let [start, end] = [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|i| src[at + i])));
//!         Ok(Part(start..end))
//!     }
//! }
//!
//! impl Kernel for Primes {
//!     const NAME: &'static CStr = c"primes";
//!     const SUMMARY: &'static CStr = c"counts primes by trial division";
//!     const PARAMS: &'static [Param] = &[
//!         Param::i64(c"limit", 100_000, 2..=1 << 30).summary(c"counts the primes below this"),
//!         Param::i64(c"parts", 8, 1..=4096).summary(c"number of tasks"),
//!     ];
//!     const DETERMINISTIC: bool = true;
//!     const FORK_SAFE: bool = true;
//!     type In = Part;
//!     type Out = u64;
//!
//!     fn create(args: &Args<'_>) -> Result<Primes> {
//!         Ok(Primes { limit: args.u64("limit"), parts: args.u64("parts") })
//!     }
//!
//!     fn plan(&self, tasks: &mut Plan<'_, Part>) -> Result<()> {
//!         let border = |part| self.limit * part / self.parts;
//!         (0..self.parts).try_for_each(|part| tasks.emit(Part(border(part)..border(part + 1))))
//!     }
//!
//!     fn run(&self, cx: &mut Cx<'_>, part: &Part) -> Result<u64> {
//!         let mut found = 0;
//!         for n in part.0.clone() {
//!             cx.poll()?;
//!             found += u64::from(n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0));
//!         }
//!         Ok(found)
//!     }
//! }
//!
//! export!(Primes);
//!
//! # fn main() {
//! let trial = gild_abi::testing::run::<Primes>(&[("limit", 100.into())]).unwrap();
//! assert_eq!(trial.outputs.iter().sum::<u64>(), 25);
//! # }
//! ```

mod args;
mod async_context;
mod async_kernel;
mod context;
mod door;
mod error;
#[doc(hidden)]
pub mod export;
mod host;
mod kernel;
mod operation;
mod param;
mod plan;
pub mod raw;
pub mod testing;
mod time;
mod value;

pub use args::Args;
pub use async_context::{AsyncCx, Readiness};
pub use async_kernel::{AsyncForm, AsyncKernel};
pub use context::{Cx, Level, Logger};
pub use error::{Error, Result};
pub use kernel::{Kernel, MAX_PHASES, Verify};
pub use param::Param;
pub use plan::Plan;
pub use value::{Value, Writer};

#[cfg(doctest)]
#[doc = include_str!("../../../docs/plugins.md")]
struct PluginsGuide;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
