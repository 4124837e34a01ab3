//! The arithmetic of credentials, and the only file that names the crates it comes from.

use alloc::vec::Vec;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use hmac::digest::{Key, Mac};
use hmac::{EagerHash, Hmac};
use p256::elliptic_curve::point::AffineCoordinates;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use p256::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, Group, PublicKey, SecretKey};
use rsa::BoxedUint;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::Sensitive;
use crate::crypto::Curve;
use crate::crypto::HashAlgorithm;
use crate::tee::vtpm::public::CurveId;

/// The digest of `parts`, one after the other.
pub(super) fn digest(hash: HashAlgorithm, parts: &[&[u8]]) -> Sensitive {
    fn run<D: Digest>(parts: &[&[u8]]) -> Sensitive {
        let mut hash = D::new();
        parts.iter().for_each(|part| hash.update(part));
        Sensitive(Zeroizing::new(hash.finalize().to_vec()))
    }
    match hash {
        HashAlgorithm::Sha1 => run::<Sha1>(parts),
        HashAlgorithm::Sha256 => run::<Sha256>(parts),
        HashAlgorithm::Sha384 => run::<Sha384>(parts),
        HashAlgorithm::Sha512 => run::<Sha512>(parts),
    }
}

/// HMAC of `parts`, one after the other (FIPS 198-1).
pub(super) fn hmac(hash: HashAlgorithm, key: &[u8], parts: &[&[u8]]) -> Sensitive {
    fn run<D: EagerHash>(hash: HashAlgorithm, key: &[u8], parts: &[&[u8]]) -> Sensitive
    where
        Hmac<D>: KeyInit + Mac,
    {
        // FIPS 198-1, table 1, steps 1 to 3: a key longer than a block is hashed, a shorter one is filled with zeros. Done here,
        // because the constructor that takes any length has an error that cannot happen.
        let mut block = Key::<Hmac<D>>::default();
        let hashed = (key.len() > block.len()).then(|| digest(hash, &[key]));
        let key = hashed.as_ref().map_or(key, Sensitive::as_bytes);
        block.iter_mut().zip(key).for_each(|(slot, octet)| *slot = *octet);
        let mut mac = <Hmac<D> as KeyInit>::new(&block);
        block.as_mut_slice().zeroize();
        parts.iter().for_each(|part| mac.update(part));
        Sensitive(Zeroizing::new(mac.finalize().into_bytes().to_vec()))
    }
    match hash {
        HashAlgorithm::Sha1 => run::<Sha1>(hash, key, parts),
        HashAlgorithm::Sha256 => run::<Sha256>(hash, key, parts),
        HashAlgorithm::Sha384 => run::<Sha384>(hash, key, parts),
        HashAlgorithm::Sha512 => run::<Sha512>(hash, key, parts),
    }
}

/// Encrypts in place with AES in CFB mode, blocks of 128 bits, IV zero (Part 1, 24.4). `None` for a key of another length than
/// 128 or 256 bits.
pub(super) fn aes_cfb(key: &[u8], data: &mut [u8]) -> Option<()> {
    fn run<C: BlockCipherEncrypt + KeyInit>(key: &[u8], data: &mut [u8]) -> Option<()> {
        let cipher = C::new_from_slice(key).ok()?;
        let mut register = aes::cipher::Block::<C>::default();
        for chunk in data.chunks_mut(register.len()) {
            cipher.encrypt_block(&mut register);
            for (octet, slot) in chunk.iter_mut().zip(register.iter_mut()) {
                *octet ^= *slot;
                *slot = *octet;
            }
        }
        register.as_mut_slice().zeroize();
        Some(())
    }
    match key.len() {
        16 => run::<Aes128>(key, data),
        32 => run::<Aes256>(key, data),
        _ => None,
    }
}

