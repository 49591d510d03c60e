//! Which key asks for what.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::steering::Order;

/// What a key asks for; `None` for one that means nothing here. In raw mode Ctrl-C is a key and no signal.
pub fn order_of(key: KeyEvent) -> Option<Order> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
        (KeyCode::Char('c' | 'C'), true) | (KeyCode::Char('q' | 'Q'), false) => Some(Order::Quit),
        // On many keyboards the plus sign shares its key with the equals sign.
        (KeyCode::Char('+' | '='), false) => Some(Order::Faster),
        (KeyCode::Char('-' | '_'), false) => Some(Order::Slower),
        (KeyCode::Char('p' | 'P'), false) => Some(Order::Pause),
        _ => None,
    }
}
