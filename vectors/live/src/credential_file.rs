//! The file that tpm2-tools keep a credential in: a magic, a version, TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET.

use attest_core::error::Malformed;
use attest_core::reader::Reader;
use attest_core::tee::vtpm::credential::Challenge;

const HEADER: [u8; 8] = [0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1];

/// As tpm2_activatecredential reads it.
pub fn write(challenge: &Challenge) -> Vec<u8> {
    [&HEADER, challenge.id_object.as_slice(), challenge.encrypted_secret.as_slice()].concat()
}

/// As tpm2_makecredential writes it.
///
/// # Errors
/// [`Malformed`] for another length.
///
/// # Panics
/// For another header.
pub fn read(file: &[u8]) -> Result<Challenge, Malformed> {
    let mut r = Reader::new("credential file", file);
    assert_eq!(*r.take::<8>("header")?, HEADER);
    let mut parts = [Vec::new(), Vec::new()];
    for part in &mut parts {
        let size = r.u16_be("size")?;
        part.extend(size.to_be_bytes());
        part.extend(r.bytes("content", usize::from(size))?);
    }
    r.finish("content")?;
    let [id_object, encrypted_secret] = parts;
    Ok(Challenge::new(id_object, encrypted_secret))
}
