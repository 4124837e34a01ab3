//! The policy that stands, as a join service asks it: authority's decisions in the words of the machines.

use attest_core::UnixTime;

use crate::authority::{Applicant, Enrolled, PolicyChain, PolicyTip};
use crate::error::Code;
use crate::ids::{StatementHash, TokenId};
use crate::machine::facts::{JoinClaims, Name, ShownVoucher};
use crate::machine::rules::{Decision, Rules};
use crate::machine::store::{Entry, View};
use crate::peer::Peer;
use crate::wire::{LeastLock, LockClass, Signed, Voucher};

/// The policies of a cluster, at one moment of the wall clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing<'a> {
    pub(super) chain: &'a PolicyChain,
    pub(super) now: UnixTime,
    /// The class of lock that the nodes of this cluster have.
    pub(super) lock: LockClass,
}

impl Standing<'_> {
    fn voucher(&self, shown: Option<&ShownVoucher>) -> Result<Option<Voucher>, Code> {
        let Some(shown) = shown else { return Ok(None) };
        let signed = Signed::from_bytes(&shown.signed).map_err(|error| error.code())?;
        self.chain.voucher(&signed, self.now).map(Some).map_err(|fault| fault.code())
    }

    /// What a rule demands of a lock, as a class; 1 is the least that there is.
    fn least_lock(&self, number: u16) -> u8 {
        let rules = self.chain.policy().map(|policy| &policy.rules);
        match rules.into_iter().flatten().find(|rule| rule.id == number).map(|rule| rule.lock) {
            Some(LeastLock::Any) => 1,
            Some(LeastLock::Class(class)) => class.number(),
            // A rule that is not there lets nobody in.
            None => u8::MAX,
        }
    }

    fn of_member(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code> {
        let enrolled = Enrolled { node: entry.node, role: entry.role, set: entry.set };
        let readmission =
            self.chain.readmit(&enrolled, peer.facts(), self.now).map_err(|fault| fault.code())?;
        Ok(Decision {
            role: entry.role,
            name: entry.name.clone(),
            set: readmission.set,
            least_lock: self.least_lock(readmission.rule),
            voucher: None,
        })
    }
}

impl Rules for Standing<'_> {
    fn tip(&self) -> PolicyTip {
        // Before the first policy nothing is fresh, so nothing is granted by this one.
        self.chain.tip().unwrap_or(PolicyTip { epoch: 0, hash: StatementHash::new([0; 32]) })
    }

    fn is_fresh(&self) -> bool {
        self.chain.grants_at(self.now)
    }

    fn admit(&self, peer: &Peer, claims: &JoinClaims, view: &View) -> Result<Decision, Code> {
        let voucher = self.voucher(claims.voucher.as_ref())?;
        let applicant = Applicant {
            facts: peer.facts(),
            lock: self.lock,
            voucher: voucher.as_ref(),
            // The only secrets that a service looks up at a join are tokens.
            token: peer.facts().macs.first().map(|id| TokenId::new(*id)),
            sequence: view.sequence,
        };
        let decision = self.chain.decide(&applicant, self.now).map_err(|fault| fault.code())?;
        Ok(Decision {
            role: decision.role,
            name: Name::new(decision.name.as_str()).ok_or(Code::INTERNAL)?,
            set: decision.set,
            least_lock: self.least_lock(decision.rule),
            voucher: decision.voucher,
        })
    }

    fn readmit(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code> {
        self.of_member(peer, entry)
    }

    fn renew(&self, peer: &Peer, entry: &Entry) -> Result<Decision, Code> {
        self.of_member(peer, entry)
    }
}
