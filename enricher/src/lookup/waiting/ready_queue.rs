//! Addresses that are ready for their lookup, in order. Pure.

use std::collections::VecDeque;

use crate::address_key::Key;

/// Addresses whose last call was refused come after all others.
#[derive(Debug, Default)]
pub struct ReadyQueue {
    others: VecDeque<Key>,
    refused: VecDeque<Key>,
}

impl ReadyQueue {
    /// Adds an address at the end. `refused`: its last call was refused.
    pub fn push_back(&mut self, key: Key, refused: bool) {
        self.queue(refused).push_back(key);
    }

    /// Puts an address back at the head.
    pub fn push_front(&mut self, key: Key, refused: bool) {
        self.queue(refused).push_front(key);
    }

    /// Removes the next address. `with_refused`: it may be one whose last call was refused.
    pub fn pop(&mut self, with_refused: bool) -> Option<Key> {
        let refused = with_refused.then_some(&mut self.refused);
        self.others.pop_front().or_else(|| refused?.pop_front())
    }

    /// Whether there is no such address.
    pub fn is_empty(&self, with_refused: bool) -> bool {
        self.others.is_empty() && (!with_refused || self.refused.is_empty())
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.others.clear();
        self.refused.clear();
    }

    fn queue(&mut self, refused: bool) -> &mut VecDeque<Key> {
        if refused {
            &mut self.refused
        } else {
            &mut self.others
        }
    }
}
