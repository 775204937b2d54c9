//! The way into the library: every function that C calls has its body run here, so that no panic ever leaves.

use std::any::Any;
use std::ffi::CStr;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Result;
use crate::host;
use crate::raw::{self, Status};

/// Runs a call's body; turns an error or a panic into a status, and tells the host its text.
///
/// Unwind safety is asserted because what a panic may leave half done is an instance behind `&self`, and the host
/// ends the trial.
pub(crate) fn door(default: Status, body: impl FnOnce() -> Result<()>) -> Status {
    status_door(default, || body().map(|()| raw::OK))
}

/// The same for a call that can succeed in several ways.
pub(crate) fn status_door(default: Status, body: impl FnOnce() -> Result<Status>) -> Status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => host::fail(error.status_or(default), error.text()),
        Err(payload) => host::fail(raw::E_PANIC, &panic_text(payload)),
    }
}

/// Runs the body of a call that cannot fail. A panic becomes a message.
pub(crate) fn quiet_door(what: &CStr, body: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
        host::log(raw::LOG_ERROR, &format!("while dropping {}: {}", what.to_string_lossy(), panic_text(payload)));
    }
}

/// The message of a panic. Its payload is dropped here, inside another catch: a payload may panic in its own drop.
fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => format!("panicked: {text}"),
        (_, Some(text)) => format!("panicked: {text}"),
        _ => "panicked with something that is not a text".to_owned(),
    };
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(second);
    }
    message
}
