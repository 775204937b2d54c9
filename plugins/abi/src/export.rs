//! The C functions behind a [`Kernel`], and [`export!`](crate::export!). Hidden from the documentation, because only
//! the macro uses it.

use std::any::TypeId;
use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::{ptr, slice};

use crate::args::Args;
use crate::context::Cx;
use crate::door::{door, quiet_door};
use crate::error::{Error, Result};
use crate::host::{self, Host};
use crate::kernel::{Kernel, MAX_PHASES};
use crate::param::{Param, is_name, same};
use crate::plan::Plan;
use crate::raw::{self, Status};
use crate::value::{self, TypeOf, Value};

/// What `self` points to.
pub(crate) struct Instance<K> {
    pub(crate) host: Host,
    pub(crate) kernel: K,
}

/// The C side of a kernel.
#[derive(Debug)]
pub struct Glue<K>(PhantomData<K>);

impl<K: Kernel> Glue<K> {
    /// The kernel's table.
    pub const TABLE: &'static raw::Kernel = {
        assert!(is_name(K::NAME.to_bytes()), "a kernel's name has the form [a-z][a-z0-9_-]*");
        assert!(unique_params(K::PARAMS), "two parameters of the kernel have the same name");
        &raw::Kernel {
            size: size_of::<raw::Kernel>() as u32,
            flags: Self::FLAGS,
            name: K::NAME.as_ptr(),
            summary: K::SUMMARY.as_ptr(),
            params: K::PARAMS.as_ptr().cast(),
            n_params: K::PARAMS.len(),
            phases: if K::PHASES.is_empty() { ptr::null() } else { Self::PHASES.as_ptr() },
            types: Self::TYPES.as_ptr(),
            create: Some(create::<K>),
            plan: Some(plan::<K>),
            run: Some(run::<K>),
            verify: if K::VERIFY.is_some() { Some(verify::<K>) } else { None },
            destroy: Some(destroy::<K>),
            extension: if K::ASYNC.is_some() { Some(extension::<K>) } else { None },
        }
    };

    const FLAGS: u32 = flag(K::SHARED, raw::KERNEL_SHARED)
        | flag(K::DETERMINISTIC, raw::KERNEL_DETERMINISTIC)
        | flag(K::FORK_SAFE, raw::KERNEL_FORK_SAFE);

    const PHASES: &'static [*const c_char; MAX_PHASES + 1] = &{
        assert!(K::PHASES.len() <= MAX_PHASES, "the kernel has too many phases");
        let mut list = [ptr::null(); MAX_PHASES + 1];
        let mut i = 0;
        while i < K::PHASES.len() {
            list[i] = K::PHASES[i].as_ptr();
            i += 1;
        }
        list
    };

    const TYPES: &'static [*const raw::Type; 3] = &{
        let (input, output) = (TypeOf::<K::In>::TABLE as *const _, TypeOf::<K::Out>::TABLE as *const _);
        let one = same(K::In::ID.to_bytes(), K::Out::ID.to_bytes());
        if one { [input, ptr::null(), ptr::null()] } else { [input, output, ptr::null()] }
    };
}

const fn flag(on: bool, bit: u32) -> u32 {
    if on { bit } else { 0 }
}

const fn unique_params(params: &[Param]) -> bool {
    let mut i = 0;
    while i < params.len() {
        let mut k = i + 1;
        while k < params.len() {
            // SAFETY: `Param` makes its name from a `&'static CStr`.
            let names = unsafe { (CStr::from_ptr(params[i].raw().name), CStr::from_ptr(params[k].raw().name)) };
            if same(names.0.to_bytes(), names.1.to_bytes()) {
                return false;
            }
            k += 1;
        }
        i += 1;
    }
    true
}

/// The instance behind `self`.
///
/// # Safety
/// `this` is null or came from `create::<K>` and has not been destroyed.
pub(crate) unsafe fn instance<'a, K>(this: *mut c_void) -> Result<&'a Instance<K>> {
    // SAFETY: null or a live `Instance<K>`, never reached through `&mut` (the caller's promise).
    unsafe { this.cast::<Instance<K>>().as_ref() }.ok_or_else(|| Error::host("the host gave no instance"))
}

