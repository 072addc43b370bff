//! All clients together: everyone gets the same frames in the same order.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use tokio::{net::TcpStream, sync::watch};
use tokio_tungstenite::WebSocketStream;

use super::{
    client::{self, Outbox},
    frame,
    record::{EmitterStats, SentEvent, Tally},
};
use crate::{clock, event::Event};

/// The clients and what has been sent to them.
pub(super) struct Broadcast {
    state: Mutex<State>,
    count: watch::Sender<usize>,
    silent: watch::Sender<bool>,
    client_buffer: usize,
    record: bool,
}

#[derive(Default)]
struct State {
    clients: HashMap<u64, Outbox>,
    sent: Vec<SentEvent>,
    stats: EmitterStats,
}

impl Broadcast {
    pub(super) fn new(client_buffer: usize, record: bool) -> Self {
        Self {
            state: Mutex::default(),
            count: watch::Sender::new(0),
            silent: watch::Sender::new(false),
            client_buffer,
            record,
        }
    }

    /// Serves one more client until its connection ends.
    pub(super) async fn serve(&self, socket: WebSocketStream<TcpStream>) {
        let (outbox, inbox) = client::queue();
        let number = {
            let mut state = self.state();
            state.stats.connections += 1;
            let number = state.stats.connections;
            state.clients.insert(number, outbox);
            self.recount(&state);
            number
        };
        client::serve(socket, inbox, self.silent.subscribe()).await;
        let mut state = self.state();
        state.clients.remove(&number);
        self.recount(&state);
    }

    pub(super) fn send_events(&self, events: &[Event]) {
        let mut frames = BytesMut::with_capacity(events.len() * 192);
        let mut tally = Tally::default();
        for event in events {
            frame::put_text(&mut frames, event.to_json().as_bytes());
            tally.count(event.kind);
        }
        self.send(&frames.freeze(), tally, events);
    }

    /// Sends a malformed frame; the event in it is recorded, if there is one.
    pub(super) fn send_odd(&self, frame: &Bytes, event: Option<&Event>) {
        self.send(frame, Tally::other(), event.map_or(&[], std::slice::from_ref));
    }

    pub(super) fn send_bytes(&self, bytes: &Bytes, tally: Tally) {
        self.send(bytes, tally, &[]);
    }

    pub(super) fn close_all(&self) {
        self.remove_all(Outbox::close);
    }

    pub(super) fn drop_all(&self) {
        self.remove_all(Outbox::reset);
    }

    pub(super) fn silence(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    pub(super) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    pub(super) fn backlog(&self) -> usize {
        self.state()
            .clients
            .values()
            .map(Outbox::waiting)
            .max()
            .unwrap_or(0)
    }

    pub(super) fn sent(&self) -> Vec<SentEvent> {
        self.state().sent.clone()
    }

    pub(super) fn take_sent(&self) -> Vec<SentEvent> {
        std::mem::take(&mut self.state().sent)
    }

    pub(super) fn stats(&self) -> EmitterStats {
        let state = self.state();
        EmitterStats {
            clients: state.clients.len(),
            ..state.stats
        }
    }

    /// The one place where bytes go out: the lock makes the record's order that of the wire.
    fn send(&self, bytes: &Bytes, tally: Tally, events: &[Event]) {
        let mut state = self.state();
        if *self.silent.borrow() {
            return;
        }
        self.disconnect_slow_clients(&mut state, bytes.len());
        // Before the first client can have it.
        let (now, clients) = (clock::now_ms(), state.clients.len());
        for outbox in state.clients.values() {
            outbox.write(bytes.clone());
        }
        state.stats.frames += tally;
        if self.record {
            state
                .sent
                .extend(events.iter().map(|event| SentEvent::new(event, now, clients)));
        }
    }

    fn disconnect_slow_clients(&self, state: &mut State, more: usize) {
        let before = state.clients.len();
        state.clients.retain(|_, outbox| {
            let has_room = outbox.waiting() == 0 || outbox.waiting() + more <= self.client_buffer;
            if !has_room {
                tracing::warn!(
                    waiting = outbox.waiting(),
                    "a client reads too slowly and is disconnected"
                );
                outbox.reset();
            }
            has_room
        });
        let slow = before - state.clients.len();
        if slow > 0 {
            state.stats.too_slow += slow as u64;
            self.recount(state);
        }
    }

    /// Removes all clients at once, so that later waits for clients wait for new ones.
    fn remove_all(&self, part: impl Fn(&Outbox)) {
        let mut state = self.state();
        state.clients.drain().for_each(|(_, outbox)| part(&outbox));
        self.recount(&state);
    }

    fn recount(&self, state: &State) {
        self.count
            .send_if_modified(|count| std::mem::replace(count, state.clients.len()) != state.clients.len());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
