//! A terminal for programs that look whether they have one, and for those that somebody sits at.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;

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

/// What a terminal was sent, and what that comes to.
struct Shown {
    bytes: Vec<u8>,
    screen: vt100::Parser,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.screen.screen().contents())
    }
}

/// A program on a terminal that somebody sits at.
#[derive(Debug)]
pub struct Seat {
    child: Child,
    keyboard: File,
    /// The terminal as the program has it.
    slave: File,
    shown: Arc<Mutex<Shown>>,
    reader: Option<JoinHandle<()>>,
}

impl Seat {
    /// Starts a program with this terminal as its input and output.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn at(command: &mut Command, rows: u16, columns: u16) -> Seat {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("the system has a terminal left");
        let copy = || pty.slave.try_clone().expect("a descriptor can be copied");
        let child = command.env("TERM", "xterm-256color").stdin(copy()).stdout(copy()).stderr(copy()).spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let mut screen = File::from(pty.master.try_clone().expect("a descriptor can be copied"));
        let shown = Arc::new(Mutex::new(Shown { bytes: Vec::new(), screen: vt100::Parser::new(rows, columns, 0) }));
        let seen = Arc::clone(&shown);
        let reader = std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut part) {
                let mut seen = seen.lock().expect("nobody panics with it");
                seen.bytes.extend_from_slice(&part[..length]);
                seen.screen.process(&part[..length]);
            }
        });
        let slave = File::from(pty.slave);
        // The command has copies; the terminal hangs up when the last one is closed.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Seat { child, keyboard: File::from(pty.master), slave, shown, reader: Some(reader) }
    }

    /// What the screen shows.
    ///
    /// # Panics
    /// Never, unless the reader has.
    pub fn screen(&self) -> String {
        self.shown.lock().expect("nobody panics with it").screen.screen().contents()
    }

    /// Waits until the screen shows something.
    ///
    /// # Panics
    /// It does not.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let has = || self.screen().contains(text).then_some(());
        assert!(within(LIMIT, has).is_some(), "{text:?} is not shown:\n{}", self.screen());
    }

    /// Types.
    ///
    /// # Panics
    /// The terminal has hung up.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal is there");
    }

    /// Gives the terminal another size.
    ///
    /// # Panics
    /// stty(1) fails.
    pub fn resize(&self, rows: u16, columns: u16) {
        let slave = self.slave.try_clone().expect("a descriptor can be copied");
        self.shown.lock().expect("nobody panics with it").screen.screen_mut().set_size(rows, columns);
        let (rows, columns) = (rows.to_string(), columns.to_string());
        let status = Command::new("stty").args(["rows", &rows, "cols", &columns]).stdin(slave).status();
        assert!(status.expect("stty is there").success());
        // It is nobody's controlling terminal, so nobody is told.
        self.signal(Signal::SIGWINCH);
    }

    /// Sends the program a signal.
    ///
    /// # Panics
    /// It is gone.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).expect("it was not waited for");
    }

    /// Whether lines are edited and keys echoed, as a shell wants it.
    ///
    /// # Panics
    /// The terminal cannot be asked.
    pub fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.slave).expect("it is a terminal");
        modes.local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }

    /// Whether the program is stopped.
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    }

    /// Waits for the program's end: how it was, and all that the terminal was sent.
    ///
    /// # Panics
    /// It does not end.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = within(LIMIT, || self.child.try_wait().expect("it is our child"));
        let status = status.unwrap_or_else(|| panic!("did not end:\n{}", self.screen()));
        assert!(self.is_cooked(), "the terminal was not given back");
        let reader = self.reader.take().expect("it is there until now");
        let shown = Arc::clone(&self.shown);
        // What the terminal has not been read of yet is lost with its last copy.
        let mark = "the-end-of-it";
        (&self.slave).write_all(mark.as_bytes()).expect("the terminal is there");
        self.wait_for(mark);
        drop(self);
        reader.join().expect("the reader does not panic");
        let text = String::from_utf8_lossy(&shown.lock().expect("nobody panics with it").bytes).replace(mark, "");
        (status, text)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
