//! Whom a channel was opened to: the facts about a peer that were proven on this very channel, and nothing else.
//!
//! A [`Peer`] has one origin, `channel::judge`, which makes it from `attest_core`'s `Accepted`, from proofs of keys over this
//! channel's slots, and from a certificate chain whose key is the TLS key. So whoever holds one holds a verdict (protocol section
//! 12, I1 and I4). What a certificate alone says is another type, `channel::legacy::Unbound`, and there is no way from it to here.

use crate::ids::{BootId, ClusterId, ConfigDigest, MachineId, ReferenceSetId};
use attest_core::claims::Root;

pub use crate::ids::SameNodeClass;
pub use crate::keys::{Member, PublicKey};

/// The verified facts about the peer of one channel. It lives no longer than that channel, nor than [`Facts::valid_until`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    facts: Box<Facts>,
}

impl Peer {
    /// Asserts that every fact was proven on this channel. Search for it to audit every origin.
    pub(crate) fn assertion(facts: Facts) -> Self {
        Self { facts: Box::new(facts) }
    }

    /// A peer that nobody verified, for model checkers and simulators, which have no evidence to verify.
    #[cfg(any(test, feature = "sim"))]
    pub fn symbolic_without_proof(facts: Facts) -> Self {
        Self::assertion(facts)
    }

    /// What was proven.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether this key was proven over a slot of this channel.
    pub fn proved_key(&self, key: &PublicKey) -> bool {
        self.facts.keys.contains(key)
    }

    /// Whether the secret with this id was proven over a slot of this channel.
    pub fn proved_mac(&self, id: &[u8; 16]) -> bool {
        self.facts.macs.contains(id)
    }

    /// Whether this peer showed what was enrolled: the same class and the same id. A class 0 proves nothing, whatever its id.
    pub fn proved_same_node(&self, enrolled: &SameNode) -> bool {
        enrolled.class != SameNodeClass::None && self.facts.same_node.contains(enrolled)
    }

    /// Whether a wall clock that shows `now`, in Unix seconds, still lets this verdict stand.
    pub fn is_valid_at(&self, now: u64) -> bool {
        now < self.facts.valid_until
    }
}

/// The facts by name. Empty lists and `None` say that nothing of the kind was proven.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "models and simulators write it out; only a Peer is believed")]
pub struct Facts {
    /// Ids of the reference-value sets whose rules accept the evidence (protocol section 8).
    pub sets: Vec<ReferenceSetId>,
    /// SHA-256 of CHIP_ID, or of the AK's Name: which machine. `None` where the evidence does not tell (a masked chip id).
    pub machine: Option<MachineId>,
    /// Everything that can prove, at a rejoin, that this is the node that was enrolled (protocol section 6).
    pub same_node: Vec<SameNode>,
    /// The lock as the claims state it: an accepted image's word, under the binder.
    pub lock: Option<LockClaim>,
    /// The lock register as the evidence covers it: PCR 15 of the SHA-256 bank.
    pub register: Option<[u8; 32]>,
    /// SHA-256 of the node configuration, as the claims state it.
    pub configuration: Option<ConfigDigest>,
    /// Whether the evidence itself carries that digest (HOST_DATA); without it, it is the accepted image's word.
    pub configuration_in_evidence: bool,
    /// The boot id of the claims: an accepted image's word.
    pub boot: Option<BootId>,
    /// What the cluster's certificate says, if a chain was shown.
    pub member: Option<Member>,
    /// Keys that were proven by the kind `key`: operator, custodian, same-node keys.
    pub keys: Vec<PublicKey>,
    /// Ids of secrets that were proven by the kind `mac`: tokens, vouchers, the init secret.
    pub macs: Vec<[u8; 16]>,
    /// How deep the trust in the evidence is rooted: the weakest, where there are several items. `None` without evidence.
    pub root: Option<Root>,
    /// Unix seconds at which the verdict ends: the least of policy and collateral.
    pub valid_until: u64,
    /// Ids of the rules that did not hold and only warn.
    pub warnings: Vec<&'static str>,
}

impl Facts {
    /// Nothing proven, until `valid_until`.
    pub const fn nothing(valid_until: u64) -> Self {
        Self {
            sets: Vec::new(),
            machine: None,
            same_node: Vec::new(),
            lock: None,
            register: None,
            configuration: None,
            configuration_in_evidence: false,
            boot: None,
            member: None,
            keys: Vec::new(),
            macs: Vec::new(),
            root: None,
            valid_until,
            warnings: Vec::new(),
        }
    }

    /// Whether a TEE's or a TPM's evidence was accepted: at least one set of rules takes it.
    pub const fn is_attested(&self) -> bool {
        !self.sets.is_empty()
    }
}

/// One proof of the same node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a pair over its whole content")]
pub struct SameNode {
    /// How strong it is.
    pub class: SameNodeClass,
    /// Class 1: the machine id. Class 2: the public key. Class 3: the AK's Name.
    pub id: Vec<u8>,
}

/// Where a node's lock is held, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "protocol section 4, rule `lock`, is closed")]
pub enum LockClaim {
    /// 0: to nobody yet.
    Open,
    /// 1: in software, for this cluster.
    Software(ClusterId),
    /// 2: in a register of a TPM.
    Pcr(ClusterId),
    /// 3: in a run-time register of TDX.
    Rtmr(ClusterId),
}

impl LockClaim {
    /// Its class on the wire.
    pub const fn class(&self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Software(_) => 1,
            Self::Pcr(_) => 2,
            Self::Rtmr(_) => 3,
        }
    }

    /// The cluster that it is locked to; `None` while it is open.
    pub const fn cluster(&self) -> Option<&ClusterId> {
        match self {
            Self::Open => None,
            Self::Software(cluster) | Self::Pcr(cluster) | Self::Rtmr(cluster) => Some(cluster),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_zero_proves_nothing() {
        let none = SameNode { class: SameNodeClass::None, id: Vec::new() };
        let peer = Peer::symbolic_without_proof(Facts { same_node: vec![none.clone()], ..Facts::nothing(1) });
        assert!(!peer.proved_same_node(&none));
    }

    #[test]
    fn a_verdict_ends_at_its_second() {
        let peer = Peer::symbolic_without_proof(Facts::nothing(10));
        assert!(peer.is_valid_at(9));
        assert!(!peer.is_valid_at(10));
    }
}
