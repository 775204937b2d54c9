//! errno, kept: the program must not see what our own system calls left there.

/// Runs `action` and puts errno back as it was.
#[inline(always)]
pub fn keep<T>(action: impl FnOnce() -> T) -> T {
    // SAFETY: libc gives a valid pointer to the calling thread's own errno, for as long as the thread lives.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; nobody but this thread uses it.
    let before = unsafe { errno.read() };
    let result = action();
    // SAFETY: as above.
    unsafe { errno.write(before) };
    result
}

/// Sets errno.
pub fn set(number: i32) {
    // SAFETY: as in `keep`.
    unsafe { *libc::__errno_location() = number };
}

#[cfg(test)]
mod tests {
    #[test]
    fn errno_is_what_it_was() {
        super::set(7);
        super::keep(|| super::set(9));
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(7));
    }
}