unsafe extern "C" fn create<K: Kernel>(
    host: *const raw::Host,
    args: *const raw::Scalar,
    this: *mut *mut c_void,
) -> Status {
    door(raw::E_PARAM, || {
        // SAFETY: the host gives its own table.
        let host = unsafe { Host::read(host) }?;
        host::remember(&host);
        if this.is_null() {
            return Err(Error::host("nowhere to put the instance"));
        }
        check_types::<K>()?;
        // SAFETY: the host gives one checked argument per parameter, valid during the call.
        let args = unsafe { Args::read(K::PARAMS, args) }?;
        let kernel = K::create(&args)?;
        // SAFETY: not null; the host gave it to receive the instance.
        unsafe { this.write(Box::into_raw(Box::new(Instance { host, kernel })).cast()) };
        Ok(())
    })
}

/// An id names one Rust type: otherwise bytes of one would be decoded as the other.
fn check_types<K: Kernel>() -> Result<()> {
    if K::In::ID == K::Out::ID && TypeId::of::<K::In>() != TypeId::of::<K::Out>() {
        let id = K::In::ID.to_string_lossy();
        return Err(Error::with_status(
            raw::E_MISMATCH,
            format!("input and output are different types with the same id {id}"),
        ));
    }
    Ok(())
}

unsafe extern "C" fn plan<K: Kernel>(this: *mut c_void, plan: *mut raw::Plan) -> Status {
    door(raw::E_INTERNAL, || {
        // SAFETY: the host gives an instance of this kernel.
        let instance = unsafe { instance::<K>(this) }?;
        // SAFETY: this is the call that the plan was given to.
        let mut tasks = unsafe { Plan::new(&instance.host, plan) };
        instance.kernel.plan(&mut tasks)?;
        tasks.finish()
    })
}

unsafe extern "C" fn run<K: Kernel>(
    this: *mut c_void,
    task: *mut raw::Task,
    input: *const raw::Value,
    output: *mut raw::Value,
) -> Status {
    door(raw::E_INTERNAL, || {
        // SAFETY: the host gives an instance of this kernel.
        let instance = unsafe { instance::<K>(this) }?;
        // SAFETY: the host lends a value that this library planned or decoded.
        let input = unsafe { value::borrow::<K::In>(input) }?;
        // SAFETY: this is the call, and the thread, that the task was given to.
        let mut cx = unsafe { Cx::new(&instance.host, task, K::PHASES.len()) }?;
        if output.is_null() {
            return Err(Error::host("nowhere to put the result"));
        }
        let result = instance.kernel.run(&mut cx, input)?;
        // SAFETY: not null; the host gave it to receive the result.
        unsafe { output.write(value::into_raw(result)) };
        Ok(())
    })
}

unsafe extern "C" fn verify<K: Kernel>(this: *mut c_void, outs: *const raw::Value, n: usize) -> Status {
    door(raw::E_MISMATCH, || {
        // SAFETY: the host gives an instance of this kernel.
        let instance = unsafe { instance::<K>(this) }?;
        let outs = match (outs.is_null(), n) {
            (_, 0) => &[],
            (true, n) => return Err(Error::host(format!("{n} results at a null pointer"))),
            // SAFETY: the host lends that many values for the call.
            (false, n) => unsafe { slice::from_raw_parts(outs, n) },
        };
        // SAFETY: the host lends values that this library produced or decoded.
        let outs: Vec<&K::Out> = outs.iter().map(|out| unsafe { value::borrow(out) }).collect::<Result<_>>()?;
        let check = K::VERIFY.ok_or_else(|| Error::unsupported("the kernel has no check of its results"))?;
        check(&instance.kernel, &outs)
    })
}

