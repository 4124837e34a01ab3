//! Admission ahead of the judges of a service: who waits, who is shed, whose judge is free again.

use crate::error::Code;
use crate::machine::admission::{Class, Entry, Ticket};
use crate::machine::message::Flow;

use super::channel::{Piece, SERVER};
use super::host::{Gate, HostId, source_of};
use super::trace::ConnectionId;
use super::world::{Event, World};

/// Whose judge is busy with whom.
#[derive(Debug)]
pub(super) struct Pass {
    host: HostId,
    life: u32,
    from: HostId,
}

impl World {
    pub(super) fn is_gated(&self, host: HostId) -> bool {
        self.host(host).is_some_and(|host| host.gate.is_some())
    }

    /// Whether one more connection may be half open.
    pub(super) fn accepts(&mut self, host: HostId, from: HostId) -> bool {
        self.gate(host).is_none_or(|gate| gate.admission.accept(source_of(from)))
    }

    /// A connection is no longer half open.
    pub(super) fn settled(&mut self, connection: ConnectionId, side: usize) {
        if side != SERVER {
            return;
        }
        let Some(at) = self.connections.get_mut(&connection) else { return };
        if core::mem::take(&mut at.half_open) {
            let (host, from) = (self.peer_of(connection, 0), self.peer_of(connection, SERVER));
            if let Some(gate) = self.gate(host) {
                gate.admission.settled(source_of(from));
            }
        }
    }

    /// Evidence that waits for a judge.
    pub(super) fn enter(&mut self, host: HostId, connection: ConnectionId, piece: Piece) {
        let now = self.now();
        let from = self.peer_of(connection, SERVER);
        let Some(at) = self.connections.get(&connection) else { return };
        let class = match at.flow {
            Flow::Join => Class::Join,
            Flow::Rejoin => Class::Rejoin,
            _ => Class::Member,
        };
        let Some(now) = self.host(host).map(|host| host.clock.read(now)) else { return };
        let Some(gate) = self.gate(host) else { return };
        let number = gate.next;
        gate.next = number.wrapping_add(1);
        match gate.admission.enter(class, source_of(from), Ticket(number), now) {
            Entry::Queued => {
                gate.waiting.insert(number, (connection, Box::new(piece)));
                self.pump(host);
            }
            Entry::Shed(hint) => self.hang_up(connection, SERVER, Code::BUSY, hint),
            Entry::Limited(hint) => self.hang_up(connection, SERVER, Code::RATE, hint),
        }
    }

    /// A judgement is over.
    pub(super) fn judged(&mut self, pass: &Pass, accepted: bool) {
        let now = self.now();
        if !self.lives(pass.host, pass.life) {
            return;
        }
        let Some(now) = self.host(pass.host).map(|host| host.clock.read(now)) else { return };
        if let Some(gate) = self.gate(pass.host) {
            gate.admission.judged(source_of(pass.from), accepted, now);
            self.pump(pass.host);
        }
    }

    /// Gives free judges something to do.
    fn pump(&mut self, host: HostId) {
        let now = self.now();
        let Some(clock) = self.host(host).map(|host| host.clock) else { return };
        let mut shed = Vec::new();
        while let Some(gate) = self.gate(host) {
            let next = gate.admission.next(clock.read(now), &mut shed);
            let late: Vec<_> = shed
                .drain(..)
                .filter_map(|(Ticket(number), hint)| Some((gate.waiting.remove(&number)?, hint)))
                .collect();
            let next = next.and_then(|Ticket(number)| gate.waiting.remove(&number));
            for ((connection, _), hint) in late {
                self.hang_up(connection, SERVER, Code::BUSY, hint);
            }
            let Some((connection, piece)) = next else { return };
            let slow = self.entropy.within(&self.plan.collateral);
            let from = self.peer_of(connection, SERVER);
            let Some(at) = self.host_mut(host) else { return };
            let ready = at.cpu.ready(now).after(slow);
            let gate = Some(Pass { host, life: at.life, from });
            self.queue.put(ready, Event::Judge { connection, side: SERVER, piece, gate });
        }
    }

    fn gate(&mut self, host: HostId) -> Option<&mut Gate> {
        self.host_mut(host)?.gate.as_deref_mut()
    }
}
