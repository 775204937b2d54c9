//! Who is at the other end of a connection, and whether that is all right.

use std::io;

use nix::unistd::geteuid;
use tokio::net::UnixStream;

/// The user at the other end, by the kernel's word (SO_PEERCRED).
///
/// # Errors
/// The kernel does not tell.
pub fn user(stream: &UnixStream) -> io::Result<u32> {
    Ok(stream.peer_cred()?.uid())
}

/// Whether this user may use the daemon: root, the daemon's own user, or one of `allowed`.
pub fn is_allowed(user: u32, allowed: &[u32]) -> bool {
    user == 0 || user == geteuid().as_raw() || allowed.contains(&user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_the_own_user_and_those_named_are_allowed() {
        let own = geteuid().as_raw();
        let stranger = own + 1_000;
        assert!(is_allowed(0, &[]) && is_allowed(own, &[]));
        assert!(!is_allowed(stranger, &[]) && !is_allowed(stranger, &[stranger + 1]));
        assert!(is_allowed(stranger, &[stranger]));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_kernel_tells_who_is_there() {
        let (here, _there) = UnixStream::pair().unwrap();
        assert_eq!(user(&here).unwrap(), geteuid().as_raw());
    }
}
