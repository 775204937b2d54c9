//! `gilctl top`: a terminal screen of the run in progress.
//!
//! ```text
//!  daemon ──▶ poll ── news ──┐
//!  keyboard ──▶ keys ── act ─┼──▶ state ──▶ draw ──▶ terminal
//!  signals ──────────────────┘    (pure)   (pure)
//! ```
//!
//! | module | subject |
//! |---|---|
//! | [`poll`] | asks the daemon |
//! | [`keys`] | what keys mean |
//! | [`state`] | what the screen shows |
//! | [`shares`] | shares and rates: two looks, subtracted |
//! | [`draw`], [`header`], [`rows`] | the state as a picture |
//! | [`palette`] | letters and colours of the phases |
//! | [`terminal`] | taken over, and given back however this ends |

mod draw;
mod header;
mod keys;
mod palette;
mod poll;
mod rows;
mod shares;
mod state;
mod terminal;
#[cfg(test)]
mod tests;

use std::time::Duration;

use gild_model::run::RunId;
use ratatui::crossterm::event::Event;
use ratatui::layout::Rect;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::client::Client;
use crate::error::{Error, Exit};
use palette::Colours;
use poll::{News, Poll};
use state::{Act, State};
use terminal::Tty;

/// Shows what is happening in a run, or in whatever run is in progress, until the user has seen enough.
///
/// # Errors
/// The terminal cannot be used, the daemon is gone, or there is no such run.
pub async fn show(client: Client, run: Option<RunId>, interval: Duration) -> Result<Exit, Error> {
    let mut signals = Signals::catch()?;
    let mut tty = Tty::take().map_err(|source| Error::Setup { what: "the terminal", source })?;
    let mut input = terminal::input().map_err(|source| Error::Setup { what: "the reading of keys", source })?;
    let (pause, paused) = watch::channel(false);
    let (sender, mut news) = mpsc::channel(1);
    tokio::spawn(Poll::new(client, run, interval).run(paused, sender));
    let colours = Colours::of(|name| std::env::var(name).ok());
    let mut state = State::new();
    loop {
        let size = tty.size().map_err(Error::Output)?;
        let room = usize::from(draw::places(Rect::new(0, 0, size.width, size.height)).rows.height);
        state.keep_in_sight(room);
        tty.draw(|frame| draw::draw(frame, &state, colours)).map_err(Error::Output)?;
        let act = tokio::select! {
            Some(told) = news.recv() => {
                learn(&mut state, told)?;
                continue;
            }
            event = input.recv() => match event {
                Some(Event::Key(key)) => keys::meaning(key),
                // A new size is drawn by going round.
                Some(_) => None,
                // Nobody can press a key any more.
                None => return Ok(Exit::Interrupted),
            },
            told = signals.next() => match told {
                Told::End => return Ok(Exit::Interrupted),
                Told::Stop => Some(Act::Suspend),
            },
        };
        match act {
            Some(Act::Quit) => return Ok(Exit::Done),
            Some(Act::Suspend) => tty.suspend().map_err(Error::Output)?,
            Some(act) => state.act(act, room),
            None => {}
        }
        pause.send_if_modified(|paused| std::mem::replace(paused, state.paused) != state.paused);
    }
}

fn learn(state: &mut State, news: News) -> Result<(), Error> {
    match news {
        News::Follow(experiment) => state.follow(*experiment),
        News::Look(look) => state.take(*look),
        News::Nothing => state.wait(),
        News::Lost(why) => state.lose(why),
        News::Over(error) => return Err(error),
    }
    Ok(())
}

/// What a signal asks for.
enum Told {
    End,
    Stop,
}

/// The signals that would end or stop the program without giving the terminal back.
struct Signals {
    ends: [Signal; 3],
    stop: Signal,
}

impl Signals {
    fn catch() -> Result<Signals, Error> {
        let catch = |kind| signal(kind).map_err(|source| Error::Setup { what: "the handling of signals", source });
        let ends = [catch(SignalKind::terminate())?, catch(SignalKind::hangup())?, catch(SignalKind::interrupt())?];
        Ok(Signals { ends, stop: catch(SignalKind::from_raw(nix::libc::SIGTSTP))? })
    }

    async fn next(&mut self) -> Told {
        let [terminate, hangup, interrupt] = &mut self.ends;
        tokio::select! {
            _ = terminate.recv() => Told::End,
            _ = hangup.recv() => Told::End,
            _ = interrupt.recv() => Told::End,
            _ = self.stop.recv() => Told::Stop,
        }
    }
}
