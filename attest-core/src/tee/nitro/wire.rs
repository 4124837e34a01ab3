//! Shape of attestation documents ("Nitro Enclaves Attestation Process", 2.2, 3.1 and 3.2.2).
//!
//! The payload of a document is a map with its keys in the order of the hypervisor's struct, and for a NitroTPM one of
//! indefinite length: neither is deterministic CBOR, so [`crate::cbor::foreign`] reads it. Fields that are not known are counted
//! and skipped: AWS added one before (`nitrotpm_pcrs`), and policy judges whether that may be.

use alloc::vec::Vec;

use super::checks::wire as checks;
use super::module::{Kind, ModuleId};
use super::pcr::{PCR_LEN, Pcrs, REGISTERS};
use crate::cbor::foreign::{Foreign, Key, Lengths};
use crate::checks::Check;
use crate::cose::{Sign1, label};
use crate::error::{Malformed, Problem};
use crate::values::Value;

/// The largest document that is read, in bytes: a payload of 16 KiB, and 109 bytes around it.
pub const MAX_DOCUMENT: usize = MAX_PAYLOAD + 128;

/// "Attestation Process", 3.1. Documents that were seen have 5 KiB.
const MAX_PAYLOAD: usize = 16 * 1024;

/// The largest public_key, user_data or nonce, in bytes.
pub const MAX_FIELD: usize = 1024;

const MAX_CERTIFICATE: usize = 1024;
/// A path of eight, less the leaf; documents have four.
const MAX_CABUNDLE: usize = 7;
/// Nine fields are known.
const MAX_FIELDS: usize = 32;

const STRUCTURE: &str = "attestation document";

/// ES384: ECDSA with SHA-384 (RFC 9053, 2.1), on P-384 by the certificate.
const ES384: i128 = -35;

const SIGNATURE_LEN: usize = 96;

/// The name of the field that documents begin with, as CBOR.
const FIRST: &[u8] = b"\x69module_id";

/// Whether `bytes` start as a COSE_Sign1 does, tagged or not, and have the name of a mandatory field in them.
pub(super) fn seems_one(bytes: &[u8]) -> bool {
    let untagged = bytes.strip_prefix(b"\xd2").unwrap_or(bytes);
    let whole = bytes.get(..bytes.len().min(MAX_DOCUMENT)).unwrap_or_default();
    untagged.first() == Some(&0x84) && whole.windows(FIRST.len()).any(|window| window == FIRST)
}

/// One attestation document, borrowed from the bytes received: shape only, nothing of it is believed.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    signed: Sign1<'a>,
    module_id: ModuleId,
    timestamp: u64,
    pcrs: Pcrs,
    certificate: &'a [u8],
    cabundle: Vec<&'a [u8]>,
    public_key: Option<&'a [u8]>,
    user_data: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    unknown_fields: u64,
}

/// Fields as they come, in any order.
#[derive(Default)]
struct Draft<'a> {
    module_id: Option<(&'a str, usize)>,
    digest: Option<()>,
    timestamp: Option<u64>,
    enclave: Option<Pcrs>,
    nitrotpm: Option<Pcrs>,
    certificate: Option<&'a [u8]>,
    cabundle: Option<Vec<&'a [u8]>>,
    public_key: Option<&'a [u8]>,
    user_data: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    unknown_fields: u64,
}

impl<'a> Document<'a> {
    /// Reads one document and nothing else: a COSE_Sign1, tagged or not.
    ///
    /// # Errors
    /// [`Malformed`], with the rule of [`super::checks::wire`] or of CBOR that the bytes break.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let signed = read_envelope(bytes)?;
        let mut r = Foreign::new(STRUCTURE, signed.payload(), MAX_PAYLOAD, Lengths::Any)?;
        let mut draft = Draft::default();
        r.map("payload", MAX_FIELDS, |r, key| draft.read(r, key))?;
        draft.finish(signed, &r).and_then(|document| r.finish("payload").map(|()| document))
    }

    /// What the document attests, by its own word.
    pub const fn kind(&self) -> Kind {
        self.module_id.kind()
    }

    /// What the signature is over: the Sig_structure of RFC 9052, 4.4, around the bytes received.
    pub fn signed_bytes(&self) -> Vec<u8> {
        self.signed.signed_bytes(&[])
    }

    /// The signature: r, then s.
    pub const fn signature(&self) -> &'a [u8] {
        self.signed.signature()
    }

    /// The certificate of the key that signed, in DER.
    pub const fn certificate(&self) -> &'a [u8] {
        self.certificate
    }

    /// The certificates above it in DER, root first. The root is a copy for reference, and no reason to believe anything.
    pub fn cabundle(&self) -> &[&'a [u8]] {
        &self.cabundle
    }

    /// Calls `f` with each field's name and what stands in it, in a fixed order: for looking at, since nobody vouches for it.
    pub fn for_each(&self, mut f: impl FnMut(&'static str, Value)) {
        f("kind", self.kind().name().into());
        f("module_id", Value::text(self.module_id.as_str()));
        f("timestamp", Value::Time(self.timestamp.wrapping_div(1000)));
        for (name, field) in
            [("nonce", self.nonce), ("user_data", self.user_data), ("public_key", self.public_key)]
        {
            f(name, field.map_or(Value::Phrase("none"), Value::bytes));
        }
        f("unknown_fields", self.unknown_fields.into());
        self.pcrs.for_each(f);
    }

    // What is claimed leaves only through claims that were verified.

    pub(super) const fn module_id(&self) -> &ModuleId {
        &self.module_id
    }

    pub(super) const fn timestamp(&self) -> u64 {
        self.timestamp
    }

    pub(super) const fn pcrs(&self) -> &Pcrs {
        &self.pcrs
    }

    pub(super) const fn public_key(&self) -> Option<&'a [u8]> {
        self.public_key
    }

    pub(super) const fn user_data(&self) -> Option<&'a [u8]> {
        self.user_data
    }

    pub(super) const fn nonce(&self) -> Option<&'a [u8]> {
        self.nonce
    }

    pub(super) const fn unknown_fields(&self) -> u64 {
        self.unknown_fields
    }
}

