//! What accepted evidence says of a peer.

use attest_core::claims::{Claims as TeeClaims, Root};
use attest_core::crypto::HashAlgorithm;
use sha2::{Digest, Sha256};

use crate::channel::binding::finish_256;
use crate::ids::MachineId;
use crate::peer::{Facts, PublicKey, SameNode, SameNodeClass};

/// The PCR that locks a node to its cluster (protocol section 5, registers).
const LOCK_PCR: u8 = 15;

/// What one accepted item proves. The keys that were proven beside it are in `facts` already.
pub(super) fn take_claims(claims: &TeeClaims, facts: &mut Facts) {
    let root = claims.root();
    facts.root = Some(facts.root.map_or(root, |other| weaker(other, root)));
    let mut until = u64::MAX;
    match claims {
        TeeClaims::Snp(claims) => {
            until = claims.valid_until();
            let chip = claims.chip_id();
            if chip.iter().any(|octet| *octet != 0) {
                let machine = MachineId::new(finish_256(Sha256::new_with_prefix(chip)));
                facts.machine = Some(machine);
                let id = machine.as_bytes().to_vec();
                facts.same_node.push(SameNode { class: SameNodeClass::Platform, id });
            }
            // Which of the keys the firmware derived, the accepted image says, in what it enrols. It derives Ed25519 seeds only
            // (protocol section 2), so a key of another kind is an operator's or a custodian's.
            for key in facts.keys.iter().filter(|key| matches!(key, PublicKey::Ed25519(_))) {
                let id = key.as_bytes().to_vec();
                facts.same_node.push(SameNode { class: SameNodeClass::SnpKey, id });
            }
        }
        TeeClaims::Tdx(claims) => {
            until = claims.valid_until();
            if let Some(platform) = claims.pck().piid() {
                let machine = MachineId::new(finish_256(Sha256::new_with_prefix(platform)));
                facts.machine = Some(machine);
                let id = machine.as_bytes().to_vec();
                facts.same_node.push(SameNode { class: SameNodeClass::Platform, id });
            }
        }
        TeeClaims::Vtpm(claims) => {
            if let Some(certificate) = claims.certificate() {
                until = certificate.not_after().saturating_add(1);
            }
            if let Some(name) = claims.ak_name() {
                // The hardware's chip says more than a TPM that it hosts.
                let machine = MachineId::new(finish_256(Sha256::new_with_prefix(name.as_bytes())));
                facts.machine = facts.machine.or(Some(machine));
                let id = name.as_bytes().to_vec();
                facts.same_node.push(SameNode { class: SameNodeClass::Tpm, id });
            }
            let register = claims.pcrs().get(HashAlgorithm::Sha256, LOCK_PCR);
            facts.register = register.and_then(|value| value.as_bytes().try_into().ok());
        }
        // A document says which module signed, and nothing of the machine below it that could be compared.
        TeeClaims::Nitro(claims) => until = claims.valid_until(),
        _ => {}
    }
    facts.valid_until = facts.valid_until.min(until);
}

/// Which of two roots the peer must answer for.
const fn weaker(one: Root, other: Root) -> Root {
    const fn rank(root: Root) -> u8 {
        match root {
            Root::Hardware => 2,
            Root::CloudVtpm => 1,
            Root::Caller | _ => 0,
        }
    }
    if rank(one) < rank(other) { one } else { other }
}
