//! TPM evidence as it travels: quotes, the key that signed them, register values and the event log, in one CBOR map.

use alloc::vec::Vec;

use super::algorithm::AlgorithmId;
use super::pcr::{PcrBytes, PcrValue};
use super::wire::MAX_ATTEST;
use crate::cbor::{Decoder, Encoder, strict};
use crate::collateral::header;
use crate::error::{Malformed, Problem};
use crate::evidence::MAX_EVIDENCE;

const STRUCTURE: &str = "TPM evidence";
const TYPE: &str = "attestrap/tpm-quote";
/// The first bytes of every such map: its size, its first key, its type.
pub(super) const PREFIX: &[u8] = b"\xa5\x00\x73attestrap/tpm-quote";

/// The most quotes that travel together: one a bank is what TPMs with a small buffer need.
pub const MAX_QUOTES: usize = 8;
/// The most register values of one quote: 24 registers in each of 16 banks.
pub const MAX_VALUES: usize = 384;
/// The largest public area or SubjectPublicKeyInfo, in bytes.
const MAX_KEY: usize = 4096;

/// TPM evidence, unpacked. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TpmEvidence {
    /// Quotes, each with the values that it is to cover. All must verify.
    pub quotes: Vec<TpmQuote>,
    /// The key that signed them.
    pub ak: AttestationKey,
    /// The firmware's event log; empty if none travels.
    pub event_log: Vec<u8>,
}

/// One quote and the values that it is to cover.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what TPM2_Quote and TPM2_PCR_Read give")]
pub struct TpmQuote {
    /// TPMS_ATTEST, as signed.
    pub attest: Vec<u8>,
    /// TPMT_SIGNATURE.
    pub signature: Vec<u8>,
    /// The registers' values, in any order.
    pub pcrs: Vec<PcrValue>,
}

/// The attestation key as evidence brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a key comes with its public area or without")]
pub enum AttestationKey {
    /// TPMT_PUBLIC.
    Public(Vec<u8>),
    /// SubjectPublicKeyInfo in DER: scheme and attributes are not known, unless a known template gives qualifiedSigner.
    Spki(Vec<u8>),
}

impl TpmEvidence {
    /// All three, by name.
    pub const fn new(quotes: Vec<TpmQuote>, ak: AttestationKey, event_log: Vec<u8>) -> Self {
        Self { quotes, ak, event_log }
    }

    /// Reads one map as [`TpmEvidence::to_bytes`] writes it.
    ///
    /// # Errors
    /// [`Malformed`] for anything else, and for more than [`MAX_QUOTES`] quotes or [`MAX_VALUES`] values.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let Parts { quotes, ak, event_log } = Parts::parse(bytes)?;
        let quotes = quotes.iter().map(QuoteBytes::to_quote).collect();
        Ok(Self { quotes, ak: ak.to_key(), event_log: event_log.to_vec() })
    }

    /// Writes the map (see `formats.cddl`).
    pub fn to_bytes(&self) -> Vec<u8> {
        // A log is most of it: room for all, and some bytes of head for each part.
        let quotes = self.quotes.iter().map(|quote| quote.attest.len().saturating_add(quote.signature.len()));
        let parts = quotes.chain(self.quotes.iter().map(|quote| quote.pcrs.len().saturating_mul(80)));
        let room = parts.fold(self.event_log.len().saturating_add(MAX_KEY), usize::saturating_add);
        let mut encoder = Encoder::with_capacity(room);
        self.parts().encode(&mut encoder);
        encoder.into_bytes()
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        let quotes = self.quotes.iter().map(|quote| QuoteBytes {
            attest: &quote.attest,
            signature: &quote.signature,
            pcrs: quote.pcrs.iter().map(PcrValue::as_bytes).collect(),
        });
        let ak = match &self.ak {
            AttestationKey::Public(public) => AkBytes::Public(public),
            AttestationKey::Spki(spki) => AkBytes::Spki(spki),
        };
        Parts { quotes: quotes.collect(), ak, event_log: &self.event_log }
    }
}

/// The same where it was received.
pub(super) struct Parts<'a> {
    pub(super) quotes: Vec<QuoteBytes<'a>>,
    pub(super) ak: AkBytes<'a>,
    pub(super) event_log: &'a [u8],
}

/// One quote where it was received.
pub(super) struct QuoteBytes<'a> {
    pub(super) attest: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) pcrs: Vec<PcrBytes<'a>>,
}

