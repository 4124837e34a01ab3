//! Evidence that this end is to show, and evidence of the peer that is to be judged: work of the host, with all that it needs by value,
//! so that it may be done anywhere.

use core::fmt;
use std::sync::Arc;
use std::time::Duration;

use attest_core::crypto::CryptoProvider;
use attest_core::values::Hex;
use attest_core::{Evidence, Store, TrustAnchors, UnixTime};

use super::Error;
use super::terms::kind;
use crate::channel::binding::{Binding, Slot};
use crate::channel::evidence::{EvidenceRequest, JudgeRequest, OwnEvidence, item};
use crate::channel::judge::{Cluster, Disbelief, Judge, ReferenceSet};
use crate::channel::proof::{KEY, MAC, key_companions, mac_companions};
use crate::channel::record::Record;
use crate::ids::ClusterId;
use crate::keys::{ClusterCaKey, OperatorKey, SameNodeKey, Secret};
use crate::peer::Peer;
use crate::wire::{Bounded, Der, EncodedClaims, Item, Kind, List};

/// Evidence that a channel asks of this end: items over slots of one binding, which has the claims in it.
pub struct Ask {
    pub(super) request: EvidenceRequest,
    pub(super) claims: EncodedClaims,
    pub(super) chain: Option<List<Der, 1, 4>>,
    binding: Binding,
    items: Vec<Item>,
}

impl Ask {
    pub(super) fn new(
        request: EvidenceRequest,
        claims: EncodedClaims,
        chain: Option<List<Der, 1, 4>>,
    ) -> Self {
        let binding = request.binding(&claims);
        Self { request, claims, chain, binding, items: Vec::new() }
    }

    /// The kinds that the peer takes of those that this end can show.
    pub fn kinds(&self) -> &[Kind] {
        self.request.kinds()
    }

    /// Whether evidence of this kind is wanted.
    pub fn wants(&self, kind: &str) -> bool {
        self.kinds().iter().any(|wanted| wanted.as_str() == kind)
    }

    /// What the next item, of this kind and with these companions, must commit to: report data of SNP and TDX, and by its first 32
    /// bytes the nonce of a TPM's quote.
    pub fn slot(&self, kind: &str, companions: &[u8]) -> Slot {
        self.binding.slot(self.next(), kind, companions)
    }

    /// Adds the next item: `record` is the bytes of a `channel::record::Record`.
    ///
    /// # Errors
    /// [`Error::Wire`] for more than eight items, or one that is too large.
    pub fn add(&mut self, name: &str, companions: Vec<u8>, record: Vec<u8>) -> Result<(), Error> {
        let slot = Bounded::new(self.next().into()).ok_or(Error::Unsayable { what: "ninth item" })?;
        self.items.push(item(slot, kind(name)?, companions, record)?);
        Ok(())
    }

    /// Adds evidence of one device that stands alone, over the next slot.
    ///
    /// # Errors
    /// As [`Ask::add`].
    pub fn add_evidence(&mut self, name: &str, evidence: Evidence) -> Result<(), Error> {
        self.add(name, Vec::new(), Record::Plain(evidence).to_bytes())
    }

    /// Proves an operator's or a custodian's key, if the peer takes such proofs.
    ///
    /// # Errors
    /// As [`Ask::add`].
    pub fn prove(&mut self, key: &OperatorKey) -> Result<(), Error> {
        let public = key.public_key();
        self.prove_by(&key_companions(&public), KEY, |slot| Ok(key.prove(slot.as_bytes())?.to_vec()))
    }

    /// Proves the key that shows the same node after a boot.
    ///
    /// # Errors
    /// As [`Ask::add`].
    pub fn prove_same_node(&mut self, key: &SameNodeKey) -> Result<(), Error> {
        let public = key.public_key();
        self.prove_by(&key_companions(&public), KEY, |slot| Ok(key.prove(slot.as_bytes())?.to_vec()))
    }

    /// Proves a secret: a join token, an init secret.
    ///
    /// # Errors
    /// As [`Ask::add`].
    pub fn prove_secret(&mut self, id: &[u8; 16], secret: &Secret) -> Result<(), Error> {
        self.prove_by(&mac_companions(id), MAC, |slot| Ok(secret.prove(slot.as_bytes())?.to_vec()))
    }

    fn prove_by(
        &mut self,
        companions: &[u8],
        name: &str,
        proof: impl FnOnce(&Slot) -> Result<Vec<u8>, Error>,
    ) -> Result<(), Error> {
        if !self.wants(name) {
            return Ok(());
        }
        let proof = proof(&self.slot(name, companions))?;
        self.add(name, companions.to_vec(), proof)
    }

    pub(super) fn finish(self) -> Result<OwnEvidence, Error> {
        Ok(OwnEvidence { claims: self.claims, items: List::new(self.items)?, chain: self.chain })
    }

    fn next(&self) -> u8 {
        u8::try_from(self.items.len()).unwrap_or(u8::MAX)
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("request", &self.request).field("items", &self.items.len()).finish()
    }
}

/// Evidence of a peer that waits to be judged, with everything that the judgement depends on but the host's trust, its collateral and
/// its clock.
pub struct Trial {
    pub(super) request: JudgeRequest,
    pub(super) sets: Arc<[ReferenceSet]>,
    pub(super) lifetime: Duration,
    pub(super) cluster: Option<(ClusterId, Vec<ClusterCaKey>)>,
    pub(super) secrets: Vec<([u8; 16], Secret)>,
}

impl Trial {
    /// Judges it. Missing collateral is a [`Disbelief`] that says what is missing; the same trial may then be judged again.
    ///
    /// # Errors
    /// [`Disbelief`], the first that is found.
    pub fn judge(
        &self,
        provider: &CryptoProvider,
        anchors: &TrustAnchors,
        store: &Store,
        now: UnixTime,
    ) -> Result<Peer, Disbelief> {
        let secrets = |id: &[u8; 16]| {
            let (_, secret) = self.secrets.iter().find(|(known, _)| known == id)?;
            Some(secret.duplicate())
        };
        let judge = Judge {
            provider,
            anchors,
            store,
            now,
            sets: &self.sets,
            lifetime: self.lifetime,
            secrets: &secrets,
            cluster: self.cluster.as_ref().map(|(id, keys)| Cluster { id, keys }),
        };
        judge.judge(&self.request)
    }

    /// What is judged.
    pub const fn request(&self) -> &JudgeRequest {
        &self.request
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cluster = self.cluster.as_ref().map(|(id, _)| Hex(id.as_bytes()).to_string());
        f.debug_struct("Trial")
            .field("request", &self.request)
            .field("sets", &self.sets.len())
            .field("cluster", &cluster)
            .finish_non_exhaustive()
    }
}
