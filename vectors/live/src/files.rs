//! What comes out of a TPM, as bytes.

/// A key: where the TPM finds it again, and what it says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFiles {
    /// Name of the context file.
    pub context: String,
    /// TPMT_PUBLIC, without a size in front.
    pub public: Vec<u8>,
    /// The name, as the TPM computes it.
    pub name: Vec<u8>,
}

/// An attestation and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteFiles {
    /// TPMS_ATTEST, without a size in front.
    pub attest: Vec<u8>,
    /// TPMT_SIGNATURE.
    pub signature: Vec<u8>,
}
