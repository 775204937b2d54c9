//! The C ABI as Rust types: a transcription of `include/gild_kernel.h`, field by field.
//!
//! Meaning, ownership and threads of every item are documented in the header, which is the specification.
//! Function pointers are `Option`s and enums are integers here, because the other side may be any language:
//! a null pointer or an unknown number must be representable to be refused. Sizes and offsets are asserted
//! below, and against the C compiler's own by `tests/header.rs`.

use std::ffi::{c_char, c_void};

/// Major version of the ABI: it is part of the entry symbol's name.
pub const ABI_MAJOR: u32 = 1;
/// Minor version of the ABI: grows with appended fields.
pub const ABI_MINOR: u32 = 0;
/// Name of the one symbol that a plugin exports.
pub const ENTRY_SYMBOL: &std::ffi::CStr = c"gild_plugin_v1";

/// `gild_status`: 0 or positive is success, negative an error.
pub type Status = i32;
/// `GILD_OK`
pub const OK: Status = 0;
/// `GILD_PENDING`
pub const PENDING: Status = 1;
/// `GILD_E_CANCELLED`
pub const E_CANCELLED: Status = -1;
/// `GILD_E_PARAM`
pub const E_PARAM: Status = -2;
/// `GILD_E_DECODE`
pub const E_DECODE: Status = -3;
/// `GILD_E_IO`
pub const E_IO: Status = -4;
/// `GILD_E_NOMEM`
pub const E_NOMEM: Status = -5;
/// `GILD_E_MISMATCH`
pub const E_MISMATCH: Status = -6;
/// `GILD_E_UNSUPPORTED`
pub const E_UNSUPPORTED: Status = -7;
/// `GILD_E_PANIC`
pub const E_PANIC: Status = -8;
/// `GILD_E_INTERNAL`
pub const E_INTERNAL: Status = -9;

/// `GILD_I64`
pub const KIND_I64: u32 = 1;
/// `GILD_F64`
pub const KIND_F64: u32 = 2;
/// `GILD_STR`
pub const KIND_STR: u32 = 3;

/// `GILD_TYPE_SHARED`
pub const TYPE_SHARED: u32 = 1;
/// `GILD_KERNEL_SHARED`
pub const KERNEL_SHARED: u32 = 1;
/// `GILD_KERNEL_DETERMINISTIC`
pub const KERNEL_DETERMINISTIC: u32 = 2;
/// `GILD_KERNEL_FORK_SAFE`
pub const KERNEL_FORK_SAFE: u32 = 4;

/// `GILD_DEBUG`
pub const LOG_DEBUG: u32 = 0;
/// `GILD_INFO`
pub const LOG_INFO: u32 = 1;
/// `GILD_WARN`
pub const LOG_WARN: u32 = 2;
/// `GILD_ERROR`
pub const LOG_ERROR: u32 = 3;

/// `gild_scalar`
#[derive(Clone, Copy)]
#[repr(C)]
pub union Scalar {
    /// For `KIND_I64`.
    pub i64: i64,
    /// For `KIND_F64`.
    pub f64: f64,
    /// For `KIND_STR`.
    pub str: *const c_char,
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scalar(..)")
    }
}

/// `gild_param`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Param {
    pub name: *const c_char,
    pub summary: *const c_char,
    pub unit: *const c_char,
    pub kind: u32,
    pub reserved: u32,
    pub preset: Scalar,
    pub min: Scalar,
    pub max: Scalar,
}

/// `gild_bytes`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Bytes {
    pub ptr: *const u8,
    pub len: usize,
}

/// `gild_writer`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Writer {
    pub ctx: *mut c_void,
    pub write: Option<unsafe extern "C" fn(ctx: *mut c_void, src: *const c_void, len: usize) -> Status>,
}

/// `gild_type`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Type {
    pub size: u32,
    pub flags: u32,
    pub id: *const c_char,
    pub encode: Option<unsafe extern "C" fn(value: *const c_void, w: *const Writer) -> Status>,
    pub decode: Option<unsafe extern "C" fn(src: Bytes, value: *mut *mut c_void) -> Status>,
    pub drop: Option<unsafe extern "C" fn(value: *mut c_void)>,
}

/// `gild_value`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Value {
    pub r#type: *const Type,
    pub ptr: *mut c_void,
}

/// `gild_plan`: opaque.
#[derive(Debug)]
#[repr(C)]
pub struct Plan {
    _opaque: [u8; 0],
}

/// `gild_task`: what follows `attention` is the host's own.
#[derive(Debug)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Task {
    pub attention: *const u32,
}

/// `gild_host`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Host {
    pub size: u32,
    pub abi_minor: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub log: Option<unsafe extern "C" fn(level: u32, msg: *const c_char, len: usize)>,
    pub fail: Option<unsafe extern "C" fn(code: Status, msg: *const c_char, len: usize) -> Status>,
    pub emit: Option<unsafe extern "C" fn(plan: *mut Plan, input: Value, weight: u64) -> Status>,
    pub checkpoint: Option<unsafe extern "C" fn(task: *mut Task) -> Status>,
    pub release: Option<unsafe extern "C" fn(task: *mut Task)>,
    pub acquire: Option<unsafe extern "C" fn(task: *mut Task) -> Status>,
    pub phase_enter: Option<unsafe extern "C" fn(task: *mut Task, phase: u32)>,
    pub phase_exit: Option<unsafe extern "C" fn(task: *mut Task, phase: u32)>,
    pub extension: Option<unsafe extern "C" fn(id: *const c_char) -> *const c_void>,
}