/// "Attestation Process", 3.1: ES384 in the protected header, nothing beside it, nothing in the other.
fn read_envelope(bytes: &[u8]) -> Result<Sign1<'_>, Malformed> {
    let mut algorithm = None;
    let signed = Sign1::parse(
        bytes,
        MAX_DOCUMENT,
        |r, key| {
            let at = ("protected", r.offset());
            if key == label::ALGORITHM {
                algorithm = Some(r.int("alg")?);
                return r.demand(&checks::ALGORITHM, algorithm == Some(ES384), at, "-35 (ES384)", "another");
            }
            r.demand(&checks::PROTECTED, false, at, "alg", shown(key))?;
            r.skip("protected")
        },
        |r, key| {
            r.demand(&checks::UNPROTECTED, false, ("unprotected", r.offset()), "no header", shown(key))?;
            r.skip("unprotected")
        },
    )?;
    let whole = Foreign::new("COSE_Sign1", bytes, MAX_DOCUMENT, Lengths::Definite)?;
    whole.demand(&checks::ALGORITHM, algorithm.is_some(), ("protected", 0), "-35 (ES384)", "no algorithm")?;
    let len = signed.signature().len();
    let at = ("signature", bytes.len().saturating_sub(len));
    whole.demand(&checks::SIGNATURE_LENGTH, len == SIGNATURE_LEN, at, count(SIGNATURE_LEN), count(len))?;
    Ok(signed)
}

impl<'a> Draft<'a> {
    fn read(&mut self, r: &mut Foreign<'a>, key: Key<'a>) -> Result<(), Malformed> {
        let at = r.offset();
        let Key::Text(name) = key else { return self.unknown(r) };
        match name {
            "module_id" => self.module_id = Some((r.text("module_id")?, at)),
            "digest" => {
                let digest = r.text("digest")?;
                let ok = digest == "SHA384";
                r.demand(&checks::DIGEST, ok, ("digest", at), "SHA384", Value::text(digest))?;
                self.digest = Some(());
            }
            "timestamp" => {
                let timestamp = r.uint("timestamp")?;
                let ok = timestamp > 0;
                let least = Value::AtLeast(1);
                r.demand(&checks::TIMESTAMP, ok, ("timestamp", at), least, timestamp)?;
                self.timestamp = Some(timestamp);
            }
            "pcrs" => self.enclave = Some(read_pcrs(r, "pcrs")?),
            "nitrotpm_pcrs" => self.nitrotpm = Some(read_pcrs(r, "nitrotpm_pcrs")?),
            "certificate" => self.certificate = Some(read_certificate(r, "certificate")?),
            "cabundle" => self.cabundle = Some(read_cabundle(r)?),
            "public_key" => self.public_key = read_optional(r, "public_key")?,
            "user_data" => self.user_data = read_optional(r, "user_data")?,
            "nonce" => self.nonce = read_optional(r, "nonce")?,
            _ => return self.unknown(r),
        }
        Ok(())
    }

    fn unknown(&mut self, r: &mut Foreign<'a>) -> Result<(), Malformed> {
        self.unknown_fields = self.unknown_fields.saturating_add(1);
        r.skip("unknown field")
    }

