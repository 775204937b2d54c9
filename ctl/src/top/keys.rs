//! What keys mean. Pure.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::state::Act;

/// What a key asks for; `None`: nothing.
pub fn meaning(key: KeyEvent) -> Option<Act> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c' | 'C') => Some(Act::Quit),
            KeyCode::Char('z' | 'Z') => Some(Act::Suspend),
            _ => None,
        };
    }
    match key.code {
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => Some(Act::Quit),
        KeyCode::Char('?' | 'h') => Some(Act::Help),
        KeyCode::Char(' ') => Some(Act::Pause),
        KeyCode::Char('s') => Some(Act::Span),
        KeyCode::Up | KeyCode::Char('k') => Some(Act::Scroll(-1)),
        KeyCode::Down | KeyCode::Char('j') => Some(Act::Scroll(1)),
        KeyCode::PageUp => Some(Act::Page(-1)),
        KeyCode::PageDown => Some(Act::Page(1)),
        KeyCode::Home => Some(Act::First),
        KeyCode::End => Some(Act::Last),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_end_it_and_keys_that_do_nothing() {
        let press = |code, modifiers| meaning(KeyEvent::new(code, modifiers));
        let plain = KeyModifiers::NONE;
        for code in [KeyCode::Char('q'), KeyCode::Esc] {
            assert_eq!(press(code, plain), Some(Act::Quit));
        }
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Act::Quit));
        assert_eq!(press(KeyCode::Char('z'), KeyModifiers::CONTROL), Some(Act::Suspend));
        assert_eq!(press(KeyCode::Char('c'), plain), None);
        assert_eq!(press(KeyCode::PageDown, plain), Some(Act::Page(1)));
        let released = KeyEvent { kind: KeyEventKind::Release, ..KeyEvent::new(KeyCode::Char('q'), plain) };
        assert_eq!(meaning(released), None);
    }
}
