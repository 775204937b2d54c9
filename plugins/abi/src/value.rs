//! Values: what goes into a task and what comes out of it, with the codec that carries them between processes.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::{io, slice};

use crate::door::{door, quiet_door};
use crate::error::{Error, Result};
use crate::raw::{self, Status};

/// A type of values.
///
/// Thread models hand a value over as it is; process models encode it, move the bytes, and decode them. Values are
/// `Sync` because several workers may read one input at once, and `Send` because the thread that drops a value need
/// not be the one that made it.
pub trait Value: Send + Sync + Sized + 'static {
    /// The identity between processes: a name of your own, `/`, and a revision that you raise when the bytes change
    /// their meaning, such as `acme.bigint/1`.
    const ID: &'static CStr;

    /// Writes the value's bytes. Equal values give equal bytes: results are compared by them.
    ///
    /// # Errors
    /// The writer's, passed on, or the value cannot be written.
    fn encode(&self, out: &mut Writer<'_>) -> Result<()>;

    /// Makes a value from exactly the bytes that [`Value::encode`] wrote. The bytes may be hostile: use memory in
    /// proportion to their number only, and refuse what `encode` would not have written.
    ///
    /// # Errors
    /// The bytes are not a value of this type.
    fn decode(src: &[u8]) -> Result<Self>;
}

impl Value for u64 {
    const ID: &'static CStr = c"gild.u64/1";

    fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
        out.put(&self.to_le_bytes())
    }

    fn decode(src: &[u8]) -> Result<u64> {
        let bytes = src.try_into().map_err(|_| Error::new(format!("expected 8 bytes, found {}", src.len())))?;
        Ok(u64::from_le_bytes(bytes))
    }
}

impl Value for Vec<u8> {
    const ID: &'static CStr = c"gild.bytes/1";

    fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
        out.put(self)
    }

    fn decode(src: &[u8]) -> Result<Vec<u8>> {
        Ok(src.to_vec())
    }
}

impl Value for String {
    const ID: &'static CStr = c"gild.text/1";

    fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
        out.put(self.as_bytes())
    }

    fn decode(src: &[u8]) -> Result<String> {
        std::str::from_utf8(src).map(str::to_owned).map_err(Error::new)
    }
}

/// Takes the bytes of a value. Also an [`io::Write`], for codecs that want one.
///
/// After the first failure it takes nothing more, and the encoding fails whatever [`Value::encode`] returns.
#[derive(Debug)]
pub struct Writer<'a> {
    raw: &'a raw::Writer,
    failed: Option<Status>,
}

impl<'a> Writer<'a> {
    /// Writes all of `bytes`. One call with many bytes costs less than many calls with few.
    ///
    /// # Errors
    /// The host cannot take them: stop, and return the error.
    pub fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(status) = self.failed {
            return Err(Error::from_status(status));
        }
        let write = self.raw.write.ok_or_else(|| Error::host("the host gave a writer without a function"))?;
        // SAFETY: the host's writer, valid during the call it was given to (`new`'s contract); the bytes are readable.
        let status = unsafe { write(self.raw.ctx, bytes.as_ptr().cast(), bytes.len()) };
        if status < 0 {
            self.failed = Some(status);
            return Err(Error::from_status(status));
        }
        Ok(())
    }

    /// # Safety
    /// `writer` is null or what the host gave to the running call.
    pub(crate) unsafe fn new(writer: *const raw::Writer) -> Result<Writer<'a>> {
        // SAFETY: null or valid during the call (the caller's promise).
        let raw = unsafe { writer.as_ref() }.ok_or_else(|| Error::host("the host gave no writer"))?;
        Ok(Writer { raw, failed: None })
    }
}

impl io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The C side of a value type.
pub(crate) struct TypeOf<T>(PhantomData<T>);

impl<T: Value> TypeOf<T> {
    pub(crate) const TABLE: &'static raw::Type = {
        assert!(
            has_revision(T::ID.to_bytes()),
            "the id of a value type ends in `/` and a revision, as in acme.bigint/1"
        );
        &raw::Type {
            size: size_of::<raw::Type>() as u32,
            flags: raw::TYPE_SHARED,
            id: T::ID.as_ptr(),
            encode: Some(encode::<T>),
            decode: Some(decode::<T>),
            drop: Some(drop_value::<T>),
        }
    };
}