/// `gild_kernel`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Kernel {
    pub size: u32,
    pub flags: u32,
    pub name: *const c_char,
    pub summary: *const c_char,
    pub params: *const Param,
    pub n_params: usize,
    pub phases: *const *const c_char,
    pub types: *const *const Type,
    pub create: Option<unsafe extern "C" fn(host: *const Host, args: *const Scalar, this: *mut *mut c_void) -> Status>,
    pub plan: Option<unsafe extern "C" fn(this: *mut c_void, plan: *mut Plan) -> Status>,
    pub run: Option<
        unsafe extern "C" fn(this: *mut c_void, task: *mut Task, input: *const Value, output: *mut Value) -> Status,
    >,
    pub verify: Option<unsafe extern "C" fn(this: *mut c_void, outs: *const Value, n: usize) -> Status>,
    pub destroy: Option<unsafe extern "C" fn(this: *mut c_void)>,
    pub extension: Option<unsafe extern "C" fn(id: *const c_char) -> *const c_void>,
}

/// Identity of the readiness extension (`GILD_EXT_ASYNC`).
pub const EXT_ASYNC: &std::ffi::CStr = c"gild.async/1";

/// `gild_waits`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Waits {
    pub size: u32,
    pub reserved: u32,
    pub fd: Option<unsafe extern "C" fn(task: *mut Task, fd: i32, events: u32) -> Status>,
    pub timer: Option<unsafe extern "C" fn(task: *mut Task, deadline_ns: u64) -> Status>,
}

/// `gild_async`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Async {
    pub size: u32,
    pub flags: u32,
    pub start: Option<
        unsafe extern "C" fn(this: *mut c_void, task: *mut Task, input: *const Value, op: *mut *mut c_void) -> Status,
    >,
    pub poll: Option<
        unsafe extern "C" fn(op: *mut c_void, task: *mut Task, waits: *const Waits, output: *mut Value) -> Status,
    >,
    pub drop: Option<unsafe extern "C" fn(op: *mut c_void)>,
}

/// Identity of the extension for classes of tasks (`GILD_EXT_CLASSES`).
pub const EXT_CLASSES: &std::ffi::CStr = c"gild.classes/1";

/// `gild_classes`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Classes {
    pub size: u32,
    pub reserved: u32,
    pub emit_as:
        Option<unsafe extern "C" fn(plan: *mut Plan, input: Value, weight: u64, name: *const c_char) -> Status>,
}

/// `gild_plugin`
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header")]
pub struct Plugin {
    pub abi_major: u32,
    pub abi_minor: u32,
    pub abi_minor_min: u32,
    pub size: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub license: *const c_char,
    pub kernels: *const *const Kernel,
}

/// Type of the entry function.
pub type Entry = unsafe extern "C" fn() -> *const Plugin;

/// Asserts a struct's size, and that its fields are these, in this order, at these offsets.
macro_rules! layout {
    ($name:ident, $size:literal, $($field:ident @ $offset:literal),+) => {
        const _: () = {
            assert!(size_of::<$name>() == $size);
            $(assert!(std::mem::offset_of!($name, $field) == $offset);)+
        };
    };
}

layout!(Scalar, 8, i64 @ 0, f64 @ 0, str @ 0);
layout!(Param, 56, name @ 0, summary @ 8, unit @ 16, kind @ 24, reserved @ 28, preset @ 32, min @ 40, max @ 48);
layout!(Bytes, 16, ptr @ 0, len @ 8);
layout!(Writer, 16, ctx @ 0, write @ 8);
layout!(Type, 40, size @ 0, flags @ 4, id @ 8, encode @ 16, decode @ 24, drop @ 32);
layout!(Value, 16, r#type @ 0, ptr @ 8);
layout!(Task, 8, attention @ 0);
layout!(Host, 96, size @ 0, abi_minor @ 4, name @ 8, version @ 16, log @ 24, fail @ 32, emit @ 40, checkpoint @ 48,
    release @ 56, acquire @ 64, phase_enter @ 72, phase_exit @ 80, extension @ 88);
layout!(Kernel, 104, size @ 0, flags @ 4, name @ 8, summary @ 16, params @ 24, n_params @ 32, phases @ 40, types @ 48,
    create @ 56, plan @ 64, run @ 72, verify @ 80, destroy @ 88, extension @ 96);
layout!(Waits, 24, size @ 0, reserved @ 4, fd @ 8, timer @ 16);
layout!(Async, 32, size @ 0, flags @ 4, start @ 8, poll @ 16, drop @ 24);
layout!(Classes, 16, size @ 0, reserved @ 4, emit_as @ 8);
layout!(Plugin, 48, abi_major @ 0, abi_minor @ 4, abi_minor_min @ 8, size @ 12, name @ 16, version @ 24, license @ 32,
    kernels @ 40);