/// The attestation key where it was received.
#[derive(Clone, Copy)]
pub(super) enum AkBytes<'a> {
    Public(&'a [u8]),
    Spki(&'a [u8]),
}

impl<'a> Parts<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        strict(STRUCTURE, bytes, MAX_EVIDENCE, decode, Self::encode)
    }

    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.map(5).uint(0).text(TYPE).uint(1).uint(1).uint(2).array(self.quotes.len());
        for quote in &self.quotes {
            encoder.array(3).bytes(quote.attest).bytes(quote.signature).array(quote.pcrs.len());
            for pcr in &quote.pcrs {
                encoder.array(3).uint(u64::from(pcr.bank.0)).uint(u64::from(pcr.index)).bytes(pcr.value);
            }
        }
        let (kind, key) = match self.ak {
            AkBytes::Public(public) => (0, public),
            AkBytes::Spki(spki) => (1, spki),
        };
        encoder.uint(3).array(2).uint(kind).bytes(key).uint(4).bytes(self.event_log);
    }
}

impl QuoteBytes<'_> {
    fn to_quote(&self) -> TpmQuote {
        TpmQuote {
            attest: self.attest.to_vec(),
            signature: self.signature.to_vec(),
            pcrs: self.pcrs.iter().map(|pcr| pcr.to_value()).collect(),
        }
    }
}

impl AkBytes<'_> {
    fn to_key(self) -> AttestationKey {
        match self {
            Self::Public(public) => AttestationKey::Public(public.to_vec()),
            Self::Spki(spki) => AttestationKey::Spki(spki.to_vec()),
        }
    }
}

fn decode<'a>(decoder: &mut Decoder<'a>) -> Result<Parts<'a>, Malformed> {
    decoder.map("evidence", 5)?;
    header(decoder, TYPE)?;
    decoder.key("quotes", 2)?;
    let count = decoder.array("quotes", MAX_QUOTES)?;
    if count == 0 {
        return Err(decoder.malformed("quotes", Problem::Encoding("no quote")));
    }
    let mut quotes = Vec::with_capacity(count);
    for _ in 0..count {
        quotes.push(quote(decoder)?);
    }
    decoder.key("ak", 3)?;
    pair(decoder, "ak", 2)?;
    let kind = decoder.uint("ak")?;
    let key = bounded(decoder, "ak", MAX_KEY)?;
    let ak = match kind {
        0 => AkBytes::Public(key),
        1 => AkBytes::Spki(key),
        _ => return Err(decoder.malformed("ak", Problem::Encoding("a kind of key that is not known"))),
    };
    decoder.key("event log", 4)?;
    let event_log = bounded(decoder, "event log", MAX_EVIDENCE)?;
    Ok(Parts { quotes, ak, event_log })
}

fn quote<'a>(decoder: &mut Decoder<'a>) -> Result<QuoteBytes<'a>, Malformed> {
    pair(decoder, "quote", 3)?;
    let attest = bounded(decoder, "attest", MAX_ATTEST)?;
    let signature = bounded(decoder, "signature", MAX_ATTEST)?;
    let count = decoder.array("pcrs", MAX_VALUES)?;
    let mut pcrs = Vec::with_capacity(count);
    for _ in 0..count {
        pair(decoder, "pcr", 3)?;
        let bank = u16::try_from(decoder.uint("bank")?);
        let index = u8::try_from(decoder.uint("index")?);
        let (Ok(bank), Ok(index)) = (bank, index) else {
            return Err(
                decoder.malformed("pcr", Problem::Encoding("a number that is no bank or no register"))
            );
        };
        pcrs.push(PcrBytes { bank: AlgorithmId(bank), index, value: bounded(decoder, "value", 64)? });
    }
    Ok(QuoteBytes { attest, signature, pcrs })
}

/// An array of exactly `len` items.
fn pair(decoder: &mut Decoder<'_>, field: &'static str, len: usize) -> Result<(), Malformed> {
    match decoder.array(field, len)? {
        found if found == len => Ok(()),
        _ => Err(decoder.malformed(field, Problem::Encoding("an array of another size"))),
    }
}

fn bounded<'a>(decoder: &mut Decoder<'a>, field: &'static str, max: usize) -> Result<&'a [u8], Malformed> {
    let bytes = decoder.bytes(field)?;
    match bytes.len() {
        len if len <= max => Ok(bytes),
        actual => Err(decoder.malformed(field, Problem::TooLarge { max, actual })),
    }
}
