//! TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET: shape only (TPM 2.0 Part 2, 12.4.3 and 11.4.3).

use alloc::vec::Vec;

use crate::error::Malformed;
use crate::reader::Reader;
use crate::tee::vtpm::wire::sized;

/// What goes to the device: the two arguments of TPM2_ActivateCredential. Not secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// TPM2B_ID_OBJECT, with its size.
    pub id_object: Vec<u8>,
    /// TPM2B_ENCRYPTED_SECRET, with its size.
    pub encrypted_secret: Vec<u8>,
}

impl Challenge {
    /// A challenge of another's making; its form is checked where it is read.
    pub const fn new(id_object: Vec<u8>, encrypted_secret: Vec<u8>) -> Self {
        Self { id_object, encrypted_secret }
    }
}

/// TPMS_ID_OBJECT, as a device reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdObject<'a> {
    /// integrityHMAC.
    pub integrity: &'a [u8],
    /// encIdentity: all that is left.
    pub identity: &'a [u8],
}

impl<'a> IdObject<'a> {
    /// Reads one TPM2B_ID_OBJECT and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for any length that does not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Reader::new("TPM2B_ID_OBJECT", bytes);
        let credential = sized(&mut outer, "credential")?;
        outer.finish("credential")?;
        let mut r = Reader::new("TPMS_ID_OBJECT", credential);
        let integrity = sized(&mut r, "integrityHMAC")?;
        let identity = r.bytes("encIdentity", r.left())?;
        Ok(Self { integrity, identity })
    }
}

/// TPM2B_ENCRYPTED_SECRET, as the key that it is for reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "two kinds of key")]
pub enum EncryptedSecret<'a> {
    /// The ephemeral point.
    Ecc {
        /// x.
        x: &'a [u8],
        /// y.
        y: &'a [u8],
    },
    /// The OAEP ciphertext.
    Rsa(&'a [u8]),
}

impl<'a> EncryptedSecret<'a> {
    /// Reads one TPM2B_ENCRYPTED_SECRET for an ECC key and nothing else.
    ///
    /// # Errors
    /// [`Malformed`] for any length that does not fit.
    pub fn parse_ecc(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new("TPMS_ECC_POINT", secret(bytes)?);
        let (x, y) = (sized(&mut r, "x")?, sized(&mut r, "y")?);
        r.finish("y")?;
        Ok(Self::Ecc { x, y })
    }

    /// The same for an RSA key.
    ///
    /// # Errors
    /// As [`EncryptedSecret::parse_ecc`].
    pub fn parse_rsa(bytes: &'a [u8]) -> Result<Self, Malformed> {
        secret(bytes).map(Self::Rsa)
    }
}

fn secret(bytes: &[u8]) -> Result<&[u8], Malformed> {
    let mut r = Reader::new("TPM2B_ENCRYPTED_SECRET", bytes);
    let secret = sized(&mut r, "secret")?;
    r.finish("secret")?;
    Ok(secret)
}

/// Appends a TPM2B. The bytes are ours and short; what is cut would be refused by the device.
pub(super) fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend(bytes.iter().take(usize::from(len)));
}
