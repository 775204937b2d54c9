//! A terminal for programs that look whether they have one.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};

use crate::waiting::{LIMIT, within};

/// Runs a program with its outputs on a terminal of 200 columns and gives what the terminal was sent.
///
/// # Panics
/// It cannot be started, or does not end.
pub fn run(command: &mut Command) -> String {
    let size = Winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None).expect("the system has a terminal left");
    let copy = || pty.slave.try_clone().expect("a descriptor can be copied");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(copy())
        .stderr(copy())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    // The command has copies; the terminal hangs up when the last one is closed.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    drop(pty.slave);
    let mut screen = File::from(pty.master);
    let reader = std::thread::spawn(move || {
        let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
        // A terminal that has hung up is read with EIO.
        while let Ok(length @ 1..) = screen.read(&mut part) {
            bytes.extend_from_slice(&part[..length]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let ended = within(LIMIT, || child.try_wait().expect("it is our child"));
    if ended.is_none() {
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
    }
    let text = reader.join().expect("the reader does not panic");
    assert!(ended.is_some(), "did not end: {command:?}\n{text}");
    text
}
