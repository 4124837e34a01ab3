//! The evidence envelope: which format, the bytes, and the endorsements that travel with them.

use alloc::vec::Vec;

use crate::cbor::{Decoder, Encoder, strict};
use crate::collateral::{Collateral, MAX_BUNDLE, header};
use crate::error::{Malformed, Problem};

const EVIDENCE: &str = "evidence";
const EVIDENCE_TYPE: &str = "attestrap/evidence";

/// The largest evidence that is read, in bytes.
pub const MAX_EVIDENCE: usize = 1024 * 1024;

/// A format of evidence, by its stable id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Format {
    /// `nitro`: an AWS Nitro attestation document, of an enclave or of an instance with a NitroTPM.
    Nitro,
    /// `snp`: AMD SEV-SNP ATTESTATION_REPORT.
    Snp,
    /// `tdx`: an Intel TDX quote, or one with its event log ([`crate::tee::tdx::TdxEvidence`]).
    Tdx,
    /// `vtpm`: TPM 2.0 quotes with their key, registers and event log ([`crate::tee::vtpm::TpmEvidence`]).
    Vtpm,
}

impl Format {
    /// All formats.
    pub const ALL: &[Self] = &[Self::Nitro, Self::Snp, Self::Tdx, Self::Vtpm];

    /// Stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Nitro => "nitro",
            Self::Snp => "snp",
            Self::Tdx => "tdx",
            Self::Vtpm => "vtpm",
        }
    }

    /// The format of this id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.id() == id)
    }
}

/// Evidence as it arrived. Nothing in it is believed, least of all the endorsements that it brought along.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// Which format.
    pub format: Format,
    /// The evidence itself.
    pub bytes: Vec<u8>,
    /// Certificates, CRLs and documents that travelled with it.
    pub carried: Collateral,
}

impl Evidence {
    /// Evidence that brings no endorsements.
    pub const fn new(format: Format, bytes: Vec<u8>) -> Self {
        Self { format, bytes, carried: Collateral::new() }
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// [`Malformed`] unless `bytes` is exactly one envelope as [`Evidence::to_envelope`] writes it.
    pub fn from_envelope(bytes: &[u8]) -> Result<Self, Malformed> {
        let decode = |decoder: &mut Decoder<'_>| {
            let documents = decoder.map_with_optional("evidence", 6)?;
            header(decoder, EVIDENCE_TYPE)?;
            decoder.key("format", 2)?;
            let id = decoder.text("format")?;
            let Some(format) = Format::from_id(id) else {
                return Err(decoder.malformed("format", Problem::Encoding("a format that is not known")));
            };
            decoder.key("bytes", 3)?;
            let bytes = decoder.bytes("bytes")?;
            if bytes.len() > MAX_EVIDENCE {
                let problem = Problem::TooLarge { max: MAX_EVIDENCE, actual: bytes.len() };
                return Err(decoder.malformed("bytes", problem));
            }
            Ok(Self { format, bytes: bytes.to_vec(), carried: Collateral::decode(decoder, documents)? })
        };
        strict(EVIDENCE, bytes, MAX_BUNDLE, decode, Self::encode)
    }

    /// The envelope as a deterministic CBOR map (see `formats.cddl`).
    pub fn to_envelope(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        self.encode(&mut encoder);
        encoder.into_bytes()
    }

    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.map(self.carried.members().saturating_add(4)).uint(0).text(EVIDENCE_TYPE).uint(1).uint(1);
        encoder.uint(2).text(self.format.id()).uint(3).bytes(&self.bytes);
        self.carried.encode(encoder);
    }
}
