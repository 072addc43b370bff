//! Room for so many and no more.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::metrics::{Counter, Gauge};

/// A room with so many places. Clones share them.
#[derive(Clone, Debug)]
pub struct Room {
    places: Arc<Semaphore>,
    taken: Gauge,
    refused: Counter,
}

/// A place in a room, free again when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Place {
    _held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    _place: OwnedSemaphorePermit,
    taken: Gauge,
}

impl Room {
    /// With so many places; counts those that are taken, and those who found none.
    #[must_use]
    pub fn new(places: usize, taken: Gauge, refused: Counter) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            taken,
            refused,
        }
    }

    /// Another room with so many places, counted together with this one.
    #[must_use]
    pub fn beside(&self, places: usize) -> Self {
        Self::new(places, self.taken.clone(), self.refused.clone())
    }

    /// Counts one who was refused for another reason than that there is no place.
    pub fn refuse(&self) {
        self.refused.inc();
    }

    /// Takes a place, if there is one.
    #[must_use]
    pub fn enter(&self) -> Option<Place> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.refused.inc();
            return None;
        };
        self.taken.inc();
        let taken = self.taken.clone();
        Some(Place {
            _held: Arc::new(Held { _place: place, taken }),
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.taken.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_when_the_last_who_holds_it_has_gone() {
        let (taken, refused) = (Gauge::default(), Counter::default());
        let room = Room::new(1, taken.clone(), refused.clone());
        let place = room.enter().unwrap();
        let held_on = place.clone();
        drop(place);
        assert!(room.enter().is_none());
        assert_eq!((taken.get(), refused.get()), (1, 1));
        assert!(room.beside(1).enter().is_some());
        drop(held_on);
        assert!(room.enter().is_some());
        assert_eq!(taken.get(), 0);
    }
}
