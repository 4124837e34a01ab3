//! A statement that is being signed: bytes go out, signatures come in.

use p256::ecdsa::signature::Signer;

use super::fault::Fault;
use super::signers::{hash, holds};
use crate::ids::StatementHash;
use crate::keys::{ClusterCa, OperatorKey, Secret};
use crate::peer::PublicKey;
use crate::wire::{Algorithm, List, Signature, Signed, Statement, StatementPayload};

/// A statement on its way through the hands of its signers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Draft {
    payload: StatementPayload,
    signatures: Vec<Signature>,
}

impl Draft {
    /// A draft of this statement, without a signature.
    ///
    /// # Errors
    /// [`Fault::Wire`] if it is longer than a statement may be.
    pub fn new(statement: &Statement) -> Result<Self, Fault> {
        Ok(Self { payload: statement.to_payload()?, signatures: Vec::new() })
    }

    /// A statement that one key in memory signs.
    ///
    /// # Errors
    /// As [`Draft::new`] and [`Draft::add`].
    pub fn signed(statement: &Statement, key: &OperatorKey) -> Result<Signed, Fault> {
        let mut draft = Self::new(statement)?;
        draft.sign(key)?;
        draft.finish()
    }

    /// Goes on with one that others have signed.
    pub fn resume(signed: &Signed) -> Self {
        Self { payload: signed.payload.clone(), signatures: signed.signatures.to_vec() }
    }

    /// The payload.
    pub const fn payload(&self) -> &StatementPayload {
        &self.payload
    }

    /// What the next statement will name this one by. It does not depend on the signatures.
    pub fn hash(&self) -> StatementHash {
        hash(&self.payload)
    }

    /// What this key must sign: with Ed25519 the bytes themselves, with P-256 their SHA-256.
    pub fn bytes_to_sign(&self, key: &PublicKey) -> Vec<u8> {
        Signed::signed_bytes(&self.payload, Algorithm::of(key), key.id())
    }

    /// Takes a signature in. One that the key gave before is replaced.
    ///
    /// # Errors
    /// [`Fault::Signature`] if it does not hold: better here than at the first node.
    pub fn add(&mut self, key: &PublicKey, bytes: [u8; 64]) -> Result<(), Fault> {
        let id = key.id();
        if !holds(key, &self.bytes_to_sign(key), &bytes) {
            return Err(Fault::Signature { key: id });
        }
        let algorithm = Algorithm::of(key);
        self.signatures.retain(|signature| (signature.key, signature.algorithm) != (id, algorithm));
        self.signatures.push(Signature { algorithm, key: id, bytes });
        Ok(())
    }

    /// Signs with an operator's key in memory.
    ///
    /// # Errors
    /// As [`Draft::add`].
    pub fn sign(&mut self, key: &OperatorKey) -> Result<(), Fault> {
        let public = key.public_key();
        let bytes = key.sign(&self.bytes_to_sign(&public));
        self.add(&public, bytes)
    }

    /// Signs with a P-256 key in memory, whose scalar this is.
    ///
    /// # Errors
    /// [`Fault::Content`] if it is no scalar; else as [`Draft::add`].
    pub fn sign_p256(&mut self, scalar: &Secret) -> Result<(), Fault> {
        let problem = Fault::Content { field: "signing key", problem: "no scalar of P-256" };
        let key = p256::ecdsa::SigningKey::from_slice(scalar.expose()).map_err(|_| problem.clone())?;
        let point = key.verifying_key().to_sec1_point(false);
        let public = PublicKey::new(2, point.as_bytes()).ok_or(problem)?;
        let signature: p256::ecdsa::Signature = key.sign(&self.bytes_to_sign(&public));
        self.add(&public, signature.to_bytes().into())
    }

    /// Signs with the cluster's CA, as transitions need it.
    ///
    /// # Errors
    /// As [`Draft::add`].
    pub fn sign_as_ca(&mut self, ca: &ClusterCa) -> Result<(), Fault> {
        let public = ca.public_key();
        let bytes = ca.sign(&self.bytes_to_sign(&public));
        self.add(&public, bytes)
    }

    /// The statement with the signatures that it has. Whether they are enough, its readers say.
    ///
    /// # Errors
    /// [`Fault::Wire`] for none or too many.
    pub fn finish(self) -> Result<Signed, Fault> {
        Ok(Signed { payload: self.payload, signatures: List::new(self.signatures)? })
    }
}