const fn has_revision(id: &[u8]) -> bool {
    let mut digits = 0;
    while digits < id.len() && id[id.len() - 1 - digits].is_ascii_digit() {
        digits += 1;
    }
    digits > 0 && digits + 1 < id.len() && id[id.len() - 1 - digits] == b'/'
}

/// Moves a value out of Rust.
pub(crate) fn into_raw<T: Value>(value: T) -> raw::Value {
    raw::Value { r#type: TypeOf::<T>::TABLE, ptr: Box::into_raw(Box::new(value)).cast() }
}

/// Borrows a value that the host holds, after a look at its type's id. The address of the type says nothing: the
/// compiler may have made several copies of the table.
///
/// # Safety
/// `value` is null, or points to a value that this library made in this process and nobody changes during `'a`.
pub(crate) unsafe fn borrow<'a, T: Value>(value: *const raw::Value) -> Result<&'a T> {
    // SAFETY: null or readable (the caller's promise).
    let value = unsafe { value.as_ref() }.ok_or_else(|| Error::host("the host gave no value"))?;
    if !ptr::eq(value.r#type, TypeOf::<T>::TABLE) {
        // SAFETY: null or a type of this library: static (the caller's promise).
        let id = unsafe { value.r#type.as_ref() }.map_or(ptr::null(), |found| found.id);
        // SAFETY: not null, and an id is NUL-terminated and static.
        let id = if id.is_null() { c"" } else { unsafe { CStr::from_ptr(id) } };
        if id != T::ID {
            let text = format!("expected a value of type {}, found {:?}", T::ID.to_string_lossy(), id);
            return Err(Error::with_status(raw::E_MISMATCH, text));
        }
    }
    // SAFETY: the id says that `into_raw::<T>` or `decode::<T>` of this library made it: ids are checked to name one
    // Rust type each when an instance is created.
    unsafe { value.ptr.cast::<T>().as_ref() }.ok_or_else(|| Error::host("the host gave a value without content"))
}

unsafe extern "C" fn encode<T: Value>(value: *const c_void, writer: *const raw::Writer) -> Status {
    door(raw::E_INTERNAL, || {
        // SAFETY: the host gives a value of this type, which it lends for the call.
        let value = unsafe { value.cast::<T>().as_ref() }.ok_or_else(|| Error::host("no value to encode"))?;
        // SAFETY: this is the call that the writer was given to.
        let mut writer = unsafe { Writer::new(writer) }?;
        value.encode(&mut writer)?;
        writer.failed.map_or(Ok(()), |status| Err(Error::from_status(status)))
    })
}

unsafe extern "C" fn decode<T: Value>(src: raw::Bytes, value: *mut *mut c_void) -> Status {
    door(raw::E_DECODE, || {
        if value.is_null() {
            return Err(Error::host("nowhere to put the decoded value"));
        }
        let bytes = match (src.ptr.is_null(), src.len) {
            (_, 0) => &[],
            (true, len) => return Err(Error::new(format!("{len} bytes at a null pointer"))),
            // SAFETY: the host lends that many bytes for the call.
            (false, len) => unsafe { slice::from_raw_parts(src.ptr, len) },
        };
        let decoded = into_raw(T::decode(bytes)?);
        // SAFETY: not null; the host gave it to receive the value.
        unsafe { value.write(decoded.ptr) };
        Ok(())
    })
}

unsafe extern "C" fn drop_value<T: Value>(value: *mut c_void) {
    quiet_door(T::ID, || {
        if !value.is_null() {
            // SAFETY: `into_raw` made it from a `Box<T>`, and the host gives it back once.
            drop(unsafe { Box::from_raw(value.cast::<T>()) });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_id_ends_in_a_revision() {
        for good in ["acme.bigint/1", "x/20"] {
            assert!(has_revision(good.as_bytes()), "{good}");
        }
        for bad in ["", "/1", "1", "acme.bigint", "acme.bigint/", "acme.bigint/v1", "acme1"] {
            assert!(!has_revision(bad.as_bytes()), "{bad}");
        }
    }
}
