//! AWS Nitro: attestation documents of Nitro Enclaves, and of EC2 instances with a NitroTPM.
//!
//! Both are one format under one root: a COSE_Sign1 with a map of registers, signed by a key that lives for hours. What they
//! prove differs. An enclave has no other software beside it; a NitroTPM document lists what an instance's TPM was told, so its
//! registers mean what event logs make of them. [`Kind`] tells the two apart, and a policy names the kinds that it takes.
//!
//! Either way it is AWS's hypervisor that speaks: nothing here shows that memory is encrypted.
//!
//! Sources: AWS, "Nitro Enclaves Attestation Process", and the EC2 User Guide, "Validate a NitroTPM Attestation Document", which
//! is the same for the other kind; RFC 9052 and 9053 (COSE); RFC 8949 (CBOR).

mod anchors;
pub mod checks;
mod claims;
mod endorsement;
mod judge;
mod module;
mod pcr;
pub mod policy;
mod verify;
mod wire;

#[cfg(test)]
mod tests;

pub use anchors::{AWS_ROOT_SHA256, Anchors};
pub use claims::Claims;
pub use module::{Kind, ModuleId};
pub use pcr::{Pcrs, REGISTERS};
pub use policy::Policy;
pub use verify::{Expectation, Expected};
pub use wire::{Document, MAX_DOCUMENT, MAX_FIELD};

use alloc::boxed::Box;

use rustls_pki_types::UnixTime;

use crate::checks::Checks;
use crate::collateral::{Needs, Store};
use crate::context::Context;
use crate::error::{Error, Refused};
use crate::evidence::{Evidence, Format};
use crate::tee::Tee;
use crate::verified::Verified;
use endorsement::Endorsement;

/// What this verifier does not look at, and why. Every verdict lists it.
pub const NOT_CHECKED: &[(&str, &str)] = &[
    ("memory encryption", "the document is AWS's hypervisor's word; it shows no TEE of the processor"),
    ("revocation", "AWS uses no CRL (attestation process, 3.2.4); the certificates live for hours to weeks"),
    (
        "events behind a NitroTPM's registers",
        "the document has values only; replay an event log against them to learn what was measured",
    ),
    (
        "who asked for the document",
        "nonce, user_data and public_key are the requester's words, and any software on the instance or in the enclave may ask",
    ),
];

/// The Nitro line as the verifier sees it. A document brings its whole chain, so nothing is ever needed besides.
pub(crate) struct Nitro;

impl Tee for Nitro {
    fn format(&self) -> Format {
        Format::Nitro
    }

    /// A COSE_Sign1, tagged or not, in which a document's first field stands.
    fn detect(&self, bytes: &[u8]) -> Option<Result<Evidence, Error>> {
        wire::seems_one(bytes).then(|| Ok(Evidence::new(Format::Nitro, bytes.to_vec())))
    }

    fn needs(&self, evidence: &Evidence, _: &Store, _: UnixTime) -> Result<Needs, Error> {
        Document::parse(&evidence.bytes)?;
        Ok(Needs::default())
    }

    fn verify(
        &self,
        evidence: &Evidence,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<Verified<crate::claims::Claims>, Refused> {
        let (anchors, expectation) = (&context.anchors.nitro, Expectation::of(&context.expect));
        let document = Document::parse(&evidence.bytes)?;
        let verified = document.verify_with(store, anchors, context.provider, context.now, expectation)?;
        Ok(verified.map(|claims| crate::claims::Claims::Nitro(Box::new(claims))))
    }

    fn warm(&self, evidence: &Evidence, store: &mut Store, context: &Context<'_>) -> Result<(), Refused> {
        let document = Document::parse(&evidence.bytes)?;
        let mut checks = Checks::new();
        let (anchors, provider) = (&context.anchors.nitro, context.provider);
        let proven = Endorsement::prove(&document, anchors, provider, context.now, &mut checks)?;
        if let Some(refused) = Refused::of(&checks) {
            return Err(refused);
        }
        if !store.proofs::<Endorsement>().any(|proof| proof.is_of(&document)) {
            store.remember(proven);
        }
        Ok(())
    }
}
