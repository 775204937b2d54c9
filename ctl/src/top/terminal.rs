//! The terminal: taken over for the screen, and given back as it was, however this ends.
//!
//! It is given back when the [`Tty`] is dropped (the end, an error), when the program panics, before it is stopped by job
//! control, and, because signals are caught, when it is told to end.

use std::io::{self, Stdout, stdout};
use std::sync::Once;
use std::thread;

use nix::sys::signal::{Signal, raise};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::prelude::CrosstermBackend;
use ratatui::{Frame, Terminal};
use tokio::sync::mpsc;

/// Keys that may be pressed ahead of being answered.
const AHEAD_MAX: usize = 64;

/// The terminal, taken over.
#[derive(Debug)]
pub struct Tty {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Tty {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// It cannot be set up; it is as it was.
    pub fn take() -> io::Result<Tty> {
        give_back_when_panicking();
        begin()?;
        Ok(Tty { terminal: Terminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| give_back())? })
    }

    /// Draws a picture of the screen's present size.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(picture).map(drop)
    }

    /// The screen's size in rows and columns.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn size(&self) -> io::Result<ratatui::layout::Size> {
        self.terminal.size()
    }

    /// Gives the terminal back and stops this process, as Ctrl-Z does; goes on when it is continued.
    ///
    /// # Errors
    /// The terminal cannot be taken over again.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        raise(Signal::SIGSTOP)?;
        begin()?;
        // One that has drawn nothing yet draws all of it. (Its `clear` would ask the terminal where the cursor is, and the answer
        // would be read as keys.)
        self.terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(())
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        give_back();
    }
}

fn begin() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All), Hide).inspect_err(|_| give_back())
}

/// A terminal that is gone needs nothing back.
fn give_back() {
    let _ = execute!(stdout(), Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
}

fn give_back_when_panicking() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
    });
}

/// Keys and changes of the screen's size, as they come. The thread that reads them ends with the program, or when the terminal is
/// gone: then there are no more.
///
/// # Errors
/// The thread cannot be started.
pub fn input() -> io::Result<mpsc::Receiver<Event>> {
    let (sender, receiver) = mpsc::channel(AHEAD_MAX);
    let read = move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".to_owned()).spawn(read)?;
    Ok(receiver)
}