unsafe extern "C" fn destroy<K: Kernel>(this: *mut c_void) {
    quiet_door(K::NAME, || {
        if !this.is_null() {
            // SAFETY: `create` made it from a `Box`, and the host gives it back once, after all other calls.
            drop(unsafe { Box::from_raw(this.cast::<Instance<K>>()) });
        }
    });
}

unsafe extern "C" fn extension<K: Kernel>(id: *const c_char) -> *const c_void {
    // SAFETY: null or a NUL-terminated text of the host's.
    let is_async = !id.is_null() && unsafe { CStr::from_ptr(id) } == raw::EXT_ASYNC;
    let table = K::ASYNC.filter(|_| is_async).map(|form| ptr::from_ref(form.table()));
    table.map_or(ptr::null(), <*const raw::Async>::cast)
}

/// One line of a library's list of kernels.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Entry(*const raw::Kernel);

impl Entry {
    /// Ends the list.
    pub const END: Entry = Entry(ptr::null());

    /// Names a kernel.
    pub const fn of<K: Kernel>() -> Entry {
        Entry(Glue::<K>::TABLE)
    }
}

/// What the entry function returns.
#[derive(Debug)]
#[repr(transparent)]
pub struct Library(raw::Plugin);

// SAFETY: `new` takes constants only; nothing behind the pointers is ever written.
unsafe impl Sync for Library {}

impl Library {
    /// Describes a library. The texts end in NUL; the list of kernels ends in [`Entry::END`].
    pub const fn new(
        name: &'static str,
        version: &'static str,
        license: &'static str,
        kernels: &'static [Entry],
    ) -> Library {
        assert!(unique_kernels(kernels), "two kernels of the library have the same name");
        Library(raw::Plugin {
            abi_major: raw::ABI_MAJOR,
            abi_minor: raw::ABI_MINOR,
            abi_minor_min: 0,
            size: size_of::<raw::Plugin>() as u32,
            name: c_text(name),
            version: c_text(version),
            license: c_text(license),
            kernels: kernels.as_ptr().cast(),
        })
    }

    /// The C struct.
    pub const fn as_raw(&'static self) -> *const raw::Plugin {
        &self.0
    }
}

const fn c_text(text: &'static str) -> *const c_char {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text.as_ptr(),
        Err(_) => panic!("a text of the library does not end in NUL, or has one inside"),
    }
}

const fn unique_kernels(kernels: &[Entry]) -> bool {
    let count = kernels.len() - 1;
    assert!(kernels[count].0.is_null(), "the list of kernels does not end in END");
    let mut i = 0;
    while i < count {
        let mut k = i + 1;
        while k < count {
            // SAFETY: all entries before END come from `Entry::of`, whose tables hold names from `&'static CStr`s.
            let names = unsafe { (CStr::from_ptr((*kernels[i].0).name), CStr::from_ptr((*kernels[k].0).name)) };
            if same(names.0.to_bytes(), names.1.to_bytes()) {
                return false;
            }
            k += 1;
        }
        i += 1;
    }
    true
}

/// Makes the library's one exported function from the types of its kernels: `export!(Primes, Sieve);`. Name, version and licence of the library are
/// those of the package. The example on the crate's first page shows it at work.
#[macro_export]
macro_rules! export {
    ($($kernel:ty),+ $(,)?) => {
        const _: () = {
            #[cfg(not(panic = "unwind"))]
            compile_error!("a kernel library needs panic = \"unwind\": a panic must become an error of its trial");

            static LIBRARY: $crate::export::Library = $crate::export::Library::new(
                concat!(env!("CARGO_PKG_NAME"), "\0"),
                concat!(env!("CARGO_PKG_VERSION"), "\0"),
                concat!(env!("CARGO_PKG_LICENSE"), "\0"),
                &[$($crate::export::Entry::of::<$kernel>(),)+ $crate::export::Entry::END],
            );

            #[unsafe(no_mangle)]
            extern "C" fn gild_plugin_v1() -> *const $crate::raw::Plugin {
                LIBRARY.as_raw()
            }
        };
    };
}