/// RSAES-OAEP-ENCRYPT with the caller's seed (RFC 8017, 7.1.1). `None` if the message or the seed does not fit the modulus, or
/// the modulus is none.
pub(super) fn oaep(
    hash: HashAlgorithm,
    (modulus, exponent): (&[u8], u32),
    label: &[u8],
    seed: &[u8],
    message: &[u8],
) -> Option<Vec<u8>> {
    let label_hash = digest(hash, &[label]);
    let len = hash.digest_len();
    if seed.len() != len {
        return None;
    }
    // Steps 2a to 2c: DB = lHash || PS || 01 || M, of the modulus's length less one octet and the seed.
    let block_len = modulus.len().checked_sub(len)?.checked_sub(1)?;
    let zeros = block_len.checked_sub(len)?.checked_sub(message.len())?.checked_sub(1)?;
    let mut block = Zeroizing::new(Vec::with_capacity(block_len));
    block.extend_from_slice(label_hash.as_bytes());
    block.resize(len.checked_add(zeros)?, 0);
    block.push(1);
    block.extend_from_slice(message);
    // Steps 2e to 2h.
    mask(hash, seed, &mut block);
    let mut masked_seed = Zeroizing::new(seed.to_vec());
    mask(hash, &block, &mut masked_seed);
    // Step 2i: EM = 00 || maskedSeed || maskedDB.
    let mut encoded = Zeroizing::new(Vec::with_capacity(modulus.len()));
    encoded.push(0);
    encoded.extend_from_slice(&masked_seed);
    encoded.extend_from_slice(&block);
    // Step 3.
    let bits = u32::try_from(modulus.len()).ok()?.checked_mul(8)?;
    let key = rsa::PublicKey::new(
        BoxedUint::from_be_slice(modulus, bits).ok()?,
        BoxedUint::from(u64::from(exponent)),
    )
    .ok()?;
    let number = Zeroizing::new(BoxedUint::from_be_slice(&encoded, bits).ok()?);
    let cipher = rsa::hazmat::rsa_encrypt(&key, &number).ok()?.to_be_bytes();
    // Limbs may be wider than the modulus; what is in front is zero.
    let start = cipher.len().checked_sub(modulus.len())?;
    cipher.get(start..).map(<[u8]>::to_vec)
}

/// MGF1, XORed over `data` (RFC 8017, B.2.1).
fn mask(hash: HashAlgorithm, seed: &[u8], data: &mut [u8]) {
    for (counter, chunk) in (0_u32..).zip(data.chunks_mut(hash.digest_len())) {
        let block = digest(hash, &[seed, &counter.to_be_bytes()]);
        chunk.iter_mut().zip(block.as_bytes()).for_each(|(octet, mask)| *octet ^= mask);
    }
}

/// What an ephemeral key and another's point agree on.
pub(super) struct Agreement {
    /// x of the shared point, of the field's length.
    pub(super) z: Sensitive,
    /// x of the ephemeral point.
    pub(super) x: Vec<u8>,
    /// y of the ephemeral point.
    pub(super) y: Vec<u8>,
}

/// Why there is no agreement.
pub(super) enum NoAgreement {
    /// The curve is not known.
    Curve,
    /// The other's coordinates are no point of the curve.
    Point,
    /// The scalar is zero, or the order and above.
    Scalar,
}

/// One-pass Diffie-Hellman with the caller's scalar (NIST SP 800-56A, 6.2.2.2). The other's point is validated.
pub(super) fn agree(curve: CurveId, scalar: &[u8], x: &[u8], y: &[u8]) -> Result<Agreement, NoAgreement> {
    fn run<C: CurveArithmetic>(scalar: &[u8], x: &[u8], y: &[u8]) -> Result<Agreement, NoAgreement>
    where
        AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C> + AffineCoordinates,
        FieldBytesSize<C>: ModulusSize,
    {
        let own = SecretKey::<C>::from_slice(scalar).map_err(|_| NoAgreement::Scalar)?;
        let sec1 = [&[4], x, y].concat();
        let other = PublicKey::<C>::from_sec1_bytes(&sec1).map_err(|_| NoAgreement::Point)?;
        let mut scalar = own.to_nonzero_scalar();
        #[expect(clippy::arithmetic_side_effects, reason = "a group has no overflow")]
        let shared = other.to_projective() * *scalar;
        scalar.zeroize();
        // The order of these curves is prime and the point is not infinity, so neither is the product.
        if bool::from(shared.is_identity()) {
            return Err(NoAgreement::Point);
        }
        let shared = p256::elliptic_curve::group::Curve::to_affine(&shared);
        let ephemeral = own.public_key();
        let octets = |repr: &[u8]| repr.to_vec();
        Ok(Agreement {
            z: Sensitive::new(shared.x().as_ref()),
            x: octets(ephemeral.as_affine().x().as_ref()),
            y: octets(ephemeral.as_affine().y().as_ref()),
        })
    }
    match curve.curve() {
        Some(Curve::P256) => run::<p256::NistP256>(scalar, x, y),
        Some(Curve::P384) => run::<p384::NistP384>(scalar, x, y),
        Some(Curve::P521) => run::<p521::NistP521>(scalar, x, y),
        None => Err(NoAgreement::Curve),
    }
}

/// Whether two byte strings are the same, in a time that depends on their lengths only.
pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    bool::from(a.ct_eq(b))
}
