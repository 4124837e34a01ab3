//! Engines in one process, and the bytes between them: for examples, tests and fuzzers.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use attest_core::UnixTime;

use super::{Engine, Given, Work};
use crate::machine::store::MemoryStore;
use crate::machine::{Action, ChannelId, DiskAction, DriverAction, Outcome};
use crate::time::Instant;

/// One end of a connection: a host, and its channel.
pub type End = (usize, ChannelId);

/// Connections between hosts that stand in one list. Bytes arrive in order, one piece at a time.
#[derive(Debug, Default)]
pub struct Wires {
    peers: BTreeMap<End, End>,
    /// What is on its way, and to whom. An attacker may look at it and change it.
    pub sent: VecDeque<(End, Vec<u8>)>,
}

impl Wires {
    /// Does what a network can do; everything else is given back. `reach` is the host behind an endpoint.
    pub fn carry(
        &mut self,
        hosts: &mut [Engine],
        at: usize,
        work: Work,
        reach: impl Fn(usize, u16) -> usize,
        given: Given<'_>,
    ) -> Option<Work> {
        match work {
            Work::Dial { id, endpoint, .. } => {
                let target = reach(at, endpoint);
                let theirs = hosts.get_mut(target).and_then(|host| host.accept(given).ok());
                let host = hosts.get_mut(at)?;
                let mine = theirs.and_then(|_| host.dialled(id, given).ok());
                match mine.zip(theirs) {
                    Some((mine, theirs)) => self.connect((at, mine), (target, theirs)),
                    // A number that nobody waits for any more needs no answer.
                    None => drop(host.done(id, Outcome::Failed, given)),
                }
            }
            Work::Send(channel, bytes) => {
                if let Some(peer) = self.peers.get(&(at, channel)) {
                    self.sent.push_back((*peer, bytes));
                }
            }
            Work::Close(channel) => {
                if let Some(peer) = self.peers.remove(&(at, channel)) {
                    self.peers.remove(&peer);
                    // What is on its way arrives first, and the end is no bytes.
                    self.sent.push_back((peer, Vec::new()));
                }
            }
            other => return Some(other),
        }
        None
    }

    /// Connects two ends.
    pub fn connect(&mut self, one: End, two: End) {
        self.peers.insert(one, two);
        self.peers.insert(two, one);
    }

    /// Hands over the piece that was sent first. Whether there was one.
    pub fn deliver(&mut self, hosts: &mut [Engine], given: Given<'_>) -> bool {
        let Some(((at, channel), bytes)) = self.sent.pop_front() else { return false };
        if let Some(host) = hosts.get_mut(at) {
            match bytes.as_slice() {
                [] => host.disconnected(channel, given),
                bytes => host.receive(channel, bytes, given),
            }
        }
        true
    }

    /// Runs all hosts for as long as `span`: both clocks go on from `given`, `host` does what no network can.
    pub fn run(
        &mut self,
        hosts: &mut [Engine],
        given: Given<'_>,
        span: Duration,
        reach: impl Fn(usize, u16) -> usize,
        mut host: impl FnMut(usize, &mut Engine, Work, Given<'_>),
    ) {
        let (mut now, end) = (given.now, given.now.after(span));
        while now <= end {
            let since = Duration::from_millis(now.as_millis().saturating_sub(given.now.as_millis()));
            let wall = Duration::from_secs(given.wall.as_secs()).saturating_add(since);
            let given = Given { now, wall: UnixTime::since_unix_epoch(wall), draw: given.draw };
            hosts.iter_mut().for_each(|engine| engine.tick(given));
            let mut wake = None;
            for at in 0..hosts.len() {
                wake = earlier(wake, self.turn(hosts, at, given, &reach, &mut host));
            }
            match (self.deliver(hosts, given), wake) {
                (true, _) => {}
                (false, Some(wake)) => now = wake.max(now.after(Duration::from_millis(1))),
                (false, None) => break,
            }
        }
    }

    /// All work of one host. When it wants to be woken.
    fn turn(
        &mut self,
        hosts: &mut [Engine],
        at: usize,
        given: Given<'_>,
        reach: &impl Fn(usize, u16) -> usize,
        host: &mut impl FnMut(usize, &mut Engine, Work, Given<'_>),
    ) -> Option<Instant> {
        loop {
            let work = hosts.get_mut(at)?.poll();
            if let Work::Wait(wake) = work {
                return wake;
            }
            if let Some(work) = self.carry(hosts, at, work, reach, given)
                && let Some(engine) = hosts.get_mut(at)
            {
                host(at, engine, work, given);
            }
        }
    }
}

fn earlier(one: Option<Instant>, two: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(two).min()
}

/// What devices answer that remember nothing and never fail, with a store that remembers for as long as it lives.
pub fn in_memory(action: &Action, store: &mut MemoryStore) -> Outcome {
    match action {
        Action::Persist(_) => Outcome::Written,
        Action::Store(transaction) => Outcome::Store(store.apply(transaction, true)),
        Action::Driver(DriverAction::Init { .. } | DriverAction::Join | DriverAction::Resume) => {
            Outcome::Driven { payload: Vec::new(), quorum: true }
        }
        Action::Disk(DiskAction::Open { .. }) => Outcome::Mounted { member: None, counter: None },
        // A register that is not there cannot be extended.
        Action::ExtendRegister { .. } => Outcome::Failed,
        _ => Outcome::Applied,
    }
}
