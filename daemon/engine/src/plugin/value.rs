//! A kernel's values: typed and opaque. Threads hand them over; processes encode them, move bytes, and decode.

use std::ffi::{CStr, c_void};

use gild_abi::raw;

use super::instance::KernelError;
use super::library::Kernel;
use super::table;

/// Longest type id, in bytes: it travels in front of every encoded value.
pub const TYPE_ID_MAX: usize = 255;
/// Longest encoded value that is sent or accepted, in bytes.
pub const ENCODED_MAX: usize = 1 << 31;

/// A value that the host owns; dropped by its own type.
#[derive(Debug)]
pub struct Value {
    raw: raw::Value,
}

// SAFETY: by the ABI a value may be used on any thread, one at a time, and dropped on any thread.
unsafe impl Send for Value {}
// SAFETY: `&Value` gives access to `encode` only, which the coordinator calls from one thread at a time, and to the
// pointer that goes to `run`, which happens once per task; types without GILD_TYPE_SHARED are never read by two
// workers because every task's input goes to one worker.
unsafe impl Sync for Value {}

impl Value {
    /// Takes over a value that a kernel made.
    ///
    /// # Errors
    /// It has no type, or a type that the kernel did not declare.
    pub(super) fn adopt(kernel: &Kernel, raw: raw::Value) -> Result<Value, KernelError> {
        let known = kernel.types.iter().any(|it| std::ptr::eq(*it, raw.r#type) || same_id(it, raw.r#type));
        if raw.r#type.is_null() {
            return Err(KernelError::new(raw::E_INTERNAL, "the kernel gave a value without a type"));
        }
        if !known {
            return Err(KernelError::new(
                raw::E_INTERNAL,
                "the kernel gave a value of a type that it does not declare",
            ));
        }
        Ok(Value { raw })
    }

    /// What the kernel sees.
    pub(super) fn raw(&self) -> &raw::Value {
        &self.raw
    }

    /// The type's identity between processes.
    pub fn type_id(&self) -> &'static CStr {
        type_id(self.table())
    }

    fn table(&self) -> &'static raw::Type {
        // SAFETY: `adopt` and `decode` made sure that it points to a type table of a library that is never closed.
        unsafe { &*self.raw.r#type }
    }

    /// Appends the encoded value to `bytes`.
    ///
    /// # Errors
    /// The kernel's own, or the value is longer than [`ENCODED_MAX`].
    pub fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), KernelError> {
        let encode = self.table().encode.expect("checked by library::value_type");
        let writer = raw::Writer { ctx: std::ptr::from_mut(bytes).cast(), write: Some(append) };
        // SAFETY: the value is the type's own; `writer` and the buffer behind it outlive the call.
        let status = unsafe { encode(self.raw.ptr, &writer) };
        table::checked(status)
    }

    /// Makes a value from its encoded form.
    ///
    /// # Errors
    /// The kernel has no such type, or its decoder refuses the bytes.
    pub fn decode(kernel: &Kernel, id: &[u8], bytes: &[u8]) -> Result<Value, KernelError> {
        let table = kernel.types.iter().find(|it| type_id(it).to_bytes() == id).ok_or_else(|| {
            let id = String::from_utf8_lossy(id);
            KernelError::new(raw::E_DECODE, &format!("the kernel declares no type \"{id}\""))
        })?;
        let decode = table.decode.expect("checked by library::value_type");
        let mut ptr: *mut c_void = std::ptr::null_mut();
        // SAFETY: the slice is valid for the call, and `ptr` may be written; it is taken only on success.
        let status = unsafe { decode(raw::Bytes { ptr: bytes.as_ptr(), len: bytes.len() }, &mut ptr) };
        table::checked(status)?;
        Ok(Value { raw: raw::Value { r#type: *table, ptr } })
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let drop = self.table().drop.expect("checked by library::value_type");
        // SAFETY: the value is the type's own and is dropped once.
        unsafe { drop(self.raw.ptr) }
    }
}

fn type_id(table: &raw::Type) -> &'static CStr {
    // SAFETY: `library::value_type` checked that it is a string of a library that is never closed.
    unsafe { CStr::from_ptr(table.id) }
}

fn same_id(known: &raw::Type, found: *const raw::Type) -> bool {
    // SAFETY: null, or a type table by the ABI (the kernel made a value of it); its id is looked at only if it is the
    // size of one.
    unsafe { found.as_ref() }.is_some_and(|found| {
        found.size >= size_of::<raw::Type>() as u32 && !found.id.is_null() && type_id(known) == type_id(found)
    })
}

/// `gild_writer.write`: appends to the `Vec<u8>` behind `ctx`.
unsafe extern "C" fn append(ctx: *mut c_void, src: *const c_void, len: usize) -> raw::Status {
    // SAFETY: `Value::encode` put an exclusive reference to its buffer there, for the duration of the call.
    let bytes = unsafe { &mut *ctx.cast::<Vec<u8>>() };
    if len > ENCODED_MAX.saturating_sub(bytes.len()) {
        return table::refuse(raw::E_NOMEM, format!("the encoded value is longer than {ENCODED_MAX} bytes"));
    }
    if src.is_null() && len > 0 {
        return table::refuse(raw::E_INTERNAL, format!("the encoder wrote {len} bytes from a null pointer"));
    }
    if len > 0 {
        if bytes.try_reserve(len).is_err() {
            return raw::E_NOMEM;
        }
        // SAFETY: not null, and `len` bytes long by the ABI.
        bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(src.cast::<u8>(), len) });
    }
    raw::OK
}