    /// `end` is where the map ends: what is not there has no other place.
    fn finish(self, signed: Sign1<'a>, end: &Foreign<'a>) -> Result<Document<'a>, Malformed> {
        let (text, at) = mandatory(end, "module_id", self.module_id)?;
        let module_id = ModuleId::parse(text);
        let form = "i-INSTANCE-encDIGITS or i-INSTANCE-tpmDIGITS";
        end.demand(&checks::MODULE_ID, module_id.is_some(), ("module_id", at), form, Value::text(text))?;
        let module_id = mandatory(end, "module_id", module_id)?;
        mandatory(end, "digest", self.digest)?;
        let (named, found) = match module_id.kind() {
            Kind::Enclave => (self.enclave, self.nitrotpm),
            Kind::NitroTpm => (self.nitrotpm, self.enclave),
        };
        let other = named.is_none() && found.is_some();
        // The other kind's field beside the right one is read as any field that AWS does not write here: counted, for policy.
        let beside = u64::from(named.is_some() && found.is_some());
        let expected = module_id.kind().pcr_field();
        end.demand(&checks::KIND, !other, ("pcrs", end.offset()), expected, "the other kind's field")?;
        Ok(Document {
            signed,
            module_id,
            timestamp: mandatory(end, "timestamp", self.timestamp)?,
            pcrs: mandatory(end, "pcrs", named.or(found))?,
            certificate: mandatory(end, "certificate", self.certificate)?,
            cabundle: mandatory(end, "cabundle", self.cabundle)?,
            public_key: self.public_key,
            user_data: self.user_data,
            nonce: self.nonce,
            unknown_fields: self.unknown_fields.saturating_add(beside),
        })
    }
}

fn mandatory<T>(end: &Foreign<'_>, field: &'static str, value: Option<T>) -> Result<T, Malformed> {
    let at = (field, end.offset());
    end.demand(&checks::FIELDS, value.is_some(), at, "a mandatory field", "none")?;
    // A check that a unit test takes away makes no field where there is none.
    value.ok_or_else(|| Malformed {
        structure: STRUCTURE,
        field,
        offset: end.offset(),
        problem: Problem::Absent,
    })
}

fn read_pcrs(r: &mut Foreign<'_>, field: &'static str) -> Result<Pcrs, Malformed> {
    let start = r.offset();
    let mut pcrs = Pcrs::default();
    let most = usize::from(REGISTERS);
    // One more than may be, so that the count is what refuses it and not the bound of a container.
    let read = r.map(field, most.saturating_add(1), |r, key| {
        let at = (field, r.offset());
        let index = match key {
            Key::Int(index) => u8::try_from(index).ok(),
            Key::Bytes | Key::Text(_) => None,
        };
        let known = index.is_some_and(|index| index < REGISTERS);
        r.demand(&checks::PCR_INDEX, known, at, "an integer from 0 to 31", shown(key))?;
        let octets = r.bytes(field)?;
        let value: Option<[u8; PCR_LEN]> = octets.try_into().ok();
        let len = count(octets.len());
        r.demand(&checks::PCR_LENGTH, value.is_some(), at, count(PCR_LEN), len)?;
        pcrs.insert(index.unwrap_or(REGISTERS), value.unwrap_or([0xff; PCR_LEN]));
        Ok(())
    })?;
    r.demand(&checks::PCR_COUNT, (1..=most).contains(&read), (field, start), "1 to 32", count(read))?;
    Ok(pcrs)
}

fn read_certificate<'a>(r: &mut Foreign<'a>, field: &'static str) -> Result<&'a [u8], Malformed> {
    let at = (field, r.offset());
    let der = r.bytes(field)?;
    sized(r, &checks::CERTIFICATE, at, !der.is_empty() && der.len() <= MAX_CERTIFICATE, der)?;
    Ok(der)
}

fn read_cabundle<'a>(r: &mut Foreign<'a>) -> Result<Vec<&'a [u8]>, Malformed> {
    let start = r.offset();
    let mut bundle = Vec::new();
    let read = r.array("cabundle", MAX_CABUNDLE.saturating_add(1), |r| {
        bundle.push(read_certificate(r, "cabundle")?);
        Ok(())
    })?;
    let ok = (1..=MAX_CABUNDLE).contains(&read);
    r.demand(&checks::CABUNDLE, ok, ("cabundle", start), "1 to 7", count(read))?;
    Ok(bundle)
}

/// Null and a field that is left out are the same; an empty string is not. "Attestation Process", 3.2.2.1 allows no null, and
/// every document has them.
fn read_optional<'a>(r: &mut Foreign<'a>, field: &'static str) -> Result<Option<&'a [u8]>, Malformed> {
    let at = (field, r.offset());
    let octets = r.bytes_or_null(field)?;
    if let Some(octets) = octets {
        sized(r, &checks::OPTIONAL, at, octets.len() <= MAX_FIELD, octets)?;
    }
    Ok(octets)
}

fn sized(
    r: &Foreign<'_>,
    check: &'static Check,
    at: (&'static str, usize),
    ok: bool,
    octets: &[u8],
) -> Result<(), Malformed> {
    r.demand(check, ok, at, "at most 1024 bytes", count(octets.len()))
}

fn shown(key: Key<'_>) -> Value {
    match key {
        Key::Bytes => Value::Phrase("a byte string"),
        Key::Int(number) => u64::try_from(number).map_or(Value::Phrase("a negative number"), Value::Number),
        Key::Text(text) => Value::text(text),
    }
}

fn count(number: usize) -> Value {
    Value::Number(u64::try_from(number).unwrap_or(u64::MAX))
}
