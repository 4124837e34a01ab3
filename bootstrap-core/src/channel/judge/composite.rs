//! When several devices are one machine (protocol section 4, additions k).

use attest_core::claims::Claims as TeeClaims;
use attest_core::policy::Accepted;

use super::{Disbelief, SNP, TPM};
use crate::channel::binding::companions;
use crate::channel::guard::{self, holds};
use crate::wire::Item;

/// A hardware report and a TPM.
pub(super) const MOST_DEVICES: usize = 2;

/// Several devices are one machine only if the hardware's report names the TPM's key, in companions that its slot commits to.
pub(super) fn check_composite(tees: &[(&Item, Accepted)]) -> Result<(), Disbelief> {
    let name = |accepted: &Accepted| match accepted.claims() {
        TeeClaims::Vtpm(claims) => claims.ak_name().map(|name| companions(&[name.as_bytes()])),
        TeeClaims::Snp(_) | TeeClaims::Tdx(_) | _ => None,
    };
    match tees {
        [] => Ok(()),
        // Companions of one device alone would name a key that nobody shows.
        [(only, _)] if only.companions.as_bytes().is_empty() => Ok(()),
        [(one, a), (two, b)] => {
            let (hardware, software, key) = match one.kind.as_str() {
                TPM => (two, one, name(a)),
                _ => (one, two, name(b)),
            };
            let shape = hardware.kind.as_str() == SNP && software.companions.as_bytes().is_empty();
            let tied = shape && key.is_some_and(|key| key == hardware.companions.as_bytes());
            if holds(guard::COMPOSITE, tied) { Ok(()) } else { Err(Disbelief::Composite) }
        }
        _ => Err(Disbelief::Composite),
    }
}
