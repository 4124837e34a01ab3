//! KDFa and KDFe (TPM 2.0 Part 1, 11.4.10): how a TPM makes keys out of a seed or a shared point.
//!
//! Both put the label, a zero octet and two contexts behind a counter. A length that is no multiple of eight bits clears the
//! top bits of the first octet, as the specification's own code does.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::Sensitive;
use super::primitives::{digest, hmac};
use crate::crypto::HashAlgorithm;

/// KDFa (11.4.10.2): counter mode of NIST SP 800-108 with HMAC. `label` is given without its zero octet.
pub fn kdfa(hash: HashAlgorithm, key: &[u8], label: &str, u: &[u8], v: &[u8], bits: u16) -> Sensitive {
    let total = u32::from(bits).to_be_bytes();
    stretch(hash, bits, |counter| hmac(hash, key, &[counter, label.as_bytes(), &[0], u, v, &total]))
}

/// KDFe (11.4.10.3): the concatenation form of NIST SP 800-56A over a shared point's `z`. `u` is x of the party that made an
/// ephemeral key, `v` x of the other. `label` is given without its zero octet.
pub fn kdfe(hash: HashAlgorithm, z: &[u8], label: &str, u: &[u8], v: &[u8], bits: u16) -> Sensitive {
    stretch(hash, bits, |counter| digest(hash, &[counter, z, label.as_bytes(), &[0], u, v]))
}

/// Blocks until there are enough; at most 8 KiB, because the length has 16 bits.
fn stretch(hash: HashAlgorithm, bits: u16, block: impl Fn(&[u8]) -> Sensitive) -> Sensitive {
    let len = usize::from(bits.div_ceil(8));
    let mut out = Zeroizing::new(Vec::with_capacity(len.next_multiple_of(hash.digest_len())));
    // The counter starts at one.
    for counter in 1_u32.. {
        if out.len() >= len {
            break;
        }
        out.extend_from_slice(block(&counter.to_be_bytes()).as_bytes());
    }
    out.truncate(len);
    if let (Some(first), odd @ 1..) = (out.first_mut(), bits & 7) {
        *first &= (1_u8 << odd).wrapping_sub(1);
    }
    Sensitive(out)
}
