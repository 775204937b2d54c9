//! The arguments that an instance is made from.

use std::ffi::CStr;
use std::slice;

use crate::error::{Error, Result};
use crate::param::Param;
use crate::raw::{self, Scalar};

/// The arguments of one [`crate::Kernel::create`], by the name of their parameter.
///
/// The host has checked kinds, bounds and choices. To ask for a parameter that the kernel does not have, or for
/// another kind, is a mistake in the kernel and panics.
#[derive(Debug, Clone)]
pub struct Args<'a> {
    params: &'static [Param],
    values: Vec<Arg<'a>>,
}

#[derive(Debug, Clone, Copy)]
enum Arg<'a> {
    I64(i64),
    F64(f64),
    Text(&'a str),
}

impl<'a> Args<'a> {
    /// Returns an integer.
    pub fn i64(&self, name: &str) -> i64 {
        match self.get(name) {
            Arg::I64(value) => value,
            other => panic!("parameter {name} is not an integer but {other:?}"),
        }
    }

    /// Returns an integer whose lower bound is not negative.
    pub fn u64(&self, name: &str) -> u64 {
        let value = self.i64(name);
        u64::try_from(value).unwrap_or_else(|_| panic!("parameter {name} is {value}: its bounds let it be negative"))
    }

    /// Returns an integer whose lower bound is not negative, as a size.
    pub fn usize(&self, name: &str) -> usize {
        usize::try_from(self.u64(name)).expect("gild runs on 64-bit machines only")
    }

    /// Returns a floating-point number.
    pub fn f64(&self, name: &str) -> f64 {
        match self.get(name) {
            Arg::F64(value) => value,
            other => panic!("parameter {name} is not a number but {other:?}"),
        }
    }

    /// Returns a text.
    pub fn text(&self, name: &str) -> &'a str {
        match self.get(name) {
            Arg::Text(value) => value,
            other => panic!("parameter {name} is not a text but {other:?}"),
        }
    }

    fn get(&self, name: &str) -> Arg<'a> {
        let index = self.params.iter().position(|param| param.name().to_bytes() == name.as_bytes());
        self.values[index.unwrap_or_else(|| panic!("the kernel has no parameter {name}"))]
    }

    /// Reads what the host passed to `create`.
    ///
    /// # Safety
    /// `args` points to one scalar per parameter, of its kind; texts are NUL-terminated and live as long as `'a`.
    pub(crate) unsafe fn read(params: &'static [Param], args: *const Scalar) -> Result<Args<'a>> {
        if params.is_empty() {
            return Ok(Args { params, values: Vec::new() });
        }
        if args.is_null() {
            return Err(Error::host("the host gave no arguments"));
        }
        // SAFETY: not null, and one scalar per parameter (the caller's promise).
        let scalars = unsafe { slice::from_raw_parts(args, params.len()) };
        // SAFETY: each scalar is of its parameter's kind and lives long enough (the caller's promise).
        let value = |(param, scalar): (&Param, &Scalar)| unsafe { Arg::read(param, scalar) };
        Ok(Args { params, values: params.iter().zip(scalars).map(value).collect::<Result<_>>()? })
    }
}

impl<'a> Arg<'a> {
    /// # Safety
    /// As for [`Args::read`].
    unsafe fn read(param: &Param, scalar: &Scalar) -> Result<Arg<'a>> {
        match param.raw().kind {
            // SAFETY: every bit pattern is an integer.
            raw::KIND_I64 => Ok(Arg::I64(unsafe { scalar.i64 })),
            // SAFETY: every bit pattern is a floating-point number.
            raw::KIND_F64 => Ok(Arg::F64(unsafe { scalar.f64 })),
            _ => {
                // SAFETY: the scalar of a text parameter holds a pointer (the caller's promise).
                let text = unsafe { scalar.str };
                if text.is_null() {
                    return Err(Error::host(format!(
                        "parameter {}: the host gave no text",
                        param.name().to_string_lossy()
                    )));
                }
                // SAFETY: not null, NUL-terminated, alive for `'a` (the caller's promise).
                let text = unsafe { CStr::from_ptr::<'a>(text) };
                let text = text.to_str().map_err(|error| {
                    Error::new(format!("parameter {}: not valid UTF-8: {error}", param.name().to_string_lossy()))
                })?;
                Ok(Arg::Text(text))
            }
        }
    }
}
