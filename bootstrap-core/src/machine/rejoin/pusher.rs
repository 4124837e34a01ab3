//! Those who push a recovery: who they are, and the shares that custodians bring.

use crate::error::Code;
use crate::ids::KeyId;
use crate::machine::disk::Basis;
use crate::machine::facts::{RecoverClaims, Source};
use crate::machine::guard::{Guard, removed};
use crate::machine::init_node::refusal;
use crate::machine::message::GrantRef;
use crate::machine::node::Shared;
use crate::machine::shares::Put;
use crate::machine::{ChannelId, KeyAction, KeyOutcome, Outcome};
use crate::peer::Peer;
use crate::time::{Deadline, Instant, Timer};

use super::Rejoin;
use super::session::{From, Session, Stage};

/// Channels of pushers at once; more are told that this node is busy.
const PUSHERS: usize = 16;

impl Rejoin {
    /// V1: Opened recover. Nothing is locked before the key-proof.
    pub(in crate::machine) fn opened_pusher(
        &mut self,
        channel: ChannelId,
        peer: &Peer,
        claims: RecoverClaims,
        shared: &mut Shared,
        now: Instant,
    ) {
        if claims.cluster != self.header.cluster {
            return shared.turn_away(channel, Code::NOT_EXPECTED, "V1: c of the disk's header");
        }
        if self.core.is_over() {
            return shared.turn_away(channel, Code::GENERATION, "V9: quarantine");
        }
        if !self.core.is_closed() {
            return shared.turn_away(channel, Code::ALREADY_UP, "V1: no one else got here");
        }
        if self.sessions.len() >= PUSHERS {
            return shared.turn_away(channel, Code::BUSY, "V1: a place for one more pusher");
        }
        if peer.facts().keys.iter().any(|key| self.shares.is_barred(&key.id(), now)) {
            return shared.turn_away(channel, Code::RATE, "V3: fewer than five wrong shares in ten minutes");
        }
        let genesis = shared.config.genesis.clone().or_else(|| claims.genesis.clone());
        let Some(genesis) = genesis.filter(|genesis| genesis.cluster() == Some(self.header.cluster)) else {
            return shared.turn_away(channel, Code::STATEMENT, "V1: a genesis that hashes to c");
        };
        let check = KeyAction::CheckAuthority {
            cluster: self.header.cluster,
            genesis,
            statements: claims.statements.clone(),
        };
        let stage = Stage::Proving(shared.keys(check), Box::new(peer.clone()));
        let source = From::Pusher { key: KeyId::new([0; 8]), claims: Box::new(claims) };
        self.sessions.push(Session { channel, source, stage });
    }

    /// V1 to V2, or to the wait for peers.
    pub(super) fn proven(
        &mut self,
        channel: ChannelId,
        outcome: &Outcome,
        peer: &Peer,
        shared: &mut Shared,
        now: Instant,
    ) {
        let live = self.sessions.iter().any(|session| session.source == From::Peer);
        let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) else {
            return;
        };
        let From::Pusher { key, claims } = &mut session.source else { return };
        let found = match (outcome, claims.source) {
            (Outcome::Keys(KeyOutcome::Authority { operators, .. }), Source::Operator) => {
                operators.iter().find(|key| peer.proved_key(key))
            }
            (Outcome::Keys(KeyOutcome::Authority { custodians, .. }), Source::Custodian) => {
                custodians.iter().find(|key| peer.proved_key(key))
            }
            (other, _) => {
                let code = refusal(other, Code::STATEMENT);
                return self.end(channel, code, "V1: an authority chain under c", shared);
            }
        };
        match found.or_else(|| peer.facts().keys.first().filter(|_| removed(Guard::PusherKey))) {
            None => self.end(channel, Code::KEY_PROOF, "V1: key-proof by an operator or custodian", shared),
            Some(found) => {
                *key = found.id();
                if !claims.alone || (self.peers.is_over(now) && !live) {
                    self.take_lock(channel, None, shared, now);
                } else if live {
                    self.end(channel, Code::PEERS_LIVE, "V1: alone means that no peer comes", shared);
                } else {
                    session.stage = Stage::Patience;
                }
            }
        }
    }

    pub(super) fn wrong_share(
        &mut self,
        channel: ChannelId,
        grant: &GrantRef,
        code: Code,
        shared: &mut Shared,
        now: Instant,
    ) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) else {
            return;
        };
        if let From::Pusher { key, .. } = &session.source {
            self.shares.wrong(*key, code, now, &mut shared.out);
        }
        session.stage = Stage::AwaitGrant(None, Deadline::start(Timer::Grant, now));
        shared.refuse_grant(channel, grant, code, "V3: a share of the set, whole");
    }

    pub(super) fn share(&mut self, channel: ChannelId, grant: &GrantRef, shared: &mut Shared, now: Instant) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.channel == channel) else {
            return;
        };
        let From::Pusher { key, claims } = &session.source else { return };
        let basis = Basis::pushed(channel, claims.floors, claims.alone);
        let genesis = shared.config.genesis.clone().or_else(|| claims.genesis.clone());
        session.stage = Stage::AwaitGrant(None, Deadline::start(Timer::Shares, now));
        let put = self.shares.put(grant, *key, basis, genesis, shared, now);
        self.combined(put, shared);
    }

    pub(super) fn combined(&mut self, put: Put, shared: &mut Shared) {
        match put {
            Put::Working => {}
            Put::Keys(channel, keys, basis) => self.test(channel, keys, basis, shared),
            Put::Wrong(channels) => {
                for channel in channels {
                    shared.out.refuse(channel, Code::SHARE_WRONG);
                }
            }
        }
    }
}
